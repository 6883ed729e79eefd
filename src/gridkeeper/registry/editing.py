"""How every change of an object goes: locked, compared with what the person saw, checked, stored, told.

The actions of the registry are written with these; nothing else changes its rows, but importers.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model

from gridkeeper.people.actor import Actor
from gridkeeper.registry.events import tell
from gridkeeper.registry.field_rules import field_problem
from gridkeeper.registry.rules import reason_problem
from gridkeeper.registry.signals import topology_changed

_M = TypeVar("_M", bound=Model)


def version_of(subject: Any) -> int:
    """The number of the object's newest audit record: changes whenever the object does; 0 without a record."""
    newest = subject.history.order_by("-history_id").values_list("history_id", flat=True).first()
    return int(newest or 0)


def check_reason(reason: str) -> None:
    """Raises ValidationError unless the reason has 1 to 300 characters."""
    if problem := reason_problem(reason):
        raise ValidationError({"reason": problem})


def check_known(given: Mapping[str, Any], allowed: Sequence[str]) -> None:
    """Raises ValidationError for a field that is not among those that may be given."""
    strangers = sorted(set(given) - set(allowed))
    if strangers:
        raise ValidationError(f"{', '.join(strangers)} cannot be edited; these can: {', '.join(allowed)}.")


def locked(subject: _M, seen: int | None = None) -> _M:
    """The row as it stands, locked until the end of the transaction: two people edit one after the other.

    Raises ValidationError where it was closed, and (code "conflict") where it changed since `seen`.
    """
    fresh: Any = type(subject)._default_manager.select_for_update().get(pk=subject.pk)
    ended = getattr(fresh, "valid_until", None)
    if ended is not None:
        raise ValidationError(f"{fresh} was closed on {ended:%Y-%m-%d %H:%M} UTC and stays as it is.")
    if seen is not None and seen != version_of(fresh):
        newest = fresh.history.order_by("-history_id").first()
        who = newest.history_user or newest.history_actor or "the installation"
        raise ValidationError(
            f"Somebody was faster: {who} changed {fresh} at {newest.history_date:%H:%M} UTC. "
            "Your input is kept below; compare it with what stands now and send it again.",
            code="conflict",
        )
    return fresh  # type: ignore[no-any-return]


def check(subject: Model, names: Sequence[str]) -> None:
    """Those fields and what the object must be as a whole. Raises ValidationError with the problems by field."""
    problems: dict[str, Any] = {}
    for name in names:
        if problem := field_problem(name, getattr(subject, name)):
            problems[name] = problem
    others = {field.name for field in subject._meta.fields} - set(names)
    try:
        subject.clean_fields(exclude=others | set(problems))
        subject.validate_unique()
        subject.validate_constraints(exclude=set(problems))
    except ValidationError as error:
        problems |= {name: found for name, found in error.error_dict.items() if name not in problems}
    if problems:
        raise ValidationError(problems)


def set_values(subject: Any, values: Mapping[str, Any]) -> list[str]:
    """Sets what differs; the names of those fields. Texts lose their outer blanks, as forms do."""
    changed = []
    for name, value in values.items():
        wanted = value.strip() if isinstance(value, str) else value
        if getattr(subject, name) != wanted:
            setattr(subject, name, wanted)
            changed.append(name)
    return changed


def store_new(subject: Model) -> None:
    """Inserts a checked row. A race lost to somebody who registered the same is a ValidationError as well."""
    try:
        with transaction.atomic():
            subject.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError(
            f"Somebody registered {subject} a moment ago; look at it, and choose another name or address."
        ) from error


def store(subject: Model, names: Sequence[str]) -> None:
    """Updates those fields of a checked row, with the same race in mind."""
    try:
        with transaction.atomic():
            subject.save(update_fields=list(names))
    except IntegrityError as error:
        raise ValidationError(
            f"Somebody gave another entry the same name a moment ago; {subject} is unchanged. Choose another one."
        ) from error


def close_rows(rows: Sequence[Any], now: datetime) -> None:
    """Each row ends now; what history says of it stays."""
    for row in rows:
        row.valid_until = now
        row.save(update_fields=["valid_until"])


def announce(kind: str, subject: Model, actor: Actor, now: datetime, *, reason: str, **detail: Any) -> None:
    """Tells later floors: of the event, and that the topology is another one from now on."""
    topology_changed.send(sender=type(subject), since=now, closed_service=None)
    tell(kind, subject, actor, now, reason=reason.strip(), **detail)
