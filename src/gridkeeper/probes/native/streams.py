"""A connection as the checks read and write it: plain, on a protocol of our own, or TLS, on asyncio's streams.

The loops that run tests are uvloop's (`probes.loops`), whose transports cost a third of asyncio's and of calls on the
socket itself (benchmarks/native_rate.py).
"""

import asyncio
import ssl
from typing import Protocol, cast

#: Longest line that is read. A server that sends a longer one does not speak the protocol.
LINE_BYTES = 64 * 1024
#: What has arrived and nobody has taken: beyond this the server has to wait.
_HELD_BYTES = 256 * 1024
_LAST_WORD_S = 1.0
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


class PlainStream(asyncio.Protocol):
    """A TCP connection without TLS."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._is_over = False
        self._error: Exception | None = None
        self._is_held = False
        #: Whoever waits for more to read, and for room to write.
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _HELD_BYTES and not self._is_held:
            self._is_held = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> bool:
        self._is_over = True
        _wake(self._reader)
        return True  # we may still send

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._is_over:  # after the server's end of file, it is that which ended the connection
            self._error = exc
        self._is_over = True
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        self._writer = self._loop.create_future()

    def resume_writing(self) -> None:
        _wake(self._writer)
        self._writer = None

    async def send(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise self._error or ConnectionResetError("the connection was closed")
        self._transport.write(data)
        if self._writer is not None:
            await self._writer
            if self._error is not None:
                raise self._error

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
        if not self._buffer and not self._is_over:
            await self._more()
        if not self._buffer and self._error is not None:
            raise self._error
        return self._take(min(most, len(self._buffer)))

    async def _fill(self, expected: int | None) -> None:
        if self._is_over:
            raise self._error or asyncio.IncompleteReadError(bytes(self._buffer), expected)
        await self._more()

    async def _more(self) -> None:
        """Waits for bytes or the end."""
        if self._is_held:
            self._is_held = False
            self._transport.resume_reading()
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def hand_over(self) -> asyncio.Transport:
        """The transport itself, for whoever goes on with it; this stream is over.

        Raises ConnectionError where bytes were read that nobody took: what came before TLS must not count as said
        within it (the command injection of CVE-2011-0411).
        """
        if self._buffer:
            raise ConnectionError("the server went on without TLS after it had agreed to start it")
        if self._is_over:
            raise self._error or ConnectionResetError("the server closed the connection instead of starting TLS")
        return self._transport

    def close(self) -> None:
        if self._transport.get_write_buffer_size():  # what was said last still goes out, if the server takes it soon
            self._transport.close()
            self._loop.call_later(_LAST_WORD_S, self._transport.abort)
        else:
            self._transport.abort()


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


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
    _, stream = await asyncio.get_running_loop().create_connection(PlainStream, address, port)
    return stream


async def open_tls(address: str, port: int, tls: ssl.SSLContext, server_name: str, timeout_s: float) -> TlsStream:
    """Connects to an IP address and shakes hands."""
    streams = await asyncio.open_connection(
        address, port, limit=LINE_BYTES, ssl=tls, server_hostname=server_name,
        ssl_handshake_timeout=max(0.1, timeout_s),
    )  # fmt: skip
    return TlsStream(*streams)


async def start_tls(stream: PlainStream, tls: ssl.SSLContext, server_name: str, timeout_s: float) -> TlsStream:
    """Goes on with TLS on a connection that began without it (STARTTLS and its kin)."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = await loop.start_tls(
        stream.hand_over(), protocol, tls, server_hostname=server_name, ssl_handshake_timeout=max(0.1, timeout_s)
    )
    if transport is None:
        raise ConnectionResetError("the server closed the connection instead of starting TLS")
    protocol.connection_made(transport)
    return TlsStream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))
