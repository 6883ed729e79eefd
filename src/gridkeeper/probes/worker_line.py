"""The scheduler's line to its workers: orders out, answers and signs of life in, leases between.

Nothing of a worker's message is believed that is not bound to an order of ours by its ticket.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from nats.aio.msg import Msg

from gridkeeper.bus.nats import TROUBLE, Bus, BusError, Pull, let_go, token
from gridkeeper.config import Config
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.models import WorkerState
from gridkeeper.probes.places import Seen
from gridkeeper.probes.running import Measured
from gridkeeper.probes.wire import Answer, Beat, Head, Tickets, WireError, decode, encode, measured_of, order_of
from gridkeeper.probes.worker import ORDER_WAIT_S
from gridkeeper.probes.worker_leases import Leases
from gridkeeper.probes.worker_roster import Roster

log = structlog.get_logger(__name__)

#: The bus gives an answer again that we did not let go of for so long: it waits for the database meanwhile.
_ANSWER_WAIT_S = 60.0
_MOST_UNACKED = 50_000
_AT_ONCE = 2000
#: Rounds that are remembered after they were stored: what comes of them again is let go of.
_REMEMBERED = 100_000
#: An order that was not seen to begin is given to another after so many leases.
_PATIENCE = 3
_CONSUMER = "scheduler"


class WorkerLostError(Exception):
    """The worker will not answer this order, as far as anybody can tell; the message says why."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker said. message: to be let go of once the result is durable; None for what ran in this process."""

    worker: str
    measured: list[Measured]
    message: Msg | None = None


@dataclass(slots=True)
class _Waiting:
    worker: str
    instance: Instance
    reply: "asyncio.Future[Reply]"


@dataclass(slots=True)
class _Held:
    """Messages of a round whose results are not all durable yet. missing: ids of those."""

    messages: list[Msg]
    missing: set[str]


