"""Connections that begin in the clear and go on with TLS: what each protocol says until then."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from gridkeeper.core.status import Status
from gridkeeper.probes.native.ber import SEQUENCE, BerError, encode, integer, parts, read_integer, text
from gridkeeper.probes.native.check import CheckFailedError, Run, Target
from gridkeeper.probes.native.connect import connect, connect_tls
from gridkeeper.probes.native.streams import PlainStream, Stream, TlsStream, start_tls

#: Lines of one answer; nobody sends as many.
_MOST_LINES = 100
_LDAP_START_TLS = "1.3.6.1.4.1.1466.20037"
_POSTGRES_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


async def read_reply(stream: Stream, what: str) -> tuple[int, list[str]]:
    """Code and lines of an answer of SMTP or FTP (RFC 5321 section 4.2, RFC 959 section 4.2).

    Raises CheckFailedError where it is none. `what` names the protocol.
    """
    lines: list[str] = []
    for _ in range(_MOST_LINES):
        try:
            line = (await stream.readuntil(b"\n")).decode(errors="replace").rstrip("\r\n")
        except asyncio.LimitOverrunError as error:
            raise CheckFailedError(Status.CRITICAL, f"the server sends a line without end, not {what}") from error
        lines.append(line)
        is_code = len(line) >= 3 and line[:3].isascii() and line[:3].isdigit()
        if len(lines) == 1 and not is_code:
            raise CheckFailedError(Status.CRITICAL, f"not an {what} server: it said {line[:80]!r}", line[:2000])
        if is_code and line[3:4] in {" ", ""} and line[:3] == lines[0][:3]:
            return int(line[:3]), lines
    raise CheckFailedError(Status.CRITICAL, f"the answer has more than {_MOST_LINES} lines: not {what}")


async def _smtp(stream: PlainStream, run: Run) -> None:
    await _talk(stream, run, "SMTP", None, 220)
    await _talk(stream, run, "SMTP", "EHLO gridkeeper", 250)
    await _talk(stream, run, "SMTP", "STARTTLS", 220)


async def _ftp(stream: PlainStream, run: Run) -> None:
    await _talk(stream, run, "FTP", None, 220)
    await _talk(stream, run, "FTP", "AUTH TLS", 234)


async def _talk(stream: PlainStream, run: Run, what: str, command: str | None, wanted: int) -> None:
    doing = f"waiting for the answer to {command.split()[0]}" if command else "waiting for the greeting"
    with run.doing(doing):
        if command:
            await stream.send(f"{command}\r\n".encode())
        code, lines = await read_reply(stream, what)
    if code != wanted:
        raise CheckFailedError(Status.CRITICAL, f"{command or 'the greeting'}: the server says {lines[0][:200]!r}")


async def _ldap(stream: PlainStream, run: Run) -> None:
    with run.doing("asking for StartTLS"):
        await stream.send(encode(SEQUENCE, integer(1), encode(0x77, text(_LDAP_START_TLS, 0x80))))
        head = await stream.readexactly(2)
        try:
            if head[0] != SEQUENCE or head[1] >= 0x80:
                raise BerError(f"{head!r} where a short answer begins")
            _, answer = parts(await stream.readexactly(head[1]), 2)[:2]
            code = read_integer(parts(answer[1], 1)[0][1])
        except BerError as error:
            raise CheckFailedError(Status.CRITICAL, f"not an LDAP server: its answer holds {error}") from error
    if code:
        raise CheckFailedError(Status.CRITICAL, f"the LDAP server refuses StartTLS: result {code}")


async def _postgres(stream: PlainStream, run: Run) -> None:
    with run.doing("asking PostgreSQL for TLS"):
        await stream.send(_POSTGRES_SSL_REQUEST)
        answer = await stream.readexactly(1)
    if answer != b"S":
        text_ = "the server refuses TLS" if answer == b"N" else f"not a PostgreSQL server: it said {answer!r}"
        raise CheckFailedError(Status.CRITICAL, text_)


#: By name: what is said until TLS begins.
PROTOCOLS: dict[str, Callable[[PlainStream, Run], Awaitable[None]]] = {
    "smtp": _smtp, "ftp": _ftp, "ldap": _ldap, "postgres": _postgres,
}  # fmt: skip
DEFAULT_PORTS = {"smtp": 25, "ftp": 2811, "ldap": 389, "postgres": 5432}


async def connect_starttls(
    target: Target, port: int, run: Run, tls: ssl.SSLContext, *, protocol: str = "", server_name: str = ""
) -> TlsStream:
    """A connection with TLS, from the first byte or after what `protocol` says until then."""
    if not protocol:
        return await connect_tls(target, port, run, tls, server_name)
    plain = await connect(target, port, run)
    try:
        await PROTOCOLS[protocol](plain, run)
        return await shake_hands(plain, run, tls, server_name or target.hostname)
    except BaseException:
        plain.close()
        raise


async def shake_hands(plain: PlainStream, run: Run, tls: ssl.SSLContext, server_name: str) -> TlsStream:
    """TLS, once both sides have agreed to it in the clear."""
    with run.doing("shaking hands for TLS"):
        return await start_tls(plain, tls, server_name, run.timeout_s)
