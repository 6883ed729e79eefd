"""Who asks: a person (token, session, certificate), or a machine that a site has named (ApiCredential)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest

from gridkeeper.api.authentication import authenticate, machines_of
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.people.actor import Actor
from gridkeeper.people.identities import Claim, user_of
from gridkeeper.people.permission import is_permitted
from gridkeeper.people.proofs import ProofError, claim_of
from gridkeeper.people.read_only import read_only
from gridkeeper.registry.models import ApiCredential, Site
from gridkeeper.web.problems import Problem

#: `last_used_at` is written at most this often, so that reading stays nearly free of writes.
_TOUCH_EVERY = timedelta(minutes=1)
#: What a machine may do to its site by the write API.
_MACHINE_MAY = frozenset({"registry.edit_site", "registry.edit_service"})


@dataclass(frozen=True, slots=True)
class Identity:
    """name: subject of the certificate or token, or name of the account; actor: who acts"""

    name: str
    actor: Actor

    @property
    def may_read_personal_data(self) -> bool:
        return is_permitted(self.actor, "registry.read_personal_data")


def identify(request: HttpRequest, now: datetime) -> Identity:
    """Whoever asks. Raises RefusedError 403 for nobody, and for what is forged, revoked, expired or unknown."""
    try:
        authenticate(request)
    except Problem as problem:
        raise RefusedError(403, f"{problem.title} - {problem.detail}") from problem
    actor, claim = Actor.of(request, "api"), _claim(request)
    if actor.user is None and not actor.credential:
        raise RefusedError(
            403, "No identity given - send `Authorization: Bearer TOKEN`, sign in, or present a certificate known here"
        )
    if actor.credential and claim is not None:
        _note_use(list(machines_of(claim)), now)
    return Identity(claim.identifier if claim is not None else actor.name, actor)


def changer(request: HttpRequest, site: Site, now: datetime) -> Actor:
    """Who would change that site: the machine that it has named, or else a person. Raises RefusedError 403."""
    claim = _claim(request)
    if claim is None:
        return identify(request, now).actor
    machines = list(machines_of(claim).filter(site=site))
    if machines:
        _note_use(machines, now)
        return _machine(request, machines[0])
    if user_of(claim, now) is None:
        raise RefusedError(403, f"{claim.identifier} is no credential of {site}; ask its administrators to add it")
    return identify(request, now).actor


def _claim(request: HttpRequest) -> Claim | None:
    try:
        return claim_of(request)
    except ProofError as error:
        raise RefusedError(403, str(error)) from error


def _machine(request: HttpRequest, machine: ApiCredential) -> Actor:
    """It reaches its own site, and changes it only where that was allowed."""
    return Actor(
        source="api",
        address=request.META.get("REMOTE_ADDR", ""),
        credential=machine.identifier,
        allows=_MACHINE_MAY if machine.may_write else frozenset(),
        limits=frozenset({f"site:{machine.site.key}"}),
    )


def _note_use(machines: list[ApiCredential], now: datetime) -> None:
    due = [each.pk for each in machines if each.last_used_at is None or now - each.last_used_at > _TOUCH_EVERY]
    if due and read_only() is None:
        ApiCredential.objects.filter(pk__in=due).update(last_used_at=now)
