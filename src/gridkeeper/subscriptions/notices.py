"""From an event to what is to be sent: one notice, and one delivery per person and way."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, Q

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.events import Event
from gridkeeper.registry.models import Downtime, Service
from gridkeeper.subscriptions.models import Channel, Delivery, Notice, Subscription
from gridkeeper.subscriptions.rules import KINDS, SAME_AS, SOON, STALE, concerns, wants
from gridkeeper.subscriptions.texts import Words, words_of
from gridkeeper.subscriptions.touched import touched_by, touched_by_services


def on_happened(sender: Any, event: Event, **_: Any) -> None:
    """An event of the registry, inside the transaction of the change: both are kept, or neither."""
    kind = SAME_AS.get(event.kind, event.kind)
    if kind not in KINDS:
        return
    name = f"{event.kind}:{event.subject._meta.model_name}:{event.subject.pk}:{event.at.isoformat()}"
    _tell(name, kind, event.subject, event.at, event.at, actor=event.actor_name, detail=event.detail)


def note_times(now: datetime) -> None:
    """Notices of downtimes that begin soon, have begun or have ended since; each once, however often this runs."""
    if not any(is_wanted(f"downtime.{kind}") for kind in ("soon", "begun", "ended")):
        return
    standing = Downtime.objects.filter(cancelled_at=None)
    soon = standing.filter(start__gt=now, start__lte=now + SOON)
    begun = standing.filter(start__lte=now, start__gt=now - STALE, end__gt=now)
    ended = standing.filter(end__lte=now, end__gt=now - STALE)
    for kind, downtimes, moment in (("soon", soon, "start"), ("begun", begun, "start"), ("ended", ended, "end")):
        for downtime in _untold(f"downtime.{kind}", downtimes, moment):
            at = getattr(downtime, moment)
            with transaction.atomic():
                _tell(_name(f"downtime.{kind}", downtime, at), f"downtime.{kind}", downtime, at, now)


def _name(kind: str, downtime: Downtime, at: datetime) -> str:
    return f"{kind}:{downtime.pk}:{at.isoformat()}"


def _untold(kind: str, downtimes: Any, moment: str) -> list[Downtime]:
    """Those of which no such notice exists. One that is declared for within a day is not announced twice."""
    found = list(downtimes)
    if kind == "downtime.soon":
        found = [each for each in found if each.declared_at is None or each.start - each.declared_at > SOON]
    names = {_name(kind, each, getattr(each, moment)): each for each in found}
    told = set(Notice.objects.filter(event__in=names).values_list("event", flat=True))
    return [each for name, each in names.items() if name not in told]


def _tell(
    name: str, kind: str, subject: Model, at: datetime, now: datetime, *, actor: str = "",
    detail: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    if not is_wanted(kind):
        return
    words = words_of(kind, subject, actor, detail or {})
    keep(name, kind, words, touched_by(subject), at, now, detail=detail or {})


def keep(
    name: str, kind: str, words: Words, touched: list[str], at: datetime, now: datetime, *, detail: dict[str, Any]
) -> None:
    """Keeps a notice and what is to be sent because of it, unless an event of that name was told before."""
    notice, is_new = Notice.objects.get_or_create(
        event=name,
        defaults={
            "kind": kind, "at": at, "title": words.title, "text": words.text, "path": words.path,
            "thread": words.thread, "touched": touched, "detail": _plain(detail), "created_at": now,
        },
    )  # fmt: skip
    if is_new:
        _address(notice, now)


def is_wanted(kind: str) -> bool:
    """Whether anybody asked for such events at all: one query, where a file of 10,000 downtimes is read."""
    asked = Q(kinds__has_tag=kind) | Q(kinds__has_tag=kind.partition(".")[0])
    return Subscription.objects.filter(asked, paused_at=None).exists()


def _plain(detail: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int | str | bool | None) else str(value) for name, value in detail.items()}


def _address(notice: Notice, now: datetime) -> None:
    """One delivery per person and way, however many of their subscriptions match."""
    told: set[tuple[int, str, str]] = set()
    for subscription in matching(notice.kind, notice.touched):
        target = subscription.target or subscription.user.email
        address = (subscription.user_id, subscription.channel, target)
        if not target or address in told or not _may_read(subscription, notice.kind):
            continue
        told.add(address)
        Delivery.objects.create(
            notice=notice, subscription=subscription, user=subscription.user, channel=subscription.channel,
            target=target, due_at=now,
        )  # fmt: skip


def matching(kind: str, touched: list[str]) -> list[Subscription]:
    """The active subscriptions of active people to such an event."""
    candidates = Subscription.objects.filter(Q(about="") | Q(about__in=touched), paused_at=None, user__is_active=True)
    return [
        each
        for each in candidates.select_related("user").order_by("pk")
        if wants(each.kinds, kind) and concerns(each.about, touched)
    ]


def _may_read(subscription: Subscription, kind: str) -> bool:
    """Changes of roles name people: only to those who may read that."""
    if not kind.startswith("role."):
        return True
    return is_permitted(Actor(user=subscription.user), "registry.read_personal_data")


def audience(kind: str, touched: list[str]) -> dict[str, int]:
    """Who would be told of such an event: channel -> number of people."""
    found = {(each.channel, each.user_id) for each in matching(kind, touched) if each.target or each.user.email}
    return {channel.label: sum(1 for way, _ in found if way == channel) for channel in Channel}


def audience_of_services(kind: str, services: Iterable[Service]) -> dict[str, int]:
    """Who would be told of such an event of those services."""
    return audience(kind, touched_by_services(services))
