"""What connectors push: dated snapshots of topology, downtimes and weights, kept as they came once they are checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from gridkeeper.api.argo.question import parse_zulu
from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.availability import marks
from gridkeeper.availability.models import FeedKind, FeedSnapshot
from gridkeeper.availability.permissions import EDIT_WEIGHT, FEED
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require

Row = Mapping[str, Any]
#: Rows of one snapshot; a federation has some ten thousand endpoints.
_MOST = 500_000
_MOST_FAULTS = 20
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot as it is answered with. day: from which on it holds"""

    day: date
    name: str
    document: Any


def newest(kind: FeedKind, day: date, name: str = "") -> Snapshot | None:
    """The snapshot that counts on a day: the newest that is not of a later one."""
    found = FeedSnapshot.objects.filter(kind=kind, name=name, day__lte=day).order_by("-day").first()
    return Snapshot(found.day, found.name, found.document) if found else None


def of_day(kind: FeedKind, day: date) -> Snapshot | None:
    found = FeedSnapshot.objects.filter(kind=kind, name="", day=day).first()
    return Snapshot(found.day, found.name, found.document) if found else None


def named(day: date) -> list[Snapshot]:
    """The weights of each name that count on a day."""
    names = FeedSnapshot.objects.filter(kind=FeedKind.WEIGHTS, day__lte=day).values_list("name", flat=True)
    found = (newest(FeedKind.WEIGHTS, day, name) for name in sorted(set(names)))
    return [each for each in found if each is not None]


def take(
    actor: Actor, *, kind: FeedKind, day: date, document: Any, now: datetime, name: str = "", replaces: bool = False
) -> None:
    """Keeps a checked snapshot; the days from then on are computed again.

    Raises NotPermittedError, and RefusedError 409 where the day has one and it is not to be replaced.
    """
    require(actor, EDIT_WEIGHT if kind == FeedKind.WEIGHTS else FEED)
    with transaction.atomic(), recording(actor, f"feed of {day}"):
        known = FeedSnapshot.objects.select_for_update().filter(kind=kind, name=name, day=day).first()
        if known is not None and not replaces:
            raise RefusedError(409, _exists(kind, day))
        snapshot = known or FeedSnapshot(kind=kind, name=name, day=day)
        snapshot.document, snapshot.received_at, snapshot.author = document, now, actor.user
        snapshot.save()
        _mark(day, now)


def drop(actor: Actor, *, kind: FeedKind, day: date, now: datetime, name: str = "") -> int:
    """Takes a snapshot back and says how many rows it had. Raises NotPermittedError, RefusedError 404."""
    require(actor, EDIT_WEIGHT if kind == FeedKind.WEIGHTS else FEED)
    with transaction.atomic(), recording(actor, f"feed of {day} taken back"):
        known = FeedSnapshot.objects.select_for_update().filter(kind=kind, name=name, day=day).first()
        if known is None:
            raise RefusedError(404, _missing(kind, day))
        rows = len(known.document) if isinstance(known.document, list) else 1
        known.delete()
        _mark(day, now)
    return rows


def _mark(day: date, now: datetime) -> None:
    start = Window.of_day(day).start
    if start < now:
        marks.mark_known(Window(start, now), "a feed changed", now)


def _exists(kind: FeedKind, day: date) -> str:
    what = {FeedKind.DOWNTIMES: "Downtimes", FeedKind.SERVICE_TYPES: "Topology list of service types"}
    return f"{what.get(kind, 'Topology')} already exists for date: {day}, please either update it or delete it first!"


def _missing(kind: FeedKind, day: date) -> str:
    if kind == FeedKind.DOWNTIMES:
        return f"Downtimes dataset not found for date: {day}"
    return f"Topology not found for date: {day}"


def checked_endpoints(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Endpoints `{group, type, service, hostname, tags, notifications}`. Raises RefusedError 422 naming each fault."""
    return _checked(rows, ("group", "type", "service", "hostname"), _tagged)


def checked_groups(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Groups `{group, type, subgroup, tags, notifications}`."""
    return _checked(rows, ("group", "type", "subgroup"), _tagged)


def checked_service_types(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Service types `{name, description, tags}`."""
    return _checked(
        rows, ("name",), lambda row: {name: row[name] for name in ("title", "description", "tags") if name in row}
    )


def checked_downtimes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Downtimes `{hostname, service, start_time, end_time}`, each ending after it begins."""
    return _checked(rows, ("hostname", "service", "start_time", "end_time"), _in_order)


def checked_weights(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Weights `{name, value}`, no value negative."""
    return _checked(rows, ("name",), _weighing)


def _checked(rows: Sequence[Row], words: Sequence[str], rest: Callable[[Row], dict[str, Any]]) -> list[dict[str, Any]]:
    if len(rows) > _MOST:
        raise RefusedError(413, details=f"{len(rows)} rows; at most {_MOST} are read")
    found, faults = [], []
    for number, row in enumerate(rows):
        try:
            found.append({word: _word(row, word) for word in words} | rest(row))
        except ValueError as error:
            faults.append(("Validation Failed", f"row {number}: {error}"))
        except RefusedError as error:
            faults.append(("Validation Failed", f"row {number}: {error.errors[0][1]}"))
    if faults:
        raise RefusedError(422, "Validation Error", errors=faults[:_MOST_FAULTS])
    return found


def _word(row: Row, name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise ValueError(f"{name} is {value!r:.60}; write a text of 1 to {_LONGEST} characters")
    return value.strip()


def _tagged(row: Row) -> dict[str, Any]:
    tags, notifications = row.get("tags") or {}, row.get("notifications")
    if not isinstance(tags, Mapping) or not all(isinstance(value, str) for value in tags.values()):
        raise ValueError("tags are no object of texts")
    if notifications is not None and not isinstance(notifications, Mapping):
        raise ValueError("notifications are no object")
    return {"tags": dict(tags)} | ({"notifications": dict(notifications)} if notifications is not None else {})


def _in_order(row: Row) -> dict[str, Any]:
    start, end = (parse_zulu(name, str(row.get(name))) for name in ("start_time", "end_time"))
    if end <= start:
        raise ValueError(f"it ends {row['end_time']} before it begins")
    return {name: row[name] for name in ("description", "severity", "classification") if isinstance(row.get(name), str)}


def _weighing(row: Row) -> dict[str, Any]:
    value = row.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= Decimal(str(value)) < 10**12:
        raise ValueError(f"value is {value!r:.60}; write a number of 0 or more")
    return {"value": value}
