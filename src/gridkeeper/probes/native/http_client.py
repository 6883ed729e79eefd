"""A small HTTP/1.1 client for checks and jobs: one request a connection, limits on everything that the server sends."""

import asyncio
import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from gridkeeper import __version__
from gridkeeper.core.status import Status
from gridkeeper.people.distinguished_names import subject_of
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.connect import connect, connect_tls
from gridkeeper.probes.native.streams import Stream, TlsStream
from gridkeeper.probes.native.tls import certificate_of, context_of, context_with, refusal, unverifying_context

_MOST_HEADERS = 100
#: Interim answers (100 Continue, 103 Early Hints) before the real one.
_MOST_INTERIM = 10
_STATUS_LINE = re.compile(r"HTTP/\d\.\d ([1-9]\d\d)(?: (.*))?", re.ASCII)
#: Longer numbers are no sizes; `int` would refuse or take long over them.
_SIZE = re.compile(r"\d{1,18}", re.ASCII)
#: RFC 6750 section 2.1; anything else could end the header.
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+", re.ASCII)
#: How long a server is waited for that was asked whether it wants the body (RFC 9110 section 10.1.1).
_LONGEST_WAIT_S = 1.0
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})\s*(?:;.*)?", re.DOTALL)
#: A server that says nonsense in the middle of a handshake, unlike one that refuses us by an alert.
_BROKEN_HANDSHAKE = frozenset({"UNEXPECTED_MESSAGE", "INVALID_ALERT"})
#: Whose value is the other host's no business. TransferHeader* carry the token of a third-party copy.
_NEVER_TRAVEL = frozenset({"authorization", "cookie", "transferheaderauthorization", "credential"})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for, with any method: GET, HEAD, PUT, DELETE, COPY, MKCOL, PROPFIND...

    body: bytes to send
    verify: whether an https certificate must be trusted
    ca_file: PEM file or folder of hashed names; "" the system's
    most_bytes: read of the answer's body
    certificate, key: client certificate (PEM); a proxy file holds both, and `key` is ""
    asks_first: sends the body only once the server wants it (Expect: 100-continue), for servers that redirect a PUT
    travels: a redirect by 307 or 308 to another host gets method, body and client certificate too, as the doors of
        storages send to their pools; a bearer token never goes along
    proxy: of an http URL, the caching proxy that is asked instead of the host itself
    server_subject: canonical subject that an https server's certificate must have beside its name; "" any
    handshakes: how often TLS is begun, where the server breaks the handshake; nothing has been asked by then
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    verify: bool = True
    ca_file: str = ""
    most_bytes: int = 1 << 20
    certificate: str = field(default="", repr=False)
    key: str = field(default="", repr=False)
    asks_first: bool = False
    travels: bool = False
    proxy: Target | None = None
    server_subject: str = ""
    handshakes: int = 1


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Names of headers are lower case.

    is_cut: the body was longer than `most_bytes`
    broken_handshakes: before the one that succeeded
    """

    url: str
    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False
    broken_handshakes: int = 0

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


def split(url: str) -> SplitResult:
    """The parts of an http(s) URL. Raises CheckFailedError for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise CheckFailedError(Status.UNKNOWN, f"{url!r} is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise CheckFailedError(Status.UNKNOWN, f"{url!r} is no http or https URL with a host")
    return parts


async def fetch(target: Target, request: Request, run: Run) -> Response:
    """One request, no redirects. `target.address` is used where the URL's host is the target's."""
    parts = split(request.url)
    is_https = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if is_https else 80)
    place = Target(host, target.address if host == target.hostname else "", port)
    if request.proxy is not None:
        place, is_https = request.proxy, False
    if not is_https:
        return await _exchange(await connect(place, place.port, run), place, request, run)
    for broken in range(request.handshakes):
        try:
            stream = await _connect_tls(place, request, run)
        except ssl.SSLError as error:
            if error.reason not in _BROKEN_HANDSHAKE or broken + 1 == request.handshakes:
                raise
        else:
            return replace(await _exchange(stream, place, request, run), broken_handshakes=broken)
    raise ValueError("a request needs at least one handshake")


async def _exchange(stream: Stream, place: Target, request: Request, run: Run) -> Response:
    try:
        is_held_back = request.asks_first and bool(request.body)
        with run.doing(f"sending the request to {place.hostname}"):
            await stream.send(_head(request, split(request.url)) + (b"" if is_held_back else request.body))
        if is_held_back:
            return await _send_when_wanted(stream, request, run)
        return await _read(stream, request, run)
    finally:
        stream.close()


