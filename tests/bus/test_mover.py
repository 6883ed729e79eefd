"""The mover brings each batch to the lake once, whatever it is interrupted at."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from gridkeeper.bus import inbox, mover
from gridkeeper.bus.facts import connect, open_facts
from gridkeeper.bus.locks import only_one
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.lake.store import Lake, open_lake
from gridkeeper.probes.ingest import submit
from tests.builders import NOW, a_result

pytestmark = pytest.mark.django_db
KEYS = [SeriesKey(f"ce{number}.example.org", "CE", "CE-js", "") for number in range(3)]
WINDOW = Window(NOW, NOW + timedelta(days=1))


class Crash(BaseException):
    """Stands for SIGKILL: nothing may catch it."""


def ids_in_lake() -> Counter[str]:
    with connect() as con:
        return Counter(row["id"] for row in scan.rows(scan.lake_table_of(con, open_lake(), "logs").select("id")))


def visible() -> int:
    with connect() as con:
        return int(open_facts().results(con, WINDOW).count().to_pyarrow().as_py())


def some_batches(number: int) -> list[str]:
    names = []
    for batch in range(number):
        at = NOW + timedelta(minutes=batch)
        results = [a_result(key, id=f"b{batch}-{key.hostname}", executed_at=at) for key in KEYS]
        submit(results, now=NOW)
        names += [result.id for result in results]
    return names


@pytest.mark.parametrize("table", ["series", "logs", "results", "inbox"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_any_step_is_made_good(monkeypatch: pytest.MonkeyPatch, table: str, when: str) -> None:
    names = some_batches(3)
    append, discard = Lake.append, inbox.discard

    def crashing_append(self: Lake, name: str, *args: Any, **options: Any) -> None:
        if name == table and when == "before":
            raise Crash
        append(self, name, *args, **options)
        if name == table:
            raise Crash

    def crashing_discard(name: str, *, up_to: int) -> int:
        if up_to and table == "inbox" and when == "before":
            raise Crash
        count = discard(name, up_to=up_to)
        if up_to and table == "inbox":
            raise Crash
        return count

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "append", crashing_append)
        patched.setattr(inbox, "discard", crashing_discard)
        with pytest.raises(Crash):
            mover.move(open_lake())
    assert visible() == len(names)
    some_batches(1)  # the first one again, as a client does that got no answer
    mover.move_all(open_lake())
    assert ids_in_lake() == Counter(names)
    assert visible() == len(names)
    assert len(open_lake().read("series", open_lake().snapshot("series").files)) >= len(KEYS)
    assert open_facts().series().num_rows == len(KEYS)
    assert inbox.backlog("results").batches == 0


def test_several_batches_make_one_commit() -> None:
    some_batches(4)
    assert mover.move(open_lake()).batches == 4
    assert len(open_lake().files("results")) == 1


def test_whole_batches_are_moved_up_to_a_number_of_rows() -> None:
    some_batches(4)
    assert mover.move(open_lake(), most_rows=4).batches == 2
    assert inbox.backlog("results").batches == 2


def test_a_second_mover_does_nothing_meanwhile() -> None:
    some_batches(1)
    with only_one(mover.WRITER_LOCK) as is_mine:
        assert is_mine
        assert mover.move(open_lake()).batches == 0
    assert mover.move(open_lake()).batches == 1


def test_an_id_is_taken_once_within_a_batch_and_between_batches() -> None:
    first = a_result(KEYS[0], id="x", executed_at=NOW)
    receipt = submit([first, a_result(KEYS[0], id="x", executed_at=NOW + timedelta(minutes=1))], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    submit([a_result(KEYS[0], id="y", executed_at=NOW + timedelta(minutes=2))], now=NOW)
    submit([a_result(KEYS[0], id="x", executed_at=NOW + timedelta(minutes=3))], now=NOW)
    assert visible() == 2
    assert mover.move_all(open_lake()).repeated == 1
    assert [fact.executed_at for fact in open_facts().history(KEYS[0].series, WINDOW)] == [
        NOW + timedelta(minutes=2),
        NOW,
    ]


def test_the_same_id_in_another_series_is_another_fact() -> None:
    submit([a_result(key, id="x", executed_at=NOW) for key in KEYS], now=NOW)
    assert mover.move_all(open_lake()).rows == len(KEYS)


def test_a_new_database_on_an_old_lake_loses_nothing() -> None:
    some_batches(2)
    mover.move_all(open_lake())
    inbox.renew_identity()  # as a restore does, whose batch ids begin lower
    inbox.InboxBatch.objects.all().delete()
    submit([a_result(KEYS[0], id="new", executed_at=NOW + timedelta(hours=1))], now=NOW)
    assert mover.move_all(open_lake()).rows == 1
    assert visible() == 7


def test_it_moves_when_enough_waits_or_long_enough() -> None:
    assert not mover.is_due(NOW)
    some_batches(1)
    assert not mover.is_due(NOW + timedelta(seconds=1))
    assert mover.is_due(NOW + timedelta(seconds=20))


def test_a_batch_has_bounds() -> None:
    with pytest.raises(inbox.InboxError, match="1 to"):
        inbox.put("results", inbox.RESULTS_SCHEMA.empty_table(), NOW)
    with pytest.raises(inbox.InboxError, match="takes no batches"):
        inbox.put("jobs", inbox.RESULTS_SCHEMA.empty_table(), NOW)


def test_nothing_is_a_batch_of_nothing() -> None:
    assert submit([], now=NOW).batch is None
