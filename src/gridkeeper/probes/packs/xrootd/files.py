"""What can be done with files of an xrootd server: each function is one or more requests of a session."""

import struct

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError
from gridkeeper.probes.packs.xrootd import protocol
from gridkeeper.probes.packs.xrootd.protocol import Ask, Stat
from gridkeeper.probes.packs.xrootd.session import Session

_READ = 0x10
_NEW, _UPDATE, _MAKE_PATH = 0x08, 0x20, 0x100
_OWNER_RW_REST_R = 0x100 | 0x80 | 0x20 | 0x04
_PART_BYTES = 256 * 1024
_QUERY_CHECKSUM = 3


async def ping(session: Session) -> None:
    await session.ask(Ask.PING, b"", doing="sending a ping")


async def stat(session: Session, path: str) -> Stat:
    return protocol.parse_stat(await session.ask(Ask.STAT, b"", path=path, doing=f"asking for the status of {path}"))


async def put(session: Session, path: str, content: bytes) -> None:
    """Writes a new file, with the folders on the way. Raises XrootdError 3032 or 3018 where there is one."""
    fields = struct.pack(">HH", _OWNER_RW_REST_R, _NEW | _UPDATE | _MAKE_PATH)
    handle = _handle(await session.ask(Ask.OPEN, fields, path=path, doing=f"opening {path} for writing"))
    for offset in range(0, len(content), _PART_BYTES):
        part = content[offset : offset + _PART_BYTES]
        await session.ask(Ask.WRITE, handle + struct.pack(">q", offset), part, doing=f"writing to {path}")
    await session.ask(Ask.CLOSE, handle, doing=f"closing {path} after writing")


async def get(session: Session, path: str, most_bytes: int) -> bytes:
    """The content, at most so many bytes."""
    fields = struct.pack(">HH", 0, _READ)
    handle = _handle(await session.ask(Ask.OPEN, fields, path=path, doing=f"opening {path} for reading"))
    content = bytearray()
    while len(content) < most_bytes:
        wanted = min(_PART_BYTES, most_bytes - len(content))
        fields = handle + struct.pack(">qi", len(content), wanted)
        part = await session.ask(Ask.READ, fields, doing=f"reading {path}")
        if len(part) > wanted:
            raise CheckFailedError(Status.CRITICAL, f"{wanted} bytes of {path} were asked for, {len(part)} came")
        if not part:
            break
        content += part
    await session.ask(Ask.CLOSE, handle, doing=f"closing {path} after reading")
    return bytes(content)


async def checksum(session: Session, path: str, algorithm: str) -> tuple[str, str]:
    """Algorithm and value as the server knows or computes them; "" leaves the algorithm to the server."""
    asked = f"{path}?cks.type={algorithm}" if algorithm else path
    fields = struct.pack(">H", _QUERY_CHECKSUM)
    answer = await session.ask(Ask.QUERY, fields, path=asked, doing=f"asking for the checksum of {path}")
    return protocol.parse_checksum(answer)


async def remove(session: Session, path: str) -> None:
    await session.ask(Ask.RM, b"", path=path, doing=f"deleting {path}")


def _handle(body: bytes) -> bytes:
    if len(body) < 4:
        raise CheckFailedError(Status.CRITICAL, "the answer to opening a file names no file handle")
    return body[:4]
