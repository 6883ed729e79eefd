"""NTP (RFC 5905): the server answers, is synchronised, and its clock is close to ours."""

import asyncio
import os
import socket
import struct
import time
from dataclasses import dataclass

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import Arguments, Check, CheckFailedError, Outcome, Run, Target
from gridkeeper.probes.native.connect import address_of, port_of

_PACKET = struct.Struct("!BBbbII4sQQQQ")
_CLIENT_V4, _SERVER_MODE = 0x23, 4
#: From 1900, where NTP begins to count, to 1970; and the fractions of its seconds.
_EPOCH_S, _FRACTION = 2_208_988_800, 2**32
_NOT_SYNCHRONISED = 3
#: Datagrams get lost; the question is put again.
_AGAIN_S = 1.0


class NtpArguments(Arguments, frozen=True, kw_only=True):
    """warning_offset_s, critical_offset_s: between the server's clock and ours; most_stratum: farther is bad."""

    warning_offset_s: float = 0.1
    critical_offset_s: float = 1.0
    most_stratum: int = 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. offset_s: how far its clock is ahead of ours; delay_s: of the way there and back."""

    leap: int
    stratum: int
    reference: bytes
    root_dispersion_s: float
    offset_s: float
    delay_s: float


def parse_answer(packet: bytes, cookie: int, sent_s: float, received_s: float) -> Answer:
    """Reads an answer. `cookie` was sent as our time; times are seconds since 1970. Raises ValueError."""
    if len(packet) < _PACKET.size:
        raise ValueError(f"{len(packet)} bytes are no answer of NTP")
    first, stratum, _, _, _, dispersion, reference, _, origin, received, transmitted = _PACKET.unpack_from(packet)
    if first & 7 != _SERVER_MODE:
        raise ValueError(f"mode {first & 7} is no answer of a server")
    if origin != cookie:
        raise ValueError("the answer is to another question")
    there_s, back_s = _seconds(received, sent_s) - sent_s, _seconds(transmitted, received_s) - received_s
    delay_s = (received_s - sent_s) - (_seconds(transmitted, received_s) - _seconds(received, sent_s))
    return Answer(first >> 6, stratum, reference, dispersion / 65536, (there_s + back_s) / 2, max(0.0, delay_s))


def _seconds(stamp: int, near_s: float) -> float:
    """Seconds since 1970; the 136 years after which NTP's count begins anew are those next to `near_s`."""
    seconds = stamp / _FRACTION - _EPOCH_S
    eras = round((near_s - seconds) / _FRACTION)
    return seconds + eras * _FRACTION


async def _check(target: Target, arguments: NtpArguments, run: Run) -> Outcome:
    port = port_of(target, arguments.port, 123)
    address = await address_of(target.hostname, target.address, run)
    with run.doing(f"asking {address} port {port} for the time"):
        answer = await _ask(address, port)
    return judge(answer, arguments)


async def _ask(address: str, port: int) -> Answer:
    loop = asyncio.get_running_loop()
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        await loop.sock_connect(made, (address, port))
        while True:
            # Random instead of our time: nobody who does not see the question can answer it (RFC 9109, and the
            # data minimisation of draft-ietf-ntp-data-minimization).
            cookie = int.from_bytes(os.urandom(8), "big")
            sent_s = time.time()
            await loop.sock_sendall(made, _PACKET.pack(_CLIENT_V4, 0, 0, 0, 0, 0, b"", 0, 0, 0, cookie))
            try:
                async with asyncio.timeout(_AGAIN_S):
                    packet = await loop.sock_recv(made, 1024)
            except TimeoutError:
                continue
            return parse_answer(packet, cookie, sent_s, time.time())
    except ValueError as error:
        raise CheckFailedError(Status.CRITICAL, f"not an NTP server: {error}") from error
    finally:
        made.close()


def judge(answer: Answer, arguments: NtpArguments) -> Outcome:
    """OK, WARNING or CRITICAL by synchronisation, stratum and offset."""
    limits = f"-{arguments.warning_offset_s:g}:{arguments.warning_offset_s:g};" \
             f"-{arguments.critical_offset_s:g}:{arguments.critical_offset_s:g}"  # fmt: skip
    perfdata = (
        f"offset={answer.offset_s:.6f}s;{limits} delay={answer.delay_s:.6f}s;;;0 stratum={answer.stratum};"
        f"{arguments.most_stratum};;0;16 root_dispersion={answer.root_dispersion_s:.6f}s;;;0"
    )
    if answer.stratum == 0:
        code = answer.reference.rstrip(b"\0").decode("ascii", errors="replace")
        return Outcome(Status.CRITICAL, f"the server refuses to tell the time: {code!r}", "", perfdata)
    if answer.leap == _NOT_SYNCHRONISED or answer.stratum >= 16:
        return Outcome(Status.CRITICAL, "the server answers, but its clock is not synchronised", "", perfdata)
    text = f"clock {abs(answer.offset_s):.6f} s {'ahead of' if answer.offset_s >= 0 else 'behind'} ours"
    text += f", stratum {answer.stratum}, delay {answer.delay_s * 1000:.1f} ms"
    for limit, status in ((arguments.critical_offset_s, Status.CRITICAL), (arguments.warning_offset_s, Status.WARNING)):
        if abs(answer.offset_s) > limit:
            return Outcome(status, f"{text}; limit {limit:g} s", "", perfdata)
    if answer.stratum > arguments.most_stratum:
        return Outcome(Status.WARNING, f"{text}; too far from a clock, limit {arguments.most_stratum}", "", perfdata)
    return Outcome(Status.OK, text, "", perfdata)


CHECKS = (Check("ntp", NtpArguments, _check),)
