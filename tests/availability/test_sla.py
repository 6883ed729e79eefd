"""Budgets, burn rates, forecasts and the three-month rule; targets and the colour scale; good and bad hours."""

import os
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.availability import hours
from gridkeeper.availability.measures import MEASURES, Targets, value_of
from gridkeeper.availability.queries import HoursOfDay, Place
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.sla import Budget, Outlook, Standing, months_below, standing
from gridkeeper.availability.weighted import Weighted

EXAMPLES = int(os.environ.get("SLA_EXAMPLES", "40"))
DAY = 86_400
EIGHTY = Decimal(80)


def spent(up: int = 0, critical: int = 0, down: int = 0, unknown: int = 0) -> Seconds:
    """Days of each."""
    parts = [number * DAY for number in (up, unknown, down, 0, critical)]
    return Seconds(sum(parts), *parts)


@pytest.mark.parametrize(
    ("seconds", "recent", "to_come", "outlook", "forecast"),
    [
        # 30 days at 80 %: 6 may be lost.
        (spent(up=10), spent(up=7), 20, Outlook.ON_COURSE, "100.00000"),
        (spent(up=24), spent(up=7), 6, Outlook.SAFE, "100.00000"),
        (spent(up=3, critical=7), spent(critical=7), 20, Outlook.LOST, "10.00000"),
        (spent(up=5, critical=5), spent(up=3, critical=4), 20, Outlook.AT_RISK, "45.23810"),  # (5 + 20 x 3/7) / 30
        (spent(unknown=10), spent(unknown=7), 20, Outlook.UNKNOWN, None),
        (spent(up=5, unknown=5), spent(unknown=7), 20, Outlook.ON_COURSE, "100.00000"),
    ],
)
def test_how_a_month_will_end(seconds, recent, to_come, outlook, forecast) -> None:
    budget = Budget(EIGHTY, "availability", seconds, recent, to_come * DAY)
    assert (budget.outlook, budget.forecast and str(budget.forecast)) == (outlook, forecast)


def test_a_budget_is_used_up() -> None:
    budget = Budget(EIGHTY, "availability", spent(up=8, critical=1, down=1), Seconds(), 20 * DAY)
    assert (budget.allowed_s, budget.used_s, budget.left_s) == (6 * DAY, 2 * DAY, 4 * DAY)
    # A third of the budget in a third of the month.
    assert budget.burn_rate == pytest.approx(1.0)
    reliability = Budget(EIGHTY, "reliability", spent(up=8, critical=1, down=1), Seconds(), 20 * DAY)
    # A day of downtime is no loss: 29 days count.
    assert (reliability.allowed_s, reliability.used_s) == (29 * DAY // 5, DAY)


def test_a_budget_of_nothing() -> None:
    strict = Budget(Decimal(100), "availability", spent(up=1), Seconds(), 0)
    assert (strict.used_percent, strict.burn_rate, strict.outlook) == (0.0, None, Outlook.SAFE)
    missed = Budget(Decimal(100), "availability", spent(up=1, critical=1), Seconds(), DAY)
    assert (missed.used_percent, missed.over_s, missed.outlook) == (100.0, DAY, Outlook.LOST)


_days = st.integers(0, 20)


@given(st.builds(spent, _days, _days, _days, _days), st.builds(spent, _days, _days), st.integers(0, 30))
@settings(max_examples=EXAMPLES)
def test_a_forecast_lies_between_the_worst_and_the_best(seconds, recent, to_come) -> None:
    budget = Budget(EIGHTY, "availability", seconds, recent, to_come * DAY)
    if budget.forecast is not None:
        assert budget.worst <= budget.forecast <= budget.best
    assert budget.left_s + budget.used_s == budget.allowed_s


@pytest.mark.parametrize(
    ("months", "below", "found"),
    [
        ([90, 90, 90], 0, Standing.GOOD),
        ([70, 90, 79], 1, Standing.BELOW),
        ([90, 70, 79], 2, Standing.NEXT),
        ([70, 70, 79], 3, Standing.PROPOSAL),
        ([70, 70, 80], 0, Standing.GOOD),  # the target itself is met
        ([70, None, 70], 1, Standing.BELOW),  # what is not computable is not below
        ([], 0, Standing.GOOD),
    ],
)
def test_three_months_below_the_target(months, below, found) -> None:
    values = [None if month is None else Decimal(month) for month in months]
    assert (months_below(values, EIGHTY), standing(values, EIGHTY)) == (below, found)


@pytest.mark.parametrize(
    ("value", "measure", "grade"),
    [
        ("99", "availability", "full"), ("80", "availability", "good"), ("79.99", "availability", "near"),
        ("69.99", "availability", "low"), ("85", "reliability", "good"), ("10", "unknown", "good"),
        ("10.01", "unknown", "near"), ("30", "unknown", "low"), ("0", "downtime", "share-0"),
        ("60", "excluded", "share-3"), ("80", "uptime", "good"),
    ],
)  # fmt: skip
def test_the_colours_of_measures(value, measure, grade) -> None:
    assert Targets().grade(Decimal(value), measure) == grade
    assert Targets().grade(None, measure) == "none"


def test_every_measure_has_a_value_with_and_without_weights() -> None:
    seconds = Seconds(1000, up_s=500, unknown_s=100, down_s=50, excluded_s=100, critical_s=250)
    values = {measure: value_of(seconds, measure) for measure in MEASURES}
    assert values == {
        "availability": Decimal("62.50000"),  # 500 / 800
        "reliability": Decimal("66.66667"),  # 500 / 750
        "uptime": Decimal("55.55556"),  # 500 / 900
        "unknown": Decimal("11.11111"), "downtime": Decimal("5.55556"), "excluded": Decimal("10.00000"),
    }  # fmt: skip
    weighted = Weighted(3000.0, 1500.0, 300.0, 150.0, 300.0)
    assert {measure: weighted.value(measure) for measure in MEASURES} == values
    assert Weighted(100, unknown=100).value("availability") is None


def test_nothing_weighed_is_no_weighted_figure() -> None:
    names = ("weighted_total_s", "weighted_up_s", "weighted_unknown_s", "weighted_down_s", "weighted_excluded_s")
    assert Weighted.of(dict.fromkeys(names)) is None
    assert Weighted.of(dict.fromkeys(names, 0.0)) is None
    found = Weighted.of(dict(zip(names, (10.0, 5.0, 0.0, 0.0, 0.0), strict=True)))
    assert found is not None
    assert (found + found).value("availability") == 50


def test_hours_become_a_tape_with_a_fraction() -> None:
    days = [date(2026, 3, 1), date(2026, 3, 2)]
    place = Place(report="ops", level="site", site="A")
    # First day: hours 0 to 2 good, hour 3 bad. Of the second nothing is known.
    tape = hours.tape(place, days, [HoursOfDay(place, days[0], good=0b0111, bad=0b1000)], until_hour=30)
    assert [(each.verdict, each.start, each.end) for each in tape.stretches] == [
        ("good", 0, 3), ("bad", 3, 4), ("none", 4, 30),
    ]  # fmt: skip
    assert (tape.good, tape.bad, tape.fraction.percent, tape.length) == (3, 1, 75, 30)
    assert hours.share([tape, tape]).percent == 75
    assert hours.tape(place, days, [], until_hour=0).fraction.percent is None
