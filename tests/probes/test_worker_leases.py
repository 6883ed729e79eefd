"""Leases, the roster, signs of life that are replayed, reordered or doubled."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.models import WorkerState
from gridkeeper.probes.wire import VERSION, Beat
from gridkeeper.probes.worker_leases import Leases
from gridkeeper.probes.worker_roster import Roster


def test_a_lease_ends_when_nobody_renews_it():
    leases = Leases(10)
    leases.grant("w1", 0)
    leases.grant("w2", 0)
    leases.grant("w1", 8)
    assert leases.expired(9) == []
    assert leases.expired(10) == ["w2"]
    leases.end("w2")
    assert leases.expired(17) == []
    assert leases.expired(18) == ["w1"]


def test_none_ends_while_we_are_cut_off_ourselves_and_all_begin_anew_after():
    leases = Leases(10)
    leases.grant("w1", 0)
    leases.pause()
    assert leases.expired(1000) == []
    leases.resume(1000)
    assert leases.expired(1009) == []
    assert leases.expired(1010) == ["w1"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 100), st.floats(0.1, 50)), max_size=30))
def test_a_renewal_never_shortens(grants):
    leases, until = Leases(5), {}
    for key, now_s, lease_s in grants:
        leases.grant(key, now_s, lease_s)
        until[key] = max(until.get(key, 0), now_s + lease_s)
    for key, end_s in until.items():
        assert key not in leases.expired(end_s - 0.001)
        assert key in leases.expired(end_s)


def a_beat(number=1, *, worker="w1", boot="b1", **fields) -> Beat:
    return Beat(version=VERSION, worker=worker, boot=boot, number=number, **{"public_key": "key"} | fields)


def _ready(roster: Roster, name: str = "w1"):
    roster.member(name).is_ready = True
    return [one.name for one in roster.candidates()]


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
def test_signs_of_life_that_were_overtaken_or_repeated_change_nothing(order):
    roster = Roster()
    for number in (*order, *order):
        roster.hear(a_beat(number, done=number))
    assert roster.member("w1").beat.done == 3


def test_signs_of_an_earlier_start_are_no_restart():
    roster = Roster()
    roster.hear(a_beat(5))
    assert roster.hear(a_beat(1, boot="b2")).has_restarted
    assert not roster.hear(a_beat(6, boot="b1")).is_fresh
    assert roster.member("w1").beat.boot == "b2"


def test_a_worker_with_another_key_is_given_nothing_and_the_reason_is_noted():
    roster = Roster()
    roster.hear(a_beat(1))
    assert _ready(roster) == ["w1"]
    roster.changes()
    roster.hear(a_beat(1, boot="b2", public_key="stranger"))
    assert _ready(roster) == []
    ((name, state, reason),) = roster.changes()
    assert (name, state) == ("w1", WorkerState.SUSPECT)
    assert "another key" in reason
    roster.hear(a_beat(2, boot="b3"))
    assert _ready(roster) == ["w1"]


@pytest.mark.parametrize("fields", [{"trouble": "the disk is full"}, {"is_leaving": True}])
def test_who_cannot_work_is_given_nothing(fields):
    roster = Roster()
    roster.hear(a_beat(1, **fields))
    assert _ready(roster) == []
    roster.hear(a_beat(2))
    assert _ready(roster) == ["w1"]


def test_who_was_in_doubt_when_it_was_lost_is_in_doubt_when_it_is_back():
    roster = Roster()
    roster.hear(a_beat(1))
    roster.doubt("w1", "alone with failures")
    roster.set_state("w1", WorkerState.LOST, "silent")
    roster.hear(a_beat(2))
    assert (roster.member("w1").state, roster.member("w1").reason) == (WorkerState.SUSPECT, "alone with failures")
    roster.trust("w1", "trials")
    assert [state for _, state, _ in roster.changes()] == [WorkerState.OK]
