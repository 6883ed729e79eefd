"""What tests tell the bus: hard statuses that changed, and workers that were lost, doubted or came back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Max

from gridkeeper.bus.events import MOST, BusEvent, Source
from gridkeeper.core.status import Status
from gridkeeper.probes.models import LatestStatus, Worker

#: How late a result may be and still tell that a status changed.
_LATE = timedelta(hours=1)


def _statuses_after(cursor: int, now: datetime) -> Sequence[BusEvent]:
    """The cursor counts results in order of receipt; a change is met again with every result for as long as `_LATE`."""
    rows = LatestStatus.objects.filter(seq__gt=cursor, hard_since__gt=now - _LATE).order_by("seq")
    return [_status_event(row) for row in rows[:MOST]]


def _newest_result() -> int:
    return LatestStatus.objects.aggregate(newest=Max("seq"))["newest"] or 0


def _status_event(row: LatestStatus) -> BusEvent:
    body = {
        "hostname": row.hostname, "service_type": row.service_type, "metric": row.metric, "vo": row.vo,
        "status": Status(row.hard_status).name, "since": row.hard_since.isoformat(), "summary": row.summary,
        "cause": row.cause, "worker": row.worker, "series": str(row.series),
    }  # fmt: skip
    return BusEvent(f"{row.series}:{row.hard_since.isoformat()}:{row.hard_status}", row.seq, body)


def _workers_after(cursor: int, _now: datetime) -> Sequence[BusEvent]:
    rows = Worker.history.filter(history_id__gt=cursor).order_by("history_id")[:MOST]
    return [
        BusEvent(
            str(row.history_id),
            row.history_id,
            {
                "worker": row.name, "state": row.state, "since": row.state_since.isoformat(),
                "reason": row.state_reason, "is_enabled": row.is_enabled, "at": row.history_date.isoformat(),
            },
        )
        for row in rows
    ]  # fmt: skip


def _workers_end() -> int:
    return Worker.history.aggregate(newest=Max("history_id"))["newest"] or 0


SOURCES = (
    Source("status", _statuses_after, _newest_result),
    Source("worker", _workers_after, _workers_end),
)
