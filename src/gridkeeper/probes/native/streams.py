"""A connection as the checks read and write it: plain, on the socket itself, or TLS, on asyncio's streams.

Most checks are one short exchange without TLS. asyncio's transports and protocols cost more than that exchange
(benchmarks/native_rate.py: 1.6 times), so a plain connection does without them.
"""

import asyncio
import socket
import ssl
from typing import Protocol

#: Longest line that is read. A server that sends a longer one does not speak the protocol.
LINE_BYTES = 64 * 1024
_PART_BYTES = 64 * 1024
#: As OpenSSL's objects within Python name the encoding.
_DER = 2


class Stream(Protocol):
    """What a check may do with a connection. Reading raises as asyncio.StreamReader does."""

    async def send(self, data: bytes) -> None:
        """Sends everything."""

    async def readuntil(self, separator: bytes) -> bytes:
        """Up to and with the separator. Raises IncompleteReadError at the end, LimitOverrunError past LINE_BYTES."""

    async def readexactly(self, count: int) -> bytes:
        """So many bytes. Raises IncompleteReadError at the end."""

    async def read(self, most: int) -> bytes:
        """What is there, at least one byte; b"" at the end."""

    def close(self) -> None:
        """Ends the connection without waiting for the other side's consent."""


class PlainStream:
    """A TCP connection without TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connected
        self._buffer = bytearray()

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    async def readuntil(self, separator: bytes) -> bytes:
        searched = 0
        while (found := self._buffer.find(separator, searched)) < 0:
            if len(self._buffer) > LINE_BYTES:
                raise asyncio.LimitOverrunError("no separator within the limit", len(self._buffer))
            searched = max(0, len(self._buffer) - len(separator) + 1)
            await self._fill(None)
        return self._take(found + len(separator))

    async def readexactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._fill(count)
        return self._take(count)

    async def read(self, most: int) -> bytes:
        if not self._buffer:
            self._buffer += await self._loop.sock_recv(self._socket, _PART_BYTES)
        return self._take(min(most, len(self._buffer)))

    async def _fill(self, expected: int | None) -> None:
        part = await self._loop.sock_recv(self._socket, _PART_BYTES)
        if not part:
            raise asyncio.IncompleteReadError(bytes(self._buffer), expected)
        self._buffer += part

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def hand_over(self) -> socket.socket:
        """The socket itself, for whoever goes on with it; this stream is over.

        Raises ConnectionError where bytes were read that nobody took: what came before TLS must not count as said
        within it (the command injection of CVE-2011-0411).
        """
        if self._buffer:
            raise ConnectionError("the server went on without TLS after it had agreed to start it")
        return self._socket

    def close(self) -> None:
        self._socket.close()


class TlsStream:
    """A connection with TLS."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.readuntil = reader.readuntil
        self.readexactly = reader.readexactly
        self.read = reader.read

    @property
    def certificate(self) -> bytes:
        """What the server showed, DER; b"" where it showed none."""
        handshake: ssl.SSLObject = self._writer.get_extra_info("ssl_object")
        return handshake.getpeercert(binary_form=True) or b""

    @property
    def chain(self) -> list[bytes]:
        """The verified chain from the server's certificate to its root, DER; empty where nothing was verified.

        Public from Python 3.13 on; the object within has it before.
        """
        inner = getattr(self._writer.get_extra_info("ssl_object"), "_sslobj", None)
        verified = getattr(inner, "get_verified_chain", lambda: None)() or []
        return [certificate.public_bytes(_DER) for certificate in verified]

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.transport.abort()


async def open_plain(address: str, port: int) -> PlainStream:
    """Connects to an IP address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return PlainStream(made)


async def open_tls(address: str, port: int, tls: ssl.SSLContext, server_name: str, timeout_s: float) -> TlsStream:
    """Connects to an IP address and shakes hands."""
    streams = await asyncio.open_connection(
        address, port, limit=LINE_BYTES, ssl=tls, server_hostname=server_name,
        ssl_handshake_timeout=max(0.1, timeout_s),
    )  # fmt: skip
    return TlsStream(*streams)


async def start_tls(stream: PlainStream, tls: ssl.SSLContext, server_name: str, timeout_s: float) -> TlsStream:
    """Goes on with TLS on a connection that began without it (STARTTLS and its kin)."""
    streams = await asyncio.open_connection(
        sock=stream.hand_over(), limit=LINE_BYTES, ssl=tls, server_hostname=server_name,
        ssl_handshake_timeout=max(0.1, timeout_s),
    )  # fmt: skip
    return TlsStream(*streams)
