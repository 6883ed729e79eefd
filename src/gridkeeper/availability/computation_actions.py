"""What people do with computations: have a day made again."""

from datetime import date, datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.availability import marks, permissions
from gridkeeper.availability.models import Computation, ComputationState
from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require


def compute_again(actor: Actor, *, day: date, now: datetime) -> None:
    """Marks a day; one that failed is tried at once. Raises NotPermittedError, ValidationError for a day to come."""
    require(actor, permissions.COMPUTE)
    if day > as_utc(now).date():
        raise ValidationError(f"{day} has not begun; compute it when it has.")
    with transaction.atomic(), recording(actor, "computed again"):
        marks.mark_one(day, f"asked for by {actor.name}", now)
        Computation.objects.filter(day=day).update(state=ComputationState.PENDING)
