"""Why a month's figure is what it is: what each cause cost it, over all days, and each day's share."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from gridkeeper.availability import queries
from gridkeeper.availability.drill import day_page, judging
from gridkeeper.availability.drill.branches import Branch
from gridkeeper.availability.drill.causes import Cause, burdens
from gridkeeper.availability.drill.groups import Group
from gridkeeper.availability.drill.strips import Telling
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.core.units import percent


@dataclass(frozen=True, slots=True)
class Cost:
    """A loss with what it took from the figure in percentage points, and the days on which it did.

    points: None where the figure is not made from what was lost (it was unknown, or excused)
    """

    loss: day_page.Loss
    points: Decimal | None
    days: list[date]


@dataclass(frozen=True, slots=True)
class DayLoss:
    """A day on which something was lost, and what was behind most of it."""

    day: date
    seconds: Seconds
    losses: list[day_page.Loss]


@dataclass(frozen=True, slots=True)
class MonthWhy:
    """The whole month's seconds, its costs (the heaviest first) and its days."""

    whole: Seconds
    costs: list[Cost]
    days: list[DayLoss]


def explain(group: Group, report: str, month: Month, measure: str, now: datetime) -> MonthWhy:
    """The month from the figures of the lake, and the causes of its bad days from their results."""
    figures = queries.figures(month.window, level="site", report=report, site=group.key)
    by_day = {figure.day: figure.seconds for figure in figures}
    bad = [day for day, seconds in by_day.items() if seconds.up_s < seconds.total_s]
    judged = judging.judge_group(group, report, [judging.Asked(day) for day in bad], now)
    trees = {asked.day: tree for asked, tree in judged.items()}
    whole = total(list(by_day.values()))
    return MonthWhy(whole, *_told(trees, by_day, whole, report, measure))


def _told(
    trees: Mapping[date, Branch], by_day: Mapping[date, Seconds], whole: Seconds, report: str, measure: str
) -> tuple[list[Cost], list[DayLoss]]:
    behind = {day: day_page.behind(tree) for day, tree in trees.items()}
    found = [cause for causes in behind.values() for cause in causes]
    tell = day_page.telling(report, longest(found))
    costs = [_cost(loss, burden_days, whole, measure) for loss, burden_days in _with_days(found, tell)]
    days = [DayLoss(day, by_day[day], day_page.losses(causes, tell)) for day, causes in behind.items()]
    return costs, days


def longest(found: Iterable[Cause]) -> list[Cause]:
    """The longest period of each burden: the one whose result is quoted."""
    return [burden.longest for burden in burdens(found)]


def _with_days(found: Sequence[Cause], tell: Telling) -> list[tuple[day_page.Loss, list[date]]]:
    return [
        (day_page.loss_of(burden, tell), sorted({cause.window.start.date() for cause in burden.causes}))
        for burden in burdens(found)
    ]


def _cost(loss: day_page.Loss, days: list[date], whole: Seconds, measure: str) -> Cost:
    counted = whole.known_s - (whole.down_s if measure == "reliability" else 0)
    is_counted = loss.word == "CRITICAL" or (loss.word == "DOWNTIME" and measure == "availability")
    return Cost(loss, percent(loss.seconds, counted) if is_counted else None, days)
