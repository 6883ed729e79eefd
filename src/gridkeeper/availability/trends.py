"""What goes wrong most: worst metrics, longest outages, most flapping. Asked of the lake, a few rows each."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gridkeeper.availability.queries import Place, opened
from gridkeeper.availability.tables import DAY_TABLE, PLACE, TIMELINE_TABLE
from gridkeeper.core.status import Status
from gridkeeper.core.units import percent
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import rows

#: Rows of each list.
MOST = 15


@dataclass(frozen=True, slots=True)
class WorstMetric:
    """A metric of a service type, over all services.

    critical_s: seconds CRITICAL of all its series together; share: those of what was known, in per cent
    flips: changes of status; services: how many had it CRITICAL
    """

    service_type: str
    metric: str
    critical_s: int
    share: float
    flips: int
    services: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A time of CRITICAL without a break, midnights included. is_going_on: until the end of the period."""

    place: Place
    start: datetime
    end: datetime
    is_going_on: bool

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Flapping:
    """A place by how often its status changed."""

    place: Place
    flips: int
    critical_s: int


def worst_metrics(window: Window, *, report: str, **where: str) -> list[WorstMetric]:
    """Longest CRITICAL first."""
    with _day_rows(window, report, "metric", where) as table:
        if table is None:
            return []
        known = table.total_s - table.excluded_s - table.unknown_s
        hosts = (table.critical_s > 0).ifelse(table.hostname, None)
        added = table.mutate(known_s=known, broken=hosts).group_by(["service_type", "metric"]).aggregate(
            critical=lambda t: t.critical_s.sum(), known=lambda t: t.known_s.sum(), flips=lambda t: t.flips.sum(),
            services=lambda t: t.broken.nunique(),
        )  # fmt: skip
        added = added.filter(added.critical > 0)
        found = rows(added.order_by([added.critical.desc(), "service_type", "metric"]).limit(MOST))
    return [
        WorstMetric(
            row["service_type"], row["metric"], int(row["critical"]),
            float(percent(int(row["critical"]), int(row["known"])) or 0), int(row["flips"]), int(row["services"]),
        )
        for row in found
    ]  # fmt: skip


def flapping(window: Window, *, report: str, level: str, **where: str) -> list[Flapping]:
    """Most changes of status first."""
    with _day_rows(window, report, level, where) as table:
        if table is None:
            return []
        keys = [name for name in PLACE if name not in ("region_name", "site_name")]
        added = table.group_by(keys).aggregate(
            region_name=table.region_name.max(), site_name=table.site_name.max(), changes=table.flips.sum(),
            critical=table.critical_s.sum(),
        )  # fmt: skip
        added = added.filter(added.changes > 0)
        found = rows(added.order_by([added.changes.desc(), "site_name", "service_type", "hostname"]).limit(MOST))
    return [Flapping(_place(row), int(row["changes"]), int(row["critical"])) for row in found]


def longest_outages(window: Window, *, report: str, level: str, **where: str) -> list[Outage]:
    """Times of CRITICAL of sites or services, longest first; those that touch at midnight are one."""
    with opened(TIMELINE_TABLE.name, window, {"report": report, "level": level} | where) as table:
        if table is None:
            return []
        import ibis

        bad = table.filter(table.status == int(Status.CRITICAL))
        keys = [name for name in PLACE if name not in ("region_name", "site_name")]
        in_order = ibis.window(group_by=keys, order_by="start")
        begins = (bad["end"].lag().over(in_order) != bad.start).fill_null(ibis.literal(True))
        bad = bad.mutate(begins=begins.cast("int64"))
        bad = bad.mutate(outage=bad.begins.sum().over(ibis.window(group_by=keys, order_by="start", following=0)))
        whole = bad.group_by([*keys, "outage"]).aggregate(
            region_name=bad.region_name.max(),
            site_name=bad.site_name.max(),
            begin=bad.start.min(),
            until=bad["end"].max(),
        )
        length = whole.until.epoch_seconds() - whole.begin.epoch_seconds()
        found = rows(whole.order_by([length.desc(), "begin", "site_name", "hostname"]).limit(MOST))
        newest = rows(table.aggregate(newest=table["end"].max()))[0]["newest"]
    return [Outage(_place(row), row["begin"], row["until"], row["until"] == newest) for row in found]


@contextmanager
def _day_rows(window: Window, report: str, level: str, where: dict[str, str]) -> Iterator[Any]:
    with opened(DAY_TABLE.name, window, {"report": report, "level": level} | where) as table:
        yield table


def _place(row: dict[str, Any]) -> Place:
    return Place(**{name: row[name] or "" for name in PLACE})
