"""One way of answering for all addresses: who asks, in which form, what is new since, and what went wrong."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.csrf import csrf_exempt

from gridkeeper import __version__
from gridkeeper.api.argo.entrance import enter
from gridkeeper.api.argo.forms import Form, Listing, form_of, whole
from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, ReadOnlyError
from gridkeeper.web.moments import refuses_by

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, once it is known who asks and how to answer.

    parameters: of the query, of one sent twice the last; words: of the address, by name
    """

    request: HttpRequest
    actor: Actor
    form: Form
    now: datetime
    words: Mapping[str, str]
    parameters: Mapping[str, str] = field(default_factory=dict)

    def address(self, path: str) -> str:
        """The absolute URL of another address here."""
        return self.request.build_absolute_uri(path)


@dataclass(frozen=True, slots=True)
class Answer:
    """A small document, made at once. xml: what stands in its root, where ARGO's XML is not that of its words."""

    document: Mapping[str, Any]
    status: int = 200
    xml: Iterable[str] | None = None


@dataclass(frozen=True, slots=True)
class Streamed:
    """A list that is made while it is sent.

    listing: begun when it is asked for; version: changes whenever the list does
    when_empty: words of a 404 where the list has nothing; None: the empty list is the answer
    """

    listing: Callable[[], Listing]
    version: Iterable[Any]
    when_empty: str | None = None


Handler = Callable[[Asked], Answer | Streamed]


def envelope(data: Any, message: str = "Success") -> Answer:
    """What ARGO wraps lists of settings and topology in."""
    return Answer({"status": {"message": message, "code": "200"}, "data": data})


def said(message: str, status: int = 200, **data: Any) -> Answer:
    """That something was done."""
    document: dict[str, Any] = {"status": {"message": message, "code": str(status)}}
    return Answer(document | ({"data": data} if data else {}), status)


def resource(**handlers: Handler) -> Callable[..., HttpResponseBase]:
    """A view that answers these methods (GET also for HEAD); OPTIONS says which."""
    allowed = ", ".join([*handlers, "OPTIONS"])

    @csrf_exempt
    @refuses_by(_refuse_moment)
    def view(request: HttpRequest, **words: str) -> HttpResponseBase:
        if request.method == "OPTIONS":
            return HttpResponse(content_type="text/plain; charset=utf-8", headers={"Allow": allowed})
        form = Form.JSON
        try:
            form = form_of(request.headers.get("Accept", ""))
            handler = handlers.get("GET" if request.method == "HEAD" else str(request.method))
            if handler is None:
                details = f"{request.method} is not for this address; there are {allowed}"
                raise RefusedError(405, details=details, headers={"Allow": allowed})
            now = timezone.now()
            actor = enter(request, now)
            parameters = {name: str(request.GET[name]) for name in request.GET}
            if any("\x00" in text for text in (*words.values(), *parameters.values())):
                raise RefusedError(400, details="Nothing has a NUL in its name; leave it out")
            return _answered(Asked(request, actor, form, now, words, parameters), handler)
        except Exception as error:  # noqa: BLE001  the edge: nothing leaves in another shape
            return _refused(error, form, request)

    return view


def _answered(asked: Asked, handler: Handler) -> HttpResponseBase:
    answer = handler(asked)
    if isinstance(answer, Streamed):
        return _stream(asked, answer)
    text = whole(answer.document, asked.form) if answer.xml is None else f"<root>\n{''.join(answer.xml)}</root>\n"
    body = text.encode("utf-8", "replace")
    if answer.status != 200 or asked.request.method not in {"GET", "HEAD"}:
        return HttpResponse(body, status=answer.status, content_type=asked.form.content_type)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return _unless_known(asked, tag, lambda: HttpResponse(body, content_type=asked.form.content_type))


def _stream(asked: Asked, answer: Streamed) -> HttpResponseBase:
    query = sorted(asked.parameters.items())
    parts = [__version__, asked.request.path, query, asked.form.value, *answer.version]
    tag = f'"{hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()}"'

    def made() -> HttpResponseBase:
        listing = answer.listing()
        items = iter(listing.items)
        first = next(items, None)
        if first is None and answer.when_empty is not None:
            raise RefusedError(404, answer.when_empty)
        every = chain([first] if first is not None else [], items)
        whole_list = Listing(listing.key, every, listing.tag, listing.tags, listing.after)
        pieces: Iterable[bytes] = () if asked.request.method == "HEAD" else _encoded(whole_list.pieces(asked.form))
        return StreamingHttpResponse(pieces, content_type=asked.form.content_type)

    return _unless_known(asked, tag, made)


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode("utf-8", "replace")


def _unless_known(asked: Asked, tag: str, made: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "x-api-key, Authorization, Cookie, Accept"}
    probe = HttpResponse(headers=headers)
    checked = get_conditional_response(asked.request, etag=tag, response=probe)
    if checked is not None and checked is not probe:
        return checked
    response = made()
    for name, value in headers.items():
        response[name] = value
    return response


def _refused(error: Exception, form: Form, request: HttpRequest) -> HttpResponse:
    """The edge: whatever went wrong becomes ARGO's words with a true status."""
    refusal = _refusal_of(error)
    if refusal is None:
        log.exception("argo request failed", path=request.path, method=request.method, exc_info=error)
        refusal = RefusedError(500, details="the fault is ours and is in the log; try again later")
    body = whole(refusal.document(), form)
    headers = {"Cache-Control": "no-store", **refusal.headers}
    return HttpResponse(body, status=refusal.status, content_type=form.content_type, headers=headers)


def _refusal_of(error: Exception) -> RefusedError | None:
    match error:
        case RefusedError():
            return error
        case ReadOnlyError():
            return RefusedError(503, "Read-only for now", str(error), headers={"Retry-After": "600"})
        case NotPermittedError():
            return RefusedError(403, "Access to the resource is Forbidden", str(error))
        case ValidationError():
            status = 409 if getattr(error, "code", "") == "conflict" else 422
            return RefusedError(status, "Validation Error", errors=_faults(error))
        case RequestDataTooBig():
            return RefusedError(413, details=f"{error}; send it in parts")
    return None


def _faults(error: ValidationError) -> list[tuple[str, str]]:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    return [
        ("Validation Failed", f"{field}: {text}" if field else text)
        for field, texts in by_field.items()
        for text in texts
    ]


def _refuse_moment(request: HttpRequest, status: int, words: str) -> HttpResponse:
    return _refused(RefusedError(status, details=words), Form.JSON, request)
