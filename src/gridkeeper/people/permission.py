"""The permission check of every action: deny by default, on the object."""

from typing import Any

from gridkeeper.people.actor import Actor


class NotPermittedError(Exception):
    """The actor may not do this to that object; the message says who, what and whom to ask."""


def is_permitted(actor: Actor, permission: str, subject: Any = None) -> bool:
    """True where a rule registered under `permission` ("registry.declare_downtime") holds for the actor and subject.

    A token narrows what its person may do: the permission's package ("registry") or the permission itself must be
    among its scopes.
    """
    if actor.is_system:
        return True
    if actor.user is None or not actor.user.is_active:
        return False
    if actor.scopes is not None and not actor.scopes & {permission, permission.split(".")[0], "*"}:
        return False
    return bool(actor.user.has_perm(permission, subject))


def require(actor: Actor, permission: str, subject: Any = None) -> None:
    """Raises NotPermittedError unless is_permitted."""
    if is_permitted(actor, permission, subject):
        return
    doing = permission.replace(".", ": ").replace("_", " ")
    where = f" on {subject}" if subject is not None else ""
    hint = "sign in first" if actor.user is None else "ask a holder of a role there, or an administrator, to do it"
    if actor.scopes is not None and actor.user is not None and actor.user.has_perm(permission, subject):
        hint = f"your token lacks the scope {permission!r}; make one that has it"
    raise NotPermittedError(f"{actor.name} may not {doing}{where}; {hint}")
