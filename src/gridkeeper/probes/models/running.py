"""What people ask of the engine: a run now, a pause."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from gridkeeper.people.audit import audited
from gridkeeper.probes.models.tests import Test
from gridkeeper.registry.models import Service, Site


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


class Pause(models.Model):
    """Tests that somebody has told the engine not to run, until when and why. What is left empty stands for all.

    A paused test keeps its last status until its validity ends; then it is MISSING like any other.
    """

    test = models.ForeignKey(Test, on_delete=models.CASCADE, null=True, blank=True, related_name="pauses")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    reason = models.CharField(max_length=300)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="UTC; a pause always ends by itself.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When somebody ended it before.")

    objects: ClassVar[models.Manager["Pause"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-created_at"]
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="pause_of_something", condition=~Q(test=None) | ~Q(service=None) | ~Q(site=None),
                violation_error_message="Say what to pause: a test, a service or a site.",
            ),
            models.CheckConstraint(
                name="pause_reason", condition=~Q(reason=""), violation_error_message="Give the reason."
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        what = [str(item) for item in (self.test, self.service, self.site) if item is not None]
        return f"pause of {', '.join(what)}"


class EngineReport(models.Model):
    """The newest figures of one engine or worker process: queue, lag, rates, slowest tests. A row each, overwritten."""

    name = models.CharField(max_length=100, primary_key=True, help_text="Worker or engine that reports.")
    reported_at = models.DateTimeField()
    figures = models.JSONField(default=dict)

    objects: ClassVar[models.Manager["EngineReport"]] = models.Manager()

    def __str__(self) -> str:
        return self.name
