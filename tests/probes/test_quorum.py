"""What several places say together, and who is doubted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.quorum import Opinion, alone, is_good, verdict, votes_needed, wants_another
from gridkeeper.probes.worker_doubt import Doubts

O, W, C, U = RESULT_STATUSES  # noqa: E741  the seeds' letters


@pytest.mark.parametrize(
    ("statuses", "quorum", "expected"),
    [
        ([O], 0, O),
        ([C], 0, C),
        ([O, C], 0, O),  # needs 2 of 2
        ([C, C], 0, C),
        ([W, C], 0, W),
        ([U, C], 0, U),
        ([O, C, C], 0, C),  # needs 2 of 3
        ([O, O, C], 0, O),
        ([O, U, C], 0, U),
        ([O, O, C], 1, C),  # one is enough where the rule says so
        ([O, C, C], 3, O),  # all must agree
        ([O, O, C, C], 0, O),  # needs 3 of 4
        ([C], 3, C),  # no more can agree than there are
    ],
)
def test_the_verdict(statuses, quorum, expected):
    assert verdict(statuses, quorum) == expected


_statuses = st.lists(st.sampled_from(RESULT_STATUSES), min_size=1, max_size=9)


@given(_statuses, st.integers(0, 9), st.randoms())
def test_the_order_of_answers_does_not_matter_and_bad_needs_its_votes(statuses, quorum, random):
    found = verdict(statuses, quorum)
    shuffled = random.sample(statuses, len(statuses))
    assert verdict(shuffled, quorum) == found
    bad = sum(not is_good(one) for one in statuses)
    assert is_good(found) == (bad < votes_needed(len(statuses), quorum))


@given(st.lists(st.sampled_from([O, W]), min_size=1, max_size=8))
def test_one_broken_place_among_good_ones_turns_nothing_red(statuses):
    assert is_good(verdict([*statuses, C]))


@pytest.mark.parametrize(
    ("statuses", "count", "was_bad", "expected"),
    [
        ([O], 1, False, False),
        ([C], 1, False, True),  # to be confirmed
        ([C], 1, True, False),  # it was confirmed before
        ([C, C], 1, False, False),
        ([C, O], 1, False, True),  # to be decided
        ([C, O, O], 1, False, False),
        ([C], 2, False, False),  # the rule's places decide
    ],
)
def test_when_another_place_is_asked(statuses, count, was_bad, expected):
    assert wants_another(statuses, count, was_bad=was_bad) == expected


def test_who_sees_failures_alone():
    said = [Opinion("w1", O), Opinion("w2", C), Opinion("w3", W)]
    assert alone(said, O) == ["w2"]
    assert alone(said, C) == []
    assert alone(said[1:2], O) == []


def test_a_worker_alone_with_failures_of_several_hosts_is_doubted_until_it_passes_trials():
    doubts = Doubts()
    assert not any(doubts.saw("w2", f"h{number}", is_alone=False) for number in range(20))
    met = [doubts.saw("w2", f"h{number % 4}", is_alone=True) for number in range(8)]
    assert met.count(True) == 1
    assert "h0, h1, h2" in doubts.reason("w2")
    assert [doubts.tried("w2", has_passed=passed) for passed in (True, True, False, True, True, True)] == [
        False, False, False, False, False, True,
    ]  # fmt: skip
    assert not doubts.is_doubted("w2")


def test_one_host_that_does_not_let_a_worker_in_is_that_hosts_affair():
    doubts = Doubts()
    assert not any(doubts.saw("w2", "h1", is_alone=True) for _ in range(50))


def test_failures_among_many_good_runs_are_no_doubt():
    doubts = Doubts()
    for number in range(60):
        assert not doubts.saw("w2", f"h{number}", is_alone=number % 2 == 0)
