"""Native checks in further processes of this machine: one event loop uses one core, and a check is mostly our own work.

The engine's side of `probes.local_child`. What is to be run is described to a child once; after that a run is three
numbers, and many runs and answers share one write. Plugins are processes anyhow, and whatever needs a credential or
brings back several results stays with the engine.
"""

import asyncio
import socket
import struct
import subprocess
import sys
import time
from datetime import datetime
from itertools import count
from typing import Any

import msgspec
import structlog
from django.conf import settings

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.models import TestKind
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.running import Measured, run_instance

log = structlog.get_logger(__name__)

#: A child that has not answered so long after a check's deadline hangs in it, and is started anew; and one that has
#: not begun in that time.
_GRACE_S, _START_S = 20.0, 180.0
#: So often hanging children are looked for.
_WATCH_S = 5.0
#: Before each message: its length.
HEAD = struct.Struct("!I")
_encode = msgspec.msgpack.Encoder().encode


class Definition(msgspec.Struct, frozen=True, array_like=True):
    """An instance as a child needs it: all that `running.run_instance` reads of one."""

    number: int
    key: tuple[str, str, str, str]
    test: dict[str, Any]
    target: tuple[str, str, int, str]
    place: tuple[int, str, str, str, dict[str, str]]


class Order(msgspec.Struct, frozen=True, array_like=True):
    """definitions: instances that are new to the child; runs: (number of the run, number of the definition)."""

    definitions: list[Definition]
    runs: list[tuple[int, int]]
    forget: list[int]
    cancel: list[int]


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """How a run ended. fault: what broke in us, "" where nothing did."""

    run: int
    status: int
    summary: str
    output: str
    perfdata: str
    duration_ms: int
    fault: str = ""


def framed(message: Any) -> bytes:
    """A message as it is sent."""
    data = _encode(message)
    return HEAD.pack(len(data)) + data


class ChildError(Exception):
    """The process that had the run in hand broke down; the message says how."""


class _Child:
    """One process, and the runs that it has in hand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._definitions: dict[int, tuple[Instance, int]] = {}
        self._numbers = count()
        self._waiting: dict[int, tuple[asyncio.Future[Answer], float]] = {}
        self._order = Order([], [], [], [])
        self._is_flushing = False
        self._buffer = bytearray()
        self._decode = msgspec.msgpack.Decoder(list[Answer]).decode
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            argv = [sys.executable, "-m", "gridkeeper.probes.local_child", str(theirs.fileno())]
            self._process = subprocess.Popen(argv, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._channel = ours
        self._reading = self._loop.create_task(self._read())
        self._unsent = bytearray()
        self._is_writing = False
        self._started_s = time.monotonic()
        self._is_ready = self._is_closed = False

    @property
    def load(self) -> int:
        return len(self._waiting)

    @property
    def is_alive(self) -> bool:
        return not self._is_closed and not self._reading.done()

    async def run(self, number: int, instance: Instance) -> Answer:
        """Raises ChildError where the process breaks down."""
        future: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting[number] = future, time.monotonic() + instance.test.timeout_s + _GRACE_S
        self._order.runs.append((number, self._defined(instance)))
        self._flush_soon()
        try:
            return await future
        except asyncio.CancelledError:
            self._order.cancel.append(number)
            self._flush_soon()
            raise
        finally:
            self._waiting.pop(number, None)

    def _defined(self, instance: Instance) -> int:
        known = self._definitions.get(instance.series)
        if known is not None:
            if known[0] is instance:
                return known[1]
            self._order.forget.append(known[1])
        number = next(self._numbers)
        self._definitions[instance.series] = instance, number
        self._order.definitions.append(_definition(number, instance))
        return number

    def _flush_soon(self) -> None:
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Everything that came together in this round of the loop is one write."""
        self._is_flushing = False
        order, self._order = self._order, Order([], [], [], [])
        is_idle = not self._unsent
        self._unsent += framed(order)
        if is_idle:
            self._send()

    def _send(self) -> None:
        try:
            sent = self._channel.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except OSError:
            return  # it is gone; who reads notices, too
        del self._unsent[:sent]
        if self._unsent and not self._is_writing:
            self._loop.add_writer(self._channel, self._send)
        elif not self._unsent and self._is_writing:
            self._loop.remove_writer(self._channel)
        self._is_writing = bool(self._unsent)

    async def _read(self) -> None:
        while True:
            try:
                part = await self._loop.sock_recv(self._channel, 1 << 18)
            except OSError:
                part = b""
            if not part:
                self._fail("the process that ran it has ended")
                return
            self._is_ready = True
            self._buffer += part
            self._take_answers()

    def _take_answers(self) -> None:
        start = 0
        while len(self._buffer) >= start + HEAD.size:
            (length,) = HEAD.unpack_from(self._buffer, start)
            end = start + HEAD.size + length
            if len(self._buffer) < end:
                break
            for answer in self._decode(memoryview(self._buffer)[start + HEAD.size : end]):
                waiting = self._waiting.get(answer.run)
                if waiting is not None and not waiting[0].done():
                    waiting[0].set_result(answer)
            start = end
        del self._buffer[:start]

    def _fail(self, why: str) -> None:
        for future, _ in self._waiting.values():
            if not future.done():
                future.set_exception(ChildError(why))

    def is_hanging(self, now_s: float) -> bool:
        """Whether a run is long overdue; or the process has not begun, which on a busy machine takes many seconds."""
        if not self._is_ready:
            return now_s > self._started_s + _START_S
        return any(deadline_s < now_s for _, deadline_s in self._waiting.values())

    def close(self) -> None:
        """Ends the process and the runs in it."""
        if self._is_closed:
            return
        self._is_closed = True
        self._reading.cancel()
        self._fail("the process that ran it was ended")
        self._loop.remove_writer(self._channel)
        self._channel.close()
        self._process.kill()
        self._process.wait()


