"""Subscriptions over the API: a person's own."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Router, Schema, Status
from pydantic import Field

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.subscriptions import actions
from gridkeeper.subscriptions.models import Delivery, Subscription
from gridkeeper.web.api import Limit, Offset, Page, paginate

router = Router(tags=["subscriptions"])
Key = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$")]
_Text = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class SubscriptionIn(Schema):
    """A new subscription."""

    about: _Text = Field("", description='"site:KEY", "ngi:KEY", "vo:NAME", ...; empty: all.', examples=["vo:dteam"])
    kinds: list[_Text] = Field(max_length=50, examples=[["downtime", "certification.changed"]])
    channel: _Text = Field("mail", examples=["webhook"])
    target: _Text = Field("", examples=["https://hooks.example.org/grid"])


class SubscriptionOut(Schema):
    """A subscription."""

    key: str
    about: str
    kinds: list[str]
    channel: str
    target: str
    created_at: datetime
    paused_at: datetime | None


class NewSubscription(SubscriptionOut):
    """With the secret that signs what a webhook gets (X-Gridkeeper-Signature); it is on the subscription's page too."""

    secret: str


class DeliveryOut(Schema):
    """One message: what, to whom, what became of it."""

    key: str
    event: str = Field(alias="notice.kind")
    title: str = Field(alias="notice.title")
    at: datetime = Field(alias="notice.at")
    channel: str
    target: str
    state: str
    attempts: int
    due_at: datetime | None
    sent_at: datetime | None
    error: str


def _owner(request: HttpRequest) -> User:
    actor = Actor.of(request, "api")
    if actor.user is None:
        raise NotPermittedError("subscriptions belong to a person; sign in first")
    return actor.user


@router.get("/subscriptions", response=Page[SubscriptionOut], summary="Your subscriptions")
def list_subscriptions(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """By what they are about."""
    return paginate(request, Subscription.objects.filter(user=_owner(request)).order_by("about", "pk"), limit, offset)


@router.post("/subscriptions", response={201: NewSubscription}, summary="Subscribe")
def post_subscription(request: HttpRequest, body: SubscriptionIn) -> Any:
    """By mail or webhook; one message per event and address, however many subscriptions match."""
    _owner(request)
    actor = Actor.of(request, "api")
    return Status(201, actions.subscribe(actor, now=timezone.now(), **body.dict()))


@router.delete("/subscriptions/{key}", response={204: None}, summary="End a subscription")
def delete_subscription(request: HttpRequest, key: Key) -> Any:
    """The log of what it sent stays."""
    subscription = get_object_or_404(Subscription, key=key, user=_owner(request))
    actions.unsubscribe(Actor.of(request, "api"), subscription=subscription)
    return Status(204, None)


@router.get("/deliveries", response=Page[DeliveryOut], summary="What was sent to you")
def list_deliveries(request: HttpRequest, limit: Limit = 100, offset: Offset = 0) -> dict[str, Any]:
    """Newest first; also what could not be sent, and why."""
    rows = Delivery.objects.filter(user=_owner(request)).select_related("notice")
    return paginate(request, rows, limit, offset)


@router.post("/deliveries/{key}/again", response={202: DeliveryOut}, summary="Send once more")
def post_again(request: HttpRequest, key: Key) -> Any:
    """For one that was given up or got lost at your side."""
    delivery = get_object_or_404(Delivery.objects.select_related("notice"), key=key, user=_owner(request))
    actions.send_again(Actor.of(request, "api"), delivery=delivery, now=timezone.now())
    delivery.refresh_from_db()
    return Status(202, delivery)
