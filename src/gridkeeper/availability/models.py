"""What days are judged by, what was asked of them, and what was published.

The figures themselves are tables of the lake (docs/decisions/0007).
"""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from gridkeeper.core.identifiers import new_key
from gridkeeper.people.audit import audited
from gridkeeper.registry.models import Site


class DayMark(models.Model):
    """A UTC day whose figures are older than its facts."""

    day = models.DateField(unique=True)
    reason = models.CharField(max_length=200, help_text="late results, downtime changed, topology changed, ...")
    marked_at = models.DateTimeField()
    computed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Start of the newest computation that is complete; it saw all facts until then.",
    )
    took_ms = models.PositiveIntegerField(
        default=0, help_text="Milliseconds that it took; sets how often today is made."
    )

    objects: ClassVar[models.Manager["DayMark"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["day"]

    def __str__(self) -> str:
        return f"{self.day}: {self.reason}"


class ProfileKind(models.TextChoices):
    """What a profile describes; its document is that of `profiles.documents`."""

    OPERATIONS = "operations", "Operations profile"
    AGGREGATION = "aggregation", "Aggregation profile"
    THRESHOLDS = "thresholds", "Thresholds profile"
    REPORT = "report", "Report"


class Profile(models.Model):
    """A named thing that days are judged by. What it says stands in its versions."""

    key = models.CharField(max_length=100, unique=True, default=new_key)
    kind = models.CharField(max_length=12, choices=ProfileKind)
    name = models.CharField(max_length=100, help_text="Unique among its kind; stands in addresses and in ARGO's API.")
    closed_at = models.DateTimeField(null=True, blank=True, help_text="UTC; from then on nothing is judged by it.")

    objects: ClassVar[models.Manager["Profile"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "name"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["kind", "name"], name="profile_name_unique",
                violation_error_message="There is one of that kind and name.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name


class ProfileVersion(models.Model):
    """What a profile says from a day on. A day is judged by the greatest number whose `valid_from` is not later."""

    profile = models.ForeignKey(Profile, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(help_text="1, 2, 3 ... in the order in which they were made.")
    valid_from = models.DateField(help_text="First UTC day that is judged by it; it may lie in the past.")
    document = models.JSONField()
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["ProfileVersion"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["profile", "-number"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["profile", "number"], name="profile_version_number"),
            models.CheckConstraint(
                name="profile_version_reason", condition=~Q(reason=""), violation_error_message="Give the reason."
            ),
        ]

    def __str__(self) -> str:
        return f"{self.profile} version {self.number}"


class Weight(models.Model):
    """How much a site counts in a region's figures, from a day on until the next such row of the same kind."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="weights")
    kind = models.CharField(max_length=40, help_text="What is counted: hepspec, logical_cpus, storage_tb, ...")
    valid_from = models.DateField(help_text="First UTC day.")
    value = models.DecimalField(max_digits=16, decimal_places=4, help_text="In the kind's unit; 0 or more.")
    source = models.CharField(max_length=100, blank=True, default="", help_text="Who or what said so.")

    objects: ClassVar[models.Manager["Weight"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "site", "valid_from"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["site", "kind", "valid_from"], name="weight_once",
                violation_error_message="The site has a weight of that kind from that day on; change that one.",
            ),
            models.CheckConstraint(
                name="weight_not_negative", condition=Q(value__gte=0),
                violation_error_message="A weight is 0 or more.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.site}: {self.value} {self.kind} from {self.valid_from}"


class ComputationState(models.TextChoices):
    """How far the figures of a day are."""

    PENDING = "pending", "Waits to be computed"
    RUNNING = "running", "Is being computed"
    DONE = "done", "Computed"
    FAILED = "failed", "Failed; the former figures stand"


class Computation(models.Model):
    """The newest computation of a day for one report: what it was made of, and how it went."""

    day = models.DateField()
    report = models.CharField(max_length=100, help_text="Name of the report (a VO's name for its own).")
    state = models.CharField(max_length=8, choices=ComputationState)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, help_text="Of the newest that was complete.")
    inputs = models.JSONField(
        default=dict,
        help_text='Versions that made the figures: {"operations": "default@2", "metrics": "<digest>", ...}.',
    )
    recomputations = models.JSONField(default=list, help_text="Keys of the recomputations that were applied, in order.")
    error = models.TextField(blank=True, default="", help_text="Why the last attempt failed.")
    ignored = models.PositiveIntegerField(default=0, help_text="Results of what no profile or topology names.")
    checksum = models.CharField(max_length=64, blank=True, default="", help_text="SHA-256 of the figures.")

    objects: ClassVar[models.Manager["Computation"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-day", "report"]
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["day", "report"], name="computation_once")]

    def __str__(self) -> str:
        return f"{self.report} {self.day}: {self.state}"


class RecomputationKind(models.TextChoices):
    """What is done to the days concerned (availability.md section 5)."""

    GROUPS = "groups", "Exclude groups: their status becomes unknown"
    SOURCE = "source", "Exclude a monitoring source: its results do not count"
    RESULTS = "results", "Exclude results of metrics, hosts, services or groups"
    STATUS = "status", "Force a status at a level"


class RecomputationState(models.TextChoices):
    """Where a request stands."""

    REQUESTED = "requested", "Waits for approval"
    APPROVED = "approved", "Approved; its days are being computed"
    APPLIED = "applied", "Applied"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn by its author"
    REVERTED = "reverted", "Reverted"


class Recomputation(models.Model):
    """A request that figures be made otherwise than the results alone say; kept with what it changed."""

    key = models.CharField(max_length=100, unique=True, default=new_key)
    kind = models.CharField(max_length=8, choices=RecomputationKind)
    reports = models.JSONField(default=list, help_text="Names of the reports concerned; empty: all.")
    start = models.DateTimeField(help_text="UTC.")
    end = models.DateTimeField(help_text="UTC; the first instant that is not concerned.")
    document = models.JSONField(
        default=dict,
        help_text="By kind: groups; source; metrics, hosts, services, groups; level, names and status.",
    )
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=RecomputationState, default=RecomputationState.REQUESTED)
    position = models.PositiveIntegerField(default=0, help_text="Several are applied in this order, then by their age.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=300, blank=True, default="")
    preview = models.JSONField(default=dict, help_text="What the author saw that it would change.")
    effects = models.JSONField(default=dict, help_text="What it did change: figures before and after, by site and day.")

    objects: ClassVar[models.Manager["Recomputation"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="recomputation_in_order", condition=Q(end__gt=F("start")),
                violation_error_message="The period ends before it begins.",
            ),
            models.CheckConstraint(
                name="recomputation_reason", condition=~Q(reason=""), violation_error_message="Give the reason."
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.start:%Y-%m-%d %H:%M}"


class PublishedReport(models.Model):
    """The figures of a month as they were published. A version is never changed; a correction is the next version."""

    report = models.CharField(max_length=100)
    month = models.CharField(max_length=7, help_text="2026-03")
    version = models.PositiveIntegerField()
    published_at = models.DateTimeField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=300, blank=True, default="", help_text="Why there is another version.")
    document = models.TextField(help_text="The figures as canonical JSON; what the checksum is of.")
    checksum = models.CharField(max_length=64, help_text="SHA-256 of the document's UTF-8 bytes.")
    changes = models.JSONField(default=list, help_text="What differs from the version before, and why.")
    outdated_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when the figures of the month are known to differ from it."
    )

    objects: ClassVar[models.Manager["PublishedReport"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-month", "report", "-version"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["report", "month", "version"], name="published_report_version")
        ]

    def __str__(self) -> str:
        return f"{self.report} {self.month} version {self.version}"


class FeedKind(models.TextChoices):
    """Dated snapshots that ARGO's connectors push."""

    ENDPOINTS = "endpoints", "Topology: endpoints"
    GROUPS = "groups", "Topology: groups"
    SERVICE_TYPES = "service_types", "Topology: service types"
    DOWNTIMES = "downtimes", "Downtimes"
    WEIGHTS = "weights", "Weights"


class FeedSnapshot(models.Model):
    """What a connector said of a day. Judged by where a report takes its topology from feeds."""

    kind = models.CharField(max_length=13, choices=FeedKind)
    name = models.CharField(max_length=100, blank=True, default="", help_text="Of the weights; else empty.")
    day = models.DateField(help_text="From this UTC day on, until the next snapshot.")
    document = models.JSONField()
    received_at = models.DateTimeField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects: ClassVar[models.Manager["FeedSnapshot"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "name", "-day"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["kind", "name", "day"], name="feed_snapshot_once")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.name} {self.day}".replace("  ", " ")
