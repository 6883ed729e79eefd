"""Which reports and profiles a day is judged by: the versions in force on it. Used by topology.py and the pages."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.db.models import Q

from gridkeeper.availability.models import ProfileKind, ProfileVersion
from gridkeeper.availability.profiles.documents import Document, ReportDocument, parse
from gridkeeper.core.windows import Window
from gridkeeper.vos.models import Vo


class ProfileMissingError(LookupError):
    """A report names a profile that there is not."""


@dataclass(frozen=True, slots=True)
class Version:
    """What a profile says on a day. number: 0 for what stands where nothing was chosen."""

    name: str
    number: int
    document: Document

    @property
    def label(self) -> str:
        """`critical@3`, as figures name what made them; the built-in one has no number."""
        return f"{self.name}@{self.number}" if self.number else self.name


@dataclass(frozen=True, slots=True)
class ReportDefinition:
    """A report as it is on a day.

    version: 0 for the report that every VO has without anybody defining it
    """

    name: str
    version: int
    document: ReportDocument

    @property
    def vo(self) -> str | None:
        """The VO whose critical metrics judge; None where each VO's do."""
        if self.document.vo:
            return self.document.vo
        return None if self.document.region_kind == "vo" else str(settings.GRIDKEEPER.operations_vo)


@lru_cache(maxsize=256)
def _parsed(kind: str, text: str) -> Document:
    """Versions never change, and a computation asks for them once a report."""
    return parse(kind, json.loads(text))


@dataclass(frozen=True, slots=True)
class InForce:
    """The versions of all profiles that hold on a day, by kind and name, and the VOs of the day. Two queries.

    Profiles that reports refer to hold before their first version too, as that one: whoever dates a report back is not
    made to date back what it names. A report begins with its first version.
    """

    day: date
    versions: Mapping[str, Mapping[str, Version]]
    vos: tuple[str, ...]

    @classmethod
    def on(cls, day: date) -> "InForce":
        window = Window.of_day(day)
        rows = ProfileVersion.objects.filter(
            Q(profile__closed_at=None) | Q(profile__closed_at__gt=window.start)
        ).values_list("profile__kind", "profile__name", "number", "valid_from", "document")
        chosen: dict[tuple[str, str], tuple[int, Any]] = {}
        for kind, name, number, valid_from, document in rows.order_by("number"):
            is_first = (kind, name) not in chosen and kind != ProfileKind.REPORT
            if valid_from <= day or is_first:
                chosen[kind, name] = (number, document)
        versions: dict[str, dict[str, Version]] = {kind: {} for kind in ProfileKind.values}
        for (kind, name), (number, document) in chosen.items():
            versions[kind][name] = Version(name, number, _parsed(kind, json.dumps(document)))
        vos = Vo.objects.overlapping(window.start, window.end).values_list("name", flat=True)
        return cls(day, versions, tuple(sorted(set(vos))))

    def reports(self) -> list[ReportDefinition]:
        """One for each VO, unless a report of its name is defined, and those that are defined; by name."""
        defined = self.versions[ProfileKind.REPORT]
        implicit = [ReportDefinition(vo, 0, ReportDocument(vo=vo)) for vo in self.vos if vo not in defined]
        explicit = [
            ReportDefinition(version.name, version.number, cast(ReportDocument, version.document))
            for version in defined.values()
        ]
        return sorted([*implicit, *explicit], key=lambda report: report.name)

    def report(self, name: str) -> ReportDefinition:
        """Raises ProfileMissingError."""
        for report in self.reports():
            if report.name == name:
                return report
        raise ProfileMissingError(f"there is no report {name!r} on {self.day}; gridkeeper profiles list shows them")

    def operations(self, report: ReportDefinition) -> Version | None:
        """None: the standard one. Raises ProfileMissingError, as the two that follow."""
        return self._named(ProfileKind.OPERATIONS, report.document.operations, report)

    def aggregation(self, report: ReportDefinition) -> Version | None:
        """None: each service type is a function of its own."""
        return self._named(ProfileKind.AGGREGATION, report.document.aggregation, report)

    def thresholds(self, report: ReportDefinition) -> Version | None:
        """None: results stand as they came."""
        return self._named(ProfileKind.THRESHOLDS, report.document.thresholds, report)

    def _named(self, kind: ProfileKind, name: str, report: ReportDefinition) -> Version | None:
        if not name:
            return None
        found = self.versions[kind].get(name)
        if found is None:
            raise ProfileMissingError(
                f"report {report.name}: there is no {kind.label.lower()} {name!r}; make it, or edit the report"
            )
        return found
