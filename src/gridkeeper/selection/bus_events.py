"""What the choice of sites tells the bus: who became good or bad for a VO, and why."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max

from gridkeeper.bus.events import MOST, BusEvent, Source
from gridkeeper.selection.models import GoodChange


def _after(cursor: int, _now: datetime) -> Sequence[BusEvent]:
    rows = GoodChange.objects.filter(pk__gt=cursor).order_by("pk")[:MOST]
    return [
        BusEvent(
            str(row.pk),
            row.pk,
            {
                "vo": row.vo, "site": row.site, "service": row.service, "is_good": row.is_good, "reason": row.reason,
                "at": row.at.isoformat(),
            },
        )
        for row in rows
    ]  # fmt: skip


def _end() -> int:
    return GoodChange.objects.aggregate(newest=Max("pk"))["newest"] or 0


SOURCES = (Source("good", _after, _end),)
