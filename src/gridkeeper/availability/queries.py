"""What pages, the API and the command line ask of the figures and timelines in the lake."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import repeat
from typing import Any

import pyarrow as pa
from django.conf import settings
from django.utils import timezone

from gridkeeper.availability import kept_sums
from gridkeeper.availability.levels import MEASURES, Level
from gridkeeper.availability.periods import Step
from gridkeeper.availability.profiles.in_force import InForce, ReportDefinition
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.availability.tables import DAY_TABLE, HOUR_TABLE, PLACE, TIMELINE_TABLE, state_of
from gridkeeper.availability.weighted import COLUMNS as WEIGHTED
from gridkeeper.availability.weighted import Weighted
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table, connect, lake_table_of, rows
from gridkeeper.lake.store import open_lake

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
    function: str = ""

    @property
    def name(self) -> str:
        """What it is called on a page."""
        own = {
            "metric": self.metric,
            "service": self.hostname,
            "flavour": self.service_type,
            "function": self.function,
            "site": self.site_name or self.site,
            "region": self.region_name or self.region,
        }
        return own.get(self.level, "Federation")


@dataclass(frozen=True, slots=True)
class Figure:
    """The seconds of one place in one period: a day, an hour of it, or a longer one that begins with the day.

    weighted: of sites, regions and the federation, where the report weighs its sites
    """

    place: Place
    day: date
    hour: int | None
    seconds: Seconds
    weighted: Weighted | None = None


@dataclass(frozen=True, slots=True)
class Period:
    """A time in which a place had one status. state: its word in the report's operations profile."""

    place: Place
    start: datetime
    end: datetime
    state: str

    @property
    def status(self) -> Status | None:
        """None for a state of the profile's own."""
        return Status.__members__.get(self.state)

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
    return [_figure(row) for row in found]


def sums_of_steps(
    window: Window, step: Step | None, *, levels: Sequence[str], report: str,
    by: Sequence[str] = PLACE, **where: str | Sequence[str],
) -> list[Figure]:  # fmt: skip
    """The sums of each place by hour, day, week or month, or over the whole window for None; added up in the lake.

    window: whole UTC days
    levels: which of LEVELS; the order is that of the tree, then of time
    by: of what places: those that differ in nothing but other words are added up
    where: values of region, site, service_type, hostname, metric, function; several of one are alternatives
    """
    time = ["start", "hour"] if step is Step.HOUR else ["start"]
    if kept_sums.LEVELS.issuperset(levels):
        by = [name for name in by if name not in _BELOW]
    names = [name for name in _NAMES if name in by]
    keys = [name for name in by if name not in _NAMES]
    # Written by hand: Ibis takes longer to say it than the lake to answer it.
    columns = [
        *(f'"{name}"' for name in keys), f"{_STARTS[step]} AS start", *time[1:],
        # A place that was renamed stands under its newest name.
        *(f"arg_max({name}, date) AS {name}" for name in names),
        *(f"sum({name}) AS {name}" for name in (*MEASURES, *WEIGHTED)),
    ]  # fmt: skip
    wanted = {"level": levels, "report": report} | where
    conditions = ["date BETWEEN ? AND ?", *(f'list_contains(?, "{name}")' for name in wanted)]
    order = ", ".join(f'"{name}"' for name in (*(name for name in _TREE if name in by), *time))
    days = list(window.days())
    values = [days[0], days[-1], *([each] if isinstance(each, str) else list(each) for each in wanted.values())]
    with _table_of(window, step, levels) as (con, name):
        if con is None:
            return []
        sql = f"SELECT {', '.join(columns)} FROM {name} WHERE {' AND '.join(conditions)} GROUP BY ALL ORDER BY {order}"  # noqa: S608
        found = con.con.sql(sql, params=values).to_arrow_table()
    fixed = _NOWHERE | {"report": report, "level": levels[0]}
    return _figures(found, fixed, days[0] if step is None else None)


def _figures(found: pa.Table, fixed: Mapping[str, str], start: date | None) -> list[Figure]:
    """Figures of columns: row by row as dictionaries they would take a page of a year twice as long."""
    known = found.to_pydict()
    count = found.num_rows
    words = zip(*(known.get(name) or repeat(fixed[name], count) for name in PLACE), strict=True)
    seconds = zip(*(map(int, known[name]) for name in MEASURES), strict=True)
    weights = zip(*(known[name] for name in WEIGHTED), strict=True)
    starts = repeat(start, count) if start else known["start"]
    hours = known.get("hour") or repeat(None, count)
    places: dict[tuple[str, ...], Place] = {}  # each stands in as many rows as the period has parts
    figures = []
    for place_words, day, hour, measures, weighed in zip(words, starts, hours, seconds, weights, strict=True):
        place = places.get(place_words)
        if place is None:
            named = zip(PLACE, [word or "" for word in place_words], strict=True)
            place = places[place_words] = Place(**dict(named))
        figures.append(Figure(place, day, hour, Seconds(*measures), Weighted.made(weighed)))
    return figures


#: First day of what a row's day lies in; over the whole window there is one.
_STARTS = {
    None: "min(date)", Step.HOUR: "date", Step.DAY: "date", Step.WEEK: "date_trunc('week', date)::DATE",
    Step.MONTH: "date_trunc('month', date)::DATE",
}  # fmt: skip


