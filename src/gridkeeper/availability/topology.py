"""The tree of a day, and what it is judged by: what is expected of whom and since when, for each report.

Every VO has a report of its own name: the critical entries of its profile, or of the operations VO's where it has none,
are expected of services that support it, are in production and monitored, at certified sites, each as of then. Reports
that are defined (`profiles.documents.ReportDocument`) choose otherwise; one with a VO's name takes the place of its.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, cast

from gridkeeper.availability import topology_feeds, topology_registry
from gridkeeper.availability.levels import Level
from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations
from gridkeeper.availability.profiles.documents import AggregationDocument
from gridkeeper.availability.profiles.in_force import InForce, ReportDefinition, Version
from gridkeeper.availability.profiles.weights import weights_on
from gridkeeper.availability.thresholds import ThresholdRule, Thresholds
from gridkeeper.availability.topology_period import Period
from gridkeeper.availability.topology_registry import Judged, Reading
from gridkeeper.availability.tree import Combination, Excuse, Tree
from gridkeeper.lake.changes import Validity
from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Federation, Ngi, ServiceGroup, Site

__all__ = ["JudgedBy", "Names", "Period", "Reading", "judged_by", "names", "reports_of", "tree_of", "validity"]


@dataclass(frozen=True, slots=True)
class JudgedBy:
    """What the figures of a report and a day are made by.

    thresholds: None where results stand as they came; equal where they are of the same version
    inputs: the versions, as `{"report": "critical@3", "operations": "standard", "metrics": "<digest>", ...}`
    """

    operations: Operations
    inputs: Mapping[str, str]
    thresholds: Thresholds | None = None


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
    period: Period,
    *,
    site: Site | None = None,
    vo: str | None = None,
    report: str | None = None,
    group: str | None = None,
    reading: Reading | None = None,
) -> Tree:
    """The tree of a day: all reports, or the part that one report, site or group needs.

    site: only its services; group: only that node of level site (key of a site or service group; a feed's name)
    vo: the report of that VO's name
    reading: of a window with this day; without it the day is read by itself

    About twelve queries, whatever the number of reports. A report that was not in force expects nothing. Raises
    ProfileMissingError.
    """
    in_force = InForce.on(period.day)
    name = report if report is not None else vo
    reports = [each for each in in_force.reports() if name is None or each.name == name]
    judged = [Judged(each, _aggregation(in_force, each)) for each in reports]
    by_source = {source: [each for each in judged if each.report.document.topology == source] for source in _SOURCES}
    shared = reading if site is None and group is None and not by_source["feed"] else None
    tree = (shared and shared.tree_as_before(period, judged)) or _planted(period, by_source, site, group, reading)
    if shared:
        shared.keep(period, judged, tree)
    tree.excuses = list(_excuses(period, by_source, site))
    _weigh(tree, reports, period.day)
    return tree


_SOURCES = ("registry", "feed")


def _planted(
    period: Period,
    by_source: Mapping[str, Sequence[Judged]],
    site: Site | None,
    group: str | None,
    reading: Reading | None,
) -> Tree:
    """The tree with all that is expected."""
    tree = Tree()
    for source in _SOURCES:
        for each in by_source[source]:
            _combine(tree, each)
    blocks, lines = topology_registry.expected_of(period, by_source["registry"], site, reading)
    if site is None and by_source["feed"]:
        lines += topology_feeds.expected_of(period, by_source["feed"])
    for block in blocks:
        if group is None or block.service.site == group:
            tree.expect_all(block)
    for line in lines:
        if group is None or line.path.site == group:
            tree.expect(line)
    return tree


def _aggregation(in_force: InForce, report: ReportDefinition) -> AggregationDocument | None:
    version = in_force.aggregation(report)
    return cast(AggregationDocument, version.document) if version else None


def _combine(tree: Tree, judged: Judged) -> None:
    """Which functions each service type feeds, and by which operations all is combined."""
    document, name = judged.aggregation, judged.report.name
    if document is None:
        return
    for function in document.functions:
        for service_type in function.services:
            tree.functions.setdefault((name, service_type), []).append(function.name)
    flavours = {each: operation for function in document.functions for each, operation in function.services.items()}
    functions = {function.name: function.operation for function in document.functions}
    tree.combinations[name] = Combination(document.metric_operation, flavours, functions, document.profile_operation)


def _excuses(period: Period, by_source: Mapping[str, Sequence[Judged]], site: Site | None) -> Iterator[Excuse]:
    """Each report's own downtimes: those of the registry say nothing of a feed's hosts, and the other way round."""
    own = topology_registry.excuses(period, site)
    feed = [each.report for each in by_source["feed"]]
    if not feed:
        yield from own
        return
    for excuse in own:
        yield from (excuse._replace(report=each.report.name) for each in by_source["registry"])
    yield from topology_feeds.excuses(period, feed)


def _weigh(tree: Tree, reports: Sequence[ReportDefinition], day: date) -> None:
    """Gives sites the weights of the kind that their report counts by."""
    kinds = {each.name: each for each in reports if each.document.weight}
    known: dict[tuple[str, str], Mapping[str, float]] = {}
    for path in tree.named() if kinds else ():
        report = kinds.get(path.report)
        if report is None or path.level is not Level.SITE:
            continue
        key = (report.document.topology, report.document.weight)
        if key not in known:
            known[key] = _weights_of(report, day)
        if path.site in known[key]:
            tree.weights[path] = known[key][path.site]


def judged_by(period: Period, report: str) -> JudgedBy:
    """The operations and versions that a report's day is judged by. Raises ProfileMissingError, OperationsError."""
    in_force = InForce.on(period.day)
    definition = in_force.report(report)
    chosen = {
        "operations": in_force.operations(definition),
        "aggregation": in_force.aggregation(definition),
        "thresholds": in_force.thresholds(definition),
    }
    inputs = {"report": f"{definition.name}@{definition.version}" if definition.version else definition.name}
    inputs |= {kind: version.label for kind, version in chosen.items() if version}
    inputs["metrics"] = _digest_of_metrics(period, definition)
    if definition.document.weight:
        inputs["weights"] = f"{definition.document.weight}:{_digest(_weights_of(definition, period.day))}"
    version = chosen["operations"]
    operations = Operations.of(version.label, version.document.document()) if version else DEFAULT_OPERATIONS
    return JudgedBy(operations, inputs, _thresholds(chosen["thresholds"]))


def _thresholds(version: Version | None) -> Thresholds | None:
    return _thresholds_of(version.label, json.dumps(version.document.document())) if version else None


@lru_cache(maxsize=64)
def _thresholds_of(label: str, document: str) -> Thresholds:
    """One object a version, so that reports with the same thresholds are judged together."""
    return Thresholds(ThresholdRule.of(rule) for rule in json.loads(document)["rules"])


def names() -> Names:
    """As they are now: keys outlive a change of name."""
    regions = dict(Federation.objects.values_list("key", "name")) | dict(Ngi.objects.values_list("key", "name"))
    groups = dict(ServiceGroup.objects.values_list("key", "name")) | dict(Site.objects.values_list("key", "name"))
    return Names(regions, groups)


def _digest_of_metrics(period: Period, report: ReportDefinition) -> str:
    """Twelve digits of the SHA-256 of what the metric profiles said: VO, service type, metric, validity, since when."""
    profiles = topology_registry.profile_entries(period)
    lines = sorted(
        [vo, entry.service_type_id, entry.test.name, entry.test.validity_s, entry.valid_from.isoformat()]
        for vo in topology_registry.vo_ids(period, report)
        for entries in profiles[vo].values()
        for entry in entries
    )
    return _digest(lines)


def _weights_of(report: ReportDefinition, day: date) -> dict[str, float]:
    """By key of a site, or by its name where the topology is a feed's."""
    document = report.document
    return (topology_feeds.weights if document.topology == "feed" else weights_on)(day, document.weight)


def _digest(said: Any) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
