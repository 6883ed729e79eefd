"""Learns what follows from what, from the outages of the past. Pure; people accept or reject what it proposes.

For every pair of tests that ran in one place, it counts the outages of the first in which the second began to fail
too. A pair is proposed where that happened often enough, nearly always, and much more often than by chance; which of
two is the cause is told by which of them also fails alone, and where neither does by which begins first.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.probes.causes import DEFAULT_SLACK, Places

#: A test of a service type.
Kind = tuple[str, str]


class Outage(NamedTuple):
    """A time in which a series failed without a break."""

    key: SeriesKey
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Learned:
    """A rule that the past suggests.

    support: outages of the cause in which the effect failed too
    confidence: their share among the outages of the cause where the effect could have failed
    """

    cause: Kind
    effect: Kind
    reach: str
    support: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """least_lift: how many times as often as by chance."""

    least_support: int = 5
    least_confidence: float = 0.8
    least_lift: float = 3.0
    slack: timedelta = DEFAULT_SLACK


class _Times(NamedTuple):
    """Outages of one kind in one place, in order of their starts."""

    outages: list[Outage]
    starts: list[datetime]


@dataclass(slots=True)
class _Count:
    exposed: int = 0
    hits: int = 0
    expected: float = 0.0
    lead_s: float = 0.0


def learn(
    outages: Iterable[Outage],
    series: Iterable[SeriesKey],
    places: Places,
    window: Window,
    limits: Thresholds | None = None,
) -> list[Learned]:
    """Rules that the outages within the window suggest, the best supported first.

    series: everything that was tested, failing or not: an effect that was never looked for proves nothing
    """
    limits = limits or Thresholds()
    known = list(outages)
    tested = list(series)
    found: list[Learned] = []
    for reach in ("service", "host", "site"):
        counts = _count(_by_place(known, reach, places), _kinds(tested, reach, places), reach, window, limits.slack)
        found += _proposed(counts, reach, limits)
    return sorted(found, key=lambda one: (-one.support, -one.confidence, one.cause, one.effect))


def _place(key: SeriesKey, reach: str, places: Places) -> tuple[str, ...] | None:
    if reach == "service":
        return (key.hostname, key.service_type)
    if reach == "host":
        return (key.hostname,)
    placing = places.get((key.hostname, key.service_type))
    return None if placing is None else (placing.site,)


def _by_place(outages: Sequence[Outage], reach: str, places: Places) -> dict[tuple[str, ...], dict[Kind, _Times]]:
    sorted_outages = sorted(outages, key=lambda outage: outage.start)
    found: dict[tuple[str, ...], dict[Kind, _Times]] = defaultdict(dict)
    for outage in sorted_outages:
        place = _place(outage.key, reach, places)
        if place is None:
            continue
        kind = (outage.key.metric, outage.key.service_type)
        times = found[place].setdefault(kind, _Times([], []))
        times.outages.append(outage)
        times.starts.append(outage.start)
    return found


def _kinds(series: Sequence[SeriesKey], reach: str, places: Places) -> dict[tuple[str, ...], dict[Kind, set[str]]]:
    """What was tested in each place: the kinds with their hosts."""
    found: dict[tuple[str, ...], dict[Kind, set[str]]] = defaultdict(lambda: defaultdict(set))
    for key in series:
        place = _place(key, reach, places)
        if place is not None:
            found[place][key.metric, key.service_type].add(key.hostname)
    return found


def _count(
    by_place: Mapping[tuple[str, ...], Mapping[Kind, _Times]],
    kinds: Mapping[tuple[str, ...], Mapping[Kind, set[str]]],
    reach: str,
    window: Window,
    slack: timedelta,
) -> dict[tuple[Kind, Kind], _Count]:
    counts: dict[tuple[Kind, Kind], _Count] = defaultdict(_Count)
    span_s = max(1.0, (window.end - window.start).total_seconds())
    for place, by_kind in by_place.items():
        for cause, times in by_kind.items():
            for effect, hosts in kinds.get(place, {}).items():
                if not _is_pair(cause, effect, reach):
                    continue
                effects = by_kind.get(effect)
                count = counts[cause, effect]
                for outage in times.outages:
                    if reach == "site" and hosts <= {outage.key.hostname}:
                        continue  # what shares the host belongs to the narrower reach
                    _add(count, outage, effects, reach, span_s, slack)
    return counts


def _is_pair(cause: Kind, effect: Kind, reach: str) -> bool:
    """Each pair is looked at in one reach: on one service, across the services of a host, across hosts of a site."""
    if cause[0] == effect[0]:
        return False
    return (cause[1] == effect[1]) if reach == "service" else (cause[1] != effect[1] or reach == "site")


def _add(count: _Count, outage: Outage, effects: _Times | None, reach: str, span_s: float, slack: timedelta) -> None:
    count.exposed += 1
    if effects is None:
        return
    first = bisect_left(effects.starts, outage.start - slack)
    last = bisect_right(effects.starts, outage.end)
    hits = [
        other
        for other in effects.outages[first:last]
        if other.key.vo in {"", outage.key.vo} or not outage.key.vo
        if reach != "site" or other.key.hostname != outage.key.hostname
    ]
    if hits:
        count.hits += 1
        count.lead_s += (hits[0].start - outage.start).total_seconds()
    length_s = (outage.end - outage.start + slack).total_seconds()
    count.expected += min(1.0, len(effects.starts) * length_s / span_s)


def _proposed(counts: Mapping[tuple[Kind, Kind], _Count], reach: str, limits: Thresholds) -> Iterable[Learned]:
    for (cause, effect), count in counts.items():
        if not _is_strong(count, limits):
            continue
        reverse = counts.get((effect, cause))
        if reverse is not None and _is_strong(reverse, limits) and not _leads(cause, effect, count, reverse):
            continue
        yield Learned(cause, effect, reach, count.hits, round(count.hits / count.exposed, 3))


def _is_strong(count: _Count, limits: Thresholds) -> bool:
    if count.hits < limits.least_support or count.hits < limits.least_confidence * count.exposed:
        return False
    return count.hits >= limits.least_lift * count.expected


def _leads(cause: Kind, effect: Kind, count: _Count, reverse: _Count) -> bool:
    """Both nearly always fail together: the one that is left alone less often is the effect."""
    alone = count.exposed - count.hits, reverse.exposed - reverse.hits
    if alone[0] != alone[1]:
        return alone[0] < alone[1]
    lead_s = count.lead_s / count.hits
    return lead_s > 0 or (lead_s == 0 and cause < effect)
