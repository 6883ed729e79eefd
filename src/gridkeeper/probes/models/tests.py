"""Definitions of tests."""

from datetime import timedelta
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.urls import reverse

from gridkeeper.people.audit import audited


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


class CredentialNeed(models.TextChoices):
    """What a test must be handed to act for a VO."""

    NONE = "", "None"
    PROXY = "proxy", "X.509 proxy of the VO's robot"
    TOKEN = "token", "Bearer token of the VO"


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
    credential = models.CharField(
        max_length=10, choices=CredentialNeed, blank=True, default=CredentialNeed.NONE,
        help_text="What a run is handed, by private file: $X509PROXY$ and $TOKENFILE$ name it.",
    )  # fmt: skip
    fastest_interval_s = models.PositiveIntegerField(
        default=0, help_text="Seconds; after a change the test runs so often for a while. 0: always at the interval."
    )
    slowest_interval_s = models.PositiveIntegerField(
        default=0, help_text="Seconds; what stays the same slows down to this. 0: never slower than the interval."
    )
    priority = models.SmallIntegerField(
        default=0, help_text="Where runs wait for a free place, the higher goes first: -100 to 100.",
        validators=[MinValueValidator(-100), MaxValueValidator(100)],
    )  # fmt: skip
    places = models.JSONField(
        default=dict, blank=True,
        help_text='From where it runs: {"count": 2, "distinct": "region", "elsewhere": 1, "labels": {}, "quorum": 2}.',
    )  # fmt: skip
    stage = models.CharField(max_length=2, choices=Stage, blank=True, default=Stage.NONE)
    position = models.PositiveSmallIntegerField(default=100, help_text="Order of the columns of the matrix.")
    meaning = models.TextField(blank=True, default="", help_text="What it proves, in plain words.")
    procedure = models.TextField(blank=True, default="", help_text="What to do when it fails, step by step.")
    logs = models.TextField(blank=True, default="", help_text="Logs to look at on the service, one a line.")
    contact = models.CharField(max_length=300, blank=True, default="", help_text="Whom to ask about the test itself.")
    pack = models.CharField(max_length=100, blank=True, default="", help_text="Pack that it came with; empty: ours.")
    version = models.PositiveIntegerField(default=1, help_text="Counts the edits; older versions stay readable.")
    is_enabled = models.BooleanField(default=True)

    #: A test was there as soon as some profile claims to have held it: results are imported with their profiles.
    past_since: ClassVar[str] = (
        "(SELECT MIN(p.valid_from) FROM {schema}.probes_profileentry p WHERE p.test_id = {h}.id)"
    )

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
