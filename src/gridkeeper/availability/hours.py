"""The hourly binary summary of the seeds: each hour of a site good or bad, as tapes and as a fraction. Pure.

Good iff no second of the hour was CRITICAL and some second was up. Where nothing was known, or all was declared
downtime, there is no verdict, and the hour is left out of the fraction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from gridkeeper.availability.queries import HoursOfDay, Place
from gridkeeper.core.units import Ratio

HOURS = 24


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours of one verdict that follow one another: "good", "bad" or "none"; counted from the tape's begin."""

    verdict: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tape:
    """The hours of a place over some days. days: those that it has figures of; others have no verdict."""

    place: Place
    first: date
    stretches: tuple[Stretch, ...]
    good: int
    bad: int

    @property
    def fraction(self) -> Ratio:
        """Good hours of those with a verdict."""
        return Ratio(self.good, self.good + self.bad)

    @property
    def length(self) -> int:
        return self.stretches[-1].end if self.stretches else 0


def verdict(good: int, bad: int, hour: int) -> str:
    """Of an hour of a day from the bits of its hours.

    >>> verdict(0b01, 0b10, 0), verdict(0b01, 0b10, 1), verdict(0b01, 0b10, 2)
    ('good', 'bad', 'none')
    """
    if bad >> hour & 1:
        return "bad"
    return "good" if good >> hour & 1 else "none"


def tape(place: Place, days: Sequence[date], known: Iterable[HoursOfDay], until_hour: int) -> Tape:
    """until_hour: how many hours of the days have begun."""
    by_day = {each.day: each for each in known}
    verdicts: list[str] = []
    for day in days:
        each = by_day.get(day)
        verdicts += ["none"] * HOURS if each is None else [verdict(each.good, each.bad, hour) for hour in range(HOURS)]
    verdicts = verdicts[: max(0, until_hour)]
    return Tape(
        place, days[0], tuple(_stretches(verdicts)), sum(one == "good" for one in verdicts),
        sum(one == "bad" for one in verdicts),
    )  # fmt: skip


def _stretches(verdicts: Sequence[str]) -> Iterable[Stretch]:
    start = 0
    for hour in range(1, len(verdicts) + 1):
        if hour == len(verdicts) or verdicts[hour] != verdicts[start]:
            yield Stretch(verdicts[start], start, hour)
            start = hour


def tapes(found: Sequence[HoursOfDay], days: Sequence[date], until_hour: int) -> list[Tape]:
    """A tape for each place over all the days, in the order of what was found."""
    by_place: dict[tuple[str, ...], list[HoursOfDay]] = {}
    for each in found:
        place = each.place
        key = (place.region, place.site, place.function, place.service_type, place.hostname)
        by_place.setdefault(key, []).append(each)
    return [tape(own[-1].place, days, own, until_hour) for own in by_place.values()]


def by_day(found: Sequence[HoursOfDay], days: Sequence[date], now_day: date, now_hour: int) -> list[Tape]:
    """A tape for each day of one place: its calendar."""
    known = {each.day: each for each in found}
    return [
        tape(known[day].place, [day], [known[day]], now_hour + 1 if day == now_day else HOURS)
        for day in days
        if day in known
    ]


def share(tapes: Iterable[Tape]) -> Ratio:
    """Good hours of those with a verdict, of several places."""
    return sum((tape.fraction for tape in tapes), Ratio(0, 0))
