"""What a program proves of itself with each request, besides our own tokens: a certificate, a token of the issuer.

The middleware reads it for the addresses of programs; whoever authenticates there asks `claim_of`. Pages do not look at
certificates: a person signs in with one once, and has a session from then on.
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gridkeeper.people.certificates import CertificateError, certificate_of
from gridkeeper.people.identities import Claim
from gridkeeper.people.models import IdentityKind
from gridkeeper.people.openid import Issuer, OpenIdError, looks_like_token

_OF_PROGRAMS = ("/api/", "/gocdbpi/")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class ProofError(Exception):
    """What was shown proves nothing; the message says why."""


class ProofMiddleware:
    """Sets `certificate_subject` and `oidc_subject` ("" without one); `claim` and `proof_error` are for `claim_of`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_OF_PROGRAMS):
            _read(request, timezone.now())
        return self.get_response(request)


def claim_of(request: HttpRequest) -> Claim | None:
    """Who the caller has proved to be by certificate or by a token of the issuer. Raises ProofError for a bad one."""
    if error := getattr(request, "proof_error", ""):
        raise ProofError(error)
    claim: Claim | None = getattr(request, "claim", None)
    return claim


@lru_cache(maxsize=4)
def _issuer(url: str, client_id: str, client_secret: str) -> Issuer:
    return Issuer(url, client_id, client_secret)


def configured_issuer() -> Issuer | None:
    """The issuer of the settings; None where there is none. One for the whole process: it keeps keys."""
    config = settings.GRIDKEEPER
    if not config.oidc_issuer:
        return None
    return _issuer(config.oidc_issuer, config.oidc_client_id, config.oidc_client_secret)


def bearer_of(header: str) -> str:
    """The secret after `Bearer`; "" for another scheme."""
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


def certificate_claim(request: HttpRequest, now: datetime) -> Claim | None:
    """The subject of the client's certificate; None without one. Raises CertificateError."""
    certificate = certificate_of(request, now)
    if certificate is None:
        return None
    common_name = certificate.subject.rpartition("/CN=")[2]
    return Claim(IdentityKind.X509, certificate.subject, name=common_name)


def openid_claim(claims: dict[str, object], issuer: str) -> Claim:
    """The person of whom a verified token speaks. An address counts only where the issuer has verified it."""
    email = str(claims.get("email") or "") if claims.get("email_verified") is True else ""
    name = str(claims.get("name") or claims.get("preferred_username") or "")
    return Claim(IdentityKind.OIDC, str(claims["sub"])[:500], issuer, name[:200], email)


def _read(request: HttpRequest, now: datetime) -> None:
    marks: dict[str, object] = {"certificate_subject": "", "oidc_subject": "", "claim": None, "proof_error": ""}
    try:
        bearer = bearer_of(request.headers.get("Authorization", ""))
        claim = _token_claim(bearer, now) if looks_like_token(bearer) else certificate_claim(request, now)
        if claim is not None and claim.kind == IdentityKind.X509:
            _refuse_other_sites(request)
        marks["claim"] = claim
        if claim is not None:
            marks["certificate_subject" if claim.kind == IdentityKind.X509 else "oidc_subject"] = claim.identifier
    except (CertificateError, OpenIdError, ProofError) as error:
        marks["proof_error"] = str(error)
    for name, value in marks.items():
        setattr(request, name, value)


def _token_claim(token: str, now: datetime) -> Claim:
    issuer, audiences = configured_issuer(), settings.GRIDKEEPER.oidc_audiences
    if issuer is None or not audiences:
        raise OpenIdError("tokens of an OpenID Connect issuer open nothing here; make one at /account/tokens/")
    return openid_claim(issuer.claims(token, audiences=audiences, now=now), issuer.url)


def _refuse_other_sites(request: HttpRequest) -> None:
    """A browser shows its certificate unasked, also for a form on somebody else's page (cross-site forgery)."""
    if request.method in _SAFE:
        return
    origin = request.headers.get("Origin")
    is_ours = origin is None or urlsplit(origin).netloc == request.get_host()
    if not is_ours or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise ProofError("the request comes from another site's page; send changes from a program, or sign in")
