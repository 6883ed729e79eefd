"""Which days are to be computed again. The figures themselves are tables of the lake (docs/decisions/0007)."""

from typing import ClassVar

from django.db import models


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
