"""The switch of read-only mode, for superusers and the console."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import ReadOnlyChange
from gridkeeper.people.permission import SWITCH_READ_ONLY, require
from gridkeeper.people.read_only import forget


def switch_read_only(actor: Actor, *, is_on: bool, reason: str, now: datetime) -> ReadOnlyChange:
    """Makes everything read-only, or changeable again. Superusers and the console only.

    Raises NotPermittedError; ValidationError without a reason, and where it is so already.
    """
    require(actor, SWITCH_READ_ONLY)
    if not reason.strip():
        raise ValidationError({"reason": "say why: everybody who wants to change something will read it"})
    with transaction.atomic():
        current = ReadOnlyChange.objects.select_for_update().order_by("-pk").first()
        if is_on == bool(current and current.is_on):
            raise ValidationError(f"the installation is {'read-only' if is_on else 'open to changes'} already")
        change = ReadOnlyChange.objects.create(
            is_on=is_on, reason=reason.strip()[:300], changed_at=now, changed_by=actor.name[:255]
        )
        transaction.on_commit(forget)
    forget()
    return change
