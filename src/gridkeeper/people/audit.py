"""Audit records: every change of a model with `history = audited()` leaves who, when, what, why, from where."""

from typing import Any

from django.db import models
from django.dispatch import receiver
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

from gridkeeper.people.actor import Actor, current_recording

#: Characters of a reason that a record keeps.
MAX_REASON = 300


class AuditRecord(models.Model):
    """What simple-history does not keep by itself: who did it in words, which outlast the account,
    by which way and from which address it came."""

    history_source = models.CharField(max_length=10, default="system", db_default="system", editable=False)
    history_actor = models.CharField(max_length=255, default="", blank=True, db_default="", editable=False)
    history_address = models.CharField(max_length=45, default="", blank=True, db_default="", editable=False)

    class Meta:
        abstract = True


def _acting_user(**_: Any) -> Any:
    current = current_recording()
    return current.actor.user if current else None


def audited(**options: Any) -> HistoricalRecords:
    """The history field of an audited model."""
    reason = models.CharField(max_length=MAX_REASON, null=True)
    return HistoricalRecords(bases=[AuditRecord], get_user=_acting_user, history_change_reason_field=reason, **options)


def bulk_audit_options(actor: Actor, reason: str) -> dict[str, Any]:
    """Keyword arguments that make simple_history's bulk functions record the actor as `recording` does."""
    return {
        "default_user": actor.user,
        "default_change_reason": reason[:MAX_REASON],
        "custom_historical_attrs": {
            "history_source": actor.source,
            "history_actor": actor.name[:255],
            "history_address": actor.address,
        },
    }


@receiver(pre_create_historical_record)
def _note_source(sender: Any, *, history_instance: Any, **_: Any) -> None:
    current = current_recording()
    if current is None or not hasattr(history_instance, "history_source"):
        return
    history_instance.history_source = current.actor.source
    history_instance.history_actor = current.actor.name[:255]
    history_instance.history_address = current.actor.address
    if current.reason and not history_instance.history_change_reason:
        history_instance.history_change_reason = current.reason[:MAX_REASON]
