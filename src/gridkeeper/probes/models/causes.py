"""What follows from what: declared by people, or learned from the past."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce

from gridkeeper.people.audit import audited
from gridkeeper.probes.models.tests import Test
from gridkeeper.registry.models import ServiceType


class Reach(models.TextChoices):
    """How far a cause reaches."""

    SERVICE = "service", "The same service"
    HOST = "host", "The same host"
    SITE = "site", "The same site"
    REGION = "region", "The same region"


class CauseRule(models.Model):
    """While `cause` fails on a service of `cause_type`, failures of `effect` within its reach are consequences.

    Empty `effect` or `effect_type`: every test, every service type. Learned rules show nothing until somebody
    accepts them.
    """

    cause = models.ForeignKey(Test, on_delete=models.CASCADE, related_name="consequences")
    cause_type = models.ForeignKey(ServiceType, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    effect = models.ForeignKey(Test, on_delete=models.CASCADE, null=True, blank=True, related_name="causes")
    effect_type = models.ForeignKey(ServiceType, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reach = models.CharField(max_length=10, choices=Reach)
    is_learned = models.BooleanField(default=False)
    support = models.PositiveIntegerField(default=0, help_text="Learned: outages in which both failed.")
    confidence = models.FloatField(default=1.0, help_text="Learned: share of the cause's outages with the effect.")
    accepted_at = models.DateTimeField(null=True, blank=True, help_text="Empty: a proposal that shows nothing.")
    rejected_at = models.DateTimeField(null=True, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")

    objects: ClassVar[models.Manager["CauseRule"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["cause__name", "pk"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                F("cause"), Coalesce("cause_type", 0), Coalesce("effect", 0), Coalesce("effect_type", 0), F("reach"),
                name="cause_rule_once", violation_error_message="That rule exists.",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.effect or 'every test'} follows from {self.cause} ({self.get_reach_display().lower()})"
