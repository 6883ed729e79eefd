"""The instant that a request looks at: now, or the past by `?as_of=`.

A view that reads asks `moment_of(request)` in place of the clock. For the pages and feeds that travel, the middleware
runs it inside `people.past.as_of`, so that its queries see the tables as they stood; others say that they cannot.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.people.past import as_of
from gridkeeper.web.problems import Problem

PARAMETER = "as_of"
#: Packages whose every page travels; single views of others are marked by `travels`.
_TRAVELLING = frozenset({"registry", "feeds", "gocdb", "osg"})
#: First words below /api/v1/ that answer from facts, or from accounts of today; they have parameters of their own.
_PRESENT_API = frozenset(
    {"results", "runs", "statuses", "tests", "good-sites", "availability", "tokens", "openapi.json"}
)

_View = TypeVar("_View", bound=Callable[..., HttpResponseBase])


def travels(view: _View) -> _View:
    """Marks a view that shows the past when it is asked `as_of`."""
    view.travels = True  # type: ignore[attr-defined]
    return view


def streams_past(view: _View) -> _View:
    """Marks a view that goes to the instant by itself: `with as_of(as_of_of(request))`, inside what it streams."""
    view.streams_past = True  # type: ignore[attr-defined]
    return travels(view)


def refuses_by(answer: Callable[[HttpRequest, int, str], HttpResponse]) -> Callable[[_View], _View]:
    """Marks a view whose readers know one form of errors: (request, status, words) -> the answer to a wrong `as_of`."""

    def mark(view: _View) -> _View:
        view.refuses = answer  # type: ignore[attr-defined]
        return view

    return mark


def as_of_of(request: HttpRequest) -> datetime | None:
    """The instant asked for (UTC), or None for the present."""
    return getattr(request, "as_of", None)


def moment_of(request: HttpRequest) -> datetime:
    """The instant that the request looks at: the one asked for, or now (UTC)."""
    return as_of_of(request) or timezone.now()


class AsOfMiddleware:
    """Reads `as_of`, refuses what it cannot mean, and runs the view at that instant."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        text = request.GET.get(PARAMETER, "").strip()
        if not text or text == "now":
            return None
        now = timezone.now()
        try:
            moment = parse_moment(text, now)
        except MomentError as error:
            return _refused(request, 400, "No such instant", f"as_of: {error}", view)
        if request.method not in {"GET", "HEAD", "OPTIONS"}:
            detail = "Leave out as_of to change the present."
            return _refused(request, 409, "The past cannot be changed", detail, view)
        if not _is_travelling(request, view):
            return _stays(request)
        request.as_of = moment  # type: ignore[attr-defined]
        if getattr(view, "streams_past", False):
            return None
        return _at(moment, view, request, args, kwargs)


def _is_travelling(request: HttpRequest, view: Callable[..., Any]) -> bool:
    if getattr(view, "travels", False) or getattr(getattr(view, "view_class", None), "travels", False):
        return True
    match = request.resolver_match
    if match is not None and match.app_name in _TRAVELLING:
        return True
    _, is_api, rest = request.path.partition("/api/v1/")
    return bool(is_api) and rest.partition("/")[0] not in _PRESENT_API


def _stays(request: HttpRequest) -> HttpResponse | None:
    """A page that has no past says so on top; an answer to a program would be mistaken for the past."""
    if request.path.startswith("/api/"):
        title = "This has no past by as_of"
        return _refused(
            request, 400, title, "Leave out as_of; figures and judgements take their own `at`, `from`, `to`."
        )
    request.is_as_of_ignored = True  # type: ignore[attr-defined]
    return None


def _refused(
    request: HttpRequest, status: int, title: str, detail: str, view: Callable[..., Any] | None = None
) -> HttpResponse:
    answer: Callable[[HttpRequest, int, str], HttpResponse] | None = getattr(view, "refuses", None)
    if answer is not None:
        return answer(request, status, f"{title}: {detail}")
    if request.path.startswith("/api/"):
        return Problem(status, title, detail).response(request.path)
    return render(request, "web/no_past.html", {"title": title, "detail": detail}, status=status)


def _at(moment: datetime, view: Callable[..., Any], request: HttpRequest, args: Any, kwargs: Any) -> HttpResponseBase:
    with as_of(moment):
        response: HttpResponseBase = view(request, *args, **kwargs)
        if hasattr(response, "render") and callable(response.render):
            response = response.render()
    if isinstance(response, StreamingHttpResponse) and not response.is_async:
        response.streaming_content = _streamed(moment, iter(response.streaming_content))  # type: ignore[arg-type]
    return response


def _streamed(moment: datetime, parts: Iterator[bytes]) -> Iterator[bytes]:
    with as_of(moment):
        yield from parts
