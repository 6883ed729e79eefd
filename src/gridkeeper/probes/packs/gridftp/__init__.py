"""GridFTP servers: banner, GSI authentication with the server's certificate, and commands on the control channel."""

import ssl
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of
from gridkeeper.probes.native.tls import TlsArguments, judge_expiry, refused
from gridkeeper.probes.packs.gridftp import gsi
from gridkeeper.probes.packs.gridftp.control import Control, Reply, parse_reply

_PORT = 2811
#: The server's certificate and its answers fit in a few; more is a server that talks in circles.
_MOST_STEPS = 12


class GridftpArguments(TlsArguments, frozen=True, kw_only=True):
    """verify: whether the certificate must be trusted; software: text that the banner must hold.

    authenticate: False looks at the banner only; the limits and `ca_file` are those of TLS
    """

    verify: bool = True
    software: str = ""
    authenticate: bool = True


@dataclass(slots=True)
class _Session:
    """One server, as far as we have come."""

    target: Target
    arguments: GridftpArguments
    control: Control
    run: Run
    handshake: gsi.Handshake | None = None

    async def authenticate(self) -> Reply:
        """AUTH and ADAT until the server accepts or refuses; its last reply. Raises CheckFailedError, ssl.SSLError."""
        reply = await self.control.ask(b"AUTH GSSAPI", "asking for GSSAPI authentication")
        if reply.code not in {234, 334}:
            raise CheckFailedError(Status.CRITICAL, f"the server refuses GSSAPI authentication: {reply}", str(reply))
        context = gsi.context_for(self.run, ca_file=self.arguments.ca_file, verify=self.arguments.verify)
        self.handshake = gsi.Handshake(context, self.arguments.server_name or self.target.hostname)
        with self.run.doing("shaking hands"):
            return await self._shake_hands(self.handshake)

    async def _shake_hands(self, handshake: gsi.Handshake) -> Reply:
        token, has_said_delegation = handshake.step(), False
        for _ in range(_MOST_STEPS):
            reply = await self.control.ask(b"ADAT " + gsi.encode(token), "shaking hands (ADAT)")
            if reply.code not in {235, 335}:
                return reply
            token = handshake.step(_token_of(reply)) if not handshake.is_done else b""
            if reply.code == 235:
                return reply
            if handshake.is_done and not has_said_delegation:
                token, has_said_delegation = token + handshake.delegate_nothing(), True
        raise CheckFailedError(Status.CRITICAL, f"the handshake has no end: more than {_MOST_STEPS} steps")

    async def command(self, line: bytes) -> Reply:
        """A command within TLS (ENC), and the reply within it (632, 633)."""
        assert self.handshake is not None
        name = line.split()[0].decode()
        token = gsi.encode(self.handshake.wrap(line + b"\r\n"))
        reply = await self.control.ask(b"ENC " + token, f"waiting for the answer to {name}")
        if reply.code not in {631, 632, 633}:
            return reply
        # Each line of a long reply is protected by itself.
        text = b"".join(self.handshake.unwrap(gsi.decode(part)) for part in reply.lines).decode(errors="replace")
        plain = parse_reply(text.rstrip("\r\n\0").splitlines() or [""])
        if plain is None:
            raise CheckFailedError(Status.CRITICAL, f"the protected answer to {name} is no reply: {text[:80]!r}")
        return plain


def _token_of(reply: Reply) -> bytes:
    name, _, text = reply.lines[0].strip().partition("=")
    if name.upper() != "ADAT":
        return b""
    return gsi.decode(text.strip())


async def _check(target: Target, arguments: GridftpArguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, _PORT), run)
    try:
        control = Control(stream, run)
        with run.doing("waiting for the banner"):
            banner = await control.reply()
        _judge_banner(banner, arguments)
        if not arguments.authenticate:
            return Outcome(Status.OK, f"banner: {banner.text}", str(banner))
        return await _authenticated(_Session(target, arguments, control, run), banner)
    finally:
        stream.close()


def _judge_banner(banner: Reply, arguments: GridftpArguments) -> None:
    if banner.code != 220:
        raise CheckFailedError(Status.CRITICAL, f"the server does not take sessions: {banner}")
    if arguments.software not in banner.text:
        raise CheckFailedError(Status.WARNING, f"the banner lacks {arguments.software!r}: {banner.text}")


async def _authenticated(session: _Session, banner: Reply) -> Outcome:
    """Judges certificate and authentication; logs in where the run was handed a proxy."""
    try:
        reply = await session.authenticate()
    except ssl.SSLCertVerificationError as error:
        certificate = session.handshake.certificate if session.handshake is not None else None
        if certificate is None:
            raise
        raise refused(certificate, error, datetime.now(UTC)) from error
    assert session.handshake is not None
    certificate = session.handshake.certificate
    if certificate is None:
        raise CheckFailedError(Status.CRITICAL, f"the server ended the handshake and showed no certificate: {reply}")
    found = judge_expiry(certificate, datetime.now(UTC), session.arguments)
    has_proxy = session.run.credential is not None and bool(session.run.credential.proxy_path)
    done = await _log_in(session, reply) if has_proxy else "not logged in: no proxy was handed to the test"
    output = f"{banner}\n{found.output}\n{done}\nlast answer: {reply}"
    return replace(found, summary=f"{found.summary}; {done}", output=output)


async def _log_in(session: _Session, reply: Reply) -> str:
    """What the control channel does for us. Raises CheckFailedError where the server refuses the proxy or the user."""
    if reply.code != 235:
        raise CheckFailedError(Status.CRITICAL, f"the server refused the proxy: {reply}")
    user = await session.command(b"USER :globus-mapping:")
    if user.code == 331:
        user = await session.command(b"PASS dummy")
    if user.code != 230:
        raise CheckFailedError(Status.CRITICAL, f"the server maps the proxy to no user: {user}")
    place = await session.command(b"PWD")
    if place.code != 257:
        raise CheckFailedError(Status.CRITICAL, f"the control channel does not work: {place} to PWD")
    await session.command(b"QUIT")
    return f"logged in, {place.text}"


CHECKS = (Check("gridftp", GridftpArguments, _check),)
