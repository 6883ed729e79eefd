"""Deletion of a person: account, identities, tokens and roles go; what was done stays readable, done by nobody known.

The row of the account stays as "deleted person abc123", closed and empty, for what refers to it. In the audit records,
whose words outlast accounts, the name gives way to the same words.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Q

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.audit import MAX_REASON, AuditRecord
from gridkeeper.people.models import Identity, ReadOnlyChange, User
from gridkeeper.people.permission import NotPermittedError, require
from gridkeeper.people.signals import person_deleted

_EMPTIED = (
    "first_name", "last_name", "email", "title", "description", "telephone", "working_hours_start", "working_hours_end",
    "home_site", "timezone",
)  # fmt: skip


def delete_person(actor: Actor, *, user: User, reason: str, now: datetime) -> User:
    """Deletes what is personal and ends every role. At their own wish, by session, or by a superuser.

    Raises NotPermittedError; ValidationError without a reason, for one deleted already and for the last superuser.
    """
    require(actor, "people.delete_person", user)
    if actor.scopes is not None:
        raise NotPermittedError(f"{actor.name} may not delete accounts by a token; sign in")
    _check(user, reason)
    with transaction.atomic():
        fresh = User.objects.select_for_update().get(pk=user.pk)
        if is_deleted(fresh):
            raise ValidationError(f"{fresh} was deleted before.")
        former, label = fresh.get_username(), label_of(fresh)
        by_whom = label if actor.user is not None and actor.user.pk == fresh.pk else actor.name
        with recording(actor, f"deletion of a person: {reason.strip()}"[:MAX_REASON]):
            _delete_what_is_theirs(fresh)
            _empty(fresh, label)
        _forget_in_records(fresh, former, label)
        person_deleted.send(sender=User, user=fresh, former=former, label=label, now=now, by_whom=by_whom)
    return fresh


def label_of(user: User) -> str:
    """By what a deleted person is called for ever: it says nothing of who it was.

    >>> label_of(User(key="2bcdfg345678"))
    'deleted person 2bcdfg'
    """
    return f"deleted person {user.key[:6]}"


def is_deleted(user: User) -> bool:
    return user.username == _closed_name(user)


def _closed_name(user: User) -> str:
    return f"deleted-{user.key}"


def _check(user: User, reason: str) -> None:
    if not reason.strip():
        raise ValidationError({"reason": "say why; the reason stays in the audit records"})
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=user.pk)
    if user.is_superuser and not others.exists():
        raise ValidationError("This is the last administrator; make another one first (`gridkeeper createadmin`).")


def _delete_what_is_theirs(user: User) -> None:
    """Every row that would go with the account: identities, tokens, roles, requests, subscriptions, sessions."""
    for relation in User._meta.related_objects:
        if getattr(relation, "on_delete", None) is not models.CASCADE:
            continue
        rows: Any = relation.related_model._base_manager.filter(**{relation.field.name: user})
        for row in rows:
            if hasattr(row, "session_key"):
                row.end()  # of allauth: the session itself goes too
            else:
                row.delete()
    user.groups.clear()
    user.user_permissions.clear()


def _empty(user: User, label: str) -> None:
    for name in _EMPTIED:
        setattr(user, name, "")
    user.username = _closed_name(user)
    user.last_name = label
    user.is_active = user.is_superuser = user.is_staff = False
    user.last_login = None
    user.set_unusable_password()
    user.save()


def _forget_in_records(user: User, former: str, label: str) -> None:
    for record in _record_models():
        by_them = Q(history_user=user) | Q(history_user=None, history_actor=former)
        record.objects.filter(by_them).update(history_actor=label, history_user=None, history_address="")
    ReadOnlyChange.objects.filter(changed_by=former).update(changed_by=label)
    accounts = User.history.model.objects.filter(id=user.pk)
    emptied = dict.fromkeys(_EMPTIED, "") | {"username": user.username, "last_name": label}
    accounts.update(**emptied)
    identities = Identity.history.model.objects.filter(user_id=user.pk)
    identities.update(identifier=label)


def _record_models() -> Iterator[Any]:
    return (model for model in apps.get_models() if issubclass(model, AuditRecord))
