"""How a feed is sent: ETag, Last-Modified, 304, and a refusal that names the parameter. Gzip is a middleware's."""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date, quote_etag
from django.views.decorators.http import require_safe

from gridkeeper.feeds.parameters import BadParameterError
from gridkeeper.people.tokens import find_token

#: What neither XML 1.0 (section 2.2) nor an iCalendar text (RFC 5545, section 3.3.11) can hold: controls other than
#: tab and line ends, halves of surrogate pairs, and two that are no characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")

_View = TypeVar("_View", bound=Callable[..., HttpResponse])


def writable(text: str) -> str:
    """The text with U+FFFD in place of each character that no XML and no calendar can hold.

    >>> writable("rack \\x07 3"), writable("<b>&amp;")
    ('rack \\ufffd 3', '<b>&amp;')
    """
    return _UNWRITABLE.sub("\ufffd", text)


def answer(
    request: HttpRequest, body: bytes, content_type: str, changed_at: datetime | None, *, filename: str = ""
) -> HttpResponse:
    """The body, or 304 to whom has it.

    changed_at: newest change of what the body says; None where that is not known (no Last-Modified then: a feed that
        depends on the clock may change without a change in the registry, and the ETag alone tells)
    filename: offered where a reader saves it
    """
    etag = quote_etag(hashlib.sha256(body).hexdigest()[:32])
    stamp = None if changed_at is None else int(changed_at.astimezone(UTC).timestamp())
    response = HttpResponse(body, content_type=content_type)
    response["ETag"] = etag
    if stamp is not None:
        response["Last-Modified"] = http_date(stamp)
    response["Cache-Control"] = "no-cache"
    response["Access-Control-Allow-Origin"] = "*"
    if filename:
        response["Content-Disposition"] = f'inline; filename="{filename}"'
    patch_vary_headers(response, ("Accept-Encoding",))
    conditional = get_conditional_response(request, etag=etag, last_modified=stamp, response=response)
    return conditional or response


def _is_reader(request: HttpRequest) -> bool:
    """Whoever may read the portal; where that asks for sign-in, a token by Bearer or Basic (as password) does."""
    if settings.GRIDKEEPER.public_reading or request.user.is_authenticated:
        return True
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    secret = value.strip()
    if scheme.lower() == "basic":
        try:
            secret = base64.b64decode(secret, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    token = find_token(secret, timezone.now()) if secret else None
    if token is not None:
        request.user = token.user
    return token is not None


def for_readers(view: _View) -> _View:
    """A view for whoever may read the portal; 401 to strangers, where it is not open to all."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if _is_reader(request):
            return view(request, *args, **kwargs)
        text = "Send `Authorization: Bearer TOKEN`, or the token as the password of HTTP Basic.\n"
        challenge = {"WWW-Authenticate": 'Bearer realm="gridkeeper", Basic realm="gridkeeper"'}
        return HttpResponse(text, status=401, content_type="text/plain; charset=utf-8", headers=challenge)

    return wrapped  # type: ignore[return-value]


def feed(view: _View) -> _View:
    """A view of GET and HEAD that answers 400, in words, where a parameter cannot be meant."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except BadParameterError as error:
            return HttpResponse(f"{error}\n", status=400, content_type="text/plain; charset=utf-8")

    return require_safe(wrapped)  # type: ignore[return-value]
