"""The inbox: batches of facts that are durable and not yet in the lake."""

from typing import ClassVar

from django.db import models


class InboxBatch(models.Model):
    """One acknowledged batch. Its id orders receipt; the writer of a table moves batches to the lake in that order."""

    id = models.BigAutoField(primary_key=True)
    table = models.CharField(max_length=40, help_text="Table of the lake: results.")
    payload = models.BinaryField(help_text="Arrow IPC stream; the schema is the table's inbox schema.")
    rows = models.PositiveIntegerField()
    received_at = models.DateTimeField()

    objects: ClassVar[models.Manager["InboxBatch"]] = models.Manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["id"]

    def __str__(self) -> str:
        return f"batch {self.pk} of {self.table}: {self.rows} rows"


class InboxIdentity(models.Model):
    """Which inbox this is: one row, made on first use (see `bus.inbox.identity`)."""

    key = models.CharField(max_length=20)

    objects: ClassVar[models.Manager["InboxIdentity"]] = models.Manager()

    def __str__(self) -> str:
        return self.app_id

    @property
    def app_id(self) -> str:
        return f"inbox-{self.key}"
