"""NATS: the server greets, takes a connection, answers a ping, and has JetStream where it must.

Source: NATS client protocol, https://docs.nats.io/reference/reference-protocols/nats-protocol.
"""

import asyncio
import json
from typing import Any

from gridkeeper import __version__
from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of
from gridkeeper.probes.native.streams import Stream

_MOST_LINES = 10
#: Refusals of who we are: the server answers, which is what the test asks.
_ACCOUNT = ("authorization violation", "authentication", "tls required", "secure connection")


class NatsArguments(Arguments, frozen=True, kw_only=True):
    """jetstream: whether the server must have it; session: whether it must let us in without an account."""

    jetstream: bool = False
    session: bool = False


async def _check(target: Target, arguments: NatsArguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, 4222), run)
    try:
        with run.doing("waiting for the greeting"):
            about = _about(await _line(stream))
        if arguments.jetstream and not about.get("jetstream"):
            raise CheckFailedError(Status.CRITICAL, "the server runs without JetStream", json.dumps(about))
        said = "PONG" if about.get("tls_required") else await _ping(stream, run)
    finally:
        stream.close()
    version = str(about.get("version", "of no version"))[:40]
    if said == "PONG":
        return Outcome(Status.OK, f"NATS {version} answers", json.dumps(about, indent=1)[:4000])
    if not arguments.session and any(word in said.lower() for word in _ACCOUNT):
        text = f"NATS {version} answers; it does not let us in, which this test does not ask: {said[:200]}"
        return Outcome(Status.OK, text, json.dumps(about, indent=1)[:4000])
    raise CheckFailedError(Status.CRITICAL, f"NATS refuses the connection: {said[:300]}", json.dumps(about))


async def _line(stream: Stream) -> str:
    try:
        return (await stream.readuntil(b"\r\n"))[:-2].decode(errors="replace")
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, "not NATS: it sends a line without end") from error


def _about(greeting: str) -> dict[str, Any]:
    """What the server says of itself. Raises CheckFailedError where it is no NATS server."""
    word, _, content = greeting.partition(" ")
    try:
        about = json.loads(content) if word == "INFO" else None
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise CheckFailedError(Status.CRITICAL, f"not NATS: it said {greeting[:80]!r}")
    return about


async def _ping(stream: Stream, run: Run) -> str:
    """PONG, or the server's objection."""
    greeting = {"verbose": False, "pedantic": False, "lang": "python", "version": __version__, "name": "gridkeeper"}
    with run.doing("waiting for the answer to PING"):
        await stream.send(f"CONNECT {json.dumps(greeting)}\r\nPING\r\n".encode())
        for _ in range(_MOST_LINES):
            line = await _line(stream)
            if line == "PONG":
                return line
            if line.startswith("-ERR"):
                return line[4:].strip().strip("'") or "no reason given"
    return "it does not answer the ping"


CHECKS = (Check("nats", NatsArguments, _check),)
