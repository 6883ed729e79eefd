"""What the pages can show of a period, what is asked of it, and how good a value is. Pure."""

from dataclasses import dataclass, field
from decimal import Decimal

from gridkeeper.availability.profiles.documents import ReportDocument
from gridkeeper.availability.rules import AVAILABILITY_TARGET, RELIABILITY_TARGET, UNKNOWN_TARGET, Seconds
from gridkeeper.core.units import percent

#: In the order of the switch. The last four are parts of the whole time.
MEASURES = ("availability", "reliability", "uptime", "unknown", "downtime", "excluded")
#: How many points below a target still are near to it.
_NEAR = 10


@dataclass(frozen=True, slots=True)
class ClassTarget:
    """What the SLA asks of the services of a class, in per cent of a month."""

    availability: Decimal
    reliability: Decimal


#: Of a month: service classes C (critical) and H (high), where a report says nothing else.
CLASS_TARGETS = {
    "C": ClassTarget(Decimal(95), Decimal(97)),
    "H": ClassTarget(Decimal(90), Decimal(95)),
}


@dataclass(frozen=True, slots=True)
class Targets:
    """What a report asks of a site in a month, in per cent.

    unknown: at most
    service_classes: service type -> class, beyond what the registry says of the type
    """

    availability: Decimal = AVAILABILITY_TARGET
    reliability: Decimal = RELIABILITY_TARGET
    unknown: Decimal = UNKNOWN_TARGET
    classes: dict[str, ClassTarget] = field(default_factory=lambda: dict(CLASS_TARGETS))
    service_classes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def asked_by(cls, document: ReportDocument) -> "Targets":
        """What a report asks for."""
        asked = document.targets
        classes: dict[str, ClassTarget] = {
            name: ClassTarget(each.availability, each.reliability) for name, each in document.class_targets.items()
        }
        return cls(asked.availability, asked.reliability, asked.unknown, classes, dict(document.service_classes))

    def of(self, measure: str) -> Decimal | None:
        """None for what nothing is asked of."""
        known = {"availability": self.availability, "reliability": self.reliability, "unknown": self.unknown}
        return known.get(measure)

    def is_met(self, value: Decimal | None, measure: str) -> bool | None:
        """None where there is no value or no target."""
        target = self.of(measure)
        if value is None or target is None:
            return None
        return value <= target if measure == "unknown" else value >= target

    def grade(self, value: Decimal | None, measure: str) -> str:
        """The class of a value on the colour scale.

        full, good (target met), near (within 10 points of it), low; none; and for what has no target, by its amount:
        share-0 to share-3.

        >>> Targets().grade(Decimal(12), "unknown"), Targets().grade(Decimal(12), "downtime")
        ('near', 'share-2')
        """
        if value is None:
            return "none"
        if measure in ("downtime", "excluded"):
            return f"share-{sum(value > least for least in (0, 10, 50))}"
        # Uptime is held against what is asked of availability, which it can only reach where all was known.
        target = self.availability if measure == "uptime" else self.of(measure)
        assert target is not None
        loss, allowed = (value, target) if measure == "unknown" else (100 - value, 100 - target)
        if loss <= 1:
            return "full"
        if loss <= allowed:
            return "good"
        return "near" if loss <= allowed + _NEAR else "low"


def value_of(seconds: Seconds, measure: str) -> Decimal | None:
    """Per cent of a measure; None where it is not computable.

    >>> value_of(Seconds(total_s=200, up_s=100, down_s=50, excluded_s=0, critical_s=50), "downtime")
    Decimal('25.00000')
    """
    if measure in ("availability", "reliability"):
        return seconds.value(measure)
    expected_s = seconds.total_s - seconds.excluded_s
    part_s, whole_s = {
        "uptime": (seconds.up_s, expected_s),
        "unknown": (seconds.unknown_s, expected_s),
        "downtime": (seconds.down_s, expected_s),
        "excluded": (seconds.excluded_s, seconds.total_s),
    }[measure]
    return percent(part_s, whole_s)
