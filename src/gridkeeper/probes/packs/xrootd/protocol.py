"""The frames of the XRootD protocol (root://), version 5: what is sent and what the answers mean.

Source: "XRootD Protocol Reference 5.2" (https://xrootd.slac.stanford.edu/docs.html) and XProtocol.hh. All numbers are
big-endian. A request is 24 bytes and a body, an answer 8 bytes and a body. Parsers raise CheckFailedError.
"""

import re
import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError

#: First bytes of a connection; the answer to them looks like one to a request of stream 0.
HANDSHAKE = struct.pack(">5i", 0, 0, 0, 4, 2012)
HEADER_BYTES = 8
#: Longest answer that is taken: a read is asked in parts well below it.
MOST_BYTES = 1 << 20
_VERSION = 0x00000520
_SECURITY = re.compile(r"&P=([A-Za-z0-9]{1,8})(?:,([^&]*))?")


class Ask(IntEnum):
    """Kinds of request."""

    AUTH = 3000
    QUERY = 3001
    CLOSE = 3003
    PROTOCOL = 3006
    LOGIN = 3007
    OPEN = 3010
    PING = 3011
    READ = 3013
    RM = 3014
    STAT = 3017
    WRITE = 3019


class Kind(IntEnum):
    """Kinds of answer."""

    OK = 0
    SO_FAR = 4000
    ATTENTION = 4001
    AUTH_MORE = 4002
    ERROR = 4003
    REDIRECT = 4004
    WAIT = 4005
    WAIT_RESPONSE = 4006


class Role(IntFlag):
    """What the server says of itself and of TLS."""

    SERVER = 0x1
    MANAGER = 0x2
    HAS_TLS = 0x80000000
    GO_TO_TLS = 0x40000000
    TLS_FOR_LOGIN = 0x04000000
    TLS_FOR_SESSION = 0x08000000


#: Error codes that a first-level operator meets, in words.
ERRORS = {
    3000: "invalid argument", 3001: "missing argument", 3003: "file locked", 3005: "file system error",
    3006: "invalid request", 3007: "input/output error", 3008: "out of memory", 3009: "no space left",
    3010: "not authorised", 3011: "not found", 3012: "server error", 3013: "not supported",
    3014: "no server available", 3015: "not a file", 3016: "is a directory", 3017: "cancelled",
    3019: "checksum error", 3021: "overloaded", 3022: "file system read only", 3024: "attribute not found",
    3025: "TLS required", 3026: "no replica left", 3028: "authentication failed", 3030: "impossible",
    3032: "item exists", 3033: "checksum not available",
}  # fmt: skip


