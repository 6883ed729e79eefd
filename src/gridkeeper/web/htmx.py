"""The one policy for parts: a page and its part come from the same context; htmx gets the part alone."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def is_part(request: HttpRequest) -> bool:
    """True where htmx asks for a part; a restored history entry wants the whole page."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def render_page_or_part(
    request: HttpRequest, page: str, part: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """The part to htmx, the page to everybody else; caches keep the two apart."""
    response = render(request, part if is_part(request) else page, context, status=status)
    response["Vary"] = "HX-Request, Cookie"
    return response
