"""A compacted day says the same as before, smaller; its runs are used only while they fit."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gridkeeper.bus import mover
from gridkeeper.bus.facts import connect, open_facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window
from gridkeeper.lake import compaction
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.store import open_lake
from gridkeeper.probes.ingest import submit
from tests.builders import NOW, a_result

pytestmark = pytest.mark.django_db
KEY = SeriesKey("ce.example.org", "CE", "CE-js", "dteam")
OTHER = SeriesKey("se.example.org", "SRM", "SRM-put", "")
YESTERDAY = NOW.date() - DAY
START = datetime.combine(YESTERDAY, time(), UTC)
HOUR = timedelta(hours=1)


def some_history(*statuses: Status, key: SeriesKey = KEY, step: timedelta = HOUR) -> list[Any]:
    """One result an hour from 00:00 of yesterday."""
    return [a_result(key, status=one, executed_at=START + step * n, summary=f"n {n}") for n, one in enumerate(statuses)]


def stored(results: list[Any]) -> None:
    submit(results, now=NOW)
    mover.move_all(open_lake())


def rows_of_day() -> list[dict[str, Any]]:
    with connect() as con:
        results = open_facts().results(con, Window.of_day(YESTERDAY)).order_by(["series", "executed_at", "seq"])
        return results.drop("seq").to_pyarrow().to_pylist()


def runs_of_day(day: date = YESTERDAY, validity: Validity | None = None) -> list[tuple[Any, ...]]:
    with connect() as con:
        runs = open_facts().runs(con, day, validity).order_by(["series", "start"]).to_pyarrow().to_pylist()
    return [(row["status"], row["start"], row["last_at"]) for row in runs]


def compact() -> list[date]:
    lake = open_lake()
    days = compaction.days_to_compact(lake, NOW)
    for day in days:
        compaction.compact_day(lake, day, Validity())
    return days


OK, WARNING, CRITICAL = Status.OK, Status.WARNING, Status.CRITICAL


def test_a_compacted_day_says_the_same() -> None:
    stored(some_history(OK, OK, CRITICAL) + some_history(WARNING, WARNING, key=OTHER))
    stored(some_history(OK, CRITICAL, key=OTHER))  # the same instants again: later-received
    before, runs = rows_of_day(), runs_of_day()
    assert compact() == [YESTERDAY]
    assert [row | {"fact": row["fact"] & 0xFFFFFFFF} for row in before] == rows_of_day()
    assert open_facts().has_settled_runs(YESTERDAY)
    assert runs_of_day() == runs
    assert compact() == []


def test_today_is_not_compacted() -> None:
    stored([a_result(KEY, executed_at=NOW)])
    assert compact() == []


def test_a_day_that_just_ended_is_left_open_for_its_last_results() -> None:
    stored([a_result(KEY, executed_at=START)])
    lake = open_lake()
    assert compaction.days_to_compact(lake, START + DAY + HOUR / 2) == []
    assert compaction.days_to_compact(lake, START + DAY + HOUR) == [YESTERDAY]


def test_a_late_result_puts_the_runs_out_of_use_until_the_day_is_compacted_again() -> None:
    stored(some_history(OK, OK, OK))
    compact()
    late = a_result(KEY, status=CRITICAL, executed_at=START + HOUR / 2)
    submit([late], now=NOW)
    expected = [
        (OK, START, START),
        (CRITICAL, START + HOUR / 2, START + HOUR / 2),
        (OK, START + HOUR, START + 2 * HOUR),
    ]
    assert runs_of_day() == expected  # while it is in the inbox
    mover.move_all(open_lake())
    assert runs_of_day() == expected  # and while the day is not compacted again
    assert not open_facts().has_settled_runs(YESTERDAY)
    assert compact() == [YESTERDAY]
    assert open_facts().has_settled_runs(YESTERDAY)
    assert runs_of_day() == expected


def test_a_crash_between_results_and_runs_costs_a_repetition_only(monkeypatch: pytest.MonkeyPatch) -> None:
    stored(some_history(OK, CRITICAL))
    runs = runs_of_day()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(compaction, "_write_runs", crash)
        with pytest.raises(KeyboardInterrupt):
            compact()
    assert runs_of_day() == runs
    assert compact() == [YESTERDAY]
    assert runs_of_day() == runs


def test_a_result_of_a_compacted_day_is_still_recognised() -> None:
    results = some_history(OK, CRITICAL, OK)
    stored(results)
    compact()
    before = rows_of_day()
    submit([*results, a_result(OTHER, executed_at=START)], now=NOW)
    moved = mover.move_all(open_lake())
    assert (moved.rows, moved.repeated) == (1, 0)  # known ones were kept out at once
    assert len(rows_of_day()) == len(before) + 1


def test_the_log_is_found_by_whole_and_by_short_fact() -> None:
    (result,) = some_history(CRITICAL)
    stored([result])
    compact()
    (fact,) = open_facts().history(KEY.series, Window.of_day(YESTERDAY))
    assert 0 <= fact.fact < 1 << 32
    for number, at in [(fact.fact, START), (fact.fact, None)]:
        log = open_facts().log(KEY.series, at, number)
        assert log is not None
        assert (log.id, log.summary) == (result.id, "n 0")
    assert open_facts().log(KEY.series, START, log.fact) == log
    assert open_facts().log(OTHER.series, START, log.fact) is None


def test_results_and_logs_expire_and_runs_stay() -> None:
    stored(some_history(OK, CRITICAL))
    compact()
    runs = runs_of_day()
    later = NOW + 100 * DAY
    assert compaction.expire(open_lake(), later, results_days=400, logs_days=90) == 1
    assert len(rows_of_day()) == 2
    assert (
        open_facts().log(KEY.series, None, open_facts().history(KEY.series, Window.of_day(YESTERDAY))[0].fact) is None
    )
    assert compaction.expire(open_lake(), NOW + 500 * DAY, results_days=400, logs_days=90) == 1
    assert rows_of_day() == []
    assert runs_of_day() == runs


def test_results_without_runs_do_not_expire() -> None:
    stored(some_history(OK))
    compaction.expire(open_lake(), NOW + 500 * DAY, results_days=400, logs_days=900)
    assert len(rows_of_day()) == 1


def test_vacuum_spares_what_readers_may_have_open() -> None:
    stored(some_history(OK))
    stored(some_history(OK, key=OTHER))
    old = open_lake().files("results")
    compact()
    assert compaction.vacuum(open_lake()) == 0
    assert compaction.vacuum(open_lake(), timedelta(0)) >= len(old)
    assert len(rows_of_day()) == 2


def test_small_files_are_joined() -> None:
    for minute in range(32):
        stored([a_result(KEY, executed_at=START + timedelta(minutes=minute))])
    before = rows_of_day()
    assert compaction.join_small_files(open_lake(), "results", YESTERDAY) == 32
    assert len(open_lake().files("results")) == 1
    assert rows_of_day() == before


@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=40), st.integers(1, 7))
def test_ranks_order_ties_by_receipt_across_batches(drawn: list[tuple[int, int]], size: int) -> None:
    import pyarrow as pa

    rows = sorted(drawn)
    at = pa.array([minute for _, minute in rows]).cast(pa.timestamp("us"))
    columns = {"series": [series for series, _ in rows], "executed_at": at, "seq": range(len(rows))}
    table = pa.table(columns)
    parts = [table.slice(start, size) for start in range(0, len(rows), size)]
    ranked = pa.concat_tables(compaction._ranked(parts)).column("seq").to_pylist()
    assert ranked == [compaction.FIRST_RANK + rows[:n].count(row) for n, row in enumerate(rows)]
