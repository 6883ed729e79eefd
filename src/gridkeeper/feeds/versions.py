"""How often, and when last, objects changed, from their audit records: SEQUENCE, LAST-MODIFIED, `updated`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Max, Model

from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import (
    CertificationChange,
    Downtime,
    DowntimeRecurrence,
    DowntimeService,
    Ngi,
    Service,
    Site,
)
from gridkeeper.vos.models import Vo, VoSupport

#: Rows named in one query: SQLite takes 32,766 at most.
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True)
class Version:
    """number: 0 for an object as it was first recorded, one more for each change; at: when it came to be so (UTC)."""

    number: int
    at: datetime


def versions_of(downtimes: Iterable[Downtime], moment: datetime) -> dict[int, Version]:
    """Downtime id -> its version at the instant; what changes one of its services changes the downtime.

    A record that an import wrote later than the instant does not count: then the downtime stands as it was declared.
    """
    rows = list(downtimes)
    counted = _counted(Downtime, [row.pk for row in rows], "id", moment)
    parts = _counted(DowntimeService, [row.pk for row in rows], "downtime_id", moment)
    first = _counted(DowntimeService, [row.pk for row in rows], "downtime_id", moment, history_type="+")
    found = {}
    for row in rows:
        own, own_at = counted.get(row.pk, (1, row.declared_at or row.start))
        changes, changed_at = parts.get(row.pk, (0, own_at))
        at = max(own_at, changed_at)
        found[row.pk] = Version(max(0, own - 1 + changes - first.get(row.pk, (0, at))[0]), at)
    return found


def recurrence_versions(rows: Iterable[DowntimeRecurrence], moment: datetime) -> dict[int, Version]:
    """Recurrence id -> its version at the instant."""
    known = {row.pk: row for row in rows}
    counted = _counted(DowntimeRecurrence, list(known), "id", moment)
    absent = {key: (1, row.declared_at) for key, row in known.items()}
    return {key: Version(max(0, number - 1), at) for key, (number, at) in (absent | counted).items()}


def _counted(
    model: type[Model], keys: list[int], column: str, moment: datetime, **only: Any
) -> dict[int, tuple[int, datetime]]:
    """Object -> how many records it has at the instant, and the time of the newest."""
    records = model.history.model.objects.filter(history_date__lte=moment, **only)  # type: ignore[attr-defined]
    found: dict[int, tuple[int, datetime]] = {}
    for first in range(0, len(keys), _AT_ONCE):
        part = records.filter(**{f"{column}__in": keys[first : first + _AT_ONCE]})
        counted = part.order_by().values(of=F(column)).annotate(number=Count("history_id"), at=Max("history_date"))
        found |= {row["of"]: (row["number"], row["at"]) for row in counted}
    return found


def registry_changed_at(moment: datetime, *, with_statuses: bool = False) -> datetime | None:
    """When anything that the feeds of sites and services say last became so, at the instant or before.

    The beginning and the end of a downtime count, for they change what is down without a change in the registry.
    """
    models: tuple[Any, ...] = (Site, Service, Ngi, Downtime, DowntimeService, Vo, VoSupport)
    newest = [model.history.model.objects.filter(history_date__lte=moment) for model in models]
    found = [records.aggregate(at=Max("history_date"))["at"] for records in newest]
    found += [
        Downtime.objects.filter(start__lte=moment).aggregate(at=Max("start"))["at"],
        Downtime.objects.filter(end__lte=moment).aggregate(at=Max("end"))["at"],
        DowntimeService.objects.filter(end__lte=moment).aggregate(at=Max("end"))["at"],
        CertificationChange.objects.filter(changed_at__lte=moment).aggregate(at=Max("changed_at"))["at"],
    ]
    if with_statuses:
        found.append(LatestStatus.objects.filter(executed_at__lte=moment).aggregate(at=Max("executed_at"))["at"])
    return max(filter(None, found), default=None)
