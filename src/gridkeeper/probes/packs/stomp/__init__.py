"""Message brokers that speak STOMP, as ActiveMQ does for APEL and the experiments' dashboards.

Source: STOMP 1.2, https://stomp.github.io/stomp-specification-1.2.html.
"""

import asyncio
import secrets

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, connect_tls, port_of
from gridkeeper.probes.native.streams import Stream
from gridkeeper.probes.native.tls import context_of, context_with, unverifying_context

_MOST_BODY = 64 * 1024
#: Of others, before ours comes.
_MOST_MESSAGES = 1000
#: Words by which brokers refuse an account; they answer, which is what matters where no session is asked for.
_REFUSALS = ("authent", "authoriz", "password", "credential", "not allowed", "login", "user name")


class StompArguments(Arguments, frozen=True, kw_only=True):
    """vhost: of the CONNECT frame, "" the host's name; tls, verify, ca_file: how to connect

    session: whether a session must be granted; else a refusal of our account is fine, for the broker answered
    destination: a message is sent there and must come back, e.g. /queue/gridkeeper; "" leaves that out
    """

    vhost: str = ""
    tls: bool = False
    verify: bool = True
    ca_file: str = ""
    session: bool = False
    destination: str = ""

    def __post_init__(self) -> None:
        for name in ("vhost", "destination"):
            if any(letter in getattr(self, name) for letter in "\r\n\0"):
                raise CheckArgumentError(f"stomp: {name} has a line end in it")


async def _check(target: Target, arguments: StompArguments, run: Run) -> Outcome:
    stream = await _connected(target, arguments, run)
    frame = f"CONNECT\naccept-version:1.0,1.1,1.2\nhost:{_escaped(arguments.vhost or target.hostname)}\n\n\0"
    taken_s = 0.0
    try:
        with run.doing("waiting for the answer to CONNECT"):
            await stream.send(frame.encode())
            command, headers, body = await _frame(stream)
        if command == "CONNECTED":
            if arguments.destination:
                before_s = run.elapsed_s
                await _there_and_back(stream, arguments.destination, run)
                taken_s = run.elapsed_s - before_s
            with run.doing("ending the session"):
                await stream.send(b"DISCONNECT\n\n\0")
    finally:
        stream.close()
    outcome = _judged(command, headers, body, arguments)
    if not taken_s:
        return outcome
    text = f"{outcome.summary}; a message came back from {arguments.destination} in {taken_s:.3f} s"
    return Outcome(outcome.status, text, outcome.output, f"round_trip={taken_s:.6f}s;;;0")


async def _there_and_back(stream: Stream, destination: str, run: Run) -> None:
    """Sends a message that nobody else has, and waits for it. Others that lie there are taken and dropped."""
    name, body = _escaped(destination), f"gridkeeper {secrets.token_hex(16)}"
    with run.doing(f"waiting for our message to come back from {destination}"):
        await stream.send(f"SUBSCRIBE\nid:1\ndestination:{name}\nack:auto\n\n\0".encode())
        await stream.send(f"SEND\ndestination:{name}\ncontent-length:{len(body)}\n\n{body}\0".encode())
        for _ in range(_MOST_MESSAGES):
            command, headers, said = await _frame(stream)
            if command != "MESSAGE":
                why = " ".join((headers.get("message", "") or said or "no reason given").split())[:300]
                raise CheckFailedError(Status.CRITICAL, f"the broker takes no message for {destination}: {why}", said)
            if said == body:
                return
    raise CheckFailedError(
        Status.CRITICAL, f"{destination} gave {_MOST_MESSAGES} messages, and ours was not one of them"
    )


async def _connected(target: Target, arguments: StompArguments, run: Run) -> Stream:
    port = port_of(target, arguments.port, 61614 if arguments.tls else 61613)
    if not arguments.tls:
        return await connect(target, port, run)
    if run.credential is not None and run.credential.proxy_path:
        tls = context_with(run.credential.proxy_path, ca_file=arguments.ca_file, verify=arguments.verify)
    else:
        tls = context_of(arguments.ca_file) if arguments.verify else unverifying_context()
    return await connect_tls(target, port, run, tls)


def _judged(command: str, headers: dict[str, str], body: str, arguments: StompArguments) -> Outcome:
    story = "\n".join([command, *(f"{name}: {value}" for name, value in headers.items()), "", body])
    if command == "CONNECTED":
        server, version = headers.get("server", "the broker"), headers.get("version", "1.0")
        return Outcome(Status.OK, f"{server[:100]} grants a session, STOMP {version[:10]}", story)
    if command != "ERROR":
        raise CheckFailedError(Status.CRITICAL, f"not STOMP: it answered with {command[:40]!r}", story)
    said = " ".join((headers.get("message", "") or body or "no reason given").split())[:300]
    if not arguments.session and any(word in f"{said} {body}".lower() for word in _REFUSALS):
        return Outcome(
            Status.OK, f"the broker answers; it does not let us in, which this test does not ask: {said}", story
        )
    raise CheckFailedError(Status.CRITICAL, f"the broker refuses the session: {said}", story)


async def _frame(stream: Stream) -> tuple[str, dict[str, str], str]:
    """One frame: command, headers, body. Raises CheckFailedError for what is none."""
    command = ""
    for _ in range(20):  # heart-beats are empty lines
        command = await _line(stream)
        if command:
            break
    headers: dict[str, str] = {}
    while line := await _line(stream):
        name, colon, value = line.partition(":")
        if not colon or len(headers) >= 100:
            raise CheckFailedError(Status.CRITICAL, f"not STOMP: a header is {line[:80]!r}")
        headers.setdefault(name, value)
    return command, headers, await _body(stream, headers)


async def _line(stream: Stream) -> str:
    try:
        return (await stream.readuntil(b"\n"))[:-1].decode(errors="replace").rstrip("\r")
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, "not STOMP: it sends a line without end") from error


async def _body(stream: Stream, headers: dict[str, str]) -> str:
    size = headers.get("content-length", "")
    if size.isdecimal() and len(size) < 8 and int(size) <= _MOST_BODY:
        return (await stream.readexactly(int(size) + 1))[:-1].decode(errors="replace")
    try:
        return (await stream.readuntil(b"\0"))[:-1].decode(errors="replace")
    except asyncio.LimitOverrunError as error:
        raise CheckFailedError(Status.CRITICAL, "not STOMP: a frame has no end") from error


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(":", "\\c")


CHECKS = (Check("stomp", StompArguments, _check),)
