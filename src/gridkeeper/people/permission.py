"""The permission check of every action: deny by default, on the object."""

from typing import Any

from django.conf import settings

from gridkeeper.people.actor import Actor
from gridkeeper.people.past import moment_travelled_to


class NotPermittedError(Exception):
    """The actor may not do this to that object; the message says who, what and whom to ask."""


def is_permitted(actor: Actor, permission: str, subject: Any = None) -> bool:
    """True where a rule registered under `permission` ("registry.declare_downtime") holds for the actor and subject.

    A token narrows what its person may do: the permission's package ("registry") or the permission itself must be
    among its scopes.
    """
    if actor.is_system:
        return True
    is_change = not permission.partition(".")[2].startswith("read_")
    if is_change and (settings.GRIDKEEPER.read_only or moment_travelled_to() is not None):
        return False
    if actor.credential:
        return permission in actor.allows and bool(actor.limits & set(lineage(subject)))
    if actor.user is None or not actor.user.is_active:
        return False
    return _token_reaches(actor, permission, subject) and bool(actor.user.has_perm(permission, subject))


def _token_reaches(actor: Actor, permission: str, subject: Any) -> bool:
    if actor.scopes is not None and not actor.scopes & {permission, permission.split(".")[0], "*"}:
        return False
    return not actor.limits or bool(actor.limits & set(lineage(subject)))


def lineage(subject: Any) -> list[str]:
    """The object and what it lies below, as a token's limits name them: ["service:...", "site:2G0", "ngi:5G0", ...].

    An object says so itself (`lineage()`); what lies below nothing reaches no limited token.
    """
    return list(subject.lineage()) if hasattr(subject, "lineage") else []


def require(actor: Actor, permission: str, subject: Any = None) -> None:
    """Raises NotPermittedError unless is_permitted."""
    if is_permitted(actor, permission, subject):
        return
    doing = permission.replace(".", ": ").replace("_", " ")
    where = f" on {subject}" if subject is not None else ""
    hint = "sign in first" if actor.user is None else "ask a holder of a role there, or an administrator, to do it"
    if settings.GRIDKEEPER.read_only:
        hint = "the whole installation is read-only for now"
    elif actor.user is not None and actor.user.has_perm(permission, subject) and actor.scopes is not None:
        hint = f"your token lacks the scope {permission!r}; make one that has it"
        if actor.limits:
            hint = f"your token is limited to {', '.join(sorted(actor.limits))} and {permission!r}; make another"
    raise NotPermittedError(f"{actor.name} may not {doing}{where}; {hint}")
