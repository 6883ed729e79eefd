"""The engine: runs every instance when it is due, on asyncio, and hands the results to ingest.

One process per installation. The event loop runs tests; one thread talks to the database. State that a restart must
keep is in the database: latest statuses and requests for runs.
"""

import asyncio
import contextlib
import heapq
import math
import socket
import threading
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from gridkeeper.core.status import Status
from gridkeeper.probes import plugins
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.instances import Instance, load_instances, remembered, stamp
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.requests import Wanted, finish_request, take_requests
from gridkeeper.probes.results import SUMMARY_LIMIT, Result
from gridkeeper.probes.running import Measured, attempts_allowed, blocked, run_instance
from gridkeeper.probes.schedule import Attempts, advance, is_blocking, next_run_s

log = structlog.get_logger(__name__)
_T = TypeVar("_T")
#: A series that has its place at its host and waits for one among all runs.
Queued = tuple[int, str]

#: Results are stored when so many wait, or so often.
_BATCH, _FLUSH_S = 500, 0.3
#: Nothing new is started while so many results cannot be stored.
_BACKLOG = 50_000
_POLL_S, _RELOAD_S, _SWEEP_S = 0.5, 5.0, 2.0
#: What runs when we are told to stop has so long to end.
_GRACE_S = 3.0


