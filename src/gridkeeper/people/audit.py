"""Audit records: every change of a model with `history = audited()` leaves who, when, what, why, from where."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models.functions import Coalesce
from django.dispatch import receiver
from simple_history.models import HistoricalRecords
from simple_history.signals import pre_create_historical_record

from gridkeeper.people.actor import Actor, current_recording

#: Characters of a reason that a record keeps.
MAX_REASON = 300


#: Until when a record holds that nothing has superseded yet.
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)


class AuditQuerySet(models.QuerySet[Any]):
    """Audit records. New ones end the validity of those before them, so that the past is found by one range."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        made = super().bulk_create(list(objs), *args, **kwargs)
        by_moment: dict[datetime, list[Any]] = defaultdict(list)
        for record in made:
            if record.history_type != "+":
                by_moment[record.history_date].append(record)
        for moment, records in by_moment.items():
            self._supersede(records, moment)
        return made

    def _supersede(self, records: Sequence[Any], moment: datetime) -> None:
        own = self.model.instance_type._meta.pk.attname
        older = self.model._default_manager.filter(
            **{f"{own}__in": [getattr(record, own) for record in records]},
            history_until=FOREVER,
            history_id__lt=min(record.history_id for record in records),
        )
        older.update(history_until=moment)


class AuditRecord(models.Model):
    """What simple-history does not keep by itself: who did it in words, which outlast the account,
    by which way and from which address it came, and until when the record held."""

    history_until = models.DateTimeField(default=FOREVER, db_default=FOREVER, editable=False, db_index=True)
    history_source = models.CharField(max_length=10, default="system", db_default="system", editable=False)
    history_actor = models.CharField(max_length=255, default="", blank=True, db_default="", editable=False)
    history_address = models.CharField(max_length=45, default="", blank=True, db_default="", editable=False)

    objects = AuditQuerySet.as_manager()

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        is_new = self._state.adding
        super().save(*args, **kwargs)
        if is_new and self.history_type != "+":  # type: ignore[attr-defined]
            type(self).objects.all()._supersede([self], self.history_date)  # type: ignore[attr-defined]


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


def supersede_all(apps: Any, app_label: str) -> None:
    """For the migration that brought `history_until`: says of every record until when it held. Runs once an app."""
    for model in apps.get_app_config(app_label).get_models():
        if not any(field.name == "history_until" for field in model._meta.fields):
            continue
        following = model.objects.filter(id=models.OuterRef("id"), history_id__gt=models.OuterRef("history_id"))
        until = models.Subquery(following.order_by("history_id").values("history_date")[:1])
        model.objects.update(history_until=Coalesce(until, models.Value(FOREVER)))
