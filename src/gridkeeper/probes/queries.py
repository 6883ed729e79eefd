"""Read models of tests: how each stands, where it is used, for whom it is critical."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from gridkeeper.core.status import Status
from gridkeeper.probes.models import LatestStatus, ProfileEntry, Test

#: Statuses in the order in which a page lists them: what needs somebody first.
WORST_FIRST = (Status.CRITICAL, Status.WARNING, Status.UNKNOWN, Status.MISSING, Status.DOWNTIME, Status.OK)


@dataclass(frozen=True, slots=True)
class Use:
    """Where a VO uses a test."""

    vo: str
    service_type: str
    is_critical: bool


def counts_by_status(metrics: Iterable[str] | None = None) -> dict[str, dict[Status, int]]:
    """Metric -> hard status -> number of series: one query."""
    rows = LatestStatus.objects.all()
    if metrics is not None:
        rows = rows.filter(metric__in=list(metrics))
    counts: dict[str, dict[Status, int]] = defaultdict(dict)
    for metric, status, number in rows.values_list("metric", "hard_status").annotate(number=Count("pk")):
        counts[metric][Status(status)] = number
    return dict(counts)


def uses_of(test: Test) -> list[Use]:
    """The profiles that hold the test now."""
    entries = ProfileEntry.objects.current().filter(test=test).order_by("vo__name", "service_type__name")
    return [Use(*row) for row in entries.values_list("vo__name", "service_type__name", "is_critical")]


def troubled(test: Test) -> "QuerySet[LatestStatus]":
    """The series of the test that are not OK, the longest first."""
    return LatestStatus.objects.filter(metric=test.name).exclude(hard_status=Status.OK).order_by("hard_since")


def ordered_counts(counts: dict[Status, int]) -> list[tuple[Status, int]]:
    """Only statuses that occur, worst first."""
    return [(status, counts[status]) for status in WORST_FIRST if counts.get(status)]


def test_rows(tests: Iterable[Test]) -> list[dict[str, Any]]:
    """The tests with their counts and uses, for the list page: two queries for all."""
    counts = counts_by_status()
    uses: dict[int, set[str]] = defaultdict(set)
    critical: dict[int, set[str]] = defaultdict(set)
    entries = ProfileEntry.objects.current().values_list("test_id", "vo__name", "service_type__name", "is_critical")
    for test_id, vo, service_type, is_critical in entries:
        uses[test_id].add(service_type)
        if is_critical:
            critical[test_id].add(vo)
    return [
        {
            "test": test,
            "counts": ordered_counts(counts.get(test.name, {})),
            "service_types": sorted(uses[test.pk]),
            "critical_for": sorted(critical[test.pk]),
        }
        for test in tests
    ]
