"""Properties: key and value on sites, services, endpoints and service groups (GOCDB's extensions)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.permission import require
from gridkeeper.registry.editing import announce, check_reason, locked, store
from gridkeeper.registry.field_rules import text_problem
from gridkeeper.registry.models import Endpoint, Service, ServiceGroup, Site

Bearer = Site | Service | Endpoint | ServiceGroup
_Bearer = TypeVar("_Bearer", Site, Service, Endpoint, ServiceGroup)

MAX_PROPERTIES = 200
MAX_KEY = 255
MAX_VALUE = 4000
#: What the filter `extensions=(KEY=VALUE)` is written with: a key that holds it could not be asked for.
_NOT_IN_KEYS = "()=,"


def property_problem(key: str, value: str) -> str:
    """What is wrong with a key and its value, or "".

    >>> property_problem("P4U_Pilot", "yes"), property_problem("a=b", "")
    ('', 'a=b: a key holds none of ( ) = , for filters are written with them.')
    """
    if not 1 <= len(key) <= MAX_KEY or key != key.strip():
        return f"{key[:40]!r}: a key has 1 to {MAX_KEY} characters and no blank around it."
    if any(sign in key for sign in _NOT_IN_KEYS):
        return f"{key[:40]}: a key holds none of {' '.join(_NOT_IN_KEYS)} for filters are written with them."
    if len(value) > MAX_VALUE:
        return f"{key[:40]}: a value has at most {MAX_VALUE} characters."
    if problem := text_problem(key) or text_problem(value, is_long=True):
        return f"{key[:40]}: {problem}"
    return ""


def require_edit(actor: Actor, subject: Bearer) -> None:
    """Raises NotPermittedError unless the actor may edit the object; an endpoint is its service's."""
    if isinstance(subject, Site):
        require(actor, "registry.edit_site", subject)
    elif isinstance(subject, ServiceGroup):
        require(actor, "registry.edit_service_group", subject)
    else:
        require(actor, "registry.edit_service", subject.service if isinstance(subject, Endpoint) else subject)


def set_properties(
    actor: Actor,
    *,
    subject: _Bearer,
    properties: Mapping[str, str],
    reason: str,
    now: datetime,
    is_partial: bool = False,
    seen: int | None = None,
) -> _Bearer:
    """The object has exactly those properties from now on; with `is_partial` those not named stay as they are.

    Raises NotPermittedError, ValidationError.
    """
    require_edit(actor, subject)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(subject, seen)
        after = (fresh.properties if is_partial else {}) | dict(properties)
        return _store(actor, fresh, after, reason, now)


def remove_properties(
    actor: Actor, *, subject: _Bearer, keys: Iterable[str], reason: str, now: datetime, seen: int | None = None
) -> _Bearer:
    """The object has them no more. Raises NotPermittedError, and ValidationError for a key that it does not have."""
    require_edit(actor, subject)
    check_reason(reason)
    with transaction.atomic(), recording(actor, reason.strip()):
        fresh = locked(subject, seen)
        gone = set(keys)
        if missing := sorted(gone - set(fresh.properties)):
            raise ValidationError({"properties": f"{fresh} has no property {', '.join(missing)}."}, code="missing")
        after = {key: value for key, value in fresh.properties.items() if key not in gone}
        return _store(actor, fresh, after, reason, now)


def _store(actor: Actor, subject: _Bearer, after: dict[str, str], reason: str, now: datetime) -> _Bearer:
    before = subject.properties
    if after == before:
        return subject
    if len(after) > MAX_PROPERTIES and len(after) > len(before):
        raise ValidationError({"properties": f"An object has at most {MAX_PROPERTIES} properties."})
    new = {key: value for key, value in after.items() if before.get(key) != value}
    if problems := [problem for key, value in new.items() if (problem := property_problem(key, value))]:
        raise ValidationError({"properties": problems})
    subject.properties = after
    store(subject, ["properties"])
    announce(
        "properties.changed",
        subject,
        actor,
        now,
        reason=reason,
        set=sorted(new),
        removed=sorted(set(before) - set(after)),
    )
    return subject
