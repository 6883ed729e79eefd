"""The worker: takes orders from the bus, runs them, and lets the scheduler know, whatever happens to the bus meanwhile.

A run is done once it is in the spool; only then its order is acknowledged. An answer leaves the spool once the bus
holds it. So a crash at any moment costs at most the run itself, which the scheduler gives to another worker.
"""

import asyncio
import contextlib
import socket
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, TypeVar

import structlog
from nats.aio.msg import Msg

from gridkeeper.bus.nats import TROUBLE, Bus, BusError, Pull, let_go
from gridkeeper.bus.spool import Spool, SpoolError
from gridkeeper.config import Config, SettingsError
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.executors import Executor, Here
from gridkeeper.probes.handing import given
from gridkeeper.probes.loops import run_loop, use_resolvers
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.running import Measured
from gridkeeper.probes.spawning import close_spawner
from gridkeeper.probes.wire import VERSION, Answer, Beat, Head, Order, WireError, answer_of, decode, encode, instance_of
from gridkeeper.probes.worker_keys import WorkerKey, WorkerKeyError
from gridkeeper.probes.worker_secrets import opened

log = structlog.get_logger(__name__)
_T = TypeVar("_T")

#: The bus gives an order again that was not acknowledged for so long; one under way is spoken for more often.
ORDER_WAIT_S = 30.0
_PROGRESS_S = ORDER_WAIT_S / 3
#: When told to stop: for what runs, and for what the bus has not taken yet (the disk keeps the rest).
_GRACE_S, _LAST_WORDS, _LAST_WORD_S = 3.0, 40, 0.05
#: Answers on their way to the bus at once.
_AT_ONCE = 256
_RETRY_S = 1.0
#: What happens within it is written to the disk at once.
_TOGETHER_S = 0.01


#: What keeps a worker from starting, in words.
WORKER_ERRORS = (SpoolError, WorkerKeyError, BusError, SettingsError)


