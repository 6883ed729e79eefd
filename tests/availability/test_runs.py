"""The lake's change points equal the ones made one result after the other, which the plan's tests build on."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.lake.changes import status_runs
from gridkeeper.lake.scan import arrow_table, connect, rows
from gridkeeper.lake.tables import RESULTS
from tests.availability.days import DAY, at, runs_of
from tests.availability.reference import Heard

_MOMENTS = st.one_of(st.sampled_from([0, 60, 119, 120, 3600, 7200, 7201, 86_399]), st.integers(0, 86_399))


def _status_runs(results: list[Heard], validity_s: dict[int, int]) -> list[tuple[object, ...]]:
    lines = [
        {"date": DAY, "series": r.series, "executed_at": r.executed_at, "seq": r.seq, "status": r.status.value,
         "is_hard": True, "duration_ms": 1, "fact": r.seq, "worker": "w"}
        for r in results
    ]  # fmt: skip
    with connect() as con:
        table = arrow_table(con, pa.Table.from_pylist(lines, schema=RESULTS.schema))
        validity = pa.table({"series": list(validity_s), "validity_s": list(validity_s.values())})
        found = rows(status_runs(table, arrow_table(con, validity)))
    return sorted((run["series"], run["start"], run["last_at"], run["status"]) for run in found)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), _MOMENTS, st.sampled_from(RESULT_STATUSES[:2])), max_size=20),
    st.fixed_dictionaries({number: st.sampled_from([60, 7200, 86_400, 200_000]) for number in (1, 2, 3)}),
)
def test_change_points_equal_those_made_one_by_one(heard, validity_s) -> None:
    results = [Heard(series, at(second), status, seq) for seq, (series, second, status) in enumerate(heard)]
    expected = [(run["series"], run["start"], run["last_at"], run["status"]) for run in runs_of(results, validity_s)]
    assert _status_runs(results, validity_s) == sorted(expected)
