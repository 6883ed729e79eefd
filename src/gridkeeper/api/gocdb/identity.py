"""Who asks: a person (token, session, certificate), or a machine that a site has named (ApiCredential)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest

from gridkeeper.api.authentication import authenticate
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import ApiCredential, CredentialKind, Site
from gridkeeper.web.problems import Problem

#: `last_used_at` is written at most this often, so that reading stays nearly free of writes.
_TOUCH_EVERY = timedelta(minutes=1)
#: What a machine may do to its site by the write API.
_MACHINE_MAY = frozenset({"registry.edit_site", "registry.edit_service"})


@dataclass(frozen=True, slots=True)
class Identity:
    """name: subject of the certificate or token, or name of the account; actor: who acts; machine: it is none"""

    name: str
    actor: Actor
    machine: ApiCredential | None = None

    @property
    def may_read_personal_data(self) -> bool:
        return is_permitted(self.actor, "registry.read_personal_data")


def identify(request: HttpRequest, now: datetime) -> Identity:
    """Whoever asks. Raises RefusedError 403 for nobody, and for a token that is forged, revoked or expired."""
    if machine := credential_of(request, now):
        return Identity(machine.identifier, machine_actor(request, machine), machine)
    try:
        authenticate(request)
    except Problem as problem:
        raise RefusedError(403, f"{problem.title} - {problem.detail}") from problem
    if not request.user.is_authenticated:
        raise RefusedError(
            403, "No identity given - send `Authorization: Bearer TOKEN`, sign in, or present a certificate known here"
        )
    return Identity(subject_of(request) or request.user.get_username(), Actor.of(request, "api"))


def subject_of(request: HttpRequest) -> str:
    """The subject of the client's certificate; "" without one."""
    return str(getattr(request, "certificate_subject", "") or "")


def credential_of(request: HttpRequest, now: datetime, site: Site | None = None) -> ApiCredential | None:
    """The machine behind the request's certificate or OpenID Connect token, as a site (or that site) has named it."""
    named = Q(pk__in=[])
    if subject := subject_of(request):
        named |= Q(kind=CredentialKind.X509, identifier=subject)
    if subject := getattr(request, "oidc_subject", ""):
        named |= Q(kind=CredentialKind.OIDC, identifier=subject)
    if not named:
        return None
    known = ApiCredential.objects.current().filter(named).select_related("site")
    found = (known.filter(site=site) if site else known).order_by("-may_write", "pk").first()
    if found is not None:
        _note_use(found, now)
    return found


def _note_use(machine: ApiCredential, now: datetime) -> None:
    is_noted = machine.last_used_at is not None and now - machine.last_used_at <= _TOUCH_EVERY
    if not (is_noted or settings.GRIDKEEPER.read_only):
        ApiCredential.objects.filter(pk=machine.pk).update(last_used_at=now)


def machine_actor(request: HttpRequest, machine: ApiCredential) -> Actor:
    """The machine as an actor: it reaches its own site, and changes it only where that was allowed."""
    return Actor(
        source="api",
        address=request.META.get("REMOTE_ADDR", ""),
        credential=machine.identifier,
        allows=_MACHINE_MAY if machine.may_write else frozenset(),
        limits=frozenset({f"site:{machine.site.key}"}),
    )
