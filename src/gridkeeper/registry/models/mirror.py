"""Other registries that this one follows, and where people here and the source there disagree."""

from typing import Any, ClassVar

from django.db import models


class MirrorSource(models.Model):
    """A registry that is followed, and how the last runs went."""

    url = models.CharField(max_length=500, unique=True, help_text="Address of its programmatic interface.")
    federation = models.CharField(max_length=255, help_text="Federation here that its objects belong to.")
    first_at = models.DateTimeField(help_text="UTC; first run.")
    tried_at = models.DateTimeField(help_text="UTC; last run, whatever became of it.")
    succeeded_at = models.DateTimeField(null=True, blank=True, help_text="UTC; last run that went to its end.")
    problem = models.TextField(blank=True, default="", help_text="Why the last run changed nothing; empty: it did.")
    counts = models.JSONField(default=dict, help_text="What the last run that went well did, by kind.")
    seen = models.JSONField(default=dict, help_text="Keys that it spoke of then: what vanishes is closed.")

    objects: ClassVar[models.Manager["MirrorSource"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["url"]

    def __str__(self) -> str:
        return self.url


class ConflictState(models.TextChoices):
    """What was decided about a difference."""

    OPEN = "open", "Open: ours stays until somebody decides"
    OURS = "ours", "Ours stays, until theirs changes again"
    THEIRS = "theirs", "Theirs is taken at the next run"


class MirrorConflict(models.Model):
    """A field that was edited here and is another there. What is here stays until somebody decides."""

    source = models.ForeignKey(MirrorSource, on_delete=models.CASCADE, related_name="conflicts")
    kind = models.CharField(max_length=40, help_text="Kind of object, as reports of imports call it.")
    object_key = models.CharField(max_length=400)
    object_name = models.CharField(max_length=400)
    field = models.CharField(max_length=60, help_text="Column; `existence`: whether it is there at all.")
    here = models.JSONField(null=True)
    there = models.JSONField(null=True)
    edited_by = models.CharField(max_length=255, blank=True, default="")
    edited_at = models.DateTimeField(null=True, blank=True)
    found_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=ConflictState, default=ConflictState.OPEN)
    decided_by = models.CharField(max_length=255, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["MirrorConflict"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["kind", "object_name", "field"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                fields=["source", "kind", "object_key", "field"],
                name="mirror_conflict_once",
                violation_error_message="That difference is listed already.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_name}: {self.field}"