class Worker:
    """One worker, known by its name. `run` ends when the stop event is set."""

    def __init__(self, config: Config, *, executor: Executor | None = None) -> None:
        """Raises SpoolError and WorkerKeyError where its folder cannot be used."""
        self.name = name_of(config)
        self._config = config
        self._executor = executor or Here()
        folder = config.data_dir / "worker"
        self._spool = Spool(folder / "spool.sqlite3")
        self._key = WorkerKey(folder / "key")
        self._bus = Bus(config, who=self.name)
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._boot = uuid.uuid4().hex[:16]
        self._beats = self.done = 0
        self._running: dict[str, tuple[asyncio.Task[None], Msg]] = {}
        self._measured: list[tuple[str, bytes, Msg]] = []
        self._in_flight: set[str] = set()
        self._trouble = ""
        self._is_stopping = False
        self._has_measured, self._has_spooled = asyncio.Event(), asyncio.Event()
        names = self._bus.names
        self._pull = Pull(self._bus, names.work, names.consumer_of(self.name), self._take, self._room)
        self._bus.on_back = self._pull.ask_anew

    async def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set; raises what ended one of its jobs."""
        use_resolvers()
        if self._spool.set_aside:
            log.error("the spool could not be read and is begun anew", kept=str(self._spool.set_aside))
        await self._connect(stop)
        # Who is told to stop before there is a bus has nothing to end.
        jobs = [self._pull.run(), self._beat_loop(), self._spool_loop(), self._send_loop(), self._progress_loop()]
        tasks = [asyncio.create_task(job) for job in jobs] if not stop.is_set() else []
        log.info("worker at work", name=self.name, spooled=len(self._spool))
        try:
            while not stop.is_set():
                await asyncio.sleep(0.1)
                for task in tasks:
                    if task.done():
                        task.result()
        finally:
            await self._end(tasks)

    async def _connect(self, stop: threading.Event) -> None:
        connecting = asyncio.create_task(self._bus.connect_patiently())
        while not connecting.done() and not stop.is_set():
            await asyncio.wait([connecting], timeout=0.1)
        connecting.cancel()
        await asyncio.wait([connecting])

    async def _end(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Lets runs end, the disk keep what they said, and the bus have it where it is there."""
        self._is_stopping = True
        if tasks:
            tasks[0].cancel()
            running = [task for task, _ in self._running.values()]
            if running:
                await asyncio.wait(running, timeout=_GRACE_S)
            for task, _ in self._running.values():
                task.cancel()
            for _ in range(_LAST_WORDS):
                if not self._measured and not (self._bus.is_connected and len(self._spool)):
                    break
                await asyncio.sleep(_LAST_WORD_S)
            await self._beat()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._bus.close()
        close_spawner()
        self._disk.shutdown()
        self._spool.close()

    # Orders

    def _room(self) -> int:
        if self._is_stopping or self._trouble or self._spool.is_full:
            return 0
        return self._config.probe_concurrency - len(self._running) - len(self._measured)

    async def _take(self, message: Msg) -> None:
        """Begins a run; one that is under way or was done already is not run again."""
        try:
            order = decode(Order, message.data)
            head = decode(Head, order.head)
        except WireError as error:
            log.error("an order cannot be read", error=str(error))
            with contextlib.suppress(*TROUBLE):
                await message.term()
            return
        known = self._running.get(head.run)
        if known is not None:
            self._running[head.run] = (known[0], message)  # given again: this is the one to acknowledge
            return
        if head.worker != self.name or any(name == head.run for name, _, _ in self._measured):
            return
        if await self._on_disk(self._spool.knows, head.run):
            await let_go(message)
            return
        self._running[head.run] = (asyncio.create_task(self._run(order, head)), message)

    async def _run(self, order: Order, head: Head) -> None:
        try:
            measured = await self._measure(order)
        finally:
            _, message = self._running.pop(head.run)
            self._pull.look_again()
        answer: Answer = answer_of(order, measured)
        self._measured.append((head.run, encode(answer), message))
        self._has_measured.set()

    async def _measure(self, order: Order) -> list[Measured]:
        now = datetime.now(UTC)
        try:
            instance = instance_of(order)
            material = opened(order.secret, self._key, order.head)
        except (WireError, WorkerKeyError) as error:
            return [_unknown(order, f"the worker cannot run it: {error}", now)]
        try:
            with given(material):
                return await self._executor.execute(instance, now)
        except Exception:
            # One broken test must not stop the others; its fault is in the log, and its status turns UNKNOWN.
            log.exception("a run failed", host=order.key[0], metric=order.key[2])
            return [_unknown(order, f"the worker {self.name} failed on this test; its log has the fault", now)]

    async def _progress_loop(self) -> None:
        """Speaks for the orders under way, so that the bus does not give them again."""
        while True:
            await asyncio.sleep(_PROGRESS_S)
            for _, message in list(self._running.values()):
                with contextlib.suppress(*TROUBLE):
                    await message.in_progress()

    # Answers

    async def _spool_loop(self) -> None:
        """Makes answers durable, all that there are in one transaction, and acknowledges their orders."""
        while True:
            await self._has_measured.wait()
            await asyncio.sleep(_TOGETHER_S)
            self._has_measured.clear()
            batch = list(self._measured)
            try:
                await self._on_disk(self._spool.put, [(run, payload) for run, payload, _ in batch])
            except SpoolError as error:
                self._say(str(error))
                await asyncio.sleep(_RETRY_S)
                self._has_measured.set()
                continue
            self._say("")
            del self._measured[: len(batch)]
            self.done += len(batch)
            self._has_spooled.set()
            self._pull.look_again()
            for _, _, message in batch:
                await let_go(message)

    async def _send_loop(self) -> None:
        """Gives the bus what the spool holds; as many at once as it can take."""
        sending: set[asyncio.Task[str]] = set()
        while True:
            try:
                await self._send_more(sending)
                done = {task for task in sending if task.done()}
                sending -= done
                names = [task.result() for task in done]
                await self._on_disk(self._spool.remove, names)
                self._in_flight -= set(names)
            except SpoolError as error:
                self._say(str(error))
                await asyncio.sleep(_RETRY_S)

    async def _send_more(self, sending: set["asyncio.Task[str]"]) -> None:
        self._has_spooled.clear()
        room = _AT_ONCE - len(sending)
        if room > 0 and len(self._spool) > len(self._in_flight):
            for name, payload in await self._on_disk(lambda: self._spool.waiting(room, but=self._in_flight)):
                self._in_flight.add(name)
                sending.add(asyncio.create_task(self._send(name, payload)))
        if sending:
            woken = asyncio.create_task(self._has_spooled.wait())
            await asyncio.wait({*sending, woken}, return_when="FIRST_COMPLETED")
            woken.cancel()
            await asyncio.sleep(_TOGETHER_S)
        else:
            await self._has_spooled.wait()

    async def _send(self, name: str, payload: bytes) -> str:
        while True:
            try:
                await self._bus.give(self._bus.names.results_of(self.name), payload, name)
            except BusError as error:
                self._say(str(error))
                await asyncio.sleep(_RETRY_S)
            else:
                return name

    def _say(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            log.error("the worker takes no runs", reason=trouble)
        self._trouble = trouble

    # Signs of life

    async def _beat_loop(self) -> None:
        while True:
            await self._beat()
            await asyncio.sleep(self._config.worker_beat_s)

    async def _beat(self) -> None:
        config = self._config
        self._beats += 1
        beat = Beat(
            version=VERSION, worker=self.name, boot=self._boot, number=self._beats,
            running=list(self._running), spooled=len(self._spool) + len(self._measured), done=self.done,
            capacity=config.probe_concurrency, clock_s=time.time(), trouble=self._trouble, is_leaving=self._is_stopping,
            software=version("gridkeeper"), public_key=self._key.public, region=config.worker_region,
            network=config.worker_network, vos=config.worker_vos, labels=config.worker_labels,
        )  # fmt: skip
        if not self._bus.is_connected:
            return  # an old sign of life says nothing; none is kept for later
        with contextlib.suppress(*TROUBLE):
            await self._bus.client.publish(self._bus.names.beat_of(self.name), encode(beat))

    async def _on_disk(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *arguments)


def _unknown(order: Order, why: str, now: datetime) -> Measured:
    return Measured(SeriesKey(*order.key), Outcome(Status.UNKNOWN, why), now, 0)


def name_of(config: Config) -> str:
    """The worker's name as settings give it, else its host's; an underscore has another meaning on the bus."""
    return config.worker_name or socket.gethostname().replace("_", "-")


def run_worker(config: Config, stop: threading.Event) -> None:
    """The command `gridkeeper worker`: runs until `stop` is set. Raises SpoolError and WorkerKeyError."""
    run_loop(Worker(config).run(stop))
