"""Flap detection: the arithmetic of Nagios, and the laws of the memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.flapping import CALM, NEW, PAIRS, calm_runs, change_percent, is_flapping, remembered
from gridkeeper.probes.memory import Memory
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.running import Measured
from tests.builders import NOW

changes = st.lists(st.booleans(), max_size=60)


def history_of(found):
    history = NEW
    for is_change in found:
        history = remembered(history, is_change=is_change)
    return history


def by_the_book(found):
    """Nagios, `check_for_service_flapping`: x = 1 is the oldest pair of 20, each weighs (x - 1) * 0.5 / 19 + 0.75."""
    padded = ([False] * PAIRS + found)[-PAIRS:]
    return sum(((x - 1) * 0.5 / 19 + 0.75) for x, is_change in enumerate(padded, 1) if is_change) * 100 / 20


@given(changes)
def test_the_share_of_changes_is_that_of_nagios(found):
    assert change_percent(history_of(found)) == pytest.approx(by_the_book(found))


@given(changes)
def test_calm_runs_are_the_equal_results_at_the_end(found):
    expected = 0
    for is_change in reversed(found):
        if is_change:
            break
        expected += 1
    assert calm_runs(history_of(found)) == min(expected, PAIRS)


def test_who_does_not_change_for_long_is_calm_and_takes_no_memory():
    assert history_of([True, *[False] * PAIRS]) == CALM


@pytest.mark.parametrize(
    ("percent", "was", "expected"), [(19.9, False, False), (20.0, False, True), (5.0, True, True), (4.9, True, False)]
)
def test_what_began_at_20_percent_ends_below_5(percent, was, expected):
    assert is_flapping(percent, was=was) is expected


KEY = SeriesKey("ce.example.org", "CE", "js")


def _say(memory, statuses, **more):
    for status in statuses:
        memory.judge([Measured(KEY, Outcome(status, ""), NOW, 1)], {KEY.series: 1}, **more)


def test_a_series_that_changes_all_the_time_flaps_until_it_is_calm():
    memory = Memory([(KEY.series, Status.OK, Status.OK, "")])
    _say(memory, [Status.CRITICAL, Status.OK] * 3)
    assert memory.flapping == {KEY.series}
    assert memory.take_flapping_news()[KEY.series] >= 20
    _say(memory, [Status.OK] * 21)
    assert memory.flapping == frozenset()
    assert memory.take_flapping_news() == {KEY.series: None}
    assert memory.calm_runs(KEY.series) == PAIRS


def test_changes_in_a_downtime_are_no_flapping():
    memory = Memory([(KEY.series, Status.OK, Status.OK, "")])
    _say(memory, [Status.CRITICAL, Status.OK] * 10, is_maintained=True)
    assert not memory.flapping


def test_after_a_restart_a_flapping_series_has_to_calm_down_first():
    memory = Memory([(KEY.series, Status.OK, Status.OK, "")], flapping=[KEY.series])
    _say(memory, [Status.OK] * 10)
    assert memory.flapping == {KEY.series}
    _say(memory, [Status.OK] * 10)
    assert not memory.flapping
