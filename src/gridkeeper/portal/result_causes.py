"""Why a result failed, and what failed because of it: for its page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.urls import reverse

from gridkeeper.bus.facts import Facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_seen import past_causes
from gridkeeper.portal.strips import stamp_of
from gridkeeper.probes.cause_queries import causes_now, consequences_of
from gridkeeper.probes.causes import FAILED, Cause
from gridkeeper.probes.models import LatestStatus

#: Consequences that the page lists; the rest are counted.
_LISTED = 12


class Failure(NamedTuple):
    """A failing series with the way to its log."""

    key: SeriesKey
    status: Status
    summary: str
    url: str


@dataclass(frozen=True, slots=True)
class Why:
    """What is known of a failure. root: None where it is a cause itself."""

    cause: Cause | None = None
    root: Failure | None = None
    consequences: tuple[Failure, ...] = ()
    number: int = 0

    @property
    def left_out(self) -> int:
        return self.number - len(self.consequences)


def why_now(series: int, status: Status) -> Why:
    """Of a newest result."""
    return _why(series, causes_now(), _failures_now) if status in FAILED else Why()


def why_then(facts: Facts, series: int, status: Status, moment: datetime) -> Why:
    """Of what a series said at an instant, by the rules that the database shows the caller."""
    if status not in FAILED:
        return Why()
    standings, causes = past_causes(facts, moment)
    known = {item.series: item for item in standings}

    def failures(wanted: list[int]) -> dict[int, Failure]:
        return {
            one: Failure(
                known[one].key,
                known[one].status,
                known[one].summary,
                reverse("portal:result_at", args=[one, stamp_of(known[one].executed_at)]),
            )
            for one in wanted
        }

    return _why(series, causes, failures)


def _why(series: int, causes: Mapping[int, Cause], failures: Callable[[list[int]], dict[int, Failure]]) -> Why:
    cause = causes.get(series)
    following = consequences_of(series, dict(causes))
    found = failures([*following[:_LISTED], *([cause.series] if cause else [])])
    listed = tuple(found[one] for one in following[:_LISTED] if one in found)
    return Why(cause, found.get(cause.series) if cause else None, listed, len(following))


def _failures_now(wanted: list[int]) -> dict[int, Failure]:
    rows = LatestStatus.objects.filter(series__in=wanted)
    return {
        row.series: Failure(
            SeriesKey(row.hostname, row.service_type, row.metric, row.vo),
            Status(row.hard_status),
            row.summary,
            reverse("portal:result_latest", args=[row.series]),
        )
        for row in rows
    }
