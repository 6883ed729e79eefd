"""The history of a node: every test of every service on a host, as periods of one status. After SAM's history page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow.compute as pc
from django.urls import reverse

from gridkeeper.bus.facts import Facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import UP, Status
from gridkeeper.core.windows import Window
from gridkeeper.portal.strips import strips_of
from gridkeeper.probes.models import Test

_DAY_S = 86_400
_SECOND = timedelta(seconds=1)


class Period(NamedTuple):
    """A time in which a test said the same; url: of the log that it began with, "" where it said nothing."""

    start: datetime
    end: datetime
    status: Status
    url: str


class Flip(NamedTuple):
    """A change of status."""

    at: datetime
    key: SeriesKey
    before: Status
    after: Status
    url: str


@dataclass(frozen=True, slots=True)
class TestHistory:
    """A test of a service. strip: its periods as `status_strip` takes them."""

    series: int
    key: SeriesKey
    title: str
    strip: list[dict[str, Any]]

    @property
    def periods(self) -> list[Period]:
        return [Period(part["start"], part["end"], part["status"], part["url"]) for part in self.strip]

    @property
    def last(self) -> Status:
        """What it said at the end."""
        return Status(self.strip[-1]["status"])

    @property
    def up_ratio(self) -> float | None:
        """Share of the time with a result in which it was OK or WARNING; None where it never said anything."""
        known = [period for period in self.periods if period.status is not Status.MISSING]
        total_s = sum((period.end - period.start) / _SECOND for period in known)
        up_s = sum((period.end - period.start) / _SECOND for period in known if period.status in UP)
        return up_s / total_s if total_s else None

    @property
    def url(self) -> str:
        return reverse("portal:result_latest", args=[self.series])


def history_of(facts: Facts, hostname: str, window: Window, vos: Sequence[str] = ()) -> list[TestHistory]:
    """Every test that ever said something of a service on that host, by service type, test and VO.

    vos: only what is the same for all VOs, and these VOs' views; () for all
    """
    keys = [key for key in _keys(facts, hostname) if not vos or key.vo in ("", *vos)]
    names = Test.objects.filter(name__in={key.metric for key in keys})
    tests = {name: (title, validity_s) for name, title, validity_s in names.values_list("name", "title", "validity_s")}
    validities = {key.series: tests.get(key.metric, ("", _DAY_S))[1] for key in keys}
    strips = strips_of(facts, validities, window)
    found = [
        TestHistory(key.series, key, tests.get(key.metric, (key.metric, 0))[0], strips[key.series]) for key in keys
    ]
    return [test for test in found if any(part["status"] is not Status.MISSING for part in test.strip)]


def _keys(facts: Facts, hostname: str) -> list[SeriesKey]:
    known = facts.series()
    rows = known.filter(pc.equal(known.column("hostname"), hostname)).to_pylist()
    keys = [SeriesKey(row["hostname"], row["service_type"], row["metric"], row["vo"]) for row in rows]
    return sorted(keys, key=lambda key: (key.service_type, key.metric, key.vo))


def flips_of(history: Sequence[TestHistory]) -> list[Flip]:
    """Every change of status in the window, the newest first; to and from having no result as well."""
    return sorted(_flips(history), key=lambda flip: flip.at, reverse=True)


def _flips(history: Sequence[TestHistory]) -> Iterator[Flip]:
    for test in history:
        periods = test.periods
        for before, after in pairwise(periods):
            if before.status is not after.status:
                yield Flip(after.start, test.key, before.status, after.status, after.url or before.url)
