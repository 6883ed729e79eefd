"""Subscriptions, what is to be told (notices), and what became of the telling (deliveries)."""

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited

#: "" is the whole federation.
ABOUT = RegexValidator(
    r"^(|(federation|ngi|site|service|service_group|service_type|vo):[^\x00-\x1f]+)$",
    'Write "site:KEY", "ngi:KEY", "service:KEY", "service_group:KEY", "service_type:NAME" or "vo:NAME".',
)


class Channel(models.TextChoices):
    """By which way somebody is told."""

    MAIL = "mail", "Mail"
    WEBHOOK = "webhook", "Webhook"


class Subscription(models.Model):
    """A person wants to be told of kinds of events about one object and what lies below it."""

    key = models.CharField(max_length=100, unique=True, default=new_key)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="subscriptions")
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.MAIL)
    target = models.CharField(
        max_length=500, blank=True, default="", help_text="Webhook: its URL. Mail: an address; empty: the account's."
    )
    about = models.CharField(
        max_length=300,
        blank=True,
        default="",
        validators=[ABOUT],
        help_text="site:KEY, ngi:KEY, ...; empty: everything.",
    )
    kinds = models.JSONField(default=list, help_text='Kinds of events, e.g. ["downtime", "certification.changed"].')
    secret = models.CharField(max_length=100, blank=True, default="", help_text="Signs what a webhook gets.")
    created_at = models.DateTimeField()
    paused_at = models.DateTimeField(null=True, blank=True, help_text="UTC; set: nothing is sent.")
    pause_reason = models.CharField(max_length=300, blank=True, default="")

    objects: ClassVar[models.Manager["Subscription"]] = models.Manager()
    history = audited(excluded_fields=["secret"])

    class Meta:
        ordering: ClassVar[list[str]] = ["about", "channel"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["user", "channel", "target", "about"],
                name="subscription_once",
                violation_error_message="You have that subscription already; change its kinds instead.",
            ),
            models.CheckConstraint(
                name="webhook_has_target",
                condition=~Q(channel=Channel.WEBHOOK) | ~Q(target=""),
                violation_error_message="A webhook needs its URL.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} about {self.about or 'everything'}"

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:subscription", args=[self.key])


class Notice(models.Model):
    """One event that people are told of."""

    event = models.CharField(
        max_length=200, unique=True, help_text="The event's own name: told once, however often seen."
    )
    kind = models.CharField(max_length=60)
    at = models.DateTimeField(help_text="UTC; when it happened, or will.")
    title = models.CharField(max_length=300)
    text = models.TextField()
    path = models.CharField(max_length=300, help_text="The page about it, from / on.")
    thread = models.CharField(max_length=200, help_text="What later notices of the same object share.")
    touched = models.JSONField(default=list, help_text="What it is about, as Subscription.about names it.")
    detail = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.title


class DeliveryState(models.TextChoices):
    """Where the telling stands."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given up"


class Delivery(models.Model):
    """One notice to one person by one way."""

    key = models.CharField(max_length=100, unique=True, default=new_key)
    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    subscription = models.ForeignKey(
        Subscription, on_delete=models.SET_NULL, null=True, blank=True, related_name="deliveries"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel)
    target = models.CharField(max_length=500)
    state = models.CharField(max_length=10, choices=DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, blank=True, help_text="UTC; next attempt; empty: none.")
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, default="", help_text="What the last attempt met.")

    class Meta:
        ordering: ClassVar[list[str]] = ["-pk"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["notice", "user", "channel", "target"], name="told_once")
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["due_at"], name="delivery_due")]

    def __str__(self) -> str:
        return f"{self.notice} to {self.target}"
