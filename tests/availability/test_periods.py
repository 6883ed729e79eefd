"""Periods as addresses name them."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.availability.periods import Kind, Span, Step

EXAMPLES = int(os.environ.get("PERIOD_EXAMPLES", "40"))
NAMED = [kind for kind in Kind if kind is not Kind.ANY]


@pytest.mark.parametrize(
    ("text", "first", "last", "step", "columns"),
    [
        ("2026-03-29", "2026-03-29", "2026-03-29", Step.HOUR, 24),  # clocks change in Europe, UTC days do not
        ("2026-W01", "2025-12-29", "2026-01-04", Step.DAY, 7),
        ("2026-W53", "2026-12-28", "2027-01-03", Step.DAY, 7),
        ("2024-02", "2024-02-01", "2024-02-29", Step.DAY, 29),
        ("2026-Q1", "2026-01-01", "2026-03-31", Step.WEEK, 14),
        ("2026-Q4", "2026-10-01", "2026-12-31", Step.WEEK, 14),
        ("2026", "2026-01-01", "2026-12-31", Step.MONTH, 12),
        ("2026-03-01..2026-03-20", "2026-03-01", "2026-03-20", Step.DAY, 20),
        ("2026-01-20..2026-09-02", "2026-01-20", "2026-09-02", Step.MONTH, 9),
    ],
)
def test_a_period_is_read_and_cut(text, first, last, step, columns) -> None:
    span = Span.parse(text)
    assert (str(span.first), str(span.last), span.step, str(span)) == (first, last, step, text)
    assert len(span.columns()) == columns


@pytest.mark.parametrize(
    "text",
    ["", "March", "2026-13", "2026-02-30", "2026-W54", "2025-W53", "2026-Q5", "1812", "9999-12", "2026-3",
     "2026-03-20..2026-03-01", "2020-01-01..2026-01-01", "2026-03-01..", "２０２６"],
)  # fmt: skip
def test_what_is_no_period_says_how_one_is_written(text) -> None:
    with pytest.raises(ValueError, match=r"write it as|exchange them|at most"):
        Span.parse(text)


@given(st.sampled_from(NAMED), st.dates(date(1991, 1, 1), date(2190, 1, 1)))
@settings(max_examples=EXAMPLES)
def test_periods_of_a_kind_follow_one_another_and_can_be_written(kind, day) -> None:
    span = Span.of(kind, day)
    assert span.first <= day < span.end
    assert span.next.previous == span
    assert span.next.first == span.end
    assert Span.parse(str(span)) == span


@given(st.dates(date(1991, 1, 1), date(2190, 1, 1)), st.integers(1, 1000))
@settings(max_examples=EXAMPLES)
def test_columns_cover_the_period_without_a_gap(first, days) -> None:
    span = Span.between(first, first + timedelta(days=days - 1))
    columns = span.columns()
    assert columns[0].start <= span.first
    assert [column.start for column in columns] == sorted(
        {column.start for column in columns}
    ) or span.step is Step.HOUR
    assert len(columns) <= 46


@pytest.mark.parametrize(
    ("now", "elapsed_s"),
    [(datetime(2026, 2, 27, tzinfo=UTC), 0), (datetime(2026, 3, 2, 1, tzinfo=UTC), 90_000),
     (datetime(2026, 5, 1, tzinfo=UTC), 31 * 86_400)],
)  # fmt: skip
def test_how_much_of_a_period_has_passed(now, elapsed_s) -> None:
    assert Span.parse("2026-03").elapsed_s(now) == elapsed_s
