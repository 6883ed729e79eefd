"""What the interface says to a question that it does not answer."""

from django.http import HttpResponse

from gridkeeper.api.gocdb.xml import HEADER, escape

CONTENT_TYPE = "application/xml; charset=utf-8"


class RefusedError(Exception):
    """The question cannot be answered; GOCDB's body `<error>`, with a true status (400, 403, 404, 405)."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    def response(self) -> HttpResponse:
        body = f"{HEADER}<error>{escape(str(self))}</error>\n"
        return HttpResponse(body, status=self.status, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})
