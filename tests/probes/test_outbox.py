"""Results that wait for a database which is busy, away, or refuses one of them."""

import asyncio

import pytest
from django.db import DataError, OperationalError

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes import outbox
from gridkeeper.probes.outbox import Outbox
from tests.builders import a_result


def results(count):
    return [a_result(SeriesKey("ce.example.org", "CE", f"t{number}"), id=str(number)) for number in range(count)]


class Database:
    """Takes batches but for the ids that it refuses; fails as often as it is told."""

    def __init__(self, refused=(), error=DataError, failures=()):
        self.taken, self._refused, self._error, self._failures = [], set(refused), error, list(failures)

    async def store(self, batch):
        if self._failures:
            raise self._failures.pop(0)
        if any(result.id in self._refused for result in batch):
            raise self._error("no")
        self.taken += [result.id for result in batch]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(outbox, "_PAUSE_S", 0)


def _flushed(database, count, times=1):
    async def main():
        box = Outbox(database.store)
        for result in results(count):
            box.add(result)
        for _ in range(times):
            await box.flush()
        return box

    return asyncio.run(main())


def test_what_waits_is_stored_in_order():
    database = Database()
    box = _flushed(database, 6000)
    assert database.taken == [str(number) for number in range(6000)]
    assert (len(box), box.stored) == (0, 6000)


@pytest.mark.parametrize("error", [DataError, ValueError, OverflowError, UnicodeError])
def test_a_result_that_is_refused_is_dropped_alone_and_logged(error, caplog):
    database = Database(refused=["7", "8", "99"], error=error)
    box = _flushed(database, 100)
    assert database.taken == [str(number) for number in range(100) if number not in (7, 8, 99)]
    assert len(box) == 0
    assert len([record for record in caplog.records if "is dropped" in record.getMessage()]) == 3


@pytest.mark.parametrize("error", [OperationalError("locked"), OSError("away"), RuntimeError("odd")])
def test_while_the_database_is_away_the_results_stay(error):
    database = Database(failures=[error, error])
    box = _flushed(database, 10)
    assert (len(box), database.taken) == (10, [])
    asyncio.run(_again(box, times=2))
    assert database.taken == [str(number) for number in range(10)]


async def _again(box, times):
    for _ in range(times):
        await box.flush()


def test_what_comes_while_a_batch_is_stored_waits_for_the_next():
    more, sizes = results(3), []

    async def store(batch):
        sizes.append(len(batch))
        if more:
            box.add(more.pop())

    async def main():
        await box.flush()
        return len(box)

    box = Outbox(store)
    box.add(more.pop())
    assert (asyncio.run(main()), sizes) == (1, [1])
