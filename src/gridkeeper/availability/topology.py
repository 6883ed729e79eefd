"""The tree of a day, and what it is judged by: what is expected of whom and since when, for each report.

Every VO has a report of its own name: the critical entries of its profile, or of the operations VO's where it has none,
are expected of services that support it, are in production and monitored, at certified sites, each as of then. Reports
that are defined (`profiles.documents.ReportDocument`) choose otherwise; one with a VO's name takes the place of its.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import cast

from gridkeeper.availability import topology_registry
from gridkeeper.availability.profiles.documents import AggregationDocument
from gridkeeper.availability.profiles.in_force import InForce, ReportDefinition
from gridkeeper.availability.topology_period import Period
from gridkeeper.availability.topology_registry import Judged
from gridkeeper.availability.tree import Tree
from gridkeeper.lake.changes import Validity
from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Federation, Ngi, ServiceGroup, Site

__all__ = ["Names", "Period", "names", "reports_of", "tree_of", "validity"]


@dataclass(frozen=True, slots=True)
class Names:
    """Names by key of what stands in the columns `region` and `site`; those that have none are called by their key."""

    regions: Mapping[str, str]
    sites: Mapping[str, str]


def validity() -> Validity:
    """How long results say something, by the tests' definitions."""
    return Validity(dict(Test.objects.values_list("name", "validity_s")))


def reports_of(day: date) -> list[ReportDefinition]:
    """The reports in force on a UTC day, by name. Two queries."""
    return InForce.on(day).reports()


def tree_of(
    period: Period, *, site: Site | None = None, vo: str | None = None, report: str | None = None,
    group: str | None = None,
) -> Tree:  # fmt: skip
    """The tree of a day: all reports, or the part that one report, site or group (key of what `site` is) needs.

    vo: the report of that VO's name. About twelve queries, whatever the number of reports. Raises ProfileMissingError.
    """
    in_force = InForce.on(period.day)
    name = report if report is not None else vo
    reports = in_force.reports() if name is None else _known(in_force, name)
    judged = [Judged(each, _functions(in_force, each)) for each in reports]
    tree = Tree()
    lines = topology_registry.expected_of(period, judged, site)
    for line in lines:
        if group is None or line.path.site == group:
            tree.expect(line)
    tree.excuses = list(topology_registry.excuses(period, site))
    return tree


def names() -> Names:
    """As they are now: keys outlive a change of name."""
    regions = dict(Federation.objects.values_list("key", "name")) | dict(Ngi.objects.values_list("key", "name"))
    groups = dict(ServiceGroup.objects.values_list("key", "name")) | dict(Site.objects.values_list("key", "name"))
    return Names(regions, groups)


def _known(in_force: InForce, name: str) -> Sequence[ReportDefinition]:
    """None where the report did not exist on that day: then nothing is expected for it."""
    return [report for report in in_force.reports() if report.name == name]


def _functions(in_force: InForce, report: ReportDefinition) -> AggregationDocument | None:
    version = in_force.aggregation(report)
    return cast(AggregationDocument, version.document) if version else None
