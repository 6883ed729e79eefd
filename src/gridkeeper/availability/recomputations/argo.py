"""Recomputations as ARGO's API writes them: one document may ask for all four kinds at once.

Source: ARGOeu/argo-web-api, docs on recomputations (fields exclude, exclude_monitoring_source, exclude_metrics,
applied_status_changes). Ours has one kind each; those of one document bear its id in `document["request"]`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from gridkeeper.availability.models import Recomputation, RecomputationKind, RecomputationState
from gridkeeper.availability.recomputations.documents import LEVELS, Wish
from gridkeeper.core.identifiers import new_key
from gridkeeper.core.windows import parse_time

#: ARGO's words for where a request stands.
STATUSES: Mapping[str, str] = {
    RecomputationState.REQUESTED: "pending",
    RecomputationState.APPROVED: "approved",
    RecomputationState.APPLIED: "done",
    RecomputationState.REJECTED: "rejected",
    RecomputationState.WITHDRAWN: "cancelled",
    RecomputationState.REVERTED: "reverted",
}
#: ARGO's field of an element -> our list.
_WORDS = {"group": "groups", "service": "services", "hostname": "hosts", "metric": "metrics"}
_OURS = {ours: theirs for theirs, ours in _WORDS.items()}


def wishes(document: Mapping[str, Any]) -> list[Wish]:
    """What a document asks for, one of each kind and element, in ARGO's order. Raises ValidationError by field."""
    start, end = (_time(document, name) for name in ("start_time", "end_time"))
    report = str(document.get("report") or "")
    reason = str(document.get("reason") or "")
    request = str(document.get("id") or new_key())
    found = []
    for kind, said, own_start, own_end in _parts(document, start, end):
        wish = Wish(
            kind=kind, start=own_start, end=own_end, document=said | {"request": request}, reason=reason,
            reports=(report,) if report else (),
        )  # fmt: skip
        found.append(wish)
    if not found:
        fields = "exclude, exclude_monitoring_source, exclude_metrics or applied_status_changes"
        raise ValidationError({"exclude": f"The document asks for nothing; give {fields}."})
    return found


def _parts(
    document: Mapping[str, Any], start: datetime, end: datetime
) -> Iterator[tuple[str, dict[str, Any], datetime, datetime]]:
    for item in _list(document, "exclude_monitoring_source"):
        own = (_time(item, "start_time", start), _time(item, "end_time", end))
        yield RecomputationKind.SOURCE, {"source": str(item.get("host") or "")}, *own
    for item in _list(document, "exclude_metrics"):
        if not item.get("metric"):
            raise ValidationError({"exclude_metrics": "Each element names its metric."})
        yield RecomputationKind.RESULTS, _named(item), start, end
    for item in _list(document, "applied_status_changes"):
        said = _named(item)
        yield (
            RecomputationKind.STATUS,
            said | {"level": _level(said), "status": str(item.get("state") or "")},
            start,
            end,
        )
    if groups := document.get("exclude"):
        yield RecomputationKind.GROUPS, {"groups": groups}, start, end


def _list(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    items = document.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise ValidationError({name: "It is a list of objects."})
    return items


def _named(item: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: [str(item[theirs])] for theirs, ours in _WORDS.items() if item.get(theirs)}


def _level(said: Mapping[str, Any]) -> str:
    """The lowest word that is named says the level: a metric, else a host, else a service, else a group."""
    for level, word in (("metric", "metrics"), ("service", "hosts"), ("flavour", "services"), ("site", "groups")):
        if word in said:
            return level
    raise ValidationError({"applied_status_changes": "Each element names a group, service, hostname or metric."})


def _time(document: Mapping[str, Any], name: str, default: datetime | None = None) -> datetime:
    text = document.get(name)
    if not text and default is not None:
        return default
    try:
        return parse_time(str(text or ""))
    except ValueError:
        raise ValidationError({name: f"{text!r} is no time; write it as 2026-03-01T00:00:00Z."}) from None


def documents(recomputations: Iterable[Recomputation]) -> list[dict[str, Any]]:
    """ARGO's documents; those of one request are one, in the order in which they first come."""
    grouped: dict[str, list[Recomputation]] = {}
    for row in recomputations:
        grouped.setdefault(row.document.get("request") or row.key, []).append(row)
    return [_document(request, rows) for request, rows in grouped.items()]


def _document(request: str, rows: Sequence[Recomputation]) -> dict[str, Any]:
    first = rows[0]
    author = first.author
    made: dict[str, Any] = {
        "id": request,
        "requester_name": author.get_username() if author else "",
        "requester_email": author.email if author else "",
        "reason": first.reason,
        "start_time": _text(min(row.start for row in rows)),
        "end_time": _text(max(row.end for row in rows)),
        "report": first.reports[0] if first.reports else "",
        "exclude": [group for row in rows if row.kind == RecomputationKind.GROUPS for group in row.document["groups"]],
        "status": STATUSES[first.state],
        "timestamp": _text(first.decided_at or first.created_at),
        "history": _history(first),
    }
    lists = {
        "exclude_monitoring_source": [_source(row) for row in rows if row.kind == RecomputationKind.SOURCE],
        "exclude_metrics": [item for row in rows if row.kind == RecomputationKind.RESULTS for item in _elements(row)],
        "applied_status_changes": [
            item | {"state": row.document["status"]}
            for row in rows
            if row.kind == RecomputationKind.STATUS
            for item in _elements(row)
        ],
    }
    return made | {name: items for name, items in lists.items() if items}


def _history(row: Recomputation) -> list[dict[str, str]]:
    steps = [{"status": STATUSES[RecomputationState.REQUESTED], "timestamp": _text(row.created_at)}]
    if row.decided_at is not None:
        steps.append({"status": STATUSES[row.state], "timestamp": _text(row.decided_at)})
    return steps


def _source(row: Recomputation) -> dict[str, str]:
    return {"host": row.document["source"], "start_time": _text(row.start), "end_time": _text(row.end)}


def _elements(row: Recomputation) -> list[dict[str, str]]:
    """A line for each combination of the words of its lists: ARGO's elements name one of each."""
    lines: list[dict[str, str]] = [{}]
    for ours in (*LEVELS["metric"],):
        words = row.document.get(ours) or []
        lines = [line | {_OURS[ours]: word} for line in lines for word in words] if words else lines
    return lines


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
