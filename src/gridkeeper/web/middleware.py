"""Middleware of every page."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

#: What answers by itself to whom it does not know: programs send a token, not a session.
_OPEN_PATHS = (
    "/accounts/login/", "/static/", "/healthz", "/readyz", "/api/", "/feeds/", "/rgsummary/", "/rgdowntime/",
    "/vosummary/", "/gocdbpi/", "/accounts/2fa/authenticate/", "/accounts/oidc/", "/accounts/certificate/",
    "/accounts/welcome/", "/nrdp/", "/reports/",
)  # fmt: skip

Next = Callable[[HttpRequest], HttpResponse]


class SignInWallMiddleware:
    """Asks for sign-in before any page where `public_reading` is off; the API answers 401 by itself."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        is_open = settings.GRIDKEEPER.public_reading or request.path.startswith(_OPEN_PATHS)
        if is_open or request.user.is_authenticated:
            return self.get_response(request)
        return redirect_to_login(request.get_full_path())


class ReaderTimezoneMiddleware:
    """Shows times in the reader's zone: the account's, else the browser's (cookie `tz`), else UTC."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "timezone", "") or request.COOKIES.get("tz", "")
        with timezone.override(_zone(name)):
            return self.get_response(request)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")
