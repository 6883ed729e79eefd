"""Who calls the API: our token as Bearer, the same token as the password of HTTP Basic (old clients), a token of the
OpenID Connect issuer, a session, or a client certificate.
"""

import base64
import binascii
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from gridkeeper.people.actor import Entrance
from gridkeeper.people.distinguished_names import spellings
from gridkeeper.people.identities import Claim, user_of
from gridkeeper.people.models import IdentityKind
from gridkeeper.people.openid import looks_like_token
from gridkeeper.people.proofs import ProofError, bearer_of, claim_of
from gridkeeper.people.tokens import find_token
from gridkeeper.registry.models import ApiCredential, CredentialKind
from gridkeeper.web.problems import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gridkeeper", Basic realm="gridkeeper"'}
#: A person who comes in by certificate or by the issuer's token may all that they may, but for managing their account.
_EVERYTHING = frozenset({"*"})

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def authenticate(request: HttpRequest) -> bool:
    """True where the caller is known or may read anonymously; sets `request.user` and `request.entrance`.

    Raises Problem 401 for wrong credentials and for an anonymous caller that wants to change something, 403 for a
    machine that would change more than it may.
    """
    now = timezone.now()
    secret = _secret_of(request.headers.get("Authorization", ""))
    if secret is not None and not looks_like_token(secret):
        return _enter_by_token(request, secret, now)
    if secret is None and request.user.is_authenticated:
        _require_csrf(request)
        return True
    claim = _claim_of(request)
    if claim is not None and _enter_by_claim(request, claim, now):
        return True
    if secret is None and settings.GRIDKEEPER.public_reading and request.method in _SAFE:
        return True
    raise _unknown(claim)


def _unknown(claim: Claim | None) -> Problem:
    if claim is None:
        advice = "send `Authorization: Bearer TOKEN`; make a token at /account/tokens/"
        return Problem(401, "Sign in first", advice, headers=_CHALLENGE)
    advice = "sign in with it at /accounts/login/ to link it, or ask the site's administrators to add it as a machine"
    return Problem(401, "Nobody here is known by that", f"{claim} is valid, but linked to no account; {advice}")


def _claim_of(request: HttpRequest) -> Claim | None:
    try:
        return claim_of(request)
    except ProofError as error:
        raise Problem(401, "That proves nothing", str(error), headers=_CHALLENGE) from error


def _enter_by_claim(request: HttpRequest, claim: Claim, now: datetime) -> bool:
    user = user_of(claim, now)
    if user is not None:
        request.user = user
        request.entrance = Entrance(scopes=_EVERYTHING)  # type: ignore[attr-defined]
        return True
    machines = list(machines_of(claim))
    if not machines:
        return False
    if request.method not in _SAFE:
        raise Problem(403, "Machines change nothing here", "send properties and endpoints to /gocdbpi/v5/")
    request.entrance = Entrance(  # type: ignore[attr-defined]
        credential=claim.identifier, limits=frozenset(f"site:{machine.site.key}" for machine in machines)
    )
    return True


def machines_of(claim: Claim) -> "QuerySet[ApiCredential]":
    """The entries of sites that name what was proved as a machine of theirs."""
    known: Any = ApiCredential.objects.current().select_related("site__ngi").order_by("-may_write", "pk")
    if claim.kind == IdentityKind.X509:
        found = known.filter(kind=CredentialKind.X509, identifier__in=spellings(claim.identifier))
    else:
        found = known.filter(kind=CredentialKind.OIDC, identifier=claim.identifier)
    return found  # type: ignore[no-any-return]


def _enter_by_token(request: HttpRequest, secret: str, now: datetime) -> bool:
    token = find_token(secret, now)
    if token is None:
        raise Problem(401, "The token is not valid", "it is unknown, revoked or expired", headers=_CHALLENGE)
    request.user = token.user
    request.entrance = Entrance(  # type: ignore[attr-defined]
        scopes=frozenset(token.scopes), limits=frozenset(token.limits)
    )
    return True


def _secret_of(header: str) -> str | None:
    """The secret that the Authorization header carries; None where there is no header."""
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return bearer_of(header)
    if scheme.lower() != "basic":
        raise Problem(401, "Unknown authentication scheme", f"{scheme!r}: use Bearer or Basic", headers=_CHALLENGE)
    try:
        return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Problem(401, "The Authorization header is not Basic", str(error), headers=_CHALLENGE) from error


def _nothing(_request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def _require_csrf(request: HttpRequest) -> None:
    """A session is sent by the browser unasked, so a change by session needs the form's secret too."""
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    if CsrfViewMiddleware(_nothing).process_view(request, _nothing, (), {}) is not None:
        raise Problem(403, "The request lacks the CSRF token", "send the X-CSRFToken header, or use an API token")