def _definition(number: int, instance: Instance) -> Definition:
    test, place, target, key = instance.test, instance.place, instance.place.target, instance.key
    fields = {name: getattr(test, name) for name in type(test).__slots__}
    return Definition(
        number,
        (key.hostname, key.service_type, key.metric, key.vo),
        fields,
        (target.hostname, target.address, target.port, target.url),
        (place.service_id, place.service_type, place.site, place.site_bdii, dict(place.properties)),
    )


class Local:
    """Executor: native checks in so many processes, everything else in this one."""

    def __init__(self, processes: int | None = None) -> None:
        """processes: None takes the setting."""
        self._count = settings.GRIDKEEPER.probe_processes if processes is None else processes
        self._children: list[_Child] = []
        self._runs = count()
        self._watched_s = 0.0

    async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
        """As Executor: one measurement of a native check. Where its process breaks down the check runs here."""
        if instance.test.kind != TestKind.NATIVE or instance.test.credential:
            return await run_instance(instance, now)
        child = self._child()
        try:
            answer = await child.run(next(self._runs), instance)
        except ChildError as error:
            log.warning("a test is run again", error=str(error), metric=instance.key.metric)
            return await run_instance(instance, now)
        if answer.fault:
            raise RuntimeError(answer.fault)
        outcome = Outcome(RESULT_STATUSES[answer.status], answer.summary, answer.output, answer.perfdata)
        return [Measured(instance.key, outcome, now, answer.duration_ms)]

    def _child(self) -> _Child:
        """The child with least to do; what has died or hangs is replaced."""
        now_s = time.monotonic()
        if now_s > self._watched_s + _WATCH_S:
            self._watched_s = now_s
            for child in self._children:
                if child.is_hanging(now_s):
                    log.error("a process that runs checks hangs and is started anew")
                    child.close()
        if len(self._children) < self._count or not all(child.is_alive for child in self._children):
            for child in self._children:
                if not child.is_alive:
                    child.close()
            self._children = [child for child in self._children if child.is_alive]
            self._children += [_Child() for _ in range(self._count - len(self._children))]
        return min(self._children, key=lambda child: child.load)

    async def close(self) -> None:
        """Ends the processes."""
        for child in self._children:
            child.close()
        self._children = []
