"""What the calendar, and the page of what is down now, can be narrowed by: words of the address, as feeds take them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from gridkeeper.registry.models import Downtime, DowntimeService, Ngi, ServiceType, Severity, Site

#: Name of a VO -> the services (primary keys) that serve it; the package of VOs provides it.
ServicesOfVo = Callable[[str, datetime], "QuerySet[Any]"]
_services_of_vo: list[ServicesOfVo] = []
_names_of_vos: list[Callable[[], list[str]]] = []

NAMES = ("region", "site", "vo", "service_type", "severity")


def provide_vos(names: Callable[[], list[str]], services: ServicesOfVo) -> None:
    """A later floor says which VOs there are, and what serves them."""
    _names_of_vos.append(names)
    _services_of_vo.append(services)


class CalendarFilter:
    """One value a word; a word that means nothing finds nothing, as an address that was sent on would expect."""

    def __init__(self, query: QueryDict, now: datetime) -> None:
        self._now = now
        self.values: dict[str, str] = {
            name: query.get(name, "").replace("\0", "\ufffd").strip()[:200] for name in NAMES
        }
        self.with_cancelled = query.get("cancelled", "") == "yes"

    @property
    def is_set(self) -> bool:
        """True where something is narrowed."""
        return any(self.values.values())

    def rows(self) -> "QuerySet[Downtime]":
        """The downtimes with a part that fits all the words."""
        rows = Downtime.objects.all()
        if severity := self.values["severity"]:
            rows = rows.filter(severity=severity)
        condition = self.part_condition()
        return rows.filter(pk__in=DowntimeService.objects.filter(condition).values("downtime")) if condition else rows

    def part_condition(self) -> Q:
        """On DowntimeService: region, site, VO and service type."""
        condition = Q()
        if region := self.values["region"]:
            condition &= Q(service__site__ngi__name=region) | Q(service__site__ngi__key=region)
        if site := self.values["site"]:
            condition &= Q(service__site__name=site) | Q(service__site__key=site)
        if kind := self.values["service_type"]:
            condition &= Q(service__service_type__name=kind)
        if vo := self.values["vo"]:
            for services in _services_of_vo:
                condition &= Q(service__in=services(vo, self._now))
        return condition

    def choices(self) -> list[tuple[str, str, list[tuple[str, str]], str]]:
        """Name, label, values with their words, and the chosen one; sites are typed, with a list to help."""
        vos = sorted({name for names in _names_of_vos for name in names()})
        found = [
            ("region", "Region", _pairs(Ngi.objects.current().order_by("name").values_list("name", flat=True))),
            ("vo", "VO", _pairs(vos)),
            (
                "service_type",
                "Service type",
                _pairs(ServiceType.objects.order_by("name").values_list("name", flat=True)),
            ),
            ("severity", "Severity", list(Severity.choices)),
        ]
        return [(name, label, pairs, self.values[name]) for name, label, pairs in found if pairs]

    def site_names(self) -> list[str]:
        """For the list that helps to type a site."""
        return list(Site.objects.current().order_by("name").values_list("name", flat=True))

    def query(self, **further: str) -> str:
        """The address's words, with others: what links carry on."""
        chosen: Mapping[str, str] = {name: value for name, value in self.values.items() if value}
        cancelled = {"cancelled": "yes"} if self.with_cancelled else {}
        return urlencode({**chosen, **cancelled, **{name: value for name, value in further.items() if value}})

    @property
    def feed_query(self) -> str:
        """As the calendar feeds take it."""
        return urlencode({name: value for name, value in self.values.items() if value})

    def in_words(self) -> str:
        """ "of region NGI_X and VO atlas", or ""."""
        words = {"region": "region", "site": "site", "vo": "VO", "service_type": "type", "severity": "severity"}
        said = [f"{words[name]} {value}" for name, value in self.values.items() if value]
        return f"of {' and '.join(said)}" if said else ""


def _pairs(names: Any) -> list[tuple[str, str]]:
    return [(name, name) for name in names]
