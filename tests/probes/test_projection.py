"""The projection equals what the facts say: in any order of arrival, in any batches, with any repeats."""

import shutil
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gridkeeper.bus import inbox, mover
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.lake.store import open_lake
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.rebuild import rebuild_status
from gridkeeper.probes.results import Result
from tests.builders import NOW

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = [SeriesKey("ce.example.org", "CE", "CE-js", vo) for vo in ("dteam", "lhcb")]
#: Each example costs a third of a second; making a failure smaller would cost minutes.
EXAMPLES = 40
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
observations = st.lists(
    st.tuples(
        st.integers(0, 1),  # series
        st.integers(0, 8),  # minutes; few, so that instants collide
        st.sampled_from([Status.OK, Status.WARNING, Status.CRITICAL]),
        st.booleans(),  # hard
    ),
    min_size=1,
    max_size=14,
)
#: After each batch: nothing, move it to the lake, or send it a second time.
deeds = st.lists(st.sampled_from(["", "move", "again"]), min_size=14, max_size=14)


def results_of(drawn: list[tuple[int, int, Status, bool]]) -> list[Result]:
    return [
        Result(
            id=f"r{number}",
            key=KEYS[series],
            status=status,
            executed_at=NOW + timedelta(minutes=minute),
            is_hard=is_hard,
            summary=f"said {number}",
            worker="w1",
        )
        for number, (series, minute, status, is_hard) in enumerate(drawn)
    ]


def projected() -> list[dict[str, Any]]:
    return list(LatestStatus.objects.order_by("series").values())


def differences(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Any]:
    """What differs, by series and column."""
    if [row["series"] for row in before] != [row["series"] for row in after]:
        return [before, after]
    pairs = zip(before, after, strict=True)
    return [(name, old[name], new[name]) for old, new in pairs for name in old if old[name] != new[name]]


def start_anew() -> None:
    LatestStatus.objects.all().delete()
    inbox.InboxBatch.objects.all().delete()
    inbox.renew_identity()
    shutil.rmtree(open_lake().root, ignore_errors=True)


@settings(max_examples=EXAMPLES, deadline=None, phases=WITHOUT_SHRINKING)
@given(observations, st.lists(st.integers(1, 5), min_size=14, max_size=14), deeds)
def test_rebuilding_changes_nothing(drawn: Any, sizes: list[int], then: list[str]) -> None:
    start_anew()
    waiting = results_of(drawn)
    while waiting:
        size, deed = sizes[len(waiting) - 1], then[len(waiting) - 1]
        batch, waiting = waiting[:size], waiting[size:]
        submit(batch, now=NOW)
        if deed == "move":
            mover.move_all(open_lake())
        elif deed == "again":
            submit(batch, now=NOW)
    incremental = projected()
    rebuild_status()
    assert differences(incremental, projected()) == []
    mover.move_all(open_lake())
    rebuild_status()
    assert differences(incremental, projected()) == []


def naive(results: list[Result]) -> dict[int, tuple[Status, Status, Any]]:
    """Status, hard status and its beginning of each series, by going through its results in order."""
    found = {}
    in_order = sorted(enumerate(results), key=lambda pair: (pair[1].executed_at, pair[0]))
    for series in {result.key.series for result in results}:
        own = [result for _, result in in_order if result.key.series == series]
        hard = {result.executed_at: result.status for result in own if result.is_hard}
        status, since = Status.MISSING, own[0].executed_at
        for at, one in hard.items():
            status, since = (status, since) if one == status else (one, at)
        found[series] = (own[-1].status, status, since)
    return found


@settings(max_examples=EXAMPLES, deadline=None, phases=WITHOUT_SHRINKING)
@given(observations, st.lists(st.integers(1, 5), min_size=14, max_size=14))
def test_the_projection_is_what_going_through_the_results_gives(drawn: Any, sizes: list[int]) -> None:
    start_anew()
    results = results_of(drawn)
    waiting = list(results)
    while waiting:
        size = sizes[len(waiting) - 1]
        submit(waiting[:size], now=NOW)
        waiting = waiting[size:]
    rows = {row["series"]: (row["status"], row["hard_status"], row["hard_since"]) for row in projected()}
    assert rows == naive(results)


def test_a_batch_that_fails_leaves_no_trace() -> None:
    def submit_and_fail() -> None:
        with transaction.atomic():
            submit(results_of([(0, 0, Status.OK, True)]), now=NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        submit_and_fail()
    assert not projected()
    assert inbox.backlog("results").batches == 0


def test_a_repeated_id_that_says_something_else_is_set_right_at_the_move() -> None:
    first, second = results_of([(0, 0, Status.OK, True), (0, 1, Status.WARNING, True)])
    submit([first], now=NOW)
    submit([second], now=NOW)
    other = Result(id=first.id, key=first.key, status=Status.CRITICAL, executed_at=NOW + timedelta(minutes=5))
    submit([other], now=NOW)
    assert projected()[0]["hard_status"] == Status.CRITICAL
    assert mover.move_all(open_lake()).repeated == 1
    assert projected()[0]["hard_status"] == Status.WARNING
