"""What holds tests back or changes their turn just now: pauses, and downtimes of services. Values, without a clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from gridkeeper.probes.instances import Instance
from gridkeeper.probes.models import Flapping, Pause
from gridkeeper.registry.queries import services_in_downtime

#: In a downtime a service is still tested, but after all others.
DOWNTIME_PRIORITY = -50


class Held(NamedTuple):
    """A pause in force. What is None stands for all; words: for whoever asks why a test is not run."""

    test: str | None
    service_id: int | None
    site: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """pauses: in force; downtimes: service id -> when its downtime ends, seconds since the epoch."""

    pauses: tuple[Held, ...] = ()
    downtimes: Mapping[int, float] = field(default_factory=dict)

    def pause_of(self, instance: Instance) -> str:
        """Why the instance, or all that a job brings back, is not to run; "" where it may.

        A job is paused by its own name, not by that of a test that rides in it: the others still want to be carried.
        """
        for held in self.pauses:
            if (
                held.test in (None, instance.test.name)
                and held.service_id in (None, instance.place.service_id)
                and held.site in (None, instance.place.site)
            ):
                return held.words
        return ""

    def is_in_downtime(self, instance: Instance) -> bool:
        return instance.place.service_id in self.downtimes

    def priority_of(self, instance: Instance) -> int:
        """The test's priority; below all others while its service is in a downtime."""
        return DOWNTIME_PRIORITY + instance.test.priority if self.is_in_downtime(instance) else instance.test.priority

    def back(self, before: "Conditions") -> frozenset[int]:
        """The services whose downtime has ended since: what they say now is news."""
        return frozenset(before.downtimes.keys() - self.downtimes.keys())

    def freed(self, before: "Conditions", instances: Iterable[Instance]) -> list[Instance]:
        """What was paused before and is not any more."""
        if not set(before.pauses) - set(self.pauses):
            return []
        return [one for one in instances if before.pause_of(one) and not self.pause_of(one)]


def load_conditions(now: datetime) -> Conditions:
    """Pauses and downtimes in force at `now`: three queries."""
    pauses = Pause.objects.filter(ended_at=None, created_at__lte=now, expires_at__gt=now)
    rows = pauses.values_list("test__name", "service", "site__name", "expires_at", "reason")
    held = tuple(Held(*row[:3], f"paused until {row[3]:%Y-%m-%d %H:%M} UTC: {row[4]}") for row in rows)
    downtimes = services_in_downtime(now)
    return Conditions(held, {service: found.end.timestamp() for service, found in downtimes.items()})


def load_flapping() -> set[int]:
    """The series that were flapping when the engine stopped."""
    return set(Flapping.objects.values_list("series", flat=True))


def note_flapping(found: Mapping[int, float | None], now: datetime) -> None:
    """Writes which series flap: percent of changes; None where a series has calmed down."""
    for series, percent in found.items():
        if percent is None:
            Flapping.objects.filter(series=series).delete()
        elif not Flapping.objects.filter(series=series).update(change_percent=percent):
            Flapping.objects.create(series=series, since=now, change_percent=percent)