class Line:
    """Connects, and keeps every promise of the wire. `late` gets answers to rounds that nobody waits for any more."""

    def __init__(
        self,
        config: Config,
        roster: Roster,
        late: Callable[[Head, Reply], None],
        instance_of: Callable[[int], Instance | None],
        on_change: Callable[[], None],
    ) -> None:
        self._config, self._roster = config, roster
        self._late, self._instance_of, self._on_change = late, instance_of, on_change
        self._bus = Bus(config, who="scheduler")
        self.tickets = Tickets(config.secret_key)
        self._workers: Leases[str] = Leases(config.worker_lease_s)
        self._runs: Leases[str] = Leases(config.worker_lease_s)
        self._waiting: dict[str, _Waiting] = {}
        self._open: set[str] = set()
        self._spare: dict[str, list[tuple[Head, Reply]]] = {}
        self._held: dict[str, _Held] = {}
        self._stored: OrderedDict[str, None] = OrderedDict()
        self._jobs: set[asyncio.Task[None]] = set()
        self._seen: dict[str, Seen] = {}
        names = self._bus.names
        self._pull = Pull(self._bus, names.results, _CONSUMER, self._take, lambda: _AT_ONCE)
        self._bus.on_away, self._bus.on_back = self._on_away, self._on_back

    @property
    def is_connected(self) -> bool:
        return self._bus.is_connected

    async def run(self) -> None:
        """Connects as soon as it can, then works for ever."""
        await self._bus.connect_patiently()
        await self._prepare()
        for name in self._roster.members:  # who is not heard now is lost
            self._workers.grant(name, time.monotonic())
        await self._bus.client.subscribe(self._bus.names.beats, cb=self._on_beat)
        log.info("the bus is there", url=self._config.bus_url)
        await asyncio.gather(self._pull.run(), self._watch())

    async def close(self) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        await self._bus.close()

    async def _prepare(self) -> None:
        """Streams and the consumer of answers; tried until the bus takes them."""
        while True:
            try:
                await self._bus.make_streams()
                names = self._bus.names
                await self._bus.make_consumer(
                    names.results, _CONSUMER, f"{names.prefix}.results.*", wait_s=_ANSWER_WAIT_S,
                    most_unacked=_MOST_UNACKED,
                )  # fmt: skip
            except TROUBLE as error:
                log.warning("the streams cannot be made yet", error=str(error))
                await asyncio.sleep(1)
            else:
                return

    def _on_away(self) -> None:
        self._workers.pause()
        self._runs.pause()

    def _on_back(self) -> None:
        now_s = time.monotonic()
        self._workers.resume(now_s)
        self._runs.resume(now_s)
        for member in self._roster.members.values():
            self._do(self._make_ready(member.name))  # the server may have lost what it held
        self._do(self._prepare())
        self._pull.ask_anew()

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    # Orders

    def begin(self, round_id: str) -> None:
        """A round is open: what comes of it is for whoever waits."""
        self._open.add(round_id)

    def spare(self, round_id: str) -> Reply | None:
        """What a worker that was given up said after all, while its round is still open."""
        found = self._spare.get(round_id)
        return found[-1][1] if found else None

    def end(self, round_id: str, replies: Sequence[Reply], *, is_kept: bool) -> None:
        """A round is over. is_kept: its answers are let go of once it is stored; else what came of it is late."""
        self._open.discard(round_id)
        spare = self._spare.pop(round_id, [])
        if not is_kept:
            for head, reply in spare:
                self._late(head, reply)
            return
        messages = [reply.message for reply in (*replies, *(reply for _, reply in spare)) if reply.message is not None]
        missing = {round_id, *(item.id for reply in replies[:1] for item in reply.measured)}
        self._held[round_id] = _Held(messages, missing)

    async def ask(self, instance: Instance, head: Head, secret: bytes) -> Reply:
        """Has a worker run the instance. Raises WorkerLostError."""
        order = order_of(instance, head, self.tickets, secret)
        member = self._roster.member(head.worker)
        waiting = _Waiting(head.worker, instance, asyncio.get_running_loop().create_future())
        self._waiting[head.run] = waiting
        member.in_flight.add(head.run)
        self._runs.grant(head.run, time.monotonic(), _PATIENCE * self._config.worker_lease_s)
        giving = asyncio.create_task(self._give(head, encode(order)))
        try:
            return await waiting.reply
        finally:
            giving.cancel()
            self._waiting.pop(head.run, None)
            self._runs.end(head.run)
            member.in_flight.discard(head.run)

    async def _give(self, head: Head, payload: bytes) -> None:
        try:
            await self._bus.give(self._bus.names.orders_of(head.worker), payload, head.run)
        except BusError as error:
            self._lose(head.run, str(error))

    def _lose(self, run: str, why: str) -> None:
        waiting = self._waiting.get(run)
        if waiting is not None and not waiting.reply.done():
            waiting.reply.set_exception(WorkerLostError(f"{waiting.worker}: {why}"))

    # Answers

    async def _take(self, message: Msg) -> None:
        try:
            answer = decode(Answer, message.data)
            head = self.tickets.head_of(answer)
            if not message.subject.endswith(f".{token(head.worker)}"):
                raise WireError(f"it came from another worker than {head.worker}")
            self._sort(head, answer, message)
        except WireError as error:
            log.error("an answer is refused", subject=message.subject, error=str(error))
            with contextlib.suppress(*TROUBLE):
                await message.term()

    def _sort(self, head: Head, answer: Answer, message: Msg) -> None:
        """To whoever waits for it; one that comes again is known by its round."""
        waiting = self._waiting.get(head.run)
        if waiting is not None:
            reply = Reply(head.worker, measured_of(answer, head, waiting.instance), message)
            if not waiting.reply.done():
                waiting.reply.set_result(reply)
        elif head.round in self._held:
            self._held[head.round].messages.append(message)
        elif head.round in self._stored or head.is_trial:
            self._do(let_go(message))
        else:
            self._give_late(head, answer, message)

    def _give_late(self, head: Head, answer: Answer, message: Msg) -> None:
        """To the round where that is open still, else to whoever takes what comes late."""
        instance = self._instance_of(head.series)
        if instance is None:
            log.info("an answer is of a test that is not run any more", series=head.series, worker=head.worker)
            self._do(let_go(message))
            return
        reply = Reply(head.worker, measured_of(answer, head, instance), message)
        if head.round in self._open:
            self._spare.setdefault(head.round, []).append((head, reply))
            self._on_change()
        else:
            self._late(head, reply)

    def stored(self, ids: Sequence[str]) -> None:
        """These results are durable: their answers are let go of, and what comes of them again is too."""
        for one in ids:
            round_id = one.partition("-")[0]
            held = self._held.get(round_id)
            if held is None:
                continue
            held.missing.discard(one)
            if not held.missing:
                del self._held[round_id]
                self._stored[round_id] = None
                for message in held.messages:
                    self._do(let_go(message))
        while len(self._stored) > _REMEMBERED:
            self._stored.popitem(last=False)

    # Signs of life

    async def _on_beat(self, message: Msg) -> None:
        try:
            beat = decode(Beat, message.data)
        except WireError as error:
            log.warning("a sign of life cannot be read", subject=message.subject, error=str(error))
            return
        if not message.subject.endswith(f".{token(beat.worker)}"):
            log.warning("a sign of life bears another worker's name", subject=message.subject, name=beat.worker)
            return
        self._hear(beat, time.monotonic())

    def _hear(self, beat: Beat, now_s: float) -> None:
        before = self._roster.candidates()
        heard = self._roster.hear(beat)
        if not heard.is_fresh:
            return
        member = self._roster.member(beat.worker)
        self._seen[beat.worker] = Seen(beat, datetime.now(UTC))
        self._workers.grant(beat.worker, now_s)
        if heard.has_restarted:
            self._lose_all(beat.worker, "it began anew")
        for run in beat.running:
            if run in self._runs:
                self._runs.grant(run, now_s)
        if heard.is_new or not member.is_ready:
            self._do(self._make_ready(beat.worker))
        if beat.is_leaving:
            self._workers.end(beat.worker)
            self._be_lost(beat.worker, "it was stopped")
        if len(before) != len(self._roster.candidates()):
            self._on_change()

    def seen(self) -> list[Seen]:
        """The newest sign of life of each worker that was heard since the last call."""
        found = list(self._seen.values())
        self._seen.clear()
        return found

    async def _make_ready(self, name: str) -> None:
        names = self._bus.names
        try:
            await self._bus.make_consumer(
                names.work, names.consumer_of(name), names.orders_of(name), wait_s=ORDER_WAIT_S,
                most_unacked=_MOST_UNACKED,
            )  # fmt: skip
        except TROUBLE as error:
            log.warning("a worker's orders have no place yet", worker=name, error=str(error))
            return  # its next sign of life tries again
        self._roster.member(name).is_ready = True
        self._on_change()

    async def _watch(self) -> None:
        """Ends leases that nobody renewed."""
        while True:
            await asyncio.sleep(self._config.worker_beat_s / 2)
            now_s = time.monotonic()
            for name in self._workers.expired(now_s):
                self._workers.end(name)
                self._be_lost(name, f"nothing was heard of it for {self._config.worker_lease_s:g} s")
            for run in self._runs.expired(now_s):
                self._runs.end(run)
                self._lose(run, "it neither runs the order nor answers it")

    def _be_lost(self, name: str, why: str) -> None:
        runs = len(self._roster.member(name).in_flight)
        with_others = f"; its {runs} runs were given to others" if runs else ""
        log.warning("a worker is lost", worker=name, reason=why, runs=runs)
        self._roster.set_state(name, WorkerState.LOST, f"{why}{with_others}")
        self._lose_all(name, why)
        self._do(self._take_back(name))
        self._on_change()

    def _lose_all(self, name: str, why: str) -> None:
        for run in list(self._roster.member(name).in_flight):
            self._lose(run, why)

    async def _take_back(self, name: str) -> None:
        """What others run now need not be run when it comes back; a saving only, so nothing is tried twice."""
        with contextlib.suppress(*TROUBLE):
            await self._bus.jetstream.purge_stream(self._bus.names.work, subject=self._bus.names.orders_of(name))
