"""What happened in the registry, told to later floors (feeds, subscriptions) inside the transaction of the change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model

from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import Service
from gridkeeper.registry.signals import happened


@dataclass(frozen=True, slots=True)
class Event:
    """One change, in words of the registry.

    kind: "downtime.declared", "downtime.changed", "downtime.extended", "downtime.ended", "downtime.cancelled",
        "certification.changed", "role.requested", "role.granted", "role.rejected", "role.revoked", "role.expired",
        "site.added", "site.closed", ...
    subject: the object that it happened to; has a `key`
    at: UTC
    detail: further words and numbers for texts, such as {"old": "Certified", "new": "Suspended", "reason": "..."}
    """

    kind: str
    subject: Model
    at: datetime
    actor_name: str
    detail: dict[str, Any] = field(default_factory=dict)


def tell(kind: str, subject: Model, actor: Actor, now: datetime, **detail: Any) -> None:
    """Receivers run now, in the transaction of the change: both are kept, or neither."""
    happened.send(sender=type(subject), event=Event(kind, subject, now, actor.name, detail))


#: Way ("Mail") -> number of people who would be told of such an event of those services.
Audience = Callable[[str, Sequence[Service]], dict[str, int]]
_audiences: list[Audience] = []


def provide_audience(audience: Audience) -> None:
    """A later floor that tells people says whom it would tell."""
    _audiences.append(audience)


def who_is_told(kind: str, services: Sequence[Service]) -> dict[str, int]:
    """For previews: way -> number of people who would be told of such an event ("downtime.declared")."""
    found: dict[str, int] = {}
    for audience in _audiences:
        for way, number in audience(kind, services).items():
            found[way] = found.get(way, 0) + number
    return found
