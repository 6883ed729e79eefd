"""What is kept of the lake's files is what they hold, however little may be kept."""

import pyarrow as pa
import pytest

from gridkeeper.availability.kept_sums import KeptSums
from gridkeeper.availability.tables import DAY_TABLE, PLACE
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake.store import open_lake
from tests.availability.days import DAY as D

pytestmark = pytest.mark.usefixtures("installation")
DAYS = [D, D + DAY, D + 2 * DAY]
WINDOW = Window(Window.of_day(DAYS[0]).start, Window.of_day(DAYS[-1]).end)


def a_row(day, level: str, up_s: int) -> dict[str, object]:
    empty = dict.fromkeys(DAY_TABLE.schema.names) | dict.fromkeys(PLACE, "")
    return empty | {"date": day, "report": "ops", "level": level, "total_s": 86_400, "up_s": up_s}


@pytest.mark.parametrize("most_bytes", [1, 10**6])
def test_days_are_read_once_and_again_when_they_are_replaced(most_bytes) -> None:
    lake, kept = open_lake(), KeptSums(most_bytes)

    def ups() -> list[tuple[object, object]]:
        table = kept.table(lake, DAY_TABLE, lake.snapshot(DAY_TABLE.name).of_days(WINDOW))
        assert table.schema.names == DAY_TABLE.schema.names
        return sorted(zip(table["date"].to_pylist(), table["up_s"].to_pylist(), strict=True))

    rows = [a_row(day, level, number) for number, day in enumerate(DAYS) for level in ("site", "metric")]
    lake.replace_days(DAY_TABLE.name, DAYS, pa.Table.from_pylist(rows, schema=DAY_TABLE.schema))
    # Only the sites: tests are many, and asked for a few at a time.
    assert ups() == ups() == [(day, number) for number, day in enumerate(DAYS)]
    again = pa.Table.from_pylist([a_row(D, "site", 7)], schema=DAY_TABLE.schema)
    lake.replace_days(DAY_TABLE.name, [D], again)
    assert ups() == [(DAYS[0], 7), (DAYS[1], 1), (DAYS[2], 2)]
