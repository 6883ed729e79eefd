"""What people do with their subscriptions."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.subscriptions.models import Channel, Delivery, DeliveryState, Notice, Subscription
from gridkeeper.subscriptions.rules import GROUPS, KINDS
from gridkeeper.subscriptions.touched import BY_KEY, BY_NAME

MOST_PER_PERSON = 200


def subscribe(
    actor: Actor, *, about: str, kinds: Sequence[str], channel: str, target: str = "", now: datetime
) -> Subscription:
    """A new subscription of the actor. Raises NotPermittedError, ValidationError naming the fields."""
    require(actor, "subscriptions.change")
    if actor.user is None:
        raise ValidationError("Subscriptions belong to a person; sign in as one.")
    target = target.strip()
    _check(about, kinds, channel, target)
    if channel == Channel.MAIL and not target and not actor.user.email:
        raise ValidationError({"target": "Your account has no mail address; give one here."})
    if actor.user.subscriptions.count() >= MOST_PER_PERSON:
        raise ValidationError(f"You have {MOST_PER_PERSON} subscriptions, which is the most; end some first.")
    with transaction.atomic(), recording(actor, "subscribed"):
        subscription = Subscription(
            user=actor.user, channel=channel, target=target, about=about, kinds=sorted(set(kinds)), created_at=now,
            secret=secrets.token_urlsafe(32) if channel == Channel.WEBHOOK else "",
        )  # fmt: skip
        subscription.full_clean()
        subscription.save()
    return subscription


def change_kinds(actor: Actor, *, subscription: Subscription, kinds: Sequence[str]) -> Subscription:
    """Of what it tells. Raises NotPermittedError, ValidationError."""
    require(actor, "subscriptions.change", subscription)
    _check(subscription.about, kinds, subscription.channel, subscription.target, is_new=False)
    with transaction.atomic(), recording(actor, "kinds changed"):
        subscription.kinds = sorted(set(kinds))
        subscription.save(update_fields=["kinds"])
    return subscription


def pause(actor: Actor, *, subscription: Subscription, reason: str = "", now: datetime) -> None:
    """Nothing is sent until it is resumed."""
    require(actor, "subscriptions.change", subscription)
    with transaction.atomic(), recording(actor, reason or "paused"):
        subscription.paused_at, subscription.pause_reason = now, reason[:300]
        subscription.save(update_fields=["paused_at", "pause_reason"])


def resume(actor: Actor, *, subscription: Subscription) -> None:
    """From now on it is sent again; what happened meanwhile is not."""
    require(actor, "subscriptions.change", subscription)
    with transaction.atomic(), recording(actor, "resumed"):
        subscription.paused_at, subscription.pause_reason = None, ""
        subscription.save(update_fields=["paused_at", "pause_reason"])


def unsubscribe(actor: Actor, *, subscription: Subscription, reason: str = "ended") -> None:
    """The subscription is no more; the log of what it sent stays."""
    require(actor, "subscriptions.change", subscription)
    with transaction.atomic(), recording(actor, reason):
        subscription.delete()


def send_again(actor: Actor, *, delivery: Delivery, now: datetime) -> None:
    """Tries a delivery that was given up, or was sent, once more. Raises ValidationError where it waits already."""
    require(actor, "subscriptions.change", delivery)
    with transaction.atomic():
        fresh = Delivery.objects.select_for_update().get(pk=delivery.pk)
        if fresh.state == DeliveryState.WAITING:
            raise ValidationError("It waits for its next attempt already.")
        if fresh.subscription is None:
            raise ValidationError("Its subscription was ended; subscribe anew.")
        fresh.state, fresh.attempts, fresh.due_at = DeliveryState.WAITING, 0, now
        fresh.save(update_fields=["state", "attempts", "due_at"])


def send_test(actor: Actor, *, subscription: Subscription, now: datetime) -> Delivery:
    """A message that says nothing but that messages arrive."""
    require(actor, "subscriptions.change", subscription)
    with transaction.atomic():
        notice = Notice.objects.create(
            event=f"test:{subscription.key}:{now.isoformat()}", kind="test", at=now, title="This is a test",
            text="You asked for a test of this subscription. It arrives.", path=subscription.get_absolute_url(),
            thread=f"test-{subscription.key}", created_at=now,
        )  # fmt: skip
        return Delivery.objects.create(
            notice=notice, subscription=subscription, user=subscription.user, channel=subscription.channel,
            target=subscription.target or subscription.user.email, due_at=now,
        )  # fmt: skip


def _check(about: str, kinds: Sequence[str], channel: str, target: str, *, is_new: bool = True) -> None:
    problems: dict[str, str] = {}
    unknown = sorted(set(kinds) - set(KINDS) - set(GROUPS))
    if unknown or not kinds:
        problems["kinds"] = f"Choose what to be told of; {', '.join(unknown)} is unknown." if unknown else "Choose one."
    if channel not in Channel.values:
        problems["channel"] = f"{channel!r} is not a way; use {' or '.join(Channel.values)}."
    elif is_new and (problem := _target_problem(channel, target)):
        problems["target"] = problem
    if is_new and not exists(about):
        problems["about"] = f"{about!r} names nothing that exists; write site:KEY, ngi:KEY, vo:NAME, service_type:NAME."
    if problems:
        raise ValidationError(problems)


def _target_problem(channel: str, target: str) -> str:
    if channel == Channel.MAIL:
        try:
            if target:
                validate_email(target)
        except ValidationError:
            return f"{target!r} is not a mail address."
        return ""
    parts = urlsplit(target)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.username:
        return "A webhook is an https:// (or http://) address without a password in it."
    return ""


def exists(about: str) -> bool:
    """True where a subscription can be about that; "" is everything."""
    if not about:
        return True
    kind, _, name = about.partition(":")
    if "\0" in name:
        return False
    if kind in BY_KEY:
        return bool(BY_KEY[kind]._default_manager.filter(key=name, valid_until=None).exists())
    return kind in BY_NAME and bool(BY_NAME[kind]._default_manager.filter(name=name).exists())
