"""What recomputations did change: the figures of sites before and after, noted while days are computed."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from gridkeeper.availability.levels import MEASURES
from gridkeeper.availability.models import DayMark, Recomputation, RecomputationState
from gridkeeper.availability.recomputations import queries
from gridkeeper.availability.recomputations.rules import Change
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.tables import DAY_TABLE
from gridkeeper.availability.tree import Path
from gridkeeper.core.windows import Window
from gridkeeper.lake.store import open_lake
from gridkeeper.people.actor import Actor, recording

#: Site-days that are kept of one recomputation; more are counted.
MOST = 1000

#: (report, day, region, site): its name, its seconds.
SiteDays = Mapping[tuple[str, str, str, str], tuple[str, Seconds]]


def site_days(figures: Sequence[pa.Table]) -> SiteDays:
    """The sites' figures of a day from rows of DAY_TABLE."""
    found = {}
    for table in figures:
        sites = table.filter(pc.equal(table.column("level"), "site"))
        names = ["report", "date", "region", "site", "site_name", *MEASURES]
        for row in sites.select(names).to_pylist():
            place = (row["report"], row["date"].isoformat(), row["region"], row["site"])
            found[place] = (row["site_name"], Seconds.of(row))
    return found


def changed(before: SiteDays, after: SiteDays) -> list[dict[str, Any]]:
    """The site-days whose seconds differ, in the order of days and sites.

    {"report", "day", "region", "site", "site_name", "before", "after"}: the last two as `figure`, or null
    """
    places = sorted({*before, *after}, key=lambda place: (place[1], place[0], place[2:]))
    rows = []
    for place in places:
        was, now = before.get(place), after.get(place)
        if (was and was[1]) == (now and now[1]):
            continue
        words: dict[str, Any] = dict(zip(("report", "day", "region", "site"), place, strict=True))
        name = (now or was or ("",))[0]
        rows.append(words | {"site_name": name, "before": was and figure(was[1]), "after": now and figure(now[1])})
    return rows


def figure(seconds: Seconds) -> dict[str, Any]:
    """Per cent as text (null: not computable), and the seconds that make them."""
    percents = {name: seconds.value(name) for name in ("availability", "reliability")}
    texts = {name: None if value is None else str(value) for name, value in percents.items()}
    return texts | {name: getattr(seconds, name) for name in MEASURES}


def summed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What is kept of changed site-days: how many, and the first of them."""
    return {"site_days": len(rows), "changes": list(rows[:MOST])}


class Watch:
    """The figures that stood there before, for the recomputations that are applied for the first time."""

    def __init__(self, rows: Sequence[Recomputation], before: SiteDays) -> None:
        self._rows = rows
        self._before = before

    def see(self, figures: Sequence[pa.Table]) -> None:
        """Notes what became of them."""
        if not self._rows:
            return
        found = changed(self._before, site_days(figures))
        for row in self._rows:
            own = [each for each in found if _may_be_of(queries.change_of(row), each)]
            earlier = row.effects.get("changes", [])
            places = {_place(each) for each in own}
            kept = [each for each in earlier if _place(each) not in places]
            row.effects = summed(sorted([*kept, *own], key=_place))
            # What follows from a decision is no change of it: the history has decisions only.
            Recomputation.objects.filter(pk=row.pk).update(effects=row.effects)


def _place(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["day"], row["report"], row["region"], row["site"])


def _may_be_of(change: Change, row: Mapping[str, Any]) -> bool:
    """A change of a site-day that the recomputation reaches; others changed for other reasons."""
    groups = getattr(change.said, "groups", ())
    path = Path(row["report"], row["region"], row["site"])
    is_near = change.days_window.is_overlapping(Window.of_day(date.fromisoformat(row["day"])))
    return is_near and change.is_for(path.report) and (not groups or bool({path.site, row["site_name"]} & set(groups)))


@contextmanager
def watching(window: Window, days: Sequence[date], now: datetime) -> Iterator[Watch]:
    """To be held while the days' figures are replaced."""
    rows = [row for row in queries.in_force(window) if row.state == RecomputationState.APPROVED]
    yield Watch(rows, _stored(days) if rows else {})


def _stored(days: Sequence[date]) -> SiteDays:
    lake = open_lake()
    snapshot = lake.snapshot(DAY_TABLE.name)
    tables = []
    for day in days:
        rows = lake.read(DAY_TABLE.name, snapshot.of_days(Window.of_day(day)), pc.field("level") == "site")
        tables.append(rows.append_column("date", pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)))
    return site_days(tables)


def settle(now: datetime) -> None:
    """Approved ones become applied when every day of theirs that has figures was computed since."""
    for row in Recomputation.objects.filter(state=RecomputationState.APPROVED):
        window = queries.change_of(row).days_window
        last = min(window.end, now).date()
        days = DayMark.objects.filter(day__gte=window.start.date(), day__lte=last).exclude(computed_at=None)
        is_over = row.end <= now
        if is_over and not days.filter(computed_at__lt=row.decided_at).exists():
            _apply(row)


def _apply(row: Recomputation) -> None:
    with transaction.atomic(), recording(Actor.system(), "every day of it was computed"):
        fresh = Recomputation.objects.select_for_update().get(pk=row.pk)  # it may be reverted at this moment
        if fresh.state == RecomputationState.APPROVED:
            fresh.state = RecomputationState.APPLIED
            fresh.save(update_fields=["state"])
