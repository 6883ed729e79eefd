"""Which metrics a report expects of whom in a period, and under which series their results are kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from gridkeeper.api.argo.question import Place
from gridkeeper.api.argo.reported import Reported
from gridkeeper.availability.topology import Period, names, tree_of
from gridkeeper.availability.tree import Expected, Tree
from gridkeeper.core.windows import Window
from gridkeeper.registry.models import ServiceGroup, Site


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """One metric of one endpoint in one group; site is the group's present name."""

    site: str
    service_type: str
    hostname: str
    metric: str
    series: int


def expected_metrics(window: Window, report: Reported, place: Place, now: datetime) -> list[Metric]:
    """The metrics that were expected on any day of the window, in the order of their names."""
    called = names().sites
    found = {
        Metric(called.get(line.path.site, line.path.site), *line.path[3:6], line.series)
        for line in _lines(window, report, place, now)
    }
    return sorted(each for each in found if _is_asked(each, place))


def _lines(window: Window, report: Reported, place: Place, now: datetime) -> Iterator[Expected]:
    groups: list[str | None] = list(_keys(report, place)) if place.site else [None]
    for day in window.days():
        period = Period.of(day, now)
        for group in groups if period else ():
            assert period is not None
            yield from _tree(period, report, group).expected


def _keys(report: Reported, place: Place) -> list[str]:
    """Keys of the groups of that name, whenever they were called so. In feeds the name is the key."""
    if report.document.topology == "feed":
        return [place.site]
    either = Q(name=place.site) | Q(key=place.site)
    if report.document.group_kind == "site":
        return sorted(set(Site.objects.filter(either).values_list("key", flat=True)))
    return sorted(set(ServiceGroup.objects.filter(either).values_list("key", flat=True)))


def _tree(period: Period, report: Reported, group: str | None) -> Tree:
    document = report.document
    if group is not None and document.group_kind == "site" and document.topology == "registry":
        return tree_of(period, report=report.name, site=Site.objects.get(key=group))
    return tree_of(period, report=report.name, group=group)


def _is_asked(metric: Metric, place: Place) -> bool:
    return (
        place.service_type in ("", metric.service_type)
        and place.hostname in ("", metric.hostname)
        and place.metric in ("", metric.metric)
    )
