"""Tables of the lake: atomic appends with a transaction version, replaced days, files by day."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import connect, lake_table_of, rows
from gridkeeper.lake.store import Lake, LakeError, open_lake
from gridkeeper.lake.tables import UnknownTableError, lake_table, register_table

DAYS = [date(2026, 3, day) for day in range(1, 5)]
SCHEMA = pa.schema([("date", pa.date32()), ("site", pa.string()), ("up_s", pa.int64())])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    register_table("figures", SCHEMA)
    return Lake(str(tmp_path), {})


def figures(*rows: tuple[date, str, int]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], SCHEMA)


def stored(lake: Lake) -> list[Any]:
    snapshot = lake.snapshot("figures")
    found = [(file.day, row) for file in snapshot.files for row in lake.read("figures", [file]).to_pylist()]
    return sorted((day, row["site"], row["up_s"]) for day, row in found)


def test_an_empty_lake_has_no_files(lake: Lake) -> None:
    assert lake.files("figures") == []
    assert lake.transaction_version("figures", "app") is None
    assert lake.read("figures", []).num_rows == 0


def test_an_append_is_one_commit_with_its_number(lake: Lake) -> None:
    lake.append("figures", figures((DAYS[0], "A", 1), (DAYS[1], "A", 2)), txn=("app", 7))
    snapshot = lake.snapshot("figures")
    assert (snapshot.version, len(snapshot.files)) == (1, 2)
    assert snapshot.transaction_version("app") == 7
    assert snapshot.transaction_version("other") is None
    lake.append("figures", figures(), txn=("app", 9))
    assert lake.transaction_version("figures", "app") == 9
    assert stored(lake) == [(DAYS[0], "A", 1), (DAYS[1], "A", 2)]


def test_files_of_before_a_column_was_added_are_read_with_those_of_after(lake: Lake) -> None:
    lake.append("figures", figures((DAYS[0], "A", 1)))
    wider = pa.schema([*SCHEMA, ("function", pa.string()), ("weight", pa.float64())])
    register_table("figures", wider, added=(("function", "weight"),))
    new = {"date": DAYS[1], "site": "B", "up_s": 2, "function": "compute", "weight": 1.5}
    lake.append("figures", pa.Table.from_pylist([new], wider))
    with connect() as con:
        found = rows(lake_table_of(con, lake, "figures").order_by("date"))
        old = rows(lake_table_of(con, lake, "figures", Window.of_day(DAYS[0])))
    assert found == [{"date": DAYS[0], "site": "A", "up_s": 1, "function": "", "weight": None}, new]
    assert old == found[:1]
    both = lake.read("figures", lake.snapshot("figures").files)
    assert sorted(both.column("function").to_pylist()) == ["", "compute"]
    assert sorted(both.column("weight").to_pylist(), key=str) == [1.5, None]
    assert {column.name for column in lake.snapshot("figures").delta.schema().fields} == set(wider.names)
    lake.replace_days("figures", DAYS[:1], pa.Table.from_pylist([new | {"date": DAYS[0]}], wider))
    with connect() as con:
        assert {row["function"] for row in rows(lake_table_of(con, lake, "figures"))} == {"compute"}


def test_files_are_found_by_day(lake: Lake) -> None:
    lake.append("figures", figures(*((day, "A", 1) for day in DAYS)))
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert [Path(file).parent.name for file in lake.files("figures", Window(noon, noon + timedelta(hours=1)))] == [
        "date=2026-03-02"
    ]
    assert len(lake.files("figures", Window(noon, noon + timedelta(hours=12)))) == 1  # half-open at midnight
    assert len(lake.files("figures", Window(noon, noon + timedelta(hours=13)))) == 2
    assert lake.files("figures", Window(noon, noon)) == []


def test_days_are_replaced_as_one(lake: Lake) -> None:
    lake.append("figures", figures(*((day, "A", 1) for day in DAYS)))
    before = lake.snapshot("figures").version
    lake.replace_days("figures", DAYS[:2], figures((DAYS[0], "B", 2)))
    assert lake.snapshot("figures").version == before + 1
    assert stored(lake) == [(DAYS[0], "B", 2), (DAYS[2], "A", 1), (DAYS[3], "A", 1)]


def test_words_that_come_with_dictionaries_are_read_as_text(lake: Lake) -> None:
    rows = figures((DAYS[0], "A", 1), (DAYS[1], "B", 2), (DAYS[1], "A", 3))
    encoded = rows.set_column(1, "site", rows.column("site").dictionary_encode())
    lake.replace_days("figures", DAYS[:2], encoded)
    assert stored(lake) == [(DAYS[0], "A", 1), (DAYS[1], "A", 3), (DAYS[1], "B", 2)]
    file = lake.snapshot("figures").files[0].uri
    assert pq.read_schema(file).field("site").type == pa.string()
    with connect() as con:
        assert lake_table_of(con, lake, "figures").site.to_pyarrow().type == pa.string()


def test_rows_of_other_days_are_not_smuggled_in(lake: Lake) -> None:
    with pytest.raises(LakeError, match="2026-03-02"):
        lake.replace_days("figures", DAYS[:1], figures((DAYS[1], "B", 2)))
    assert stored(lake) == []


def test_a_snapshot_does_not_change_under_its_reader(lake: Lake) -> None:
    lake.append("figures", figures((DAYS[0], "A", 1)))
    snapshot = lake.snapshot("figures")
    lake.replace_days("figures", DAYS[:1], figures((DAYS[0], "B", 2)))
    lake.vacuum("figures", timedelta(hours=1))
    assert lake.read("figures", snapshot.files).column("site").to_pylist() == ["A"]


def test_a_row_without_a_day_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match="no date"):
        lake.append("figures", pa.table({"date": pa.array([None], pa.date32()), "site": ["A"], "up_s": [1]}))


def test_unknown_tables_are_named() -> None:
    with pytest.raises(UnknownTableError, match="results"):
        lake_table("nonsense")
    with pytest.raises(ValueError, match="none of its columns"):
        register_table("wrong", SCHEMA, "day")


def test_a_relative_lake_is_of_this_folder(settings: Any) -> None:
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"lake_url": "some/lake"})
    assert open_lake().root == str(Path.cwd() / "some/lake")
