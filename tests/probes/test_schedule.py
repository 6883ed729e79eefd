"""When tests run, and when their status is hard: tables and laws, no clock."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probes.queue import Queue
from gridkeeper.probes.schedule import IS_HARD, Attempts, advance, is_blocking, next_run_s, pace_s, phase_s

series = st.integers(-(2**63), 2**63 - 1)
intervals = st.one_of(st.integers(1, 86_400).map(float), st.floats(0.05, 86_400))
moments = st.floats(0, 4e9)


@given(series, intervals)
def test_the_phase_lies_in_the_interval_and_is_always_the_same(number, interval_s):
    assert 0 <= phase_s(number, interval_s) < interval_s
    assert phase_s(number, interval_s) == phase_s(number, interval_s)


@given(series, intervals, moments)
def test_the_next_run_is_later_and_at_most_an_interval_away(number, interval_s, now_s):
    following = next_run_s(number, interval_s, now_s)
    assert now_s < following <= now_s + interval_s * 1.001 + 1e-6


@given(series, st.integers(1, 86_400), st.floats(1e9, 2e9), st.floats(0, 1e6))
def test_a_stop_does_not_shift_the_schedule(number, interval_s, now_s, stopped_s):
    undisturbed = next_run_s(number, interval_s, now_s + stopped_s)
    assert (undisturbed - next_run_s(number, interval_s, now_s)) % interval_s == pytest.approx(0, abs=1e-3) or (
        undisturbed - next_run_s(number, interval_s, now_s)
    ) % interval_s == pytest.approx(interval_s, abs=1e-3)


def test_after_a_stop_of_a_day_nothing_bursts():
    """1000 series each minute: in the first second after a stop about 1000 / 60 are due, not 1000."""
    from gridkeeper.core.identifiers import series_id

    numbers = [series_id(f"ce{n}.example.org", "CE", "js", "") for n in range(1000)]
    soon = [number for number in numbers if next_run_s(number, 60, 1_700_086_400.0) < 1_700_086_401.0]
    assert 5 <= len(soon) <= 40


def _states(statuses, max_attempts):
    state, hard = Attempts(), []
    for status in statuses:
        state, is_hard = advance(state, status, max_attempts)
        hard.append((state.hard.name, is_hard))
    return hard


OK, WARNING, CRITICAL, UNKNOWN = RESULT_STATUSES


@pytest.mark.parametrize(
    ("max_attempts", "statuses", "expected"),
    [
        (1, [CRITICAL, OK], [("CRITICAL", True), ("OK", True)]),
        (3, [CRITICAL] * 3, [("OK", False), ("OK", False), ("CRITICAL", True)]),
        (3, [CRITICAL, OK, CRITICAL], [("OK", False), ("OK", True), ("OK", False)]),
        (3, [CRITICAL, WARNING, UNKNOWN], [("OK", False), ("OK", False), ("UNKNOWN", True)]),
        (2, [CRITICAL, CRITICAL, WARNING], [("OK", False), ("CRITICAL", True), ("WARNING", True)]),
        (2, [CRITICAL, CRITICAL, OK, CRITICAL], [("OK", False), ("CRITICAL", True), ("OK", True), ("OK", False)]),
    ],
)
def test_a_problem_is_soft_until_its_last_attempt(max_attempts, statuses, expected):
    assert _states(statuses, max_attempts) == expected


def test_the_table_answers_every_case():
    assert set(IS_HARD) == {(a, b, c) for a in (True, False) for b in (True, False) for c in (True, False)}


@given(st.lists(st.sampled_from(RESULT_STATUSES), max_size=30), st.integers(1, 5))
def test_a_good_result_is_always_hard_and_the_hard_status_is_always_one_that_was_measured(statuses, max_attempts):
    for status, (hard, is_hard) in zip(statuses, _states(statuses, max_attempts), strict=True):
        assert is_hard or status != Status.OK
        assert hard in {"OK", *(s.name for s in statuses)}
        assert not is_hard or hard == status.name


@given(st.lists(st.sampled_from(RESULT_STATUSES), min_size=1, max_size=30), st.integers(1, 5))
def test_so_many_bad_results_in_a_row_are_hard(statuses, max_attempts):
    bad = [CRITICAL] * max_attempts
    assert _states([*statuses, *bad], max_attempts)[-1] == ("CRITICAL", True)


@pytest.mark.parametrize(
    ("status", "blocks"), [(OK, False), (WARNING, False), (CRITICAL, True), (UNKNOWN, True), (None, False)]
)
def test_what_blocks_a_dependent(status, blocks):
    assert is_blocking(status) is blocks


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(-2, 2)), max_size=60),
    st.integers(1, 3),
    st.integers(0, 3),
    st.randoms(),
)
def test_no_host_and_no_site_has_more_than_its_places_and_everybody_gets_a_turn(wanted, per_host, per_site, chance):
    queue = Queue(per_host, per_site)
    running, taken = [], []

    def add(number, priority):
        queue.add(number, f"host{number % 4}", 0.0, site=f"site{number % 2}", priority=priority)

    def take():
        if place := queue.take():
            running.append(place)
            taken.append(place.series)
        return place

    def check(limit, counted):
        return not limit or all(number <= limit for number in Counter(counted).values())

    for number, priority in wanted:
        if number not in [place.series for place in running]:
            add(number, priority)
        if chance.random() < 0.5:
            take()
        assert check(per_host, [place.host for place in running])
        assert check(per_site, [place.site for place in running])
        if running and chance.random() < 0.3:
            queue.release(running.pop(chance.randrange(len(running))))
    while running or take():
        queue.release(running.pop())
    assert set(taken) == {number for number, _ in wanted}
    assert (queue.take(), len(queue), queue.ready, queue.waiting()) == (None, 0, 0, (0, 0))


def test_the_higher_priority_goes_first_but_nobody_waits_for_ever():
    queue = Queue(1)
    queue.add(1, "a", 1000.0)
    queue.add(2, "b", 1050.0, priority=10)  # worth 100 s
    queue.add(3, "c", 1110.0, priority=10)
    assert [queue.take().series for _ in range(3)] == [2, 1, 3]


def test_who_waits_for_a_full_site_keeps_no_place_at_its_host():
    queue = Queue(per_host=1, per_site=1)
    queue.add(1, "a", 0.0, site="X")
    queue.add(2, "b", 0.0, site="X")  # waits for the site
    queue.add(3, "b", 0.0, site="Y")
    assert queue.waiting() == (0, 1)
    first, third = queue.take(), queue.take()
    assert (first.series, third.series) == (1, 3)
    queue.release(first)  # now 2 waits for host b
    assert queue.waiting() == (1, 0)
    queue.release(third)
    assert queue.take().series == 2


@given(st.integers(1, 86_400), st.integers(0, 86_400), st.integers(0, 86_400), st.integers(0, 20))
def test_the_pace_stays_between_its_bounds(interval_s, fastest_s, slowest_s, calm):
    found = pace_s(interval_s, fastest_s, slowest_s, calm)
    assert min(interval_s, fastest_s or interval_s) <= found <= max(interval_s, slowest_s)


@given(st.integers(1, 86_400), st.integers(0, 86_400), st.integers(0, 86_400), st.integers(0, 19))
def test_what_is_calmer_is_never_run_more_often(interval_s, fastest_s, slowest_s, calm):
    assert pace_s(interval_s, fastest_s, slowest_s, calm) <= pace_s(interval_s, fastest_s, slowest_s, calm + 1)
