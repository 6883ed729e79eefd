"""Windows are half-open, in UTC, and add up."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.windows import HOUR, NaiveTimeError, Window, as_utc, merge_windows, parse_time

ORIGIN = datetime(2026, 3, 1, tzinfo=UTC)
_ends = st.integers(0, 400)


@st.composite
def windows(draw):
    first, last = sorted((draw(_ends), draw(_ends)))
    return Window(ORIGIN + timedelta(minutes=first), ORIGIN + timedelta(minutes=last))


def minutes_of(*parts: Window) -> set[int]:
    """Every minute that the windows hold, one by one."""
    return {m for m in range(401) for part in parts if ORIGIN + timedelta(minutes=m) in part}


@given(windows(), windows())
def test_the_intersection_holds_what_both_hold(one, other) -> None:
    both = one.intersection(other)
    assert minutes_of(*([both] if both else [])) == minutes_of(one) & minutes_of(other)
    assert one.is_overlapping(other) == (both is not None)


@given(st.lists(windows(), max_size=6))
def test_merging_keeps_every_instant_in_disjoint_windows(parts) -> None:
    merged = merge_windows(parts)
    assert minutes_of(*merged) == minutes_of(*parts)
    assert all(one.end < other.start for one, other in pairwise(merged))
    assert merge_windows(merged) == merged


@given(windows(), st.integers(1, 90))
def test_the_parts_of_a_window_add_up_to_it(window, step) -> None:
    parts = list(window.split(timedelta(minutes=step)))
    assert sum(part.seconds for part in parts) == window.seconds
    assert all(one.end == other.start for one, other in pairwise(parts))


def test_a_day_has_86400_seconds_and_24_hours() -> None:
    day = Window.of_day(date(2026, 3, 29))  # the day on which European clocks change
    assert (day.seconds, len(list(day.split(HOUR))), list(day.days())) == (86_400, 24, [date(2026, 3, 29)])
    assert day.start in day
    assert day.end not in day


def test_an_empty_window_holds_nothing_and_touches_no_day() -> None:
    empty = Window(ORIGIN, ORIGIN)
    assert ORIGIN not in empty
    assert list(empty.days()) == []


def test_another_zone_is_the_same_instant() -> None:
    local = datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert Window(local, local).start == ORIGIN
    assert as_utc(local).tzinfo is UTC


def test_it_refuses_a_reversed_window_and_naive_times() -> None:
    with pytest.raises(ValueError, match="before it starts"):
        Window(ORIGIN + HOUR, ORIGIN)
    with pytest.raises(NaiveTimeError, match="2026-03-01T00:00:00Z"):
        as_utc(ORIGIN.replace(tzinfo=None))
    with pytest.raises(NaiveTimeError):
        parse_time("2026-03-01T00:00:00")
