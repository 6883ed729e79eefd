"""Who calls the API: a token as Bearer, the same token as the password of HTTP Basic (old clients), or a session."""

import base64
import binascii

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import timezone

from gridkeeper.people.tokens import find_token
from gridkeeper.web.problems import Problem

_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="gridkeeper", Basic realm="gridkeeper"'}


def authenticate(request: HttpRequest) -> bool:
    """True where the caller is known or may read anonymously; sets `request.user` and `request.token`.

    Raises Problem 401 for wrong credentials and for an anonymous caller that wants to change something.
    """
    secret = _secret_of(request.headers.get("Authorization", ""))
    if secret is not None:
        return _enter_by_token(request, secret)
    if request.user.is_authenticated:
        _require_csrf(request)
        return True
    if settings.GRIDKEEPER.public_reading and request.method in {"GET", "HEAD", "OPTIONS"}:
        return True
    raise Problem(
        401, "Sign in first", "send `Authorization: Bearer TOKEN`; make a token at /account/", headers=_CHALLENGE
    )


def _enter_by_token(request: HttpRequest, secret: str) -> bool:
    token = find_token(secret, timezone.now())
    if token is None:
        raise Problem(401, "The token is not valid", "it is unknown, revoked or expired", headers=_CHALLENGE)
    request.user = token.user
    request.token = token  # type: ignore[attr-defined]
    return True


def _secret_of(header: str) -> str | None:
    """The secret that the Authorization header carries; None where there is no header."""
    if not header:
        return None
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
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