class XrootdError(CheckFailedError):
    """The server answered a request with an error. code: of XProtocol.hh."""

    def __init__(self, code: int, message: str, doing: str) -> None:
        known = ERRORS.get(code, "error")
        said = f": {message}" if message else ""
        super().__init__(Status.CRITICAL, f"the server refused while {doing}: {known} ({code}){said}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Header:
    """First 8 bytes of an answer."""

    stream: int
    kind: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says of itself. version: as text; role: flags."""

    version: str
    role: Role

    @property
    def title(self) -> str:
        return "manager" if self.role & Role.MANAGER else "data server"


@dataclass(frozen=True, slots=True)
class Stat:
    """What is known of a path: size, flags (2 directory, 8 offline), seconds since 1970 of its last change."""

    size_bytes: int
    flags: int
    modified_s: int

    @property
    def is_directory(self) -> bool:
        return bool(self.flags & 2)

    @property
    def is_offline(self) -> bool:
        return bool(self.flags & 8)


def request(stream: int, ask: Ask, fields: bytes, body: bytes = b"") -> bytes:
    """A request; `fields` are the up to 16 bytes that its kind defines."""
    return struct.pack(">HH16si", stream, ask, fields, len(body)) + body


def protocol_request(stream: int, *, wants_tls: bool) -> bytes:
    """Asks for version and role, and says that we can speak TLS."""
    flags = 0x02 | (0x04 if wants_tls else 0)
    expects_login = 0x03
    return request(stream, Ask.PROTOCOL, struct.pack(">iBB", _VERSION, flags, expects_login))


def login_request(stream: int, process: int, user: str, token: str = "") -> bytes:
    """user: up to 8 characters; an authenticated name replaces it."""
    capabilities = 5  # of a client of version 5, without answers out of turn
    ability = 0x04 | 0x08  # reading redirects, addresses of IPv6
    fields = struct.pack(">i8sBBBB", process & 0x7FFFFFFF, user.encode()[:8], 0, ability, capabilities, 0)
    return request(stream, Ask.LOGIN, fields, token.encode())


def parse_header(data: bytes) -> Header:
    """Raises CheckFailedError where the length is none that a server may send."""
    stream, kind, size = struct.unpack(">HHi", data)
    if not 0 <= size <= MOST_BYTES:
        raise CheckFailedError(
            Status.CRITICAL, f"not an xrootd server: it announced an answer of {size} bytes", data.hex(" ")
        )
    return Header(stream, kind, size)


def parse_handshake(header: Header, body: bytes) -> None:
    """The answer to HANDSHAKE: 8 bytes. Raises CheckFailedError for anything else."""
    if (header.stream, header.kind, len(body)) != (0, Kind.OK, 8):
        raise CheckFailedError(Status.CRITICAL, "not an xrootd server: it did not answer the handshake", body.hex(" "))


def parse_greeting(body: bytes) -> Greeting:
    if len(body) < 8:
        raise CheckFailedError(Status.CRITICAL, f"the answer on the protocol has {len(body)} bytes, wanted 8 or more")
    version, flags = struct.unpack(">iI", body[:8])
    return Greeting(f"{version >> 8 & 0xFF:x}.{version >> 4 & 0xF:x}.{version & 0xF:x}", Role(flags & 0xCC000003))


def parse_security(body: bytes) -> dict[str, str]:
    """Of a login's answer: the ways to authenticate that the server accepts, with their parameters, in its order."""
    if len(body) < 16:
        raise CheckFailedError(Status.CRITICAL, f"the answer to the login has {len(body)} bytes, wanted 16 or more")
    text = text_of(body[16:])
    found = {match[1]: match[2] or "" for match in _SECURITY.finditer(text)}
    if text and not found:
        raise CheckFailedError(Status.CRITICAL, f"the server wants an authentication that is not understood: {text}")
    return found


def parse_redirect(body: bytes) -> tuple[str, int, str]:
    """Host, port and the opaque data to add to the path."""
    if len(body) < 5:
        raise CheckFailedError(Status.CRITICAL, "a redirect names no host")
    port = struct.unpack(">i", body[:4])[0]
    host, _, opaque = text_of(body[4:]).partition("?")
    host = host.strip("[]")
    if not 0 < port < 65536 or not host:
        raise CheckFailedError(Status.CRITICAL, f"a redirect leads nowhere: {host!r} port {port}")
    return host, port, opaque.partition("?")[0]


def parse_error(body: bytes, doing: str) -> XrootdError:
    code = struct.unpack(">i", body[:4])[0] if len(body) >= 4 else 0
    return XrootdError(code, text_of(body[4:]), doing)


def parse_wait_s(body: bytes) -> int:
    """Seconds that the server wants us to wait."""
    if len(body) < 4:
        raise CheckFailedError(Status.CRITICAL, "the server asks us to wait and does not say how long")
    return max(0, int(struct.unpack(">i", body[:4])[0]))


def parse_stat(body: bytes) -> Stat:
    """`id size flags mtime ...`, as text."""
    words = text_of(body).split()
    try:
        return Stat(int(words[1]), int(words[2]), int(words[3]))
    except (IndexError, ValueError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the answer to stat is no status of a file: {words}") from error


def parse_checksum(body: bytes) -> tuple[str, str]:
    """Algorithm and value in hexadecimal, lower case."""
    words = text_of(body).split()
    if len(words) != 2 or not re.fullmatch(r"[0-9a-fA-F]{1,128}", words[1]):
        raise CheckFailedError(Status.CRITICAL, f"the answer to the query is no checksum: {text_of(body)!r}")
    return words[0].lower(), words[1].lower()


def text_of(body: bytes) -> str:
    """Text up to the zero byte that ends it; at most 300 characters."""
    return body.partition(b"\0")[0].decode(errors="replace")[:300]
