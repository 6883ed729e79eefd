"""Why a region's or the federation's figure is what it is: what each part of it lost, which adds up exactly."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from gridkeeper.availability.queries import Place
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.core.units import percent


@dataclass(frozen=True, slots=True)
class Share:
    """A part with what it took from the whole's figure, in percentage points; None where the whole has no figure."""

    place: Place
    seconds: Seconds
    lost_s: int
    points: Decimal | None


def lost(seconds: Seconds, measure: str) -> int:
    """The seconds that count against a figure."""
    return seconds.critical_s + (seconds.down_s if measure == "availability" else 0)


def shares(parts: Iterable[tuple[Place, Seconds]], measure: str) -> tuple[Seconds, list[Share]]:
    """The whole's seconds, and its parts, whoever lost most first.

    A region's figure is made of sums of seconds, so that the points of its parts add up to what it lacks of 100 %.

    >>> place = Place(report="ops", level="site", site="A")
    >>> parts = [(place, Seconds(100, 90, critical_s=10)), (place, Seconds(100, 100))]
    >>> whole, (one, other) = shares(parts, "availability")
    >>> whole.availability.percent, one.points, other.points
    (Decimal('95.00000'), Decimal('5.00000'), Decimal('0.00000'))
    """
    known = list(parts)
    whole = total([seconds for _, seconds in known])
    counted = whole.known_s - (whole.down_s if measure == "reliability" else 0)
    found = [
        Share(place, seconds, lost(seconds, measure), percent(lost(seconds, measure), counted))
        for place, seconds in known
    ]
    return whole, sorted(found, key=lambda share: (-share.lost_s, share.place.name))
