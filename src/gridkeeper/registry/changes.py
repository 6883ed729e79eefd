"""What differs between the registry of one instant and that of another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Model, Q

from gridkeeper.people.actor import Actor
from gridkeeper.people.past import as_of
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import (
    Dated,
    Downtime,
    Endpoint,
    Federation,
    Ngi,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)
from gridkeeper.registry.trail import HIDDEN, FieldChange, is_personal, text_of

#: What is compared, in the order of the page, with the way to the names that a row is told by.
KINDS: dict[str, tuple[type[Model], tuple[str, ...]]] = {
    "federation": (Federation, ()),
    "region": (Ngi, ()),
    "site": (Site, ("ngi",)),
    "service": (Service, ("site", "service_type")),
    "endpoint": (Endpoint, ("service__service_type",)),
    "service type": (ServiceType, ()),
    "service group": (ServiceGroup, ()),
    "service group member": (ServiceGroupMember, ("group", "service__service_type")),
    "scope": (Scope, ()),
    "downtime": (Downtime, ()),
    "role": (RoleGrant, ("user", "site", "ngi", "federation", "service_group")),
}
#: The rest of a comparison that touched more than this is left out, and the page says so.
LIMIT = 2000
_IGNORED = frozenset({"id", "valid_from", "valid_until", "key"})


@dataclass(frozen=True, slots=True)
class Difference:
    """verb: "added", "changed" or "gone"; url: "" where the object has no page; fields: what changed, old and new."""

    kind: str
    name: str
    verb: str
    url: str
    fields: Sequence[FieldChange]


@dataclass(frozen=True, slots=True)
class Comparison:
    """is_cut: there are more differences than LIMIT"""

    differences: list[Difference]
    is_cut: bool


def compare(start: datetime, end: datetime, *, kinds: Sequence[str], reader: Actor) -> Comparison:
    """What is different at `end` from `start`; nothing but the two states counts, not what happened between.

    Roles are compared for those who may read personal data only. Raises KeyError for an unknown kind.
    """
    found: list[Difference] = []
    for kind in kinds:
        if kind == "role" and not is_permitted(reader, "registry.read_personal_data"):
            continue
        found += _of_kind(kind, start, end, reader, LIMIT + 1 - len(found))
        if len(found) > LIMIT:
            return Comparison(found[:LIMIT], is_cut=True)
    return Comparison(found, is_cut=False)


def _of_kind(kind: str, start: datetime, end: datetime, reader: Actor, limit: int) -> list[Difference]:
    model, names = KINDS[kind]
    touched = sorted(_touched(model, start, end))
    before, after = _state(model, names, touched, start), _state(model, names, touched, end)
    is_known = reader.user is not None or reader.is_system
    found: list[Difference] = []
    for pk in touched:
        found += _difference(kind, before.get(pk), after.get(pk), is_known=is_known)
        if len(found) >= limit:
            break
    return found


def _touched(model: Any, start: datetime, end: datetime) -> set[int]:
    """Rows that were written, began or ended in between."""
    records = model.history.model.objects
    touched = set(records.filter(history_date__gt=start, history_date__lte=end).values_list("id", flat=True))
    if issubclass(model, Dated):
        began, ended = Q(valid_from__gt=start, valid_from__lte=end), Q(valid_until__gt=start, valid_until__lte=end)
        touched |= set(model._default_manager.filter(began | ended).values_list("pk", flat=True))
    return touched


def _state(model: Any, names: Sequence[str], pks: Sequence[int], moment: datetime) -> dict[int, tuple[Any, str]]:
    """Row and its name, as they stood; what was closed by then is not among them."""
    with as_of(moment):
        rows = model._default_manager.filter(pk__in=pks)
        if issubclass(model, Dated):
            rows = rows.filter(valid_until=None)
        return {row.pk: (row, str(row)) for row in (rows.select_related(*names) if names else rows)}


def _difference(
    kind: str, before: tuple[Any, str] | None, after: tuple[Any, str] | None, *, is_known: bool
) -> Iterator[Difference]:
    row, name = after or before or (None, "")
    if row is None:
        return
    fields = list(_fields(before[0], after[0], is_known=is_known)) if before and after else []
    if before and after and not fields:
        return
    verb = "changed" if before and after else "added" if after else "gone"
    url = row.get_absolute_url() if hasattr(row, "get_absolute_url") else ""
    yield Difference(kind, name, verb, url, fields)


def _fields(before: Any, after: Any, *, is_known: bool) -> Iterator[FieldChange]:
    for field in after._meta.concrete_fields:
        old, new = getattr(before, field.attname), getattr(after, field.attname)
        if field.name in _IGNORED or old == new:
            continue
        if field.is_relation:
            old, new = getattr(before, field.name), getattr(after, field.name)
        if is_personal(field.name) and not is_known:
            old = new = HIDDEN
        yield FieldChange(str(field.verbose_name), text_of(old), text_of(new))
