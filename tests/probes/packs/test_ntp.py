"""The check of NTP against servers on loopback whose clocks are right, wrong, and none."""

import asyncio
import struct
import time
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.probes.packs.ntp import parse_answer

_PACKET = struct.Struct("!BBbbII4sQQQQ")
_SINCE_1900_S = 2_208_988_800


def _stamp(seconds):
    return int((seconds + _SINCE_1900_S) * 2**32) % 2**64


def _packet(cookie, *, ahead_s=0.0, leap=0, stratum=2, reference=b"GPS\0", mode=4):
    now = _stamp(time.time() + ahead_s)
    return _PACKET.pack(leap << 6 | 4 << 3 | mode, stratum, 6, -20, 0, 65536, reference, now, cookie, now, now)


class _Server(asyncio.DatagramProtocol):
    def __init__(self, answer):
        self._answer = answer
        self._asked = 0

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        self._asked += 1
        answer = self._answer(_PACKET.unpack(data)[-1], self._asked)
        if answer is not None:
            self._transport.sendto(answer, address)


@asynccontextmanager
async def _serving(answer):
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(answer), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[1]
    finally:
        transport.close()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("fields", "arguments", "status", "words"),
    [
        ({}, {}, "OK", "clock 0.0"),
        ({"ahead_s": 0.55}, {}, "WARNING", "clock 0.5"),
        ({"ahead_s": -90}, {}, "CRITICAL", "clock "),
        ({"ahead_s": 0.55}, {"warning_offset_s": 2}, "OK", "clock 0.5"),
        ({"leap": 3}, {}, "CRITICAL", "the server answers, but its clock is not synchronised"),
        ({"stratum": 16}, {}, "CRITICAL", "the server answers, but its clock is not synchronised"),
        ({"stratum": 12}, {}, "WARNING", "clock 0.0"),
        ({"stratum": 0, "reference": b"RATE"}, {}, "CRITICAL", "the server refuses to tell the time: 'RATE'"),
        ({"mode": 3}, {}, "CRITICAL", "not an NTP server: mode 3 is no answer of a server"),
    ],
)
async def test_a_clock_is_judged(check, fields, arguments, status, words):
    async with _serving(lambda cookie, _: _packet(cookie, **fields)) as port:
        outcome = await check("ntp", port, **arguments)
    assert (outcome.status.name, outcome.summary[: len(words)]) == (status, words)


async def test_offset_delay_and_stratum_are_measured(check):
    async with _serving(lambda cookie, _: _packet(cookie)) as port:
        outcome = await check("ntp", port)
    assert [item.split("=")[0] for item in outcome.perfdata.split()] == [
        "time", "offset", "delay", "stratum", "root_dispersion"
    ]  # fmt: skip
    assert "root_dispersion=1.000000s" in outcome.perfdata


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda cookie, _: b"x", "not an NTP server: 1 bytes are no answer of NTP"),
        (lambda cookie, _: _packet(cookie ^ 1), "not an NTP server: the answer is to another question"),
        (lambda cookie, _: None, "timed out after 0.3 s while asking 127.0.0.1 port "),
    ],
)
async def test_a_server_that_is_none_is_red(check, answer, words):
    async with _serving(answer) as port:
        outcome = await check("ntp", port, timeout_s=0.3)
    assert (outcome.status, outcome.summary[: len(words)]) == (Status.CRITICAL, words)


async def test_a_closed_port_is_said(check):
    async with _serving(lambda *_: None) as port:
        pass
    outcome = await check("ntp", port, timeout_s=2)
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, f"connection refused while asking 127.0.0.1 port {port} for the time"
    )  # fmt: skip


async def test_a_lost_question_is_put_again(check):
    async with _serving(lambda cookie, asked: _packet(cookie) if asked > 1 else None) as port:
        outcome = await check("ntp", port)
    assert outcome.status == Status.OK


def test_the_sums_of_an_exchange():
    # sent at 100, received there at 110, answered there at 111, received at 103 by our clock
    packet = _PACKET.pack(4 << 3 | 4, 1, 0, 0, 0, 0, b"GPS\0", 0, 7, _stamp(110), _stamp(111))
    answer = parse_answer(packet, 7, 100.0, 103.0)
    # offset ((110 - 100) + (111 - 103)) / 2 = 9, delay (103 - 100) - (111 - 110) = 2
    assert (round(answer.offset_s, 6), round(answer.delay_s, 6)) == (9.0, 2.0)


@pytest.mark.parametrize("now_s", [1_700_000_000.0, 2_085_978_496.0, 2_085_978_500.0, 4_000_000_000.0])
def test_the_count_begins_anew_in_2036(now_s):
    packet = _PACKET.pack(4 << 3 | 4, 1, 0, 0, 0, 0, b"GPS\0", 0, 7, _stamp(now_s), _stamp(now_s))
    assert abs(parse_answer(packet, 7, now_s, now_s).offset_s) < 0.001


@given(st.binary(max_size=60))
def test_no_packet_raises_anything_else(packet):
    with suppress(ValueError):
        parse_answer(packet, 0, 0.0, 0.0)
