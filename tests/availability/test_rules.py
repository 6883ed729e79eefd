"""Figures as sums, grades, months, the tree's paths."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.availability.levels import Level
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import Mode, Seconds, grade, reasons, total
from gridkeeper.availability.tree import Excuse, Expected, Path, Tree
from gridkeeper.core.units import Ratio

_counts = st.integers(0, 10**7)
_seconds = st.builds(
    lambda up, unknown, down, excluded, critical: Seconds(
        up + unknown + down + excluded + critical, up, unknown, down, excluded, critical
    ),
    _counts, _counts, _counts, _counts, _counts,
)  # fmt: skip


@given(_seconds, _seconds)
def test_a_longer_period_is_a_sum_of_seconds(one, other) -> None:
    both = total([one, other])
    assert both.availability == one.availability + other.availability
    assert both.total_s == sum(reason.seconds for reason in reasons(both))


@given(_seconds)
def test_reliability_is_never_below_availability(seconds) -> None:
    if seconds.reliability.is_computable:
        assert seconds.reliability.percent >= seconds.availability.percent


@pytest.mark.parametrize(
    ("seconds", "availability", "reliability"),
    [
        (Seconds(86_400, unknown_s=86_400), None, None),
        (Seconds(86_400, down_s=86_400), Decimal(0), None),
        (Seconds(86_400, excluded_s=86_400), None, None),
        (Seconds(86_400, up_s=43_200, excluded_s=43_200), Decimal(100), Decimal(100)),
    ],
)
def test_what_is_not_computable_is_neither_0_nor_100(seconds, availability, reliability) -> None:
    assert (seconds.availability.percent, seconds.reliability.percent) == (availability, reliability)


@pytest.mark.parametrize(
    ("value", "measure", "expected"),
    [("100", "availability", "full"), ("80", "availability", "good"), ("80", "reliability", "near"),
     ("79.99999", "availability", "near"), ("69.9", "availability", "low")],
)  # fmt: skip
def test_the_colour_scale(value, measure, expected) -> None:
    assert grade(Decimal(value), measure) == expected


def test_months_follow_one_another() -> None:
    month = Month.parse("2025-12")
    assert (month.next, month.previous, len(month.days()), month.title) == (
        Month(2026, 1), Month(2025, 11), 31, "December 2025",
    )  # fmt: skip


@pytest.mark.parametrize("text", ["2026", "2026-13", "0001-01", "march"])
def test_what_is_no_month_is_refused(text) -> None:
    with pytest.raises(ValueError, match="2026-03"):
        Month.parse(text)


def test_as_argo_does_it_excluded_time_stays_in_the_total() -> None:
    """6 h up, 6 h down, 6 h critical, 6 h excluded: 6/18 and 6/12 of ours, 6/24 and 6/18 of theirs."""
    seconds = Seconds(24, up_s=6, down_s=6, critical_s=6, excluded_s=6)
    found = {mode: (seconds.availability_in(mode), seconds.reliability_in(mode)) for mode in get_args(Mode)}
    assert found == {
        "gridkeeper": (Ratio(6, 18), Ratio(6, 12)),
        "argo-compat": (Ratio(6, 24), Ratio(6, 18)),
    }  # fmt: skip
    assert found["gridkeeper"] == (seconds.availability, seconds.reliability)


def test_a_tree_numbers_each_node_once_and_a_service_in_two_reports_twice() -> None:
    tree = Tree()
    for report in ("ops", "lhcb"):
        for metric in ("a", "b"):
            path = Path(report, "NGI", "SITE", "CE", "host", metric)
            tree.expect(Expected(path, 1, 60, 0, 86_400))
    tree.excuses.append(Excuse("host", "CE", 0, 60))
    assert len(tree.numbers) == 2 * 8
    assert len(tree.excused()) == 2
    assert Path("ops").level is Level.FEDERATION
    assert tree.parents(Path("ops")) == []
    assert tree.parents(Path("ops", "NGI")) == [Path("ops")]
