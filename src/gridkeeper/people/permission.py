"""The permission check of every action: deny by default, on the object."""

from typing import Any

from gridkeeper.people.actor import Actor
from gridkeeper.people.past import moment_travelled_to
from gridkeeper.people.read_only import read_only

#: The one change that read-only mode leaves open, to superusers.
SWITCH_READ_ONLY = "people.switch_read_only"


class NotPermittedError(Exception):
    """The actor may not do this to that object; the message says who, what and whom to ask."""


class ReadOnlyError(NotPermittedError):
    """Nobody may change anything for now; the message says why."""


def is_permitted(actor: Actor, permission: str, subject: Any = None) -> bool:
    """True where a rule registered under `permission` ("registry.declare_downtime") holds for the actor and subject.

    A token narrows what its person may do: the permission's package ("registry") or the permission itself must be
    among its scopes.
    """
    if actor.is_system:
        return True
    if _is_change(permission) and (moment_travelled_to() is not None or read_only() is not None):
        return False
    if actor.credential:
        return permission in actor.allows and bool(actor.limits & set(lineage(subject)))
    if actor.user is None or not actor.user.is_active:
        return False
    return _token_reaches(actor, permission, subject) and bool(actor.user.has_perm(permission, subject))


def _is_change(permission: str) -> bool:
    return permission != SWITCH_READ_ONLY and not permission.partition(".")[2].startswith("read_")


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
    """Raises NotPermittedError unless is_permitted; ReadOnlyError where only read-only mode is in the way."""
    if is_permitted(actor, permission, subject):
        return
    require_changeable(actor, permission)
    doing = permission.replace(".", ": ").replace("_", " ")
    where = f" on {subject}" if subject is not None else ""
    hint = "sign in first" if actor.user is None else "ask a holder of a role there, or an administrator, to do it"
    if actor.user is not None and actor.scopes is not None and actor.user.has_perm(permission, subject):
        hint = f"your token lacks the scope {permission!r}; make one that has it"
        if actor.limits:
            hint = f"your token is limited to {', '.join(sorted(actor.limits))} and {permission!r}; make another"
    raise NotPermittedError(f"{actor.name} may not {doing}{where}; {hint}")


def require_changeable(actor: Actor, permission: str = "") -> None:
    """Raises ReadOnlyError in read-only mode, but for the console and for what only reads.

    For actions on one's own account, which no permission guards.
    """
    mode = None if actor.is_system or (permission and not _is_change(permission)) else read_only()
    if mode is not None:
        raise ReadOnlyError(f"the whole installation is read-only for now: {mode.reason}")