async def follow(target: Target, request: Request, run: Run, *, redirects: int = 3) -> Response:
    """The request and at most so many redirects. Raises CheckFailedError where there are more."""
    for _ in range(redirects + 1):
        response = await fetch(target, request, run)
        if response.status not in REDIRECTS or "location" not in response.headers or redirects == 0:
            return response
        request = redirected(response, request)
    raise CheckFailedError(Status.CRITICAL, f"more than {redirects} redirects, the last to {request.url}")


def with_credential(request: Request, run: Run) -> Request:
    """The request with what the run was handed: its proxy as client certificate, its token as `Authorization`.

    The same request where it was handed nothing. Raises CheckFailedError where the file cannot be read.
    """
    if run.credential is None:
        return request
    if run.credential.token_path:
        if split(request.url).scheme != "https":
            raise CheckFailedError(
                Status.UNKNOWN, f"the token is not sent to {request.url}: give the test an https URL"
            )
        authorization = f"Bearer {handed_token(run)}"
        request = replace(request, headers={**request.headers, "Authorization": authorization})
    if run.credential.proxy_path:
        request = replace(request, certificate=run.credential.proxy_path, key="")
    return request


def handed_token(run: Run) -> str:
    """The token that the run was handed, "" where none; no outcome will repeat it. Raises CheckFailedError."""
    if run.credential is None or not run.credential.token_path:
        return ""
    token = _token(run.credential.token_path)
    run.secrets.append(token)
    return token


def _token(path: str) -> str:
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise CheckFailedError(Status.UNKNOWN, f"the token that the run was handed cannot be read: {error}") from error
    if not _TOKEN.fullmatch(token):
        raise CheckFailedError(Status.UNKNOWN, "the token that the run was handed is none: it has other characters")
    return token


async def _connect_tls(place: Target, request: Request, run: Run) -> Stream:
    if request.certificate:
        context = context_with(request.certificate, request.key, ca_file=request.ca_file, verify=request.verify)
    else:
        context = context_of(request.ca_file) if request.verify else unverifying_context()
    try:
        stream = await connect_tls(place, place.port, run, context)
    except ssl.SSLCertVerificationError as error:
        raise await refusal(place, place.port, run, error) from error
    if request.server_subject:
        _require_subject(stream, request.server_subject)
    return stream


def _require_subject(stream: TlsStream, wanted: str) -> None:
    """Nothing is sent to a server of another subject; the connection to it is closed."""
    shown = subject_of(certificate_of(stream))
    if shown != wanted:
        stream.close()
        raise CheckFailedError(Status.CRITICAL, f"the server's certificate is of {shown}, not of {wanted}")


async def fetch_json(target: Target, request: Request, run: Run) -> tuple[int, Any]:
    """Status and decoded body; a body that is no JSON raises CheckFailedError."""
    response = await fetch(target, request, run)
    try:
        return response.status, json.loads(response.body) if response.body else None
    except (ValueError, RecursionError) as error:
        text = f"{request.url} answered {response.status} with something that is no JSON"
        raise CheckFailedError(Status.CRITICAL, text, response.text[:2000]) from error


def _head(request: Request, parts: SplitResult) -> bytes:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    if request.proxy is not None:  # the whole address, RFC 9112 section 3.2.2
        path = f"{parts.scheme}://{host}{path}"
    headers = {"Host": host, "User-Agent": f"gridkeeper/{__version__}", "Accept": "*/*", "Connection": "close"}
    headers |= dict(request.headers)
    if request.body or request.method in {"POST", "PUT"}:
        headers["Content-Length"] = str(len(request.body))
    if request.asks_first and request.body:
        headers["Expect"] = "100-continue"
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")


async def _send_when_wanted(stream: Stream, request: Request, run: Run) -> Response:
    """Waits for the server's word before the body goes out; one that says nothing gets it after a moment."""
    first: tuple[int, str] | None = None
    try:
        async with asyncio.timeout(_LONGEST_WAIT_S):
            first = await _first_line(stream, run)
    except TimeoutError:
        pass
    if first is not None:
        headers = await _headers(stream, run)
        if first[0] >= 200:
            return await _finish(stream, request, run, *first, headers)
    with run.doing("sending the body of the request"):
        await stream.send(request.body)
    return await _read(stream, request, run)


