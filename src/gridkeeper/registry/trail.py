"""The audit trail as pages show it: who changed what, when, from where, why, from which value to which.

Two queries a model, whatever the number of records. Template part: `registry/trail.html`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, OuterRef, Q, Subquery

from gridkeeper.people.actor import Actor

#: Records shown at most; the whole trail is in the database.
LIMIT = 50
_VERBS = {"+": "added", "~": "changed", "-": "removed"}
#: Fields that hold personal data: shown to signed-in people only.
_PERSONAL = ("email", "tel")
HIDDEN = "hidden until you sign in"
_BOOKKEEPING = {
    "id", "history_id", "history_date", "history_change_reason", "history_type", "history_user",
    "history_until", "history_source", "history_actor", "history_address",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of one change, as text."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One audit record.

    who, address: "" where the reader is not signed in; source: by which way it came (web, api, cli, import)
    """

    at: datetime
    who: str
    source: str
    address: str
    reason: str
    verb: str
    subject: str
    fields: Sequence[FieldChange]


def is_personal(name: str) -> bool:
    """True for a field that only signed-in people may read."""
    return any(word in name for word in _PERSONAL)


def trail_of(sources: Iterable[tuple[type[Model], Q]], reader: Actor, limit: int = LIMIT) -> list[Change]:
    """The newest changes of those rows, newest first.

    sources: a model and the condition on its audit records, e.g. `(Site, Q(id=site.pk))`, `(Service, Q(site=site.pk))`
    """
    found = [change for model, condition in sources for change in _changes(model, condition, reader, limit)]
    return sorted(found, key=lambda change: change.at, reverse=True)[:limit]


def _changes(model: Any, condition: Q, reader: Actor, limit: int) -> list[Change]:
    records = model.history.model.objects
    before = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = list(
        records.filter(condition)
        .annotate(before_id=Subquery(before.values("history_id")[:1]))
        .select_related("history_user")
        .order_by("-history_id")[:limit]
    )
    older = records.in_bulk([row.before_id for row in rows if row.before_id], field_name="history_id")
    return [_change(row, older.get(row.before_id), reader) for row in rows]


def _change(row: Any, before: Any, reader: Actor) -> Change:
    is_known = reader.user is not None or reader.is_system
    who = row.history_user.get_username() if row.history_user else row.history_actor or "the installation"
    return Change(
        at=row.history_date,
        who=who if is_known else "",
        source=row.history_source,
        address=row.history_address if is_known else "",
        reason=row.history_change_reason or "",
        verb=_VERBS[row.history_type],
        subject=_name(row),
        fields=_fields(row, before, is_known=is_known) if row.history_type == "~" and before else [],
    )


def _name(row: Any) -> str:
    """What the record is of, without a query: the kind and its own name."""
    kind = str(row.instance_type._meta.verbose_name)
    own = next((str(getattr(row, name)) for name in ("name", "hostname", "role") if hasattr(row, name)), "")
    return f"{kind} {own}".strip()


def _fields(row: Any, before: Any, *, is_known: bool) -> list[FieldChange]:
    changes = []
    for field in row._meta.fields:
        old, new = getattr(before, field.attname), getattr(row, field.attname)
        if field.name in _BOOKKEEPING or old == new:
            continue
        if is_personal(field.name) and not is_known:
            old = new = HIDDEN
        changes.append(FieldChange(str(field.verbose_name), text_of(old), text_of(new)))
    return changes


def text_of(value: Any) -> str:
    """A field's value in words."""
    """A value of a field as the trail writes it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | dict):
        return ", ".join(f"{key}={value[key]}" if isinstance(value, dict) else str(key) for key in value)
    return "" if value is None else str(value)