@contextmanager
def _table_of(window: Window, step: Step | None, levels: Sequence[str]) -> Iterator[tuple[Any, str]]:
    """A connection and the name of the table on it; (None, "") where the lake has no such day."""
    described = HOUR_TABLE if step is Step.HOUR else DAY_TABLE
    lake = open_lake()
    files = lake.snapshot(described.name).of_days(window)
    if not files:
        yield None, ""
        return
    with connect() as con:
        if described is DAY_TABLE and kept_sums.LEVELS.issuperset(levels):
            yield con, arrow_table(con, _kept.table(lake, described, files)).get_name()
        else:
            yield con, _view_of(con, lake_table_of(con, lake, described.name, window))


def _view_of(con: Any, expression: Any) -> str:
    """A name for the rows of files of several forms; those of one form have one."""
    import ibis
    from ibis.expr.operations import DatabaseTable

    if isinstance(expression.op(), DatabaseTable):
        return str(expression.get_name())
    con.con.execute(f"CREATE TEMP VIEW rows_of_all_forms AS {ibis.to_sql(expression, dialect='duckdb')}")
    return "rows_of_all_forms"


_kept = kept_sums.KeptSums()


_NAMES = ("region_name", "site_name")
#: Words that stand nowhere at sites, regions and the federation.
_BELOW = ("service_type", "hostname", "metric", "function")
_NOWHERE = dict.fromkeys(PLACE, "")
_TREE = ("region_name", "region", "site_name", "site", "function", "service_type", "hostname", "metric")


def _figure(row: Mapping[str, Any]) -> Figure:
    return Figure(_place(row), row["date"], row.get("hour"), Seconds.of(row), Weighted.of(row))


def timelines(window: Window, *, report: str | None = None, **where: str) -> list[Period]:
    """The periods of services, flavours and sites in the window's days, in the order of the tree, then of time."""
    order = ("region_name", "site_name", "service_type", "hostname", "start")
    found = _read(TIMELINE_TABLE.name, window, {"report": report or default_report()} | where, order)
    return [Period(_place(row), row["start"], row["end"], state_of(row)) for row in found]


def _read(table: str, window: Window, where: Mapping[str, str], order: Sequence[str]) -> list[dict[str, Any]]:
    with opened(table, window, where) as expression:
        return [] if expression is None else rows(expression.order_by(list(order)))


@contextmanager
def opened(table: str, window: Window, where: Mapping[str, str | Sequence[str]]) -> Iterator[Any]:
    """The rows of the window's days for which that holds, as an Ibis table; None where the lake has no such file."""
    lake = open_lake()
    if not lake.files(table, window):
        yield None
        return
    with connect() as con:
        expression = lake_table_of(con, lake, table, window)
        days = list(window.days())
        expression = expression.filter((expression.date >= days[0]) & (expression.date <= days[-1]))
        for name, value in where.items():
            column = expression[name]
            expression = expression.filter(column == value if isinstance(value, str) else column.isin(list(value)))
        yield expression


def _place(row: Mapping[str, Any]) -> Place:
    # Files from before a column was there have nothing in it.
    return Place(**{name: row[name] or "" for name in PLACE})


@dataclass(frozen=True, slots=True)
class HoursOfDay:
    """Which hours of a day were good and which bad, a bit an hour, midnight's the lowest.

    good: no second CRITICAL and some second up; bad: some second CRITICAL. Of an hour that is neither nothing was
    known, or all of it was declared downtime.
    """

    place: Place
    day: date
    good: int
    bad: int


def hours_of_days(window: Window, *, level: str, report: str, **where: str | Sequence[str]) -> list[HoursOfDay]:
    """The hourly verdicts of each place and day (the seeds' binary site summary), in the order of the tree."""
    with opened(HOUR_TABLE.name, window, {"report": report, "level": level} | where) as table:
        if table is None:
            return []
        import ibis

        bit = ibis.literal(1) << table.hour.cast("int64")
        is_bad = table.critical_s > 0
        marked = table.mutate(bad_bit=is_bad.ifelse(bit, 0), good_bit=((table.up_s > 0) & ~is_bad).ifelse(bit, 0))
        found = rows(
            marked.group_by([*PLACE, "date"])
            .aggregate(good=marked.good_bit.sum(), bad=marked.bad_bit.sum())
            .order_by([*_TREE, "date"])
        )
    return [HoursOfDay(_place(row), row["date"], int(row["good"]), int(row["bad"])) for row in found]


def by_place(found: Iterable[Figure]) -> dict[Place, list[Figure]]:
    """The figures of each place, in order. A place that was renamed stands under its newest name."""
    newest = {_identity(figure.place): figure.place for figure in found}
    grouped: dict[Place, list[Figure]] = {place: [] for place in newest.values()}
    for figure in found:
        grouped[newest[_identity(figure.place)]].append(figure)
    return grouped


def _identity(place: Place) -> tuple[str, ...]:
    return tuple(getattr(place, name) for name in PLACE if name not in _NAMES)


def sums(found: Sequence[Figure]) -> dict[Place, Seconds]:
    """The figures of each place over all their periods together."""
    return {place: total([figure.seconds for figure in of_place]) for place, of_place in by_place(found).items()}


def default_report() -> str:
    """The report of the operations VO."""
    return str(settings.GRIDKEEPER.operations_vo)


def reports(day: date | None = None) -> list[str]:
    """The names of the reports of a day, default today: one for each VO among them, the operations VO's first."""
    return [report.name for report in definitions(day or timezone.now().astimezone(UTC).date())]


def definitions(day: date) -> list[ReportDefinition]:
    """The reports of a day, the operations VO's first. Two queries."""
    first = default_report()
    return sorted(InForce.on(day).reports(), key=lambda report: (report.name != first, report.name))


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
