"""What people do with tests: have one run now, switch one off or on."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.probes.models import RunRequest, Test, TestKind
from gridkeeper.probes.permissions import EDIT_TEST, RUN_TEST
from gridkeeper.registry.models import Service

#: A person may not have more than so many runs waiting.
_MOST_WAITING = 100


def request_run(actor: Actor, *, service: Service, test: Test, vo: str = "", now: datetime) -> RunRequest:
    """Asks for a run as soon as possible; the scheduler takes it within a second.

    A test that rides in a job is had by running the job. The same request that still waits is given again.
    Raises NotPermittedError, and ValidationError for a test that nobody runs.
    """
    require(actor, RUN_TEST, service)
    if test.kind == TestKind.PASSIVE and test.rides_in is None:
        raise ValidationError({"test": f"{test} is reported by others; it cannot be run from here"})
    if not test.is_enabled:
        raise ValidationError({"test": f"{test} is switched off"})
    if not service.is_monitored or service.valid_until is not None:
        raise ValidationError({"service": f"{service} is not monitored"})
    if test.is_per_vo and not vo:
        raise ValidationError({"vo": f"{test} runs once for every VO; name one"})
    wanted = {"service": service, "test": test, "vo": vo if test.is_per_vo else ""}
    with transaction.atomic(), recording(actor, "run now"):
        waiting = RunRequest.objects.filter(taken_at=None)
        same = waiting.filter(**wanted).first()
        if same is not None:
            return same
        if actor.user is not None and waiting.filter(requested_by=actor.user).count() >= _MOST_WAITING:
            raise ValidationError(f"{_MOST_WAITING} of your runs are waiting; let them end first")
        return RunRequest.objects.create(**wanted, requested_by=actor.user, requested_at=now)


def set_test_enabled(actor: Actor, *, test: Test, is_enabled: bool, reason: str) -> Test:
    """Switches a test on or off for everybody; a switched-off test is not run and turns MISSING in time."""
    require(actor, EDIT_TEST, test)
    if not reason.strip():
        raise ValidationError({"reason": "say why"})
    with transaction.atomic(), recording(actor, reason):
        locked = Test.objects.select_for_update().get(pk=test.pk)
        if locked.is_enabled != is_enabled:
            locked.is_enabled = is_enabled
            locked.save()
        return locked
