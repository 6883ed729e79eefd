"""What ARGO's API says to a question that it does not answer: one shape, with a true status."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

NOT_ACCEPTABLE = (
    "Accept header provided did not contain any valid content types. "
    "Acceptable content types are 'application/xml' and 'application/json'"
)
UNKNOWN_KEY = "You need to provide a correct authentication token using the header 'x-api-key'"


class RefusedError(Exception):
    """The question is not answered.

    status: of HTTP; message: its heading; details: what is wrong and what to do
    errors: (heading, details) of each wrong part; without any the one fault is its own part
    headers: of the answer
    """

    def __init__(
        self,
        status: int,
        message: str = "",
        details: str = "",
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(details or message)
        self.status = status
        self.message = message or HTTPStatus(status).phrase
        self.details = details
        self.errors = list(errors)
        self.headers = headers or {}

    def document(self) -> dict[str, Any]:
        """ARGO's envelope; for 404 also the bare pair of its results and status calls, which some clients look at."""
        code = str(self.status)
        status = {"message": self.message, "code": code}
        if self.details:
            status["details"] = self.details
        parts = self.errors or [(self.message, self.details)]
        errors = [{"message": message, "code": code, "details": details} for message, details in parts]
        return {"status": status, "errors": errors}


def bad_request(*errors: tuple[str, str]) -> RefusedError:
    """400 for these (heading, details)."""
    return RefusedError(400, "Bad Request", errors=errors)


def not_found(details: str) -> RefusedError:
    """404: it is said in the details what there is not, and where to look."""
    return RefusedError(404, "Not Found", details)
