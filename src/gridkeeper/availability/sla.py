"""Service levels: what may still go wrong this month, how fast it is used up, how the month will end, who is at risk.

Pure. A budget is the time that may be lost before the month misses its target.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from gridkeeper.availability.rules import Seconds

#: So many months in a row below the target of availability lead to a suspension proposal (availability.md section 4).
MONTHS_TO_PROPOSAL = 3
_FIVE_PLACES = Decimal("0.00001")


class Outlook(StrEnum):
    """How a month will end, the worst first."""

    LOST = "lost"
    AT_RISK = "at risk"
    ON_COURSE = "on course"
    SAFE = "safe"
    UNKNOWN = "not computable"


@dataclass(frozen=True, slots=True)
class Budget:
    """A place in a month that may still go on.

    seconds: so far; recent: the newest days, whose rate the forecast takes for the days to come
    left_over_s: of the month that are to come
    """

    target: Decimal
    measure: str
    seconds: Seconds
    recent: Seconds
    left_over_s: int

    @property
    def _known_s(self) -> int:
        """So far: what the measure is counted over."""
        return self.seconds.known_s - (self.seconds.down_s if self.measure == "reliability" else 0)

    @property
    def allowed_s(self) -> int:
        """What may be lost in the whole month, taking it that all that is to come will be known.

        >>> Budget(Decimal(80), "availability", Seconds(864_000, 864_000), Seconds(), 1_728_000).allowed_s
        518400
        """
        return int((self._known_s + self.left_over_s) * (100 - self.target) / 100)

    @property
    def used_s(self) -> int:
        return self._known_s - self.seconds.up_s

    @property
    def left_s(self) -> int:
        """Negative: so much too much was lost."""
        return self.allowed_s - self.used_s

    @property
    def over_s(self) -> int:
        """What was lost beyond the budget."""
        return max(0, -self.left_s)

    @property
    def used_percent(self) -> float:
        """Of the budget; 0 where nothing is allowed and nothing was lost."""
        if self.allowed_s <= 0:
            return 0.0 if self.used_s <= 0 else 100.0
        return 100 * self.used_s / self.allowed_s

    @property
    def burn_rate(self) -> float | None:
        """How fast it is used: 1 uses it up exactly by the end of the month; None before anything is known."""
        whole_s = self._known_s + self.left_over_s
        if self._known_s <= 0 or self.allowed_s <= 0:
            return None
        return (self.used_s / self.allowed_s) / (self._known_s / whole_s)

    @property
    def best(self) -> Decimal | None:
        """The month's figure if all goes well from now on."""
        return self._ends(Fraction(1))

    @property
    def worst(self) -> Decimal | None:
        """The month's figure if nothing works any more."""
        return self._ends(Fraction(0))

    @property
    def forecast(self) -> Decimal | None:
        """The month's figure if the days to come are as the newest were."""
        for seconds in (self.recent, self.seconds):
            known_s = seconds.known_s - (seconds.down_s if self.measure == "reliability" else 0)
            if known_s > 0:
                return self._ends(Fraction(seconds.up_s, known_s))
        return None

    def _ends(self, rate: Fraction) -> Decimal | None:
        """Rounded half up to 5 decimals, as figures are."""
        whole_s = self._known_s + self.left_over_s
        if self._known_s <= 0 or whole_s <= 0:
            return None
        scaled = (self.seconds.up_s + rate * self.left_over_s) / whole_s * 100 * 10**5
        return Decimal((2 * scaled + 1).__floor__() // 2) * _FIVE_PLACES

    @property
    def outlook(self) -> Outlook:
        best, worst, forecast = self.best, self.worst, self.forecast
        if best is None or worst is None or forecast is None:
            return Outlook.UNKNOWN
        if best < self.target:
            return Outlook.LOST
        if worst >= self.target:
            return Outlook.SAFE
        return Outlook.ON_COURSE if forecast >= self.target else Outlook.AT_RISK


class Standing(StrEnum):
    """Where a site stands by the three-month rule."""

    PROPOSAL = "suspension to be proposed"
    NEXT = "one more month leads to a proposal"
    BELOW = "below the target last month"
    GOOD = "good"


def months_below(months: Sequence[Decimal | None], target: Decimal) -> int:
    """How many of the newest months in a row were below; months are oldest first, None: not computable, ends the row.

    >>> months_below([Decimal(90), Decimal(70), Decimal(60)], Decimal(80))
    2
    """
    count = 0
    for value in reversed(months):
        if value is None or value >= target:
            break
        count += 1
    return count


def standing(months: Sequence[Decimal | None], target: Decimal) -> Standing:
    """By the complete months, oldest first (availability.md section 4)."""
    below = months_below(months, target)
    if below >= MONTHS_TO_PROPOSAL:
        return Standing.PROPOSAL
    if below == MONTHS_TO_PROPOSAL - 1:
        return Standing.NEXT
    return Standing.BELOW if below else Standing.GOOD
