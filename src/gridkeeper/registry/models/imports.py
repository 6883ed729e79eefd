"""Runs of importers."""

from typing import ClassVar

from django.db import models


class ImportRun(models.Model):
    """One run of an importer with its whole report, so that no rejected record is lost."""

    source = models.CharField(max_length=20, help_text="osg or gocdb.")
    origin = models.CharField(max_length=500, help_text="File or folder read.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    report = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["-started_at"]

    def __str__(self) -> str:
        return f"{self.source} {self.started_at:%Y-%m-%d %H:%M}"
