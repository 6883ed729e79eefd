"""What a VO's profile says at an instant: the tests of each service type, and which of them are critical."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.selection.errors import UnknownVoError
from gridkeeper.selection.models import SelectionPolicy
from gridkeeper.selection.past import values_at
from gridkeeper.selection.rules import CriticalTest
from gridkeeper.vos.models import Vo


@dataclass(frozen=True, slots=True)
class Line:
    """A test of a service type in a profile."""

    service_type: str
    test: Test
    is_critical: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """The tests that stand for a VO.

    owner: the VO whose entries these are: itself, or the operations VO where it has none (docs/howto/good-sites.md)
    freshest_s: the VO's own limit to the age of results, in seconds; 0: what each test's validity says
    """

    vo: str
    owner: str
    lines: tuple[Line, ...]
    freshest_s: int = 0

    @property
    def is_borrowed(self) -> bool:
        return self.vo != self.owner

    def critical_tests(self, service_type: str) -> tuple[CriticalTest, ...]:
        """The critical tests of services of that type, under the owner's view: it is for the owner that they run.

        A disabled test does not count: it has no results, and would exclude everybody.
        """
        return tuple(
            CriticalTest(line.test.name, self._validity(line.test), self.owner if line.test.is_per_vo else "")
            for line in self.lines
            if line.is_critical and line.test.is_enabled and line.service_type == service_type
        )

    def _validity(self, test: Test) -> timedelta:
        return timedelta(seconds=min(test.validity_s, self.freshest_s or test.validity_s))

    def service_types(self) -> list[str]:
        """The types that have critical tests."""
        return sorted({line.service_type for line in self.lines if line.is_critical})

    def has_critical(self, service_type: str, test: str) -> bool | None:
        """Whether the test counts; None where the profile does not have it."""
        key = (service_type, test)
        return next((line.is_critical for line in self.lines if (line.service_type, line.test.name) == key), None)

    def with_change(self, service_type: str, test: Test, *, is_critical: bool) -> "Profile":
        """The profile after `set_critical`. The VO's own from then on, since a change makes it so."""
        if self.has_critical(service_type, test.name) is None:
            return replace(self, owner=self.vo, lines=(*self.lines, Line(service_type, test, is_critical)))
        lines = tuple(
            replace(line, is_critical=is_critical)
            if (line.service_type, line.test.name) == (service_type, test.name)
            else line
            for line in self.lines
        )
        return replace(self, owner=self.vo, lines=lines)


def vo_at(name: str, at: datetime) -> Vo:
    """The VO of that name that existed at that instant. Raises UnknownVoError naming those that did."""
    found = Vo.objects.at(at).filter(name=name).first()
    if found is None:
        raise UnknownVoError(name, list(Vo.objects.at(at).values_list("name", flat=True)))
    return found


def profile_at(vo: str, at: datetime) -> Profile:
    """The VO's profile at that instant, or the operations VO's where it had none."""
    return replace(profiles_at([vo], at)[vo], freshest_s=freshest_at(vo, at))


def freshest_at(vo: str, at: datetime) -> int:
    """The VO's limit to the age of results at that instant, in seconds; 0 where it had set none."""
    records: Any = SelectionPolicy.history.model.objects
    held = records.filter(vo__name=vo, history_date__lte=at).exclude(history_type="-")
    newest = held.order_by("-history_date", "-history_id").values_list("freshest_s", flat=True).first()
    return int(newest or 0)


#: Of a test, what decides and may be changed without saying since when.
_UNDATED = ("is_enabled", "is_per_vo", "validity_s")


def profiles_at(vos: Sequence[str], at: datetime) -> dict[str, Profile]:
    """The profiles of several VOs, with the definitions of their tests as they stood."""
    return _profiles(vos, at, values_at(Test, _UNDATED, at))


def profiles_now(vos: Sequence[str], now: datetime) -> dict[str, Profile]:
    """`profiles_at` of the present, in one query."""
    return _profiles(vos, now, {})


def _profiles(vos: Sequence[str], at: datetime, before: Mapping[int, Mapping[str, Any]]) -> dict[str, Profile]:
    operations = settings.GRIDKEEPER.operations_vo
    entries = ProfileEntry.objects.at(at).filter(vo__name__in=[*vos, operations])
    lines: dict[str, list[Line]] = {}
    for entry in entries.select_related("vo", "test", "service_type").order_by("test__position", "test__name"):
        for name, value in before.get(entry.test.pk, {}).items():
            setattr(entry.test, name, value)
        lines.setdefault(entry.vo.name, []).append(Line(entry.service_type.name, entry.test, entry.is_critical))
    owners = {vo: vo if vo in lines else operations for vo in vos}
    return {vo: Profile(vo, owner, tuple(lines.get(owner, ()))) for vo, owner in owners.items()}
