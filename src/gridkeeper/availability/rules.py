"""What figures are: by what they are made, seconds that add up, ratios, targets, and why one is what it is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations
from gridkeeper.core.units import Ratio, format_duration, percent

#: Standing targets in per cent (availability.md section 4).
AVAILABILITY_TARGET = Decimal(80)
RELIABILITY_TARGET = Decimal(85)
UNKNOWN_TARGET = Decimal(10)
TARGETS = {"availability": AVAILABILITY_TARGET, "reliability": RELIABILITY_TARGET}


#: Ours, or what ARGO would publish where it has a quirk (availability.md).
Mode = Literal["gridkeeper", "argo-compat"]


@dataclass(frozen=True, slots=True)
class Rules:
    """By what a day is judged. length_s: how much of it has passed, 86 400 for a whole one."""

    length_s: int
    operations: Operations = DEFAULT_OPERATIONS
    mode: Mode = "gridkeeper"

    @property
    def is_argo_compatible(self) -> bool:
        return self.mode == "argo-compat"


@dataclass(frozen=True, slots=True)
class Seconds:
    """How a period was spent. total_s is the sum of the others; flips counts changes of status."""

    total_s: int = 0
    up_s: int = 0
    unknown_s: int = 0
    down_s: int = 0
    excluded_s: int = 0
    critical_s: int = 0
    flips: int = 0

    def __add__(self, other: "Seconds") -> "Seconds":
        """Both periods, or both subjects, together: sums of seconds, never means of percentages."""
        # Written out: a page of a year adds thousands.
        return Seconds(
            self.total_s + other.total_s, self.up_s + other.up_s, self.unknown_s + other.unknown_s,
            self.down_s + other.down_s, self.excluded_s + other.excluded_s, self.critical_s + other.critical_s,
            self.flips + other.flips,
        )  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, int]) -> Self:
        """From a row that has these columns among others."""
        return cls(*(int(row[name]) for name in cls.__match_args__))

    @property
    def known_s(self) -> int:
        """What availability is counted over: all but the excluded and the unknown."""
        return self.total_s - self.excluded_s - self.unknown_s

    @property
    def availability(self) -> Ratio:
        """Up of known (availability.md section 3).

        >>> Seconds(total_s=86400, up_s=18000, unknown_s=21600, down_s=14400, critical_s=32400).availability.percent
        Decimal('27.77778')
        """
        return Ratio(self.up_s, self.known_s)

    @property
    def reliability(self) -> Ratio:
        """Up of known without declared downtime.

        >>> Seconds(total_s=86400, up_s=18000, unknown_s=21600, down_s=14400, critical_s=32400).reliability.percent
        Decimal('35.71429')
        """
        return Ratio(self.up_s, self.known_s - self.down_s)

    def availability_in(self, mode: Mode) -> Ratio:
        """Up of known; in argo-compat excluded time is known."""
        return Ratio(self.up_s, self._known_in(mode))

    def reliability_in(self, mode: Mode) -> Ratio:
        """Up of known without declared downtime; in argo-compat excluded time is known."""
        return Ratio(self.up_s, self._known_in(mode) - self.down_s)

    def _known_in(self, mode: Mode) -> int:
        return self.total_s - self.unknown_s if mode == "argo-compat" else self.known_s

    @property
    def unknown_percent(self) -> Decimal | None:
        return percent(self.unknown_s, self.total_s - self.excluded_s)

    def value(self, measure: str) -> Decimal | None:
        """Per cent of "availability" or "reliability"; None where it is not computable."""
        ratio = self.reliability if measure == "reliability" else self.availability
        return ratio.percent


def total(parts: Sequence[Seconds]) -> Seconds:
    return sum(parts, Seconds())


def grade(value: Decimal | None, measure: str) -> str:
    """The class of a figure on the colour scale: full, good (target met), near (within 10 points), low, none.

    >>> grade(Decimal("86.2"), "availability"), grade(Decimal("71"), "availability"), grade(None, "availability")
    ('good', 'near', 'none')
    """
    if value is None:
        return "none"
    target = TARGETS[measure]
    if value >= 99:
        return "full"
    if value >= target:
        return "good"
    return "near" if value >= target - 10 else "low"


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of "why 93.2 %?": what, how long, and what it does to the figure."""

    what: str
    seconds: int
    effect: str

    @property
    def duration(self) -> str:
        return format_duration(self.seconds)


def reasons(seconds: Seconds) -> list[Reason]:
    """How the figures came about, in the order of the sum."""
    return [
        Reason("Up (OK or warning)", seconds.up_s, "counts for both figures"),
        Reason("Critical", seconds.critical_s, "counts against both figures"),
        Reason("Declared downtime", seconds.down_s, "counts against availability, not against reliability"),
        Reason("Unknown or missing", seconds.unknown_s, "left out of both figures"),
        Reason("Not expected or excluded", seconds.excluded_s, "left out of both figures"),
    ]
