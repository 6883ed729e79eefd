"""What people do about workers: retire one or let it work again, and let its key be forgotten."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.models import Worker, WorkerState
from gridkeeper.probes.permissions import EDIT_WORKER


def set_worker_enabled(actor: Actor, *, worker: Worker, is_enabled: bool, reason: str) -> Worker:
    """Retires a worker, or lets it work again; the scheduler follows within some seconds, what runs there ends.

    Raises NotPermittedError, and ValidationError without a reason.
    """
    require(actor, EDIT_WORKER, worker)
    if not reason.strip():
        raise ValidationError({"reason": "say why"})
    with transaction.atomic(), recording(actor, reason):
        locked = Worker.objects.select_for_update().get(pk=worker.pk)
        if locked.is_enabled != is_enabled:
            locked.is_enabled = is_enabled
            locked.save()
        return locked


def forget_worker_key(actor: Actor, *, worker: Worker, reason: str, now: datetime) -> Worker:
    """Lets a worker come with another key, as after its disk was lost: the next one that it shows is kept.

    Credentials are sealed for that key, so this is for those who know that the new key is the worker's own. Raises
    NotPermittedError, and ValidationError without a reason.
    """
    require(actor, EDIT_WORKER, worker)
    if not reason.strip():
        raise ValidationError({"reason": "say why"})
    with transaction.atomic(), recording(actor, reason):
        locked = Worker.objects.select_for_update().get(pk=worker.pk)
        locked.public_key = ""
        if locked.state == WorkerState.SUSPECT:
            locked.state, locked.state_since = WorkerState.OK, now
            locked.state_reason = "its old key was forgotten"
        locked.save()
        return locked
