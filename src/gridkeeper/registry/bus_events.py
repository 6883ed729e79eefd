"""What the registry tells the bus: downtimes that were declared, changed or called off. Nobody is named there."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from gridkeeper.bus.events import MOST, BusEvent, Source
from gridkeeper.registry.models import Downtime

_VERBS = {"+": "declared", "~": "changed", "-": "removed"}


def _after(cursor: int, _now: datetime) -> Sequence[BusEvent]:
    rows = Downtime.history.filter(history_id__gt=cursor).order_by("history_id")[:MOST]
    return [
        BusEvent(
            str(row.history_id),
            row.history_id,
            {
                "downtime": row.key, "verb": _verb(row), "severity": row.severity,
                "classification": row.classification, "description": row.description,
                "start": row.start.isoformat(), "end": row.end.isoformat(), "at": row.history_date.isoformat(),
            },
        )
        for row in rows
    ]  # fmt: skip


def _verb(row: Downtime) -> str:
    return "cancelled" if row.cancelled_at is not None else _VERBS[row.history_type]  # type: ignore[attr-defined]


def _end() -> int:
    return Downtime.history.aggregate(newest=Max("history_id"))["newest"] or 0


SOURCES = (Source("downtime", _after, _end),)
