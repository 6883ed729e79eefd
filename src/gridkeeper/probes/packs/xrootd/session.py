"""A conversation with an xrootd server: handshake, TLS where it asks for it, login, authentication, requests."""

import asyncio
import os
import ssl
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import TracebackType

from cryptography import x509

from gridkeeper.core.status import Status
from gridkeeper.probes.native import tls
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.connect import connect
from gridkeeper.probes.native.http_client import handed_token
from gridkeeper.probes.native.streams import Stream, TlsStream, start_tls
from gridkeeper.probes.packs.xrootd import protocol
from gridkeeper.probes.packs.xrootd.protocol import Ask, Greeting, Header, Kind, Role

#: Of one request: more redirects or waits mean that nobody serves it.
_MOST_REDIRECTS = 8
_MOST_WAITS = 10
_MOST_AUTH_STEPS = 4
#: kXR_attn with this action carries the answer that a kXR_waitresp promised.
_ASYNC_RESPONSE = 5008


@dataclass(frozen=True, slots=True)
class Options:
    """How to connect. user: said at the login; wants_tls: roots:// ; verify, ca_file: of TLS."""

    user: str = "gridkeep"
    wants_tls: bool = False
    verify: bool = True
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class _Answer:
    kind: int
    body: bytes


class Session:
    """One logged-in connection; a redirect replaces it by one to the server named. Use as a context manager."""

    greeting: Greeting
    authentication: str

    def __init__(self, target: Target, port: int, options: Options, run: Run) -> None:
        self.target = target
        self.port = port
        self.authentication = "none"
        self.is_tls = False
        self.redirects: list[str] = []
        self._options = options
        self._run = run
        self._stream: Stream | None = None
        self._number = 0

    async def __aenter__(self) -> "Session":
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    async def _open(self) -> None:
        try:
            await self._begin()
            await self._login()
        except ssl.SSLCertVerificationError as error:
            self._close()
            raise tls.refused(await self._look_at_certificate(), error, datetime.now(UTC)) from error
        except BaseException:
            self._close()
            raise

    async def _begin(self) -> None:
        """Handshake, protocol, and TLS where it is wanted."""
        plain = await connect(self.target, self.port, self._run)
        self._stream = plain
        with self._run.doing("waiting for the answer to the handshake"):
            await plain.send(protocol.HANDSHAKE + protocol.protocol_request(1, wants_tls=self._options.wants_tls))
            protocol.parse_handshake(*await self._frame())
        with self._run.doing("waiting for the answer on the protocol"):
            answer = await self._answer("asking for the protocol")
            self.greeting = protocol.parse_greeting(answer.body)
        if self.greeting.role & Role.GO_TO_TLS:
            with self._run.doing("starting TLS"):
                context = self._context()
                self._stream = await start_tls(plain, context, self.target.hostname, self._run.timeout_s)
                self.is_tls = True
        elif self._options.wants_tls:
            raise CheckFailedError(Status.CRITICAL, "the server speaks no TLS; it was wanted")

    async def _look_at_certificate(self) -> x509.Certificate:
        """What the server shows, unverified: to say why it was refused."""
        unverified = Session(self.target, self.port, replace(self._options, verify=False), self._run)
        try:
            await unverified._begin()
            assert isinstance(unverified._stream, TlsStream)
            return tls.certificate_of(unverified._stream)
        finally:
            unverified._close()

    def _context(self) -> ssl.SSLContext:
        return tls.context_of(self._options.ca_file) if self._options.verify else tls.unverifying_context()

    async def _login(self) -> None:
        with self._run.doing("waiting for the answer to the login"):
            await self._send(protocol.login_request(self._next(), os.getpid(), self._options.user))
            answer = await self._answer("logging in")
        offered = protocol.parse_security(answer.body) if answer.body else {}
        if offered:
            await self._authenticate(offered)

    async def _authenticate(self, offered: dict[str, str]) -> None:
        """By the first way that is both offered and possible for us."""
        token = handed_token(self._run)
        ways = {"unix": f"unix\0{self._options.user} {self._options.user}\0".encode()}
        if token and self.is_tls:
            ways["ztn"] = _token_message(token)
        way = next((name for name in offered if name in ways), None)
        if way is None:
            raise CheckFailedError(Status.UNKNOWN, self._cannot_authenticate(offered, token))
        with self._run.doing(f"authenticating by {way}"):
            fields = b"\0" * 12 + way.encode().ljust(4, b"\0")
            await self._send(protocol.request(self._next(), Ask.AUTH, fields, ways[way]))
            answer = await self._answer(f"authenticating by {way}")
        if answer.kind == Kind.AUTH_MORE:
            raise CheckFailedError(Status.UNKNOWN, f"the server wants more than one step of {way}")
        self.authentication = way

    def _cannot_authenticate(self, offered: dict[str, str], token: str) -> str:
        names = ", ".join(offered)
        if "ztn" in offered and not token:
            return f'the server wants authentication by {names}: give the test the credential "token"'
        return f"the server wants authentication by {names}; this check knows unix, and ztn within TLS"

    def _next(self) -> int:
        self._number = self._number % 0xFFFE + 1
        return self._number

    async def _send(self, data: bytes) -> None:
        assert self._stream is not None
        await self._stream.send(data)

    async def _frame(self) -> tuple[Header, bytes]:
        assert self._stream is not None
        header = protocol.parse_header(await self._stream.readexactly(protocol.HEADER_BYTES))
        return header, await self._stream.readexactly(header.size_bytes)

    async def _answer(self, doing: str) -> _Answer:
        """The whole answer to the newest request: parts put together, waits left to the caller."""
        parts = bytearray()
        while True:
            header, body = await self._frame()
            if header.kind == Kind.ATTENTION:
                promised = _promised(body)
                if promised is None:
                    continue  # of no request of ours
                header, body = promised
            if header.kind == Kind.SO_FAR:
                parts += body
                if len(parts) > protocol.MOST_BYTES:
                    text = f"the server sent an answer of more than {protocol.MOST_BYTES} bytes while {doing}"
                    raise CheckFailedError(Status.CRITICAL, text)
            elif header.kind == Kind.WAIT_RESPONSE:
                continue  # the answer follows by itself
            elif header.kind == Kind.ERROR:
                raise protocol.parse_error(body, doing)
            elif header.kind == Kind.OK:
                return _Answer(header.kind, bytes(parts) + body)
            elif header.kind in {Kind.AUTH_MORE, Kind.REDIRECT, Kind.WAIT}:
                return _Answer(header.kind, body)
            else:
                raise CheckFailedError(
                    Status.CRITICAL,
                    f"the server sent an answer of kind {header.kind} while {doing}",
                    body[:200].hex(" "),
                )

    async def ask(self, ask: Ask, fields: bytes, body: bytes = b"", *, doing: str, path: str = "") -> bytes:
        """One request: follows redirects and waits as the server asks. path: body of requests that may be redirected.

        Raises protocol.XrootdError where the server answers with an error.
        """
        redirects = waits = 0
        with self._run.doing(doing):
            while True:
                await self._send(protocol.request(self._next(), ask, fields, path.encode() or body))
                answer = await self._answer(doing)
                if answer.kind == Kind.WAIT and waits < _MOST_WAITS:
                    waits += 1
                    with self._run.doing(f"{doing} (the server is busy and asked to wait)"):
                        await asyncio.sleep(max(1, protocol.parse_wait_s(answer.body)))
                elif answer.kind == Kind.REDIRECT and redirects < _MOST_REDIRECTS and path:
                    redirects += 1
                    path = await self._redirected(answer.body, path)
                elif answer.kind == Kind.OK:
                    return answer.body
                else:
                    raise CheckFailedError(Status.CRITICAL, _endless(answer.kind, doing))

    async def _redirected(self, body: bytes, path: str) -> str:
        host, port, opaque = protocol.parse_redirect(body)
        self._close()
        self.redirects.append(f"{host}:{port}")
        self.target = replace(
            self.target, hostname=host, address="" if host != self.target.hostname else self.target.address
        )
        self.port = port
        await self._open()
        plain = path.partition("?")[0]
        return f"{plain}?{opaque.lstrip('&')}" if opaque else plain


def _endless(kind: int, doing: str) -> str:
    what = {Kind.WAIT: f"asked to wait more than {_MOST_WAITS} times", Kind.AUTH_MORE: "wants authentication"}
    return f"the server {what.get(Kind(kind), f'redirected more than {_MOST_REDIRECTS} times')} while {doing}"


def _promised(body: bytes) -> tuple[Header, bytes] | None:
    """The answer within a kXR_attn; None where it carries something else."""
    if len(body) < 16 or struct.unpack(">i", body[:4])[0] != _ASYNC_RESPONSE:
        return None
    return protocol.parse_header(body[8:16]), body[16:]


def _token_message(token: str) -> bytes:
    """Credential of XrdSecztn: header, length with the zero byte at the end, token."""
    data = token.encode("ascii") + b"\0"
    return struct.pack(">4sBc2sH", b"ztn\0", 0, b"T", b"\0\0", len(data)) + data
