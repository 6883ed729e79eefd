"""Databases behind grid services: does the server answer in its own protocol? No account is needed.

Sources: PostgreSQL, "Frontend/Backend Protocol"; MySQL, "Connection Phase"; Redis, "RESP protocol spec".
"""

import asyncio
import struct

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of
from gridkeeper.probes.native.streams import Stream

_PROTOCOL_3 = 196608
#: An answer to a greeting is short; a longer one is another protocol.
_MOST_BYTES = 16 * 1024
#: SQLSTATEs of a server that is there and cannot serve; any other refusal is about our account only.
_UNABLE = {
    "57P03": "it is starting up, shutting down or recovering",
    "53300": "it has no connection left",
    "53400": "a limit of its configuration is reached",
}
#: MySQL's error codes of the same meaning.
_MYSQL_UNABLE = {1040: "it has no connection left", 1129: "it blocks our host after too many errors"}


class PostgresqlArguments(Arguments, frozen=True, kw_only=True):
    """user, database: named in the greeting; no password is ever sent."""

    user: str = "gridkeeper"
    database: str = "postgres"


async def _postgresql(target: Target, arguments: PostgresqlArguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, 5432), run)
    try:
        words = b"".join(word.encode() + b"\0" for word in ("user", arguments.user, "database", arguments.database, ""))
        with run.doing("waiting for the answer to the greeting"):
            await stream.send(struct.pack("!ii", 8 + len(words), _PROTOCOL_3) + words)
            kind = await stream.readexactly(1)
            (size,) = struct.unpack("!i", await stream.readexactly(4))
            if kind not in b"RE" or not 4 <= size <= _MOST_BYTES:
                raise CheckFailedError(Status.CRITICAL, f"not PostgreSQL: it answered {kind!r} and a size of {size}")
            content = await stream.readexactly(size - 4)
    finally:
        stream.close()
    return _of_refusal(content) if kind == b"E" else Outcome(Status.OK, _asked(content))


def _asked(content: bytes) -> str:
    (kind,) = struct.unpack_from("!i", content.ljust(4, b"\0"))
    names = {0: "and lets us in without a password", 3: "and asks for a password", 5: "and asks for a password (MD5)",
             10: "and asks for a password (SCRAM)"}  # fmt: skip
    return f"PostgreSQL answers {names.get(kind, 'and asks who we are')}"


def _of_refusal(content: bytes) -> Outcome:
    fields = {part[:1].decode(errors="replace"): part[1:].decode(errors="replace") for part in content.split(b"\0")}
    code, said = fields.get("C", ""), fields.get("M", "no reason given")
    if code in _UNABLE:
        raise CheckFailedError(Status.CRITICAL, f"PostgreSQL refuses connections, {_UNABLE[code]}: {said}")
    return Outcome(Status.OK, f"PostgreSQL answers; it does not let us in, which this test does not ask: {said}"[:400])


async def _mysql(target: Target, arguments: Arguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, 3306), run)
    try:
        with run.doing("waiting for the greeting"):
            head = await stream.readexactly(4)
            size = int.from_bytes(head[:3], "little")
            if not 1 <= size <= _MOST_BYTES:
                raise CheckFailedError(Status.CRITICAL, f"not MySQL: it began with {head!r}")
            content = await stream.readexactly(size)
    finally:
        stream.close()
    if content[0] == 0xFF and len(content) >= 3:
        code, said = int.from_bytes(content[1:3], "little"), content[3:].decode(errors="replace")
        if code in _MYSQL_UNABLE:
            raise CheckFailedError(Status.CRITICAL, f"MySQL refuses connections, {_MYSQL_UNABLE[code]}: {said}"[:400])
        return Outcome(Status.OK, f"MySQL answers; it does not let us in, which this test does not ask: {said}"[:400])
    version, end, _ = content[1:].partition(b"\0")
    if content[0] not in {9, 10} or not end:
        raise CheckFailedError(Status.CRITICAL, f"not MySQL: its greeting begins with {content[:40]!r}")
    return Outcome(Status.OK, f"MySQL {version.decode(errors='replace')[:100]} answers")


async def _redis(target: Target, arguments: Arguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, 6379), run)
    try:
        with run.doing("waiting for the answer to PING"):
            await stream.send(b"*1\r\n$4\r\nPING\r\n")
            said = await _line(stream)
    finally:
        stream.close()
    if said == "+PONG":
        return Outcome(Status.OK, "Redis answers PONG")
    if said.startswith(("-NOAUTH", "-NOPERM", "-DENIED")):
        return Outcome(Status.OK, f"Redis answers; it does not let us in, which this test does not ask: {said[1:200]}")
    if said.startswith("-"):
        raise CheckFailedError(Status.CRITICAL, f"Redis answers with an error: {said[1:300]}")
    raise CheckFailedError(Status.CRITICAL, f"not Redis: it answered {said[:80]!r}")


async def _line(stream: Stream) -> str:
    try:
        return (await stream.readuntil(b"\r\n"))[:-2].decode(errors="replace")
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, "not Redis: it sends a line without end") from error


CHECKS = (
    Check("postgresql", PostgresqlArguments, _postgresql),
    Check("mysql", Arguments, _mysql),
    Check("redis", Arguments, _redis),
)
