"""`/gocdbpi/public/` and `/gocdbpi/private/`: one question, one XML document.

Both addresses answer the same methods: whether a method needs an identity is the method's own matter. Answers are
streamed, so memory stays flat whatever their size; a page, and what names people, is small and made at once.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import http_date
from django.views.decorators.csrf import csrf_exempt

from gridkeeper import __version__
from gridkeeper.api.gocdb.identity import identify
from gridkeeper.api.gocdb.methods import ACCESS_TEST, METHODS, PARAMETERS, Method
from gridkeeper.api.gocdb.question import PAGE_SIZE, Cursor, Question, parse_question
from gridkeeper.api.gocdb.refusal import CONTENT_TYPE, RefusedError
from gridkeeper.api.gocdb.rows import Rows
from gridkeeper.api.gocdb.version import Version, version_of_tables
from gridkeeper.api.gocdb.xml import HEADER, empty, end, group, leaf, start
from gridkeeper.people.past import as_of
from gridkeeper.web.moments import as_of_of, moment_of, refuses_by, streams_past

#: Last-Modified counts whole seconds: within one, a second change would go unnoticed.
_SETTLED_AFTER = timedelta(seconds=2)


def _refuse(_request: HttpRequest, status: int, words: str) -> HttpResponse:
    return RefusedError(status, words).response()


@csrf_exempt
@streams_past
@refuses_by(_refuse)
def answer(request: HttpRequest) -> HttpResponseBase:
    """The document that the query string asks for, or `<error>` with a true status."""
    try:
        return _answer(request)
    except RefusedError as refusal:
        return refusal.response()


def _answer(request: HttpRequest) -> HttpResponseBase:
    if request.method not in {"GET", "HEAD"}:
        raise RefusedError(405, f"{request.method} is not for reading - ask by GET; /gocdbpi/v5/ takes changes")
    now = timezone.now()
    question = parse_question(
        request.GET, known=PARAMETERS, root=root_of(request), path=request.path, now=moment_of(request)
    )
    if question.method == ACCESS_TEST:
        return _access_test(request, now)
    method = METHODS[question.method]
    _admit(request, method, now)
    if method.is_personal:
        return _personal(request, method, question)
    version = version_of_tables(method.reads)
    with as_of(as_of_of(request)):
        rows = method.rows(question)
        etag = _etag(request, question, version, rows if method.is_of_the_clock(question) else None)
    is_timeless = question.as_of or method.is_of_the_clock(question)
    changed_at = None if is_timeless else _settled(version.changed_at, now)
    checked, headers = _conditional(request, method, etag, changed_at)
    if checked is not None:
        return checked
    document = _document(request, method, question, rows)
    for name, value in headers.items():
        document[name] = value
    return document


def root_of(request: HttpRequest) -> str:
    """Address of this installation without a slash at its end."""
    return settings.GRIDKEEPER.base_url.rstrip("/") or request.build_absolute_uri("/").rstrip("/")


def _access_test(request: HttpRequest, now: datetime) -> HttpResponse:
    who = identify(request, now)
    text = start("results", 0, identifier=who.name) + leaf("authorized", "true", 1) + end("results", 0)
    return HttpResponse(HEADER + text, content_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})


def _admit(request: HttpRequest, method: Method, now: datetime) -> None:
    """Raises RefusedError 403 for whoever may not ask this."""
    if method.level == 1 and settings.GRIDKEEPER.public_reading:
        return
    who = identify(request, now)
    if method.is_personal and not who.may_read_personal_data:
        raise RefusedError(403, f"{who.name} may not read personal data - a role in the registry allows it")


def _etag(request: HttpRequest, question: Question, version: Version, rows: Rows | None) -> str:
    """Changes with whatever the document depends on. rows: those whose choice depends on the clock as well."""
    parts: list[Any] = [__version__, question.root, request.path, sorted(request.GET.items()), version.numbers]
    if question.as_of:
        parts.append(question.now)
    digest = hashlib.blake2b(repr(parts).encode("utf-8", "surrogatepass"), digest_size=16)
    for number in rows.ids() if rows is not None else ():
        digest.update(b"%d " % number)
    return f'"{digest.hexdigest()}"'


def _settled(changed_at: datetime | None, now: datetime) -> datetime | None:
    return changed_at if changed_at is not None and now - changed_at > _SETTLED_AFTER else None


def _conditional(
    request: HttpRequest, method: Method, etag: str, changed_at: datetime | None
) -> tuple[HttpResponseBase | None, dict[str, str]]:
    """The answer where the client has the document already (304, 412), and the headers of any other answer."""
    headers = {"ETag": etag, "Cache-Control": "no-cache" if method.level == 1 else "private, no-cache"}
    if method.level == 2:
        headers["Vary"] = "Authorization, Cookie"
    seconds = int(changed_at.timestamp()) if changed_at is not None else None
    if seconds is not None:
        headers["Last-Modified"] = http_date(seconds)
    probe = HttpResponse(headers=headers)
    checked = get_conditional_response(request, etag=etag, last_modified=seconds, response=probe)
    return (None if checked is probe else checked), headers


def _personal(request: HttpRequest, method: Method, question: Question) -> HttpResponseBase:
    """Accounts keep no audit records, and roles begin and end by the clock: the document itself tells its version."""
    with as_of(as_of_of(request)):
        rows = method.rows(question)
        parts = _page(method, question, rows, question.cursor) if question.cursor else _all(method, question, rows)
        body = "".join(parts).encode()
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    checked, headers = _conditional(request, method, etag, None)
    return checked or HttpResponse(body, content_type=CONTENT_TYPE, headers=headers)


def _document(request: HttpRequest, method: Method, question: Question, rows: Rows) -> HttpResponseBase:
    moment = as_of_of(request)
    if request.method == "HEAD":
        return StreamingHttpResponse([], content_type=CONTENT_TYPE)  # no length is said: it would have to be made
    if question.cursor is not None:
        with as_of(moment):
            body = "".join(_page(method, question, rows, question.cursor))
        return HttpResponse(body.encode(), content_type=CONTENT_TYPE)
    return StreamingHttpResponse(_streamed(moment, _all(method, question, rows)), content_type=CONTENT_TYPE)


def _streamed(moment: datetime | None, parts: Iterator[str]) -> Iterator[bytes]:
    with as_of(moment):
        for part in parts:
            yield part.encode()


def _all(method: Method, question: Question, rows: Rows) -> Iterator[str]:
    """Without a page there is no `<meta>`: readers that look at each child's attributes would stumble over it."""
    before = HEADER + start("results", 0)
    for chunk in rows.chunks():
        yield before + "".join(method.write(question, chunk))
        before = ""
    yield before + end("results", 0)


def _page(method: Method, question: Question, rows: Rows, cursor: Cursor) -> Iterator[str]:
    found = rows.page(cursor)
    links = [("self", cursor)]
    if found:
        # Past the end there is no next page: clients that follow the links stop there.
        links.append(("next", Cursor(rows.id_of(found[-1]))))
        links.append(("prev", Cursor(rows.id_of(found[0]), is_back=True)))
    links.append(("start", Cursor(0)))
    meta = [empty("link", 2, rel=rel, href=question.address(to)) for rel, to in links]
    meta += [leaf("count", str(method.count(found))), leaf("max_page_size", str(PAGE_SIZE))]
    yield HEADER + start("results", 0) + group("meta", meta, 1)
    yield from method.write(question, found)
    yield end("results", 0)
