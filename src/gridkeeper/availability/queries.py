"""What pages, the API and the command line ask of the figures and timelines in the lake."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.conf import settings

from gridkeeper.availability.levels import MEASURES, Level
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.availability.tables import DAY_TABLE, HOUR_TABLE, PLACE, TIMELINE_TABLE
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import connect, lake_table_of, rows
from gridkeeper.lake.store import open_lake
from gridkeeper.vos.models import Vo

LEVELS = tuple(level.label for level in Level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Whose figures they are. Region and site are keys; the words of the levels below are empty."""

    report: str
    level: str
    region: str = ""
    region_name: str = ""
    site: str = ""
    site_name: str = ""
    service_type: str = ""
    hostname: str = ""
    metric: str = ""

    @property
    def name(self) -> str:
        """What it is called on a page."""
        own = {
            "metric": self.metric,
            "service": self.hostname,
            "flavour": self.service_type,
            "site": self.site_name or self.site,
            "region": self.region_name or self.region,
        }
        return own.get(self.level, "Federation")


@dataclass(frozen=True, slots=True)
class Figure:
    """The seconds of one place in one period: a day, or an hour of it."""

    place: Place
    day: date
    hour: int | None
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which a place had one status."""

    place: Place
    start: datetime
    end: datetime
    status: Status

    @property
    def seconds(self) -> int:
        return int((self.end - self.start).total_seconds())


def figures(
    window: Window, *, level: str, report: str | None = None, hourly: bool = False, **where: str
) -> list[Figure]:
    """The figures of each day (or hour) in the window at a level, in the order of the tree, then of time.

    window: whole UTC days; report: a VO's name, else the operations VO's
    where: values of region, site, service_type, hostname, metric (keys for region and site)
    """
    described = HOUR_TABLE if hourly else DAY_TABLE
    order = ("region_name", "site_name", "service_type", "hostname", "metric", "date", *(["hour"] if hourly else []))
    found = _read(described.name, window, {"level": level, "report": report or default_report()} | where, order)
    return [Figure(_place(row), row["date"], row.get("hour"), Seconds.of(row)) for row in found]


def timelines(window: Window, *, report: str | None = None, **where: str) -> list[Period]:
    """The periods of services, flavours and sites in the window's days, in the order of the tree, then of time."""
    order = ("region_name", "site_name", "service_type", "hostname", "start")
    found = _read(TIMELINE_TABLE.name, window, {"report": report or default_report()} | where, order)
    return [Period(_place(row), row["start"], row["end"], Status(row["status"])) for row in found]


def _read(table: str, window: Window, where: Mapping[str, str], order: Sequence[str]) -> list[dict[str, Any]]:
    lake = open_lake()
    if not lake.files(table, window):
        return []
    with connect() as con:
        expression = lake_table_of(con, lake, table, window)
        days = list(window.days())
        expression = expression.filter((expression.date >= days[0]) & (expression.date <= days[-1]))
        for name, value in where.items():
            expression = expression.filter(expression[name] == value)
        return rows(expression.order_by(list(order)))


def _place(row: Mapping[str, Any]) -> Place:
    return Place(**{name: row[name] for name in PLACE})


def by_place(found: Iterable[Figure]) -> dict[Place, list[Figure]]:
    """The figures of each place, in order. A place that was renamed stands under its newest name."""
    newest = {_identity(figure.place): figure.place for figure in found}
    grouped: dict[Place, list[Figure]] = {place: [] for place in newest.values()}
    for figure in found:
        grouped[newest[_identity(figure.place)]].append(figure)
    return grouped


def _identity(place: Place) -> tuple[str, ...]:
    return (place.report, place.level, place.region, place.site, place.service_type, place.hostname, place.metric)


def sums(found: Sequence[Figure]) -> dict[Place, Seconds]:
    """The figures of each place over all their periods together."""
    return {place: total([figure.seconds for figure in of_place]) for place, of_place in by_place(found).items()}


def default_report() -> str:
    """The report of the operations VO."""
    return str(settings.GRIDKEEPER.operations_vo)


def reports() -> list[str]:
    """The VOs that can be chosen: the operations VO first."""
    names = Vo.objects.current().values_list("name", flat=True)
    first = default_report()
    return sorted(set(names), key=lambda name: (name != first, name))


def as_row(figure_place: Place, day: date | None, hour: int | None, seconds: Seconds) -> dict[str, Any]:
    """A line of an export: the place, the period, the figures in per cent (null: not computable) and the seconds."""
    return {
        "date": day.isoformat() if day else None,
        **({"hour": hour} if hour is not None else {}),
        **{name: getattr(figure_place, name) for name in PLACE},
        "availability": seconds.availability.percent,
        "reliability": seconds.reliability.percent,
        **{name: getattr(seconds, name) for name in MEASURES},
    }
