"""FTP's control channel (RFC 959 section 4.2): a command, and a reply of one or several lines."""

import asyncio
import re
from dataclasses import dataclass

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError, Run
from gridkeeper.probes.native.streams import Stream

_FIRST = re.compile(r"(\d{3})([ -])(.*)", re.ASCII | re.DOTALL)
_MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """code: three digits; lines: their text, without codes."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        return " ".join(line.strip() for line in self.lines)[:2000]

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class Control:
    """One control channel in plain text."""

    def __init__(self, stream: Stream, run: Run) -> None:
        self._stream, self._run = stream, run

    async def ask(self, command: bytes, doing: str) -> Reply:
        with self._run.doing(doing):
            await self._stream.send(command + b"\r\n")
            return await self.reply()

    async def reply(self) -> Reply:
        """The next reply. Raises CheckFailedError for what is none."""
        lines = [await self._line()]
        while len(lines) <= _MOST_LINES:
            found = parse_reply(lines)
            if found is not None:
                return found
            lines.append(await self._line())
        raise CheckFailedError(Status.CRITICAL, f"a reply of more than {_MOST_LINES} lines: not FTP")

    async def _line(self) -> str:
        try:
            line = await self._stream.readuntil(b"\n")
        except asyncio.LimitOverrunError as error:
            raise CheckFailedError(Status.CRITICAL, "the server sends a line without end: not FTP") from error
        except asyncio.IncompleteReadError as error:
            if error.partial:
                said = error.partial[:80].decode(errors="replace")
                raise CheckFailedError(Status.CRITICAL, f"not an FTP server: it said {said!r} and left") from error
            raise
        return line.decode("utf-8", errors="replace").rstrip("\r\n")


def parse_reply(lines: list[str]) -> Reply | None:
    """The reply that the lines form; None while it goes on. Raises CheckFailedError for what is no reply.

    >>> parse_reply(["211-Extensions", " AUTH GSSAPI", "211 End"])
    Reply(code=211, lines=('Extensions', ' AUTH GSSAPI', 'End'))
    """
    first = _FIRST.fullmatch(lines[0] if len(lines[0]) > 3 else f"{lines[0]} ")
    if first is None:
        raise CheckFailedError(Status.CRITICAL, f"not an FTP server: it said {lines[0][:80]!r}")
    code, sign, text = first.groups()
    if sign == " ":
        return Reply(int(code), (text,))
    last = lines[-1]
    if len(lines) < 2 or not (last == code or last.startswith(f"{code} ")):
        return None
    middle = [line.removeprefix(f"{code}-") for line in lines[1:-1]]
    return Reply(int(code), (text, *middle, last[4:]))
