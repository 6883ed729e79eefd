"""Signing in by OpenID Connect and by certificate; by password it is allauth's."""

from dataclasses import asdict
from datetime import datetime, timedelta

import structlog
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from gridkeeper.accounts import pending
from gridkeeper.people.actor import Actor
from gridkeeper.people.certificates import CertificateError, is_offered
from gridkeeper.people.identities import Claim, add_identity, create_account, find_identity, user_of
from gridkeeper.people.models import User
from gridkeeper.people.openid import Attempt, Issuer, OpenIdError
from gridkeeper.people.proofs import certificate_claim, configured_issuer, openid_claim

log = structlog.get_logger(__name__)

_ATTEMPT = "oidc_attempt"
#: A person may take so long at the issuer.
_LONGEST = timedelta(minutes=15)


@never_cache
@require_safe
def oidc_start(request: HttpRequest) -> HttpResponse:
    """Sends the person to the issuer.

    By GET: our content security policy would stop a form that leads to another host. Nothing is at stake here; what
    comes back is compared with what this session sent.
    """
    issuer = _issuer()
    now = timezone.now()
    attempt = Attempt.new(_safe_next(request, request.GET.get("next", "")), now)
    try:
        address = issuer.address(attempt, _redirect_uri(request))
    except OpenIdError as error:
        return _refused(request, str(error), status=502)
    request.session[_ATTEMPT] = asdict(attempt)
    return redirect(address)


@never_cache
@require_safe
def oidc_callback(request: HttpRequest) -> HttpResponse:
    """The person comes back from the issuer."""
    issuer = _issuer()
    now = timezone.now()
    kept = request.session.pop(_ATTEMPT, None)
    attempt = Attempt(**kept) if kept else None
    if attempt is None or not constant_time_compare(request.GET.get("state", ""), attempt.state):
        return _refused(request, "this is not the sign-in that you began in this browser; begin again")
    if now - datetime.fromisoformat(attempt.started_at) > _LONGEST:
        return _refused(request, "it took too long; begin again")
    if "error" in request.GET or "code" not in request.GET:
        return _refused(request, f"the issuer has refused: {request.GET.get('error', 'no code')[:100]}")
    try:
        claims = issuer.exchange(request.GET["code"], attempt, _redirect_uri(request), now)
    except OpenIdError as error:
        log.warning("sign-in by OpenID Connect refused", reason=str(error))
        return _refused(request, str(error))
    return _enter(request, openid_claim(claims, issuer.url), attempt.next, now)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def certificate(request: HttpRequest) -> HttpResponse:
    """Shows what certificate the browser has shown; a POST signs in with it."""
    if not is_offered():
        raise Http404("this installation takes no certificates")
    now = timezone.now()
    try:
        claim = certificate_claim(request, now)
    except CertificateError as error:
        return _refused(request, str(error))
    if claim is None:
        advice = "import yours into it, close it, and choose the certificate when it asks"
        return _refused(request, f"your browser has shown no certificate; {advice}")
    if request.method == "POST":
        return _enter(request, claim, _safe_next(request, request.POST.get("next", "")), now)
    return render(request, "account/certificate.html", {"claim": claim, "next": request.GET.get("next", "")})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Somebody whom nobody here knows: a new account without roles, or a link to the one that they have."""
    now = timezone.now()
    claim = pending.kept(request, now)
    if claim is None:
        messages.info(request, "Sign in first; what you had proved was too long ago.")
        return redirect("account_login")
    if request.user.is_authenticated:
        return redirect("account_identities")
    if request.method != "POST":
        return render(request, "account/welcome.html", {"claim": claim, "is_claimed": find_identity(claim) is not None})
    try:
        user = create_account(Actor.of(request), claim=claim, now=now)
    except ValidationError as error:
        return _refused(request, " ".join(error.messages))
    pending.drop(request)
    messages.success(request, "Your account is made. It has no roles yet; ask for one where you work.")
    return _sign_in(request, user, claim, reverse("account"))


def _enter(request: HttpRequest, claim: Claim, next_url: str, now: datetime) -> HttpResponse:
    """With a session: links what was proved. Without: signs in whom it belongs to, or asks what to do."""
    if isinstance(request.user, User):
        return _link(request, request.user, claim, now)
    user = user_of(claim, now)
    if user is not None:
        return _sign_in(request, user, claim, next_url)
    identity = find_identity(claim)
    if identity is not None and not identity.user.is_active:
        return _refused(request, "the account that it belongs to is closed; ask an administrator")
    pending.keep(request, claim, now)
    return redirect("account_welcome")


def _link(request: HttpRequest, user: User, claim: Claim, now: datetime) -> HttpResponse:
    try:
        identity = add_identity(Actor.of(request), user=user, claim=claim, now=now)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("account_identities")
    pending.drop(request)
    messages.info(request, f"You have proved {identity.identifier}. Confirm below that it is yours.")
    return redirect("account_identities")


def _sign_in(request: HttpRequest, user: User, claim: Claim, next_url: str) -> HttpResponse:
    """By way of allauth: the second factor is asked where there is one, and the session gets a new key."""
    record_authentication(request, user, method=claim.kind)
    answer: HttpResponse = perform_login(request, user, email_verification="none", redirect_url=next_url or "/")
    return answer


def _issuer() -> Issuer:
    issuer = configured_issuer()
    if issuer is None:
        raise Http404("this installation knows no OpenID Connect issuer")
    return issuer


def _redirect_uri(request: HttpRequest) -> str:
    base: str = settings.GRIDKEEPER.base_url.rstrip("/")
    path = reverse("oidc_callback")
    return f"{base}{path}" if base else request.build_absolute_uri(path)


def _safe_next(request: HttpRequest, url: str) -> str:
    """Only an address of our own."""
    is_local = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if is_local else ""


def _refused(request: HttpRequest, reason: str, status: int = 403) -> HttpResponse:
    return render(request, "account/refused.html", {"reason": reason}, status=status)
