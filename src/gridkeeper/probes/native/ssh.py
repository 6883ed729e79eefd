"""SSH: the server sends its identification line (RFC 4253 section 4.2)."""

import asyncio

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import connect, port_of
from gridkeeper.probes.native.streams import Stream

#: RFC 4253 allows other lines before the identification; nobody sends many.
_MOST_LINES = 20
_MOST_LINE_BYTES = 8192


class SshArguments(Arguments, frozen=True, kw_only=True):
    """protocol: versions accepted in the identification; software: text that it must hold."""

    protocol: tuple[str, ...] = ("2.0", "1.99")
    software: str = ""


async def _check(target: Target, arguments: SshArguments, run: Run) -> Outcome:
    stream = await connect(target, port_of(target, arguments.port, 22), run)
    try:
        with run.doing("waiting for the identification line"):
            banner = await _banner(stream)
    finally:
        stream.close()
    parts = banner.split("-", 2)
    if parts[0] != "SSH" or len(parts) < 3:
        raise CheckFailedError(Status.CRITICAL, f"not an SSH server: it said {banner[:80]!r}", banner)
    if parts[1] not in arguments.protocol:
        raise CheckFailedError(
            Status.CRITICAL, f"protocol {parts[1]}, wanted {' or '.join(arguments.protocol)}", banner
        )
    if arguments.software not in parts[2]:
        raise CheckFailedError(Status.WARNING, f"software {parts[2]!r}, wanted {arguments.software!r}", banner)
    return Outcome(Status.OK, f"{parts[2]} (protocol {parts[1]})", banner)


async def _banner(stream: Stream) -> str:
    """The identification, or the last line that the server sent instead."""
    banner = ""
    for _ in range(_MOST_LINES):
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise CheckFailedError(Status.CRITICAL, "the server sends a line without end, not SSH") from error
        except asyncio.IncompleteReadError as error:
            return error.partial[:_MOST_LINE_BYTES].decode(errors="replace") or banner
        banner = line[:_MOST_LINE_BYTES].decode(errors="replace").rstrip("\r\n")
        if banner.startswith("SSH-"):
            break
    return banner


SSH = Check("ssh", SshArguments, _check)