class Engine:
    """Schedules, runs and stores. `run` ends when the stop event is set, with everything stored that was measured."""

    def __init__(self, *, worker: str = "") -> None:
        config = settings.GRIDKEEPER
        self.worker = worker or socket.gethostname()
        self._speed = config.speed
        self._concurrency = config.probe_concurrency
        self._per_host = config.probe_per_host
        self._instances: dict[int, Instance] = {}
        self._stamp: tuple[Any, ...] | None = None
        self._attempts: dict[int, Attempts] = {}
        self._hard: dict[int, Status] = {}
        self._causes: dict[int, str] = {}
        self._heap: list[tuple[float, int]] = []
        self._due: dict[int, float] = {}
        self._waiting: dict[str, deque[int]] = defaultdict(deque)
        self._ready: deque[Queued] = deque()
        self._queued: set[int] = set()
        self._busy: dict[str, int] = defaultdict(int)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._requests: dict[int, list[Wanted]] = defaultdict(list)
        self._results: list[Result] = []
        self._database = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._ids = count()
        self._session = uuid.uuid4().hex[:16]
        self._wake = asyncio.Event()
        self._flush_now = asyncio.Event()
        self._flush_lock = asyncio.Lock()
        self.runs = 0
        self.stored = 0

    async def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set."""
        await self._recall()
        await self._reload()
        jobs = [self._flush_loop(), self._poll_loop(), self._reload_loop(), self._sweep_loop()]
        helpers = [asyncio.create_task(job) for job in jobs]
        try:
            await self._schedule_loop(stop)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            await self._finish()

    async def _schedule_loop(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self._start_due(time.time())
            self._wake.clear()
            next_s = self._heap[0][0] - time.time() if self._heap else 0.2
            try:
                async with asyncio.timeout(min(0.2, max(0.001, next_s))):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _start_due(self, now_s: float) -> None:
        while self._heap and self._heap[0][0] <= now_s:
            due_s, series = heapq.heappop(self._heap)
            instance = self._instances.get(series)
            if instance is None or self._due.get(series) != due_s:
                continue  # gone, or planned anew since
            self._plan(instance, next_run_s(series, self._interval_s(instance), now_s))
            self._enqueue(instance)
        while self._ready and len(self._tasks) < self._concurrency and len(self._results) < _BACKLOG:
            self._start(self._ready.popleft())

    def _interval_s(self, instance: Instance) -> float:
        return instance.test.interval_s / self._speed

    def _plan(self, instance: Instance, due_s: float) -> None:
        self._due[instance.series] = due_s
        heapq.heappush(self._heap, (due_s, instance.series))

    def _enqueue(self, instance: Instance) -> None:
        """Lets the instance run as soon as its host has room; one that runs or waits is not queued twice."""
        series, host = instance.series, instance.place.limit_key
        if series in self._tasks or series in self._queued:
            return
        self._queued.add(series)
        if self._busy[host] >= self._per_host:
            self._waiting[host].append(series)
            return
        self._busy[host] += 1
        self._ready.append((series, host))

    def _start(self, place: Queued) -> None:
        series, host = place
        self._queued.discard(series)
        instance = self._instances.get(series)
        if instance is None:  # it left the profiles while it waited
            self._make_room(host)
            return
        self._tasks[series] = asyncio.create_task(self._run_one(instance))

    async def _run_one(self, instance: Instance) -> None:
        wanted = self._requests.pop(instance.series, [])
        try:
            cause = self._blocker(instance)
            now = datetime.now(UTC)
            measured = blocked(instance, cause, now) if cause else await run_instance(instance, now)
            self.runs += 1
            self._keep(instance, measured)
            for request in wanted:
                status = measured[0].outcome.status.name
                await self._in_database(finish_request, request, f"{status}: {measured[0].outcome.summary}")
        except DatabaseError:
            log.exception("cannot note the end of a requested run", metric=instance.key.metric)
        except Exception:
            # One broken test must not stop the others; its fault is in the log, and its status turns UNKNOWN.
            log.exception("a run failed", host=instance.key.hostname, metric=instance.key.metric)
            self._keep(instance, [_broken(instance)])
        finally:
            self._release(instance)

    def _release(self, instance: Instance) -> None:
        self._tasks.pop(instance.series, None)
        self._make_room(instance.place.limit_key)
        self._wake.set()

    def _make_room(self, host: str) -> None:
        """Hands a run's place at its host to the next that waits for it."""
        waiting = self._waiting.get(host)
        if waiting:
            self._ready.append((waiting.popleft(), host))
            return
        self._waiting.pop(host, None)
        self._busy[host] -= 1
        if not self._busy[host]:
            del self._busy[host]

    def _blocker(self, instance: Instance) -> str:
        """The metric because of which the instance is not run: the root of the chain; "" where it may run."""
        for series, metric in instance.blockers:
            if is_blocking(self._hard.get(series)):
                return self._causes.get(series) or metric
        return ""

    def _keep(self, instance: Instance, measured: list[Measured]) -> None:
        allowed = attempts_allowed(instance)
        for item in measured:
            series = item.key.series
            most = 1 if item.cause else allowed.get(series, 1)
            attempts, is_hard = advance(self._attempts.get(series, Attempts()), item.outcome.status, most)
            self._attempts[series] = attempts
            self._hard[series] = attempts.hard
            self._causes[series] = item.cause
            self._results.append(self._result(item, is_hard=is_hard))
            if not is_hard and series == instance.series:
                self._plan(instance, time.time() + instance.test.retry_interval_s / self._speed)
        if len(self._results) >= _BATCH:
            self._flush_now.set()

    def _result(self, item: Measured, *, is_hard: bool) -> Result:
        outcome = item.outcome
        return Result(
            id=f"{self._session}-{next(self._ids):x}",
            key=item.key,
            status=outcome.status,
            executed_at=item.executed_at,
            duration_ms=item.duration_ms,
            summary=outcome.summary[:SUMMARY_LIMIT],
            output=_limited(outcome.output),
            perfdata=outcome.perfdata,
            worker=self.worker,
            is_hard=is_hard,
            cause=item.cause,
        )

    async def _flush_loop(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):  # the time is up: store what there is
                async with asyncio.timeout(_FLUSH_S):
                    await self._flush_now.wait()
            self._flush_now.clear()
            await self._flush()

    async def _flush(self) -> None:
        """Stores what waits. Where the database refuses, the results stay and are tried again."""
        async with self._flush_lock:
            if not self._results:
                return
            batch = self._results[:5000]
            try:
                await self._in_database(lambda: submit(batch, now=datetime.now(UTC)))
            except DatabaseError as error:
                log.warning("results cannot be stored yet", waiting=len(self._results), error=str(error))
                await asyncio.sleep(1)
                return
            del self._results[: len(batch)]
            self.stored += len(batch)

    async def _poll_loop(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                wanted = await self._in_database(lambda: take_requests(datetime.now(UTC)))
            except DatabaseError as error:
                log.warning("requests for runs cannot be read", error=str(error))
                continue
            for request in wanted:
                await self._want(request)

    async def _want(self, request: Wanted) -> None:
        instance = self._instances.get(request.key.series) or self._carrier(request)
        if instance is None:
            text = "not run: no profile has this test on this service for that VO, or the service is not monitored"
            await self._in_database(finish_request, request, text)
            return
        self._requests[instance.series].append(request)
        self._enqueue(instance)
        self._wake.set()

    def _carrier(self, request: Wanted) -> Instance | None:
        """The job that brings back the test that is wanted."""
        for instance in self._instances.values():
            if instance.riders and any(instance.rider_key(rider) == request.key for rider in instance.riders):
                return instance
        return None

    async def _reload_loop(self) -> None:
        while True:
            await asyncio.sleep(_RELOAD_S)
            try:
                await self._reload()
            except DatabaseError as error:
                log.warning("what to run cannot be read", error=str(error))

    async def _reload(self) -> None:
        """Takes over what changed in registry and profiles; what is new runs within its interval."""
        found = await self._in_database(stamp)
        if found == self._stamp:
            return
        self._instances = await self._in_database(load_instances)
        self._stamp = found
        now_s = time.time()
        for series in self._due.keys() - self._instances.keys():
            del self._due[series]
        for series, instance in self._instances.items():
            if self._due.get(series, math.inf) > now_s + self._interval_s(instance):
                self._plan(instance, next_run_s(series, self._interval_s(instance), now_s))
        log.info("tests loaded", instances=len(self._instances))

    async def _recall(self) -> None:
        self._attempts, self._hard, self._causes = await self._in_database(remembered)

    async def _sweep_loop(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            # Here and not in a thread: a plugin that was just started must be known before anybody looks.
            strays = plugins.reap_strays()
            if strays:
                log.warning("processes that plugins left behind were killed", count=strays)

    async def _in_database(self, function: Callable[..., _T], *arguments: Any) -> _T:
        def call() -> _T:
            close_old_connections()
            return function(*arguments)

        return await asyncio.get_running_loop().run_in_executor(self._database, call)

    async def _finish(self) -> None:
        """Gives what runs a moment to end, and stores everything that was measured."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_GRACE_S)
        remaining = list(self._tasks.values())
        for task in remaining:
            task.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
        for _ in range(10):
            if not self._results:
                break
            await self._flush()
        if self._results:
            log.error("results are lost: the database took none of them", count=len(self._results))
        await self._in_database(connections.close_all)
        self._database.shutdown()


def _limited(output: str) -> str:
    """The output up to the limit of the settings, in bytes; a cut says so."""
    limit = settings.GRIDKEEPER.log_limit_bytes
    if len(output) <= limit // 4:
        return output
    encoded = output.encode()
    if len(encoded) <= limit:
        return output
    return encoded[:limit].decode(errors="ignore") + f"\n… cut: {len(encoded)} bytes in all"


def _broken(instance: Instance) -> Measured:
    outcome = Outcome(Status.UNKNOWN, "the engine failed on this test; its log has the fault")
    return Measured(instance.key, outcome, datetime.now(UTC), 0)


def run_scheduler(stop: threading.Event) -> None:
    """The role `gridkeeper scheduler`: runs until `stop` is set."""
    plugins.adopt_orphans()
    asyncio.run(Engine().run(stop))
