"""Runs of status: the relational expression says what going through the results one by one says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gridkeeper.lake import scan
from gridkeeper.lake.changes import status_runs
from gridkeeper.lake.tables import RESULTS

START = datetime(2026, 3, 9, tzinfo=UTC)
Row = tuple[int, int, int, bool]  # series, second, status, hard


def table(rows: list[Row]) -> pa.Table:
    columns = [
        {"date": START.date(), "series": series, "executed_at": START + timedelta(seconds=second), "seq": seq + 1}
        | {"status": status, "is_hard": is_hard, "duration_ms": 0, "fact": seq, "worker": ""}
        for seq, (series, second, status, is_hard) in enumerate(rows)
    ]
    return pa.Table.from_pylist(columns, RESULTS.schema)


def runs(rows: list[Row], validity: Any) -> list[tuple[int, int, int, int]]:
    with scan.connect() as con:
        if isinstance(validity, dict):
            columns = {"series": list(validity), "validity_s": list(validity.values())}
            validity = scan.arrow_table(con, pa.table(columns))
        found = scan.rows(status_runs(scan.arrow_table(con, table(rows)), validity).order_by(["series", "start"]))
    return [(row["series"], row["status"], _second(row["start"]), _second(row["last_at"])) for row in found]


def _second(moment: datetime) -> int:
    return int((moment - START).total_seconds())


def naive(rows: list[Row], validity_s: int) -> list[tuple[int, int, int, int]]:
    found = []
    for series in sorted({row[0] for row in rows}):
        by_second = {second: status for one, second, status, is_hard in rows if one == series and is_hard}
        for second, status in sorted(by_second.items()):
            last = found[-1] if found and found[-1][0] == series else None
            if last and last[1] == status and second - last[3] <= validity_s:
                found[-1] = (series, status, last[2], second)
            else:
                found.append((series, status, second, second))
    return found


@pytest.mark.parametrize(
    ("rows", "validity", "expected"),
    [
        ([], 60, []),
        ([(1, 0, 0, True), (1, 10, 0, True), (1, 20, 2, True)], 60, [(1, 0, 0, 10), (1, 2, 20, 20)]),
        ([(1, 0, 0, True), (1, 10, 2, False), (1, 20, 0, True)], 60, [(1, 0, 0, 20)]),  # soft ones change nothing
        ([(1, 0, 0, True), (1, 60, 0, True), (1, 121, 0, True)], 60, [(1, 0, 0, 60), (1, 0, 121, 121)]),  # a gap
        ([(1, 5, 0, True), (1, 5, 2, True), (1, 9, 2, True)], 60, [(1, 2, 5, 9)]),  # later-received wins
        (
            [(1, 0, 0, True), (1, 9, 0, True), (2, 0, 0, True), (2, 9, 0, True)],
            {1: 5},
            [(1, 0, 0, 0), (1, 0, 9, 9), (2, 0, 0, 9)],
        ),
    ],
)  # fmt: skip
def test_runs(rows: list[Row], validity: Any, expected: list[Any]) -> None:
    assert runs(rows, validity) == expected


drawn = st.tuples(st.integers(1, 2), st.integers(0, 12), st.integers(0, 2), st.booleans())


@settings(max_examples=40, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(drawn, max_size=25), st.integers(1, 5))
def test_runs_are_what_going_through_the_results_gives(rows: list[Row], validity_s: int) -> None:
    assert runs(rows, validity_s) == naive(rows, validity_s)
