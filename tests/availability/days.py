"""Small days for the plan: trees, results and their judgement by the plan, as plain Python values."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from gridkeeper.availability.judge import Rules, judge
from gridkeeper.availability.levels import MEASURES, WITH_TIMELINES, Level
from gridkeeper.availability.operations import Operations
from gridkeeper.availability.relations import provide
from gridkeeper.availability.tree import Excuse, Expected, Path, Tree
from gridkeeper.lake.scan import arrow_table, connect, rows
from tests.availability.reference import Figures, Heard, Setting, Timeline

DAY = date(2026, 3, 10)
MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
DAY_S = 86_400
RUNS = pa.schema(
    [
        ("series", pa.int64()),
        ("status", pa.int8()),
        ("start", pa.timestamp("us", "UTC")),
        ("last_at", pa.timestamp("us", "UTC")),
        ("seq", pa.int64()),
    ]
)


def at(seconds: float) -> datetime:
    """The instant so many seconds after the day's midnight; negative: the day before."""
    return MIDNIGHT + timedelta(seconds=seconds)


def runs_of(results: list[Heard], validity_s: Mapping[int, int]) -> list[dict[str, object]]:
    """Change points of each series and UTC day, one result after the other."""
    # At the same instant the later-received wins.
    kept = {(r.series, r.executed_at): r for r in sorted(results, key=lambda r: r.seq)}
    runs: list[dict[str, object]] = []
    for heard in sorted(kept.values(), key=lambda r: (r.series, r.executed_at)):
        last = runs[-1] if runs else None
        gap = timedelta(seconds=validity_s.get(heard.series, DAY_S))
        is_going_on = (
            last is not None
            and last["series"] == heard.series
            and last["status"] == heard.status
            and last["last_at"].date() == heard.executed_at.date()  # type: ignore[attr-defined]
            and heard.executed_at - last["last_at"] <= gap  # type: ignore[operator]
        )
        if last and is_going_on:
            last["last_at"] = heard.executed_at
        else:
            new = {"series": heard.series, "status": heard.status.value, "start": heard.executed_at}
            runs.append(new | {"last_at": heard.executed_at, "seq": heard.seq})
    return runs


class Judged:
    """A day as the plan judges it."""

    def __init__(
        self,
        expected: list[Expected],
        results: list[Heard],
        excuses: list[Excuse] | None = None,
        length_s: int = DAY_S,
        setting: Setting | None = None,
    ) -> None:
        setting = setting or Setting()
        operations = Operations.of("tested", setting.profile)
        tree = a_tree(expected, excuses or [], setting)
        validity = {line.series: line.validity_s for line in expected}
        with connect() as con:
            runs = arrow_table(con, pa.Table.from_pylist(runs_of(results, validity), schema=RUNS))
            provide(con, tree, runs, DAY)
            judged = judge(con, Rules(length_s, operations, setting.mode))
            names = {number: path for path, number in tree.numbers.items()}
            self.timelines: dict[Path, Timeline] = {}
            for level in WITH_TIMELINES:
                for row in sorted(rows(judged.timelines[level]), key=lambda r: (r["node"], r["start_s"])):
                    period = (row["start_s"], row["end_s"], operations.state(row["status"]))
                    self.timelines.setdefault(names[row["node"]], []).append(period)
            found = {names[row["node"]]: row for row in rows(judged.figures)}
            self.figures = {path: _measures(row) for path, row in found.items()}
            self.weights = {path: row["weight"] for path, row in found.items()}
            self.weighted = {
                path: {name: row[f"weighted_{name}"] for name in MEASURES}
                for path, row in found.items() if path.level in (Level.REGION, Level.FEDERATION)
            }  # fmt: skip
            self.hours = {(names[row["node"]], row["hour"]): _measures(row) for row in rows(judged.hours)}


def a_tree(expected: list[Expected], excuses: list[Excuse], setting: Setting) -> Tree:
    tree = Tree(
        excuses=excuses, functions=setting.functions, combinations=setting.combinations, weights=setting.weights,
        overrides=setting.overrides,
    )  # fmt: skip
    for line in expected:
        tree.expect(line)
    return tree


def _measures(row: Mapping[str, Any]) -> Figures:
    return {name: row[name] for name in MEASURES}