async def _read(reader: Stream, request: Request, run: Run) -> Response:
    for _ in range(_MOST_INTERIM):
        code, reason = await _first_line(reader, run)
        headers = await _headers(reader, run)
        if code >= 200 or code == 101:
            return await _finish(reader, request, run, code, reason, headers)
    raise CheckFailedError(Status.CRITICAL, f"more than {_MOST_INTERIM} interim answers and no real one")


async def _first_line(reader: Stream, run: Run) -> tuple[int, str]:
    """Status and reason of the next answer, interim or real."""
    with run.doing("waiting for the first line of the answer"):
        first = (await _line(reader, "the first line of the answer")).decode("latin-1").strip()
    match = _STATUS_LINE.fullmatch(first)
    if match is None:
        raise CheckFailedError(Status.CRITICAL, f"not an HTTP server: it said {first[:80]!r}", first)
    return int(match[1]), match[2] or ""


async def _finish(
    reader: Stream, request: Request, run: Run, code: int, reason: str, headers: Mapping[str, str]
) -> Response:
    with run.doing("reading the body of the answer"):
        body, is_cut = await _body(reader, request, code, headers)
    return Response(request.url, code, reason, headers, body, is_cut)


async def _line(reader: Stream, what: str) -> bytes:
    try:
        return await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, f"{what} has no end: not HTTP") from error


async def _headers(reader: Stream, run: Run) -> dict[str, str]:
    headers: dict[str, str] = {}
    with run.doing("reading the headers of the answer"):
        for _ in range(_MOST_HEADERS):
            line = (await _line(reader, "a header of the answer")).decode("latin-1").strip()
            if not line:
                return headers
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    raise CheckFailedError(Status.CRITICAL, f"the answer has more than {_MOST_HEADERS} headers")


async def _body(reader: Stream, request: Request, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    if request.method == "HEAD" or status in {204, 304} or 100 <= status < 200:
        return b"", False
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _chunks(reader, request.most_bytes)
    length = headers.get("content-length", "")
    if not length:
        return await _until_close(reader, request.most_bytes)
    if not _SIZE.fullmatch(length):
        raise CheckFailedError(Status.CRITICAL, f"the answer's Content-Length is {length[:40]!r}")
    wanted = min(int(length), request.most_bytes)
    try:
        return await reader.readexactly(wanted), int(length) > wanted
    except asyncio.IncompleteReadError as error:
        text = f"the answer promised {length} bytes and ended after {len(error.partial)}"
        raise CheckFailedError(Status.CRITICAL, text, error.partial.decode(errors="replace")) from error


async def _until_close(reader: Stream, most_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    while len(body) <= most_bytes and (part := await reader.read(65536)):
        body += part
    return bytes(body[:most_bytes]), len(body) > most_bytes


async def _chunks(reader: Stream, most_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    while len(body) <= most_bytes:
        line = (await _line(reader, "the size of a chunk")).strip()
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise CheckFailedError(Status.CRITICAL, f"a chunk of the answer has the size {line[:20]!r}")
        size = int(match[1], 16)
        if size == 0:
            return bytes(body), False
        if size > most_bytes:
            return bytes(body), True
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    return bytes(body[:most_bytes]), True


def redirected(response: Response, request: Request) -> Request:
    """The request that a redirect asks for: GET after 303; to another host only what `Request.travels` lets go.

    Raises CheckFailedError where it leads nowhere.
    """
    location = response.headers.get("location", "")
    try:
        url = urljoin(response.url, location)
        before, after = split(request.url), split(url)
    except (ValueError, CheckFailedError) as error:
        text = f"the answer redirects to {location[:200]!r}, which is no http or https URL"
        raise CheckFailedError(Status.CRITICAL, text) from error
    # Nothing secret leaves TLS again, not even to the same host.
    is_same_host = before.hostname == after.hostname and not (before.scheme == "https" and after.scheme == "http")
    is_kept = response.status in {307, 308} and (is_same_host or request.travels)
    is_ours = is_same_host or request.travels
    return replace(
        request,
        method=request.method if is_kept or request.method == "HEAD" else "GET",
        url=url,
        headers=_headers_to(request, is_same_host=is_same_host),
        body=request.body if is_kept else b"",
        certificate=request.certificate if is_ours else "",
        key=request.key if is_ours else "",
    )


def _headers_to(request: Request, *, is_same_host: bool) -> Mapping[str, str]:
    if is_same_host:
        return request.headers
    if not request.travels:
        return {}
    return {name: value for name, value in request.headers.items() if name.lower() not in _NEVER_TRAVEL}
