"""Units and rounding: ratios stay integers of seconds until they are shown."""

from dataclasses import dataclass
from decimal import Decimal

_FIVE_PLACES = Decimal("0.00001")


@dataclass(frozen=True, slots=True)
class Ratio:
    """`part` of `whole`, both in seconds. A whole of 0 is not computable."""

    part_s: int
    whole_s: int

    def __add__(self, other: "Ratio") -> "Ratio":
        """The ratio over both periods: sums of seconds, never a mean of percentages."""
        return Ratio(self.part_s + other.part_s, self.whole_s + other.whole_s)

    @property
    def is_computable(self) -> bool:
        return self.whole_s > 0

    @property
    def percent(self) -> Decimal | None:
        """Per cent, rounded half up to 5 decimals; None where it is not computable (availability.md section 3).

        >>> Ratio(5 * 3600, 18 * 3600).percent
        Decimal('27.77778')
        """
        return percent(self.part_s, self.whole_s)


def percent(part_s: int, whole_s: int) -> Decimal | None:
    """100 * part / whole, half up to 5 decimals, exactly; None for a whole of 0 or less."""
    if whole_s <= 0:
        return None
    # floor(x + 1/2) in whole numbers: pages show thousands of these.
    return Decimal((2 * part_s * 10**7 + whole_s) // (2 * whole_s)) * _FIVE_PLACES


def format_bytes(size_bytes: int) -> str:
    """Binary units with one decimal.

    >>> format_bytes(1536)
    '1.5 KiB'
    """
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def format_duration(seconds: float) -> str:
    """A duration in its two largest units.

    >>> format_duration(93784)
    '1 d 2 h'
    """
    whole = int(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 and seconds != whole else f"{whole} s"
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])
