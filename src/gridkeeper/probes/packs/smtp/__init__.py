"""SMTP: greeting, EHLO, TLS with a certificate that lives, whether mail would be taken. None is sent."""

import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckArgumentError, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of
from gridkeeper.probes.native.starttls import read_reply, shake_hands
from gridkeeper.probes.native.streams import PlainStream, Stream, TlsStream
from gridkeeper.probes.native.tls import (
    TlsArguments,
    certificate_of,
    connect_verified,
    context_of,
    judge_expiry,
    refusal,
    unverifying_context,
)

_ADDRESS = re.compile(r"[^\s<>@\x00-\x1f]+@[^\s<>@\x00-\x1f]+")
_TLS_NEEDS = ("", "offered", "required", "implicit")


class SmtpArguments(Arguments, frozen=True, kw_only=True):
    """What to ask of the server.

    tls: "" never, "offered" where the server offers STARTTLS, "required", or "implicit" from the first byte (465)
    verify, ca_file, warning_days, critical_days: of its certificate
    sender, recipient: asked whether mail would be taken; "" leaves that out
    extensions: that EHLO must name, e.g. SIZE
    """

    tls: str = "offered"
    verify: bool = True
    ca_file: str = ""
    warning_days: float = 14
    critical_days: float = 3
    name: str = "gridkeeper"
    sender: str = ""
    recipient: str = ""
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.tls not in _TLS_NEEDS:
            raise CheckArgumentError(f"smtp: tls {self.tls!r} is none of {', '.join(map(repr, _TLS_NEEDS))}")
        for address in filter(None, (self.sender, self.recipient)):
            if not _ADDRESS.fullmatch(address):
                raise CheckArgumentError(f"smtp: {address!r} is no mail address")
        if not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", self.name):
            raise CheckArgumentError(f"smtp: name {self.name!r} is no host name")


@dataclass
class _Dialogue:
    """One connection, and what was said on it."""

    stream: Stream
    port: int
    run: Run
    said: list[str] = field(default_factory=list)

    async def hear(self, wanted: int, doing: str) -> list[str]:
        """An answer with the wanted code. Raises CheckFailedError with the server's words for any other."""
        with self.run.doing(doing):
            code, lines = await read_reply(self.stream, "SMTP")
        self.said += lines
        if code != wanted:
            log = "\n".join(self.said)
            raise CheckFailedError(
                Status.CRITICAL, f"{doing}: the server says {lines[-1][:300]!r}, wanted {wanted}", log
            )
        return lines

    async def ask(self, command: str, wanted: int) -> list[str]:
        self.said.append(f"> {command}")
        await self.stream.send(f"{command}\r\n".encode())
        return await self.hear(wanted, f"waiting for the answer to {command.split(':')[0]}")

    async def hello(self, name: str) -> set[str]:
        """Names of the server's extensions."""
        lines = await self.ask(f"EHLO {name}", 250)
        return {words[0].upper() for line in lines[1:] if (words := line[4:].split())}


async def _check(target: Target, arguments: SmtpArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port, 465 if arguments.tls == "implicit" else 25)
    stream = await _open(target, port, arguments, run)
    dialogue = _Dialogue(stream, port, run)
    try:
        greeting = await dialogue.hear(220, "waiting for the greeting")
        outcome = await _converse(target, dialogue, arguments)
    finally:
        dialogue.stream.close()
    log = "\n".join(filter(None, ["\n".join(dialogue.said), outcome.output]))
    return Outcome(outcome.status, f"{greeting[0][4:104]}; {outcome.summary}", log, outcome.perfdata)


async def _open(target: Target, port: int, arguments: SmtpArguments, run: Run) -> Stream:
    if arguments.tls == "implicit":
        return await connect_verified(target, port, run, TlsArguments(ca_file=arguments.ca_file))
    return await connect(target, port, run)


async def _converse(target: Target, dialogue: _Dialogue, arguments: SmtpArguments) -> Outcome:
    extensions = await dialogue.hello(arguments.name)
    if arguments.tls == "required" and "STARTTLS" not in extensions:
        raise CheckFailedError(Status.CRITICAL, "the server does not offer STARTTLS", "\n".join(dialogue.said))
    if arguments.tls in {"offered", "required"} and "STARTTLS" in extensions:
        extensions = await _encrypt(target, dialogue, arguments)
    missing = [name for name in arguments.extensions if name.upper() not in extensions]
    if missing:
        text = f"the server does not offer {', '.join(missing)}"
        raise CheckFailedError(Status.CRITICAL, text, "\n".join(dialogue.said))
    taken = ""
    if arguments.recipient:
        await dialogue.ask(f"MAIL FROM:<{arguments.sender}>", 250)
        await dialogue.ask(f"RCPT TO:<{arguments.recipient}>", 250)
        await dialogue.ask("RSET", 250)
        taken = f", mail for {arguments.recipient} would be taken"
    await dialogue.ask("QUIT", 221)
    return _judged(dialogue.stream, arguments, taken)


async def _encrypt(target: Target, dialogue: _Dialogue, arguments: SmtpArguments) -> set[str]:
    await dialogue.ask("STARTTLS", 220)
    assert isinstance(dialogue.stream, PlainStream)
    context = context_of(arguments.ca_file) if arguments.verify else unverifying_context()
    try:
        dialogue.stream = await shake_hands(dialogue.stream, dialogue.run, context, target.hostname)
    except ssl.SSLCertVerificationError as error:
        raise await refusal(target, dialogue.port, dialogue.run, error, "", "smtp") from error
    return await dialogue.hello(arguments.name)


def _judged(stream: Stream, arguments: SmtpArguments, taken: str) -> Outcome:
    if not isinstance(stream, TlsStream):
        return Outcome(Status.OK, f"without TLS{taken}")
    limits = TlsArguments(warning_days=arguments.warning_days, critical_days=arguments.critical_days)
    judged = judge_expiry(certificate_of(stream), datetime.now(UTC), limits)
    return Outcome(judged.status, f"{judged.summary}{taken}", judged.output, judged.perfdata)


CHECKS = (Check("smtp", SmtpArguments, _check),)
