"""Requests for runs: rows that the scheduler takes, runs and marks as done."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.models import RunRequest


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request that was taken."""

    request_id: int
    key: SeriesKey


def take_requests(now: datetime) -> list[Wanted]:
    """Every request that nobody has taken; two schedulers never take the same."""
    waiting = RunRequest.objects.filter(taken_at=None).select_related("service__service_type", "test")
    if not waiting.exists():
        return []
    wanted = []
    with transaction.atomic():
        for request in waiting:
            if RunRequest.objects.filter(pk=request.pk, taken_at=None).update(taken_at=now):
                service = request.service
                vo = request.vo if request.test.is_per_vo else ""
                key = SeriesKey(service.hostname, service.service_type.name, request.test.name, vo)
                wanted.append(Wanted(request.pk, key))
    return wanted


def finish_request(wanted: Wanted, outcome: str) -> None:
    """Notes how the run ended, for whoever asked."""
    RunRequest.objects.filter(pk=wanted.request_id).update(done_at=timezone.now(), outcome=outcome[:500])


def return_requests() -> int:
    """Lets requests that a stopped scheduler took and did not finish be taken again; returns how many."""
    return RunRequest.objects.exclude(taken_at=None).filter(done_at=None).update(taken_at=None)
