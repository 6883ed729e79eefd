"""The VO that a reader looks at: named by the address, else remembered, else the operations VO. Every page's switch."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from gridkeeper.web.htmx import is_part

COOKIE = "vo"
_YEAR_S = 365 * 86_400
#: What may stand in a cookie; what it names is looked up before it is used.
_NAME = re.compile(r"[\w.\-]{1,100}", re.ASCII)

_read_names: Callable[[], Iterable[str]] = list


def provide_names(read: Callable[[], Iterable[str]]) -> None:
    """Tells where the names of today's VOs come from: `vos`, a later floor, calls this when it is ready."""
    global _read_names
    _read_names = read


def names_of(request: HttpRequest) -> list[str]:
    """The names of today's VOs: one query a request, however often it is asked."""
    found: list[str] | None = getattr(request, "_vo_names", None)
    if found is None:
        found = list(_read_names())
        request._vo_names = found  # type: ignore[attr-defined]
    return found


def looked_at(request: HttpRequest) -> str:
    """The VO that the reader looks at; "" where there is none at all."""
    known = names_of(request)
    wishes = (request.GET.get("vo"), request.COOKIES.get(COOKIE), settings.GRIDKEEPER.operations_vo, *known)
    return next((wish for wish in wishes if wish in known), "")


class RememberVoMiddleware:
    """Remembers the VO that the address of a page names, so that the next page shows the same."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        named = request.GET.getlist("vo")
        is_page = response.status_code == 200 and response.get("Content-Type", "").startswith("text/html")
        is_page &= not is_part(request)  # refreshes of another window do not change what this one looks at
        if is_page and len(named) == 1 and _NAME.fullmatch(named[0]) and request.COOKIES.get(COOKIE) != named[0]:
            options: dict[str, Any] = {"secure": settings.SESSION_COOKIE_SECURE, "httponly": True, "samesite": "Lax"}
            response.set_cookie(COOKIE, named[0], max_age=_YEAR_S, **options)
        return response
