"""What a process of `probes.local` does: takes orders, runs the checks all at once, answers many in one write."""

import asyncio
import signal
import socket
from datetime import UTC, datetime

import msgspec
import structlog

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.instances import Instance, Place, TestSpec
from gridkeeper.probes.local import HEAD, Answer, Definition, Order, framed
from gridkeeper.probes.loops import collect_less, run_loop, use_resolvers
from gridkeeper.probes.native.check import Target
from gridkeeper.probes.running import run_instance

log = structlog.get_logger(__name__)

#: Answers are collected for so long; a check takes longer.
_TOGETHER_S = 0.002


def run(descriptor: int) -> None:
    """Serves the channel until the engine closes it or is gone; what runs then is cancelled."""
    collect_less()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the engine decides when we end
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with socket.socket(fileno=descriptor) as channel:
        channel.setblocking(False)
        run_loop(Runs(channel).serve())


class Runs:
    """The instances that were described to us, and the runs under way."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._instances: dict[int, Instance] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._answers: list[Answer] = []
        self._is_wanted = asyncio.Event()

    async def serve(self) -> None:
        """Works until the channel ends."""
        use_resolvers()
        decode = msgspec.msgpack.Decoder(Order).decode
        sender = asyncio.create_task(self._send())
        try:
            while head := await self._exactly(HEAD.size):
                (length,) = HEAD.unpack(head)
                self._obey(decode(await self._exactly(length)))
        except OSError:
            return  # the engine is gone
        finally:
            sender.cancel()
            for task in list(self._tasks.values()):
                task.cancel()

    async def _exactly(self, count: int) -> bytes:
        """So many bytes; b"" at the end of the channel."""
        found = bytearray()
        loop = asyncio.get_running_loop()
        while len(found) < count:
            part = await loop.sock_recv(self._channel, count - len(found))
            if not part:
                return b""
            found += part
        return bytes(found)

    def _obey(self, order: Order) -> None:
        for definition in order.definitions:
            self._instances[definition.number] = instance_of(definition)
        for run_number, number in order.runs:
            self._tasks[run_number] = asyncio.create_task(self._run(run_number, self._instances[number]))
        for number in order.forget:
            self._instances.pop(number, None)
        for run_number in order.cancel:
            if run_number in self._tasks:
                self._tasks[run_number].cancel()

    async def _run(self, number: int, instance: Instance) -> None:
        try:
            (item,) = await run_instance(instance, datetime.now(UTC))
        except Exception as error:
            # One broken check must not end the others'; the engine says whose it was.
            log.exception("a run failed", metric=instance.key.metric)
            answer = Answer(number, 3, "", "", "", 0, f"{type(error).__name__}: {error}")
        else:
            said = item.outcome
            texts = [text.encode(errors="replace").decode() for text in (said.summary, said.output, said.perfdata)]
            answer = Answer(number, said.status.value, texts[0], texts[1], texts[2], item.duration_ms)
        finally:
            self._tasks.pop(number, None)
        self._answers.append(answer)
        self._is_wanted.set()

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._is_wanted.wait()
            await asyncio.sleep(_TOGETHER_S)
            self._is_wanted.clear()
            answers, self._answers = self._answers, []
            await loop.sock_sendall(self._channel, framed(answers))


def instance_of(definition: Definition) -> Instance:
    """The instance that was described."""
    service_id, service_type, site, site_bdii, properties = definition.place
    place = Place(service_id, Target(*definition.target), service_type, site, site_bdii, properties)
    return Instance(SeriesKey(*definition.key), TestSpec(**definition.test), place)
