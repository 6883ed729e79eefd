"""What read-only mode does to requests: whatever would change something is refused, and told why."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from gridkeeper.people.read_only import read_only
from gridkeeper.web.problems import Problem

#: What may be sent all the same: signing in and out, and ending the mode.
_STILL_SENT = (
    "/accounts/login/", "/accounts/logout/", "/accounts/2fa/authenticate/", "/accounts/oidc/", "/accounts/certificate/",
    "/accounts/reauthenticate/", "/accounts/2fa/reauthenticate/", "/read-only/",
)  # fmt: skip
_BY_MACHINE = "/api/"
_BY_ARGOS_CLIENTS = ("/api/v2/", "/api/v3/")
_RETRY_AFTER_S = 600


class ReadOnlyMiddleware:
    """Refuses whatever would change something while the installation is read-only, and says so (503)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.path.startswith(_STILL_SENT):
            return self.get_response(request)
        mode = read_only()
        if mode is None:
            return self.get_response(request)
        title = "Read-only for now"
        if request.path.startswith("/gocdbpi/"):  # its programs know one form of errors
            error = {"Error": {"Code": 503, "Message": f"{title}: {mode.reason}"}}
            return JsonResponse(error, status=503, headers={"Retry-After": str(_RETRY_AFTER_S)})
        if request.path.startswith(_BY_ARGOS_CLIENTS):
            words = {"message": title, "code": "503", "details": mode.reason}
            return JsonResponse(
                {"status": words, "errors": [words]}, status=503, headers={"Retry-After": str(_RETRY_AFTER_S)}
            )
        if request.path.startswith(_BY_MACHINE):
            return Problem(503, title, mode.reason, headers={"Retry-After": str(_RETRY_AFTER_S)}).response(request.path)
        return render(request, "web/read_only.html", {"title": title, "detail": mode.reason}, status=503)
