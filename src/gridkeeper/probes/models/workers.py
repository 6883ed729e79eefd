"""Workers: the places that tests run from."""

from typing import Any, ClassVar

from django.db import models

from gridkeeper.people.audit import audited


class WorkerState(models.TextChoices):
    """What the scheduler thinks of a worker."""

    OK = "ok", "At work"
    SUSPECT = "suspect", "In doubt: its own network seems broken"
    LOST = "lost", "Silent"


class Worker(models.Model):
    """A process that runs tests, here or elsewhere. It registers itself; people may retire it."""

    name = models.CharField(max_length=100, unique=True)
    region = models.CharField(max_length=100, blank=True, default="", help_text="NGI that it stands in, by name.")
    network = models.CharField(max_length=100, blank=True, default="", help_text="Network that it is attached to.")
    vos = models.JSONField(default=list, blank=True, help_text="VOs that it may test for; empty: all.")
    labels = models.JSONField(default=dict, blank=True, help_text="Further labels that rules may ask for.")
    public_key = models.CharField(max_length=100, blank=True, default="", help_text="Credentials are sealed for it.")
    version = models.CharField(max_length=40, blank=True, default="")
    state = models.CharField(max_length=10, choices=WorkerState, default=WorkerState.OK)
    state_since = models.DateTimeField()
    state_reason = models.CharField(max_length=500, blank=True, default="")
    registered_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(help_text="By the clock of this side, when it was last heard.")
    is_enabled = models.BooleanField(default=True, help_text="False: it is given nothing to run.")

    objects: ClassVar[models.Manager["Worker"]] = models.Manager()
    history = audited()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["state"], name="worker_state")]

    def __str__(self) -> str:
        return self.name
