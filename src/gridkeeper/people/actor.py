"""Who does something, and from where: the first argument of every action."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from django.http import HttpRequest

    from gridkeeper.people.models import User

Source = Literal["web", "api", "cli", "import", "demo", "system"]


@dataclass(frozen=True, slots=True)
class Entrance:
    """By what a program came in, where it was no session: see the fields of Actor, which are made of it."""

    scopes: frozenset[str] | None = None
    limits: frozenset[str] = frozenset()
    credential: str = ""
    allows: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or the installation itself.

    user: the signed-in person; None for an anonymous visitor or for the installation (see is_system)
    source: by which way the change came in
    address: IP address of the client, "" where there is none
    is_system: true for a command at the installation's own console, a task, an import run there: may do everything
    scopes: what the token in use allows; None for a session, which allows what the person may
    limits: objects that the token in use is limited to ("site:2G0"), with what lies below them; empty: no limit
    credential: the identifier of a machine, which is nobody's account; it may do what `allows` names, within `limits`
    allows: permissions of that machine ("registry.edit_service")
    """

    user: "User | None" = None
    source: Source = "web"
    address: str = ""
    is_system: bool = False
    scopes: frozenset[str] | None = None
    limits: frozenset[str] = frozenset()
    credential: str = ""
    allows: frozenset[str] = frozenset()

    @classmethod
    def system(cls, source: Source = "system") -> "Actor":
        return cls(source=source, is_system=True)

    @classmethod
    def of(cls, request: "HttpRequest", source: Source = "web") -> "Actor":
        """The person behind a request; anonymous where nobody is signed in."""
        user = request.user if request.user.is_authenticated else None
        entrance: Entrance = getattr(request, "entrance", None) or Entrance()
        return cls(
            user=user,
            source=source,
            address=request.META.get("REMOTE_ADDR", ""),
            scopes=entrance.scopes,
            limits=entrance.limits,
            credential=entrance.credential,
            allows=entrance.allows,
        )

    @property
    def name(self) -> str:
        if self.user:
            return self.user.get_username()
        return self.credential or (self.source if self.is_system else "anonymous")


@dataclass(frozen=True, slots=True)
class Recording:
    """What the audit records of the current change say besides the values: who and why."""

    actor: Actor
    reason: str


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recording(actor: Actor, reason: str = "") -> Iterator[None]:
    """Audit records written inside bear this actor and reason."""
    token = _recording.set(Recording(actor, reason))
    try:
        yield
    finally:
        _recording.reset(token)


def current_recording() -> Recording | None:
    return _recording.get()
