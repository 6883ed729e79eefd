"""Seconds of sites, each counted as often as the site weighs: its computing power (availability.md section 3). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction

_FIVE_PLACES = Decimal("0.00001")


@dataclass(frozen=True, slots=True)
class Weighted:
    """Seconds times weight, in the unit of the weight: HEPSPEC seconds, say."""

    total: float = 0.0
    up: float = 0.0
    unknown: float = 0.0
    down: float = 0.0
    excluded: float = 0.0

    def __add__(self, other: "Weighted") -> "Weighted":
        """Sums over the whole period, never means of percentages."""
        return Weighted(
            self.total + other.total, self.up + other.up, self.unknown + other.unknown, self.down + other.down,
            self.excluded + other.excluded,
        )  # fmt: skip

    @classmethod
    def of(cls, row: Mapping[str, float | None]) -> "Weighted | None":
        """From a row with levels.WEIGHTED among its columns; None where nothing was weighed."""
        return cls.made([row.get(name) for name in COLUMNS])

    @classmethod
    def made(cls, values: Sequence[float | None]) -> "Weighted | None":
        """From the values of COLUMNS; None where nothing was weighed."""
        known = [value for value in values if value is not None]
        return cls(*known) if len(known) == len(values) and known[0] > 0 else None

    def value(self, measure: str) -> Decimal | None:
        """Per cent of a measure, rounded half up to 5 decimals; None where it is not computable.

        >>> Weighted(total=300, up=100, unknown=100, down=50).value("availability")
        Decimal('50.00000')
        """
        known = self.total - self.excluded - self.unknown
        part, whole = {
            "availability": (self.up, known),
            "reliability": (self.up, known - self.down),
            "uptime": (self.up, self.total - self.excluded),
            "unknown": (self.unknown, self.total - self.excluded),
            "downtime": (self.down, self.total - self.excluded),
            "excluded": (self.excluded, self.total),
        }[measure]
        if whole <= 0:
            return None
        scaled = Fraction(part) / Fraction(whole) * 100 * 10**5
        return Decimal((2 * scaled + 1).__floor__() // 2) * _FIVE_PLACES


#: Columns of the lake that hold the fields, in their order.
COLUMNS = tuple(f"weighted_{field.name}_s" for field in fields(Weighted))
