"""Connections without TLS: what arrives, what is held back, and how they end."""

import asyncio
import ssl

import pytest

from gridkeeper.probes.native.streams import LINE_BYTES, open_plain, start_tls
from tests.probes.native.servers import listening

_MEGABYTE = 1 << 20


async def _opened(port):
    return await open_plain("127.0.0.1", port)


async def test_what_nobody_reads_is_held_back_and_all_of_it_arrives():
    sent = []

    async def flood(_reader, writer):
        for _ in range(64):
            writer.write(b"x" * _MEGABYTE)
            await writer.drain()
            sent.append(_MEGABYTE)
        writer.close()

    async with listening(flood) as port:
        stream = await _opened(port)
        await asyncio.sleep(0.2)
        assert sum(sent) < 32 * _MEGABYTE  # the rest waits for us
        assert len(await stream.readexactly(64 * _MEGABYTE)) == 64 * _MEGABYTE
        assert await stream.read(1) == b""
        stream.close()


async def test_a_server_that_takes_nothing_makes_us_wait():
    is_reading = asyncio.Event()
    taken = asyncio.get_running_loop().create_future()

    async def slow(reader, _writer):
        await is_reading.wait()
        taken.set_result(await reader.readexactly(32 * _MEGABYTE))

    async with listening(slow) as port:
        stream = await _opened(port)
        sending = asyncio.create_task(stream.send(b"y" * 32 * _MEGABYTE))
        await asyncio.sleep(0.2)
        assert not sending.done()
        is_reading.set()
        await sending
        stream.close()
        assert len(await taken) == 32 * _MEGABYTE


async def test_the_last_words_before_the_end_are_still_said():
    heard = asyncio.get_running_loop().create_future()

    async def listen(reader, _writer):
        heard.set_result(await reader.read())

    async with listening(listen) as port:
        stream = await _opened(port)
        await stream.send(b"QUIT\r\n")
        stream.close()
        assert await heard == b"QUIT\r\n"


async def test_the_end_of_file_is_no_broken_connection_and_cuts_no_line():
    async def half(_reader, writer):
        writer.write(b"one\ntw")
        writer.close()

    async with listening(half) as port:
        stream = await _opened(port)
        assert await stream.readuntil(b"\n") == b"one\n"
        with pytest.raises(asyncio.IncompleteReadError) as caught:
            await stream.readuntil(b"\n")
        assert caught.value.partial == b"tw"
        stream.close()


async def test_a_line_without_end_is_refused():
    async def endless(_reader, writer):
        writer.write(b"z" * 4 * LINE_BYTES)
        await writer.drain()
        await asyncio.sleep(10)

    async with listening(endless) as port:
        stream = await _opened(port)
        with pytest.raises(asyncio.LimitOverrunError):
            await stream.readuntil(b"\n")
        stream.close()


async def test_what_was_said_before_tls_does_not_count_within_it():
    async def eager(_reader, writer):
        writer.write(b"220 go on\r\n250 injected\r\n")
        await writer.drain()
        await asyncio.sleep(10)

    async with listening(eager) as port:
        stream = await _opened(port)
        await stream.readuntil(b"\n")
        with pytest.raises(ConnectionError, match="went on without TLS"):
            await start_tls(stream, ssl.create_default_context(), "localhost", 1.0)
        stream.close()
