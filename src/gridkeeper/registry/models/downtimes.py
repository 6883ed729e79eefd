"""Downtimes: what is out or at risk, when, and what continues what."""

from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models.dated import KEY_HELP
from gridkeeper.registry.models.topology import Endpoint, Service


class Severity(models.TextChoices):
    """What a downtime means for users. Only OUTAGE can excuse (availability.md section 2)."""

    OUTAGE = "OUTAGE", "Outage"
    WARNING = "WARNING", "At risk"


class Classification(models.TextChoices):
    """Whether a downtime was declared early enough; computed, never given (registry.md section 3)."""

    SCHEDULED = "SCHEDULED", "Scheduled"
    UNSCHEDULED = "UNSCHEDULED", "Unscheduled"


class FollowKind(models.TextChoices):
    """How a downtime continues the one before it; the one before is never rewritten."""

    EXTENSION = "extension", "Extension"
    PHASE = "phase", "Next phase"


class DowntimeRecurrence(models.Model):
    """A rule that makes downtimes: each occurrence becomes one, as soon as it lies within the horizon."""

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    rule = models.CharField(max_length=500, help_text="RFC 5545 RRULE, e.g. FREQ=MONTHLY;BYDAY=1TU.")
    first_start = models.DateTimeField(help_text="UTC; start of the first occurrence (DTSTART).")
    timezone = models.CharField(
        max_length=64, default="UTC", help_text="IANA name; occurrences keep the wall clock of this zone."
    )
    duration_seconds = models.PositiveIntegerField(help_text="Length of each occurrence, in seconds of real time.")
    severity = models.CharField(max_length=10, choices=Severity)
    description = models.CharField(max_length=4000)
    declared_at = models.DateTimeField()
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    made_until = models.DateTimeField(null=True, blank=True, help_text="UTC; occurrences before it have been made.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="UTC; from then on it makes no more.")
    services = models.ManyToManyField(Service, related_name="downtime_recurrences")

    objects: ClassVar[models.Manager["DowntimeRecurrence"]] = models.Manager()
    history = audited(m2m_fields=[services])

    class Meta:
        ordering: ClassVar[list[str]] = ["-declared_at"]

    def __str__(self) -> str:
        return f"{self.rule} from {self.first_start:%Y-%m-%d %H:%M} UTC"


class Downtime(models.Model):
    """A declared interval in which services are down or at risk.

    A promise is not rewritten: what is extended, or changes its severity on the way, is continued by a further
    downtime that `follows` it. Parts may end earlier than the whole (`DowntimeService.end`).
    """

    key = models.CharField(max_length=100, unique=True, default=new_key, help_text=KEY_HELP)
    severity = models.CharField(max_length=10, choices=Severity)
    classification = models.CharField(max_length=12, choices=Classification, editable=False)
    source_severity = models.CharField(max_length=40, blank=True, default="", help_text="The source's own word.")
    source_classification = models.CharField(max_length=40, blank=True, default="", help_text="As the source said.")
    description = models.CharField(max_length=4000)
    declared_at = models.DateTimeField(null=True, blank=True, help_text="UTC; empty where the source did not say.")
    start = models.DateTimeField(help_text="UTC; first instant.")
    end = models.DateTimeField(help_text="UTC; first instant after it.")
    cancelled_at = models.DateTimeField(null=True, blank=True, help_text="UTC; it stays readable.")
    declared_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    follows = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="followed_by",
        help_text="The downtime that this one continues.",
    )  # fmt: skip
    follow_kind = models.CharField(
        max_length=10, choices=FollowKind, blank=True, default="", help_text="In which way it continues it."
    )
    recurrence = models.ForeignKey(
        "DowntimeRecurrence", on_delete=models.PROTECT, null=True, blank=True, related_name="downtimes",
        help_text="The rule that made it.",
    )  # fmt: skip
    services = models.ManyToManyField(Service, through="DowntimeService", related_name="downtimes")

    #: How `people.past` shows it.
    past_since: ClassVar[str] = 'COALESCE({h}.declared_at, {h}."start")'
    past_values: ClassVar[dict[str, str]] = {
        "cancelled_at": "CASE WHEN {h}.cancelled_at > {moment} THEN NULL ELSE {h}.cancelled_at END"
    }

    objects: ClassVar[models.Manager["Downtime"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-start"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="downtime_start_before_end",
                condition=Q(start__lt=F("end")),
                violation_error_message="A downtime ends after it starts.",
            ),
            models.CheckConstraint(
                name="downtime_follows_in_a_way",
                condition=Q(follows=None, follow_kind="") | (Q(follows__isnull=False) & ~Q(follow_kind="")),
                violation_error_message="What follows a downtime does so as an extension or as its next phase.",
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["end", "start"], name="downtime_end_start")]

    def __str__(self) -> str:
        return f"{self.get_severity_display()} {self.start:%Y-%m-%d %H:%M} UTC"

    def get_absolute_url(self) -> str:
        return reverse("registry:downtime", args=[self.key])

    def services_at(self, moment: datetime) -> list[Service]:
        """The services that are not back yet at the instant; `queries.with_services` fetches them along."""
        return [each.service for each in self.affected.all() if each.end is None or each.end > moment]

    def lineage(self) -> list[str]:
        """What all its services lie below, as limits of tokens name them: a token of one site reaches no other's."""
        services = self.services.select_related("site__ngi__federation")
        chains = [service.lineage() for service in services]
        return [each for each in chains[0] if all(each in chain for chain in chains)] if chains else []


class DowntimeService(models.Model):
    """A service that a downtime affects."""

    downtime = models.ForeignKey(Downtime, on_delete=models.CASCADE, related_name="affected")
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="affected_by")
    end = models.DateTimeField(
        null=True, blank=True, help_text="UTC; where this service is back before the downtime ends. Empty: it is not."
    )

    #: What was imported with a downtime belongs to it from its declaration; what was added later, from then on.
    past_since: ClassVar[str] = (
        '(SELECT COALESCE(d.declared_at, d."start") FROM {schema}.registry_downtime d '
        "WHERE d.id = {h}.downtime_id AND {h}.history_source IN ('import', 'demo'))"
    )

    objects: ClassVar[models.Manager["DowntimeService"]] = models.Manager()
    history = audited()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["downtime", "service"],
                name="downtime_service_once",
                violation_error_message="The downtime names that service already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.service} in {self.downtime}"

    @property
    def ends_at(self) -> datetime:
        """UTC; when this service is back."""
        return self.downtime.end if self.end is None else self.end


class DowntimeEndpoint(models.Model):
    """An address of an affected service. Without any, the whole service is affected."""

    affected = models.ForeignKey(DowntimeService, on_delete=models.CASCADE, related_name="endpoints")
    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="affected_by")

    history = audited()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["affected", "endpoint"],
                name="downtime_endpoint_once",
                violation_error_message="The downtime names that endpoint already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} of {self.affected}"
