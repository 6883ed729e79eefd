"""Problem details (RFC 9457): how the API says what went wrong, where, and what to do."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, JsonResponse


class Problem(Exception):  # noqa: N818  it is the RFC's own word
    """An answer that is not what the caller wanted. `errors` names fields or records, each with what to do."""

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        errors: Sequence[dict[str, Any]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = list(errors)
        self.headers = headers or {}

    def response(self, instance: str = "") -> HttpResponse:
        """The HTTP answer, `application/problem+json`."""
        body: dict[str, Any] = {"type": "about:blank", "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if instance:
            body["instance"] = instance
        if self.errors:
            body["errors"] = self.errors
        return JsonResponse(
            body, status=self.status, content_type="application/problem+json", headers=self.headers, safe=True
        )
