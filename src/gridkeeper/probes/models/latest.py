"""The latest status of every series."""

from typing import Any, ClassVar

from django.db import models

from gridkeeper.core.status import Status


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


class PlaceStatus(models.Model):
    """What one worker said last of a series that runs from several places; the series' own status is their quorum."""

    series = models.BigIntegerField()
    worker = models.CharField(max_length=100)
    status = models.PositiveSmallIntegerField(choices=[(s.value, s.name) for s in Status])
    executed_at = models.DateTimeField(help_text="When that worker measured it.")
    summary = models.CharField(max_length=500, blank=True, default="")
    is_counted = models.BooleanField(default=True, help_text="False: the worker itself was in doubt.")

    objects: ClassVar[models.Manager["PlaceStatus"]] = models.Manager()

    class Meta:
        verbose_name_plural = "place statuses"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["series", "worker"], name="place_status_once"),
        ]

    def __str__(self) -> str:
        return f"{self.worker}: {Status(self.status).name}"


class Flapping(models.Model):
    """A series whose hard status changes so often that single changes say little (Nagios, "Flap Detection").

    Written by the engine; the row goes when the series has calmed down.
    """

    series = models.BigIntegerField(primary_key=True)
    since = models.DateTimeField()
    change_percent = models.FloatField(help_text="Weighted share of changes among the last 21 results.")

    objects: ClassVar[models.Manager["Flapping"]] = models.Manager()

    def __str__(self) -> str:
        return f"series {self.series}: {self.change_percent:.0f} %"
