"""Figures as ARGO publishes them: fractions of days, months as means of days, groups of groups weighted. Pure.

Ours are sums of seconds (availability.rules). ARGO's API makes months and weighted figures from rounded figures of
days (its app/results/queries.go), and its clients expect those to the last digit.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from gridkeeper.api.argo.question import Granularity

NOT_COMPUTABLE = -1.0
#: ARGO adds it to a whole day, so that a month without any known second is 0 and no division by zero.
_WHOLE = 1.00000001


@dataclass(frozen=True, slots=True)
class DayRates:
    """One day of one place: per cent (-1: not computable), fractions of the day, and the weight of a group."""

    day: date
    availability: float
    reliability: float
    up: float
    unknown: float
    down: float
    weight: float = 0.0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "DayRates":
        """From the seconds of a day. Excluded seconds stay in the total, as in ARGO (availability.md section 3)."""
        total, up, down = row["total_s"], row["up_s"], row["down_s"]
        known = total - row["unknown_s"]
        return cls(
            day=row["date"],
            availability=_rounded(100 * up, known),
            reliability=_rounded(100 * up, known - down),
            up=_rounded(up, total),
            unknown=_rounded(row["unknown_s"], total),
            down=_rounded(down, total),
            weight=float(row.get("weight") or 0),
        )


def _rounded(part: int, whole: int) -> float:
    """part / whole, half up to 5 decimals, exactly; -1 for a whole of 0 or less.

    >>> _rounded(100 * 5 * 3600, 18 * 3600), _rounded(0, 0)
    (27.77778, -1.0)
    """
    return (2 * part * 10**5 + whole) // (2 * whole) / 1e5 if whole > 0 else NOT_COMPUTABLE


@dataclass(frozen=True, slots=True)
class Rates:
    """Figures of a period. stamp: 2015-06-22, 2015-06, or "" for a custom one; fractions: None for groups of groups"""

    stamp: str
    availability: float
    reliability: float
    fractions: tuple[float, float, float] | None = None

    def words(self, stamp_name: str = "timestamp") -> dict[str, str]:
        """As ARGO writes them: every number a string; no stamp for a custom period."""
        words = {stamp_name: self.stamp} if self.stamp else {}
        words |= {"availability": as_text(self.availability), "reliability": as_text(self.reliability)}
        if self.fractions is not None:
            words |= dict(zip(("unknown", "uptime", "downtime"), map(as_text, self.fractions), strict=True))
        return words


def as_text(number: float) -> str:
    """The shortest decimal text of a number, as Go prints it.

    >>> as_text(100.0), as_text(68.13896116893515), as_text(0.00001), as_text(-1.0)
    ('100', '68.13896116893515', '1e-05', '-1')
    """
    return repr(number + 0.0).removesuffix(".0")  # + 0.0: no minus before a zero


def _stamp(day: date, granularity: Granularity) -> str:
    return {"daily": f"{day:%Y-%m-%d}", "monthly": f"{day:%Y-%m}", "custom": ""}[granularity]


def of_place(days: Iterable[DayRates], granularity: Granularity) -> list[Rates]:
    """The figures of one place, from its days in order."""
    if granularity == "daily":
        return [
            Rates(_stamp(day.day, "daily"), day.availability, day.reliability, (day.unknown, day.up, day.down))
            for day in days
        ]
    stamped = groupby(days, key=lambda day: _stamp(day.day, granularity))
    return [_mean_of_days(stamp, list(together)) for stamp, together in stamped]


def _mean_of_days(stamp: str, days: Sequence[DayRates]) -> Rates:
    up, unknown, down = (_mean([getattr(day, name) for day in days]) for name in ("up", "unknown", "down"))
    known = _WHOLE - unknown
    return Rates(stamp, up / known * 100, up / (known - down) * 100, (unknown, up, down))


def _mean(numbers: Sequence[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def of_groups(days: Iterable[DayRates], granularity: Granularity) -> list[Rates]:
    """The figures of a group of groups, from all days of all its groups in any order.

    A day is the mean weighted by weight + 1 over the groups whose figure is computable; a month the mean of such days.
    """
    by_day: dict[date, list[DayRates]] = {}
    for each in days:
        by_day.setdefault(each.day, []).append(each)
    daily = [_weighted(day, by_day[day]) for day in sorted(by_day)]
    if granularity == "daily":
        return [Rates(_stamp(day, "daily"), availability, reliability) for day, availability, reliability in daily]
    stamped = groupby(daily, key=lambda each: _stamp(each[0], granularity))
    return [_mean_of_figures(stamp, list(together)) for stamp, together in stamped]


def _weighted(day: date, groups: Sequence[DayRates]) -> tuple[date, float, float]:
    figures = []
    for name in ("availability", "reliability"):
        known = [(value, group.weight + 1) for group in groups if (value := getattr(group, name)) >= 0]
        weights = math.fsum(weight for _, weight in known)
        figures.append(math.fsum(value * weight for value, weight in known) / weights if known else NOT_COMPUTABLE)
    return day, figures[0], figures[1]


def _mean_of_figures(stamp: str, days: Sequence[tuple[date, float, float]]) -> Rates:
    means = []
    for place in (1, 2):
        known = [float(day[place]) for day in days if float(day[place]) >= 0]  # type: ignore[arg-type]
        means.append(_mean(known) if known else NOT_COMPUTABLE)
    return Rates(stamp, means[0], means[1])
