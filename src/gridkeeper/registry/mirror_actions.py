"""Decisions about differences between this registry and one that it follows."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.importers.follow import EXISTENCE
from gridkeeper.registry.models import ConflictState, MirrorConflict, MirrorSource

Whose = Literal["ours", "theirs"]

#: Kinds whose objects have a key, and their models.
_MODELS = {
    "region": "registry.Ngi",
    "site": "registry.Site",
    "service": "registry.Service",
    "endpoint": "registry.Endpoint",
    "service group": "registry.ServiceGroup",
    "downtime": "registry.Downtime",
    "scope": "registry.Scope",
    "person": "people.User",
}


def object_of(conflict: MirrorConflict) -> Any | None:
    """The object here that the difference is about; None where it is a part without a page of its own."""
    label = _MODELS.get(conflict.kind)
    model: Any = apps.get_model(label) if label else None
    return model.objects.filter(key=conflict.object_key).first() if model else None


def decide(actor: Actor, *, conflict: MirrorConflict, whose: Whose, now: datetime) -> str:
    """Ours stays until theirs changes again; theirs is taken at once where it is a plain field, else at the next run.

    Returns what follows, in words. Raises NotPermittedError, and ValidationError where theirs cannot be taken.
    """
    require(actor, "registry.administer")
    with transaction.atomic():
        fresh = MirrorConflict.objects.select_for_update().filter(pk=conflict.pk).first()
        if fresh is None:
            raise ValidationError("That difference is gone: somebody decided it, or both sides agree now.")
        if whose == "theirs" and _take(actor, fresh):
            fresh.delete()
            return f"{fresh} is theirs now."
        fresh.state = ConflictState.OURS if whose == "ours" else ConflictState.THEIRS
        fresh.decided_by, fresh.decided_at = actor.name[:255], now
        fresh.save()
    return f"{fresh} stays ours until theirs changes." if whose == "ours" else f"{fresh} is taken at the next run."


def _take(actor: Actor, conflict: MirrorConflict) -> bool:
    """Sets the field to theirs; false where it is no plain field of an object with a key."""
    subject = object_of(conflict)
    if subject is None or conflict.field == EXISTENCE:
        return False
    column = next((each for each in subject._meta.concrete_fields if each.attname == conflict.field), None)
    if column is None:
        return False
    target: Any = column.target_field if isinstance(column, models.ForeignKey) else column
    value = conflict.there if isinstance(column, models.JSONField) else target.to_python(conflict.there)
    setattr(subject, conflict.field, value)
    # The record bears the person who decided, and `import`: from now on the source may change it again.
    with recording(replace(actor, source="import"), f"theirs taken: {conflict.source}"):
        try:
            with transaction.atomic():
                subject.validate_constraints()
                subject.save()
        except IntegrityError as error:
            raise ValidationError(f"The database refused theirs: {error}") from error
    return True


def forget(actor: Actor, *, source: MirrorSource) -> None:
    """No longer follows it; what came from it stays. Raises NotPermittedError."""
    require(actor, "registry.administer")
    source.delete()
