"""Versions of definitions of tests, and trials of definitions that are not saved yet."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from gridkeeper.people.audit import audited
from gridkeeper.probes.models.tests import Test
from gridkeeper.registry.models import Service


class TestVersion(models.Model):
    """A definition as it stood from one edit to the next, whole: names in place of keys, so that it stays readable."""

    __test__ = False

    test = models.ForeignKey(Test, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField(help_text="As `Test.version` counted then.")
    content = models.JSONField(help_text="Field -> value (`probes.catalogue.content_of`).")
    made_at = models.DateTimeField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by = models.CharField(max_length=255, blank=True, default="", help_text="Who, in words; outlasts the account.")
    reason = models.CharField(max_length=300, blank=True, default="")
    pack = models.CharField(max_length=100, blank=True, default="", help_text="Pack that brought it; empty: a person.")

    objects: ClassVar[models.Manager["TestVersion"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["-version"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["test", "version"], name="test_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.test} version {self.version}"


class Trial(models.Model):
    """Somebody tries a definition on one service; the engine runs it once and stores the answer here alone."""

    definition = models.JSONField(help_text="As in TestVersion; it belongs to no test.")
    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="+")
    vo = models.CharField(max_length=100, blank=True, default="")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    outcomes = models.JSONField(default=list, help_text="What it said, of itself and of what rides in it.")

    objects: ClassVar[models.Manager["Trial"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["-requested_at"]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["taken_at"], name="trial_taken")]

    def __str__(self) -> str:
        return f"trial on {self.service}"
