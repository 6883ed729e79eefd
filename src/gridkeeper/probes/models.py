"""Tests, what is tested for whom, and the latest status of every series."""

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from gridkeeper.core.status import Status
from gridkeeper.people.audit import audited
from gridkeeper.registry.models import Dated, DatedQuerySet, Service, ServiceType
from gridkeeper.vos.models import Vo


class TestKind(models.TextChoices):
    """How a test comes to its results."""

    NATIVE = "native", "Native check, in process"
    PLUGIN = "plugin", "Nagios plugin, as a process"
    JOB = "job", "Job sent to a CE, with tests that ride in it"
    PASSIVE = "passive", "Reported by others"


class Stage(models.TextChoices):
    """What a failure of the test says about jobs; orders the statuses of the SFT matrix (tests.md section 1)."""

    NONE = "", "None"
    LIST_MATCH = "JL", "Job list match"
    SUBMISSION = "JS", "Job submission"


class Test(models.Model):
    """The definition of a test. Its results form the metric of the same name."""

    __test__ = False  # not a case for pytest

    name = models.CharField(
        max_length=100,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9._-]+$", "Use letters, digits, dot, underscore or hyphen.")],
        help_text="The metric's name, e.g. CE-js or org.gridkeeper.tcp.",
    )
    abbreviation = models.CharField(max_length=20, help_text="Column head of the matrix, e.g. js.")
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=TestKind)
    command = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="Name of the native check (tcp, http, tls, dns, ssh, job) or path of the plugin.",
    )
    arguments = models.JSONField(
        default=dict,
        blank=True,
        help_text='Native: an object ({"port": 443}). Plugin: a list of words. Macros: $HOSTADDRESS$ and others.',
    )
    is_per_vo = models.BooleanField(default=False, help_text="Run once for every VO, with that VO's view.")
    interval_s = models.PositiveIntegerField(default=900, validators=[MinValueValidator(1)], help_text="Seconds.")
    timeout_s = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)], help_text="Seconds.")
    max_attempts = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1)], help_text="Bad results in a row before the status is hard."
    )
    retry_interval_s = models.PositiveIntegerField(default=60, help_text="Seconds between attempts.")
    validity_s = models.PositiveIntegerField(
        default=86_400, help_text="Seconds after which a result no longer says anything: the status is MISSING."
    )
    depends_on: "models.ManyToManyField[Test, models.Model]" = models.ManyToManyField(
        "self", symmetrical=False, blank=True, related_name="dependents",
        help_text="Not run on a service while one of these has failed there.",
    )  # fmt: skip
    rides_in = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="riders",
        help_text="The job test that brings this test's results back.",
    )  # fmt: skip
    stage = models.CharField(max_length=2, choices=Stage, blank=True, default=Stage.NONE)
    position = models.PositiveSmallIntegerField(default=100, help_text="Order of the columns of the matrix.")
    meaning = models.TextField(blank=True, default="", help_text="What it proves, in plain words.")
    procedure = models.TextField(blank=True, default="", help_text="What to do when it fails, step by step.")
    is_enabled = models.BooleanField(default=True)

    objects: ClassVar[models.Manager["Test"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("probes:test", args=[self.name])

    @property
    def interval(self) -> timedelta:
        return timedelta(seconds=self.interval_s)


class ProfileEntry(Dated):
    """A line of a VO's metric profile: that this test is run on services of this type for it, and whether it counts.

    Dated: yesterday's judgement uses yesterday's entries. A change closes the row and opens another.
    """

    vo = models.ForeignKey(Vo, on_delete=models.PROTECT, related_name="profile")
    service_type = models.ForeignKey(ServiceType, on_delete=models.PROTECT, related_name="profile_entries")
    test = models.ForeignKey(Test, on_delete=models.PROTECT, related_name="profile_entries")
    is_critical = models.BooleanField(default=False, help_text="A failure makes the service bad for the VO.")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = DatedQuerySet.as_manager()
    history = audited()

    class Meta(Dated.Meta):
        verbose_name_plural = "profile entries"
        constraints: ClassVar[list[Any]] = [
            *Dated.Meta.constraints,
            models.UniqueConstraint(
                F("vo"), F("service_type"), F("test"), condition=Q(valid_until=None), name="profile_entry_once",
                violation_error_message="The VO's profile has that test for that service type already.",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.vo}: {self.test} on {self.service_type}{' (critical)' if self.is_critical else ''}"


class LatestStatus(models.Model):
    """The newest result of every series: a projection of facts, rebuilt by `gridkeeper lake rebuild-status`.

    Written by `probes.ingest` in plain SQL (docs/decisions/0006); nobody else writes it.
    """

    series = models.BigIntegerField(primary_key=True, help_text="core.identifiers.SeriesKey.series")
    hostname = models.CharField(max_length=255)
    service_type = models.CharField(max_length=100)
    metric = models.CharField(max_length=100)
    vo = models.CharField(max_length=100, blank=True, default="", help_text="Empty: the same for every VO.")
    status = models.PositiveSmallIntegerField(choices=[(s.value, s.name) for s in Status])
    hard_status = models.PositiveSmallIntegerField(
        choices=[(s.value, s.name) for s in Status], help_text="Status after retries; what pages and judgement use."
    )
    hard_since = models.DateTimeField(help_text="Time of the first result in a row with this hard status.")
    executed_at = models.DateTimeField(help_text="When the newest result was measured.")
    duration_ms = models.PositiveIntegerField(default=0)
    summary = models.CharField(max_length=500, blank=True, default="", help_text="First line of its output.")
    worker = models.CharField(max_length=100, blank=True, default="")
    cause = models.CharField(max_length=100, blank=True, default="", help_text="Failed metric that explains this one.")
    fact = models.BigIntegerField(help_text="core.identifiers.fact_hash of the newest result's id.")
    seq = models.BigIntegerField(help_text="Order of receipt; also the stamp that live pages compare.")
    last_ok_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["LatestStatus"]] = models.Manager()

    class Meta:
        verbose_name_plural = "latest statuses"
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["hostname", "service_type"], name="latest_host_type"),
            models.Index(fields=["seq"], name="latest_seq"),
            models.Index(fields=["hard_since"], name="latest_hard_since"),
        ]

    def __str__(self) -> str:
        return f"{self.metric} of {self.service_type} {self.hostname}: {Status(self.hard_status).name}"


class RunRequest(models.Model):
    """Somebody asked for a test to be run now; the scheduler takes it within a second."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="+")
    test = models.ForeignKey(Test, on_delete=models.CASCADE, related_name="+")
    vo = models.CharField(max_length=100, blank=True, default="")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True, default="")

    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]

    def __str__(self) -> str:
        return f"{self.test} on {self.service}"
