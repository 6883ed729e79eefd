"""The engine: runs every instance when it is due, on asyncio, and hands the results to ingest.

One process per installation. The event loop runs tests; one thread talks to the database. State that a restart must
keep is in the database: latest statuses and requests for runs.
"""

import asyncio
import math
import socket
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError

from gridkeeper.core.status import Status
from gridkeeper.lake import scan
from gridkeeper.probes import metrics
from gridkeeper.probes.checks import checks
from gridkeeper.probes.conditions import Conditions, load_conditions, load_flapping, note_flapping
from gridkeeper.probes.executors import Executor, Here, Remote
from gridkeeper.probes.figures import Figures, kinds, write_report
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.instances import Instance, latest_rows, load_instances, stamp
from gridkeeper.probes.local import Local
from gridkeeper.probes.loops import DatabaseThread, collect_less, run_loop, use_resolvers
from gridkeeper.probes.memory import Memory
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.outbox import Outbox
from gridkeeper.probes.queue import Place, Queue
from gridkeeper.probes.requests import Wanted, finish_request, return_requests, take_requests
from gridkeeper.probes.results import Result
from gridkeeper.probes.running import Measured, attempts_allowed, blocked, stored_form
from gridkeeper.probes.spawning import close_spawner
from gridkeeper.probes.timetable import Timetable
from gridkeeper.probes.try_runs import run_trials

log = structlog.get_logger(__name__)

#: Nothing new is started while so many results cannot be stored.
_BACKLOG = 50_000
_POLL_S, _RELOAD_S = 0.5, 5.0
#: What changed without an audit record (rows written in bulk) is noticed so late at the latest.
_RELOAD_ANYHOW_S = 60.0
#: What runs when we are told to stop has so long to end.
_GRACE_S = 3.0
#: What is run because somebody asked goes before everything else.
_ASKED_PRIORITY = 1_000_000
_NOT_HERE = "not run: no profile has this test on this service for that VO, or the service is not monitored"
#: After a downtime or a pause everything of it runs within this time.
_SOON_S = 60.0


class Engine:
    """Schedules, runs and stores. `run` ends when the stop event is set, with everything stored that was measured."""

    def __init__(self, *, worker: str = "", executor: Executor | None = None) -> None:
        config = settings.GRIDKEEPER
        self._executor = executor or Here()
        self._remote = self._executor if isinstance(self._executor, Remote) else None
        self.worker = worker or socket.gethostname()
        self._speed = config.speed
        self._concurrency = config.probe_concurrency
        self._instances: dict[int, Instance] = {}
        self._kinds: dict[str, int] = {}
        self._stamp: tuple[Any, ...] | None = None
        self._loaded_s, self._loading_s = -math.inf, 0.0
        self._memory = Memory()
        self._conditions = Conditions()
        self._timetable = Timetable(self._memory, self._speed)
        self._figures = Figures(time.time())
        self._flapping_news: dict[int, float | None] = {}
        self._queue = Queue(config.probe_per_host, config.probe_per_site)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._requests: dict[int, list[Wanted]] = defaultdict(list)
        self._outbox = Outbox(self._store, self._remote.stored) if self._remote else Outbox(self._store)
        self._in_database = DatabaseThread("database")
        self._ids = count()
        self._session = uuid.uuid4().hex[:16]
        self._wake = asyncio.Event()
        self.runs = 0

    @property
    def stored(self) -> int:
        """Results that are durable."""
        return self._outbox.stored

    async def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set. Raises what ended one of its jobs: the supervisor starts it anew."""
        use_resolvers()
        await self._in_database(checks)  # loads the packs, which takes seconds, before anything runs
        known, flapping = await self._in_database(latest_rows), await self._in_database(load_flapping)
        self._memory = Memory(known, flapping)
        self._timetable = Timetable(self._memory, self._speed)
        await self._in_database(return_requests)
        await self._reload()
        if self._remote is not None:
            await self._remote.open(self.keep, self._instance_of)
        jobs = [self._outbox.run(), self._poll_loop(), self._reload_loop(), run_trials(self._in_database)]
        helpers = [asyncio.create_task(job) for job in jobs]
        try:
            await self._schedule_loop(stop, helpers)
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)
            await self._finish()

    async def _schedule_loop(self, stop: threading.Event, helpers: Sequence["asyncio.Task[None]"]) -> None:
        while not stop.is_set():
            for helper in helpers:
                if helper.done():
                    helper.result()
            if self._remote is not None:
                self._remote.require_running()
            self._start_due(time.time())
            self._wake.clear()
            next_s = self._timetable.next_s - time.time()
            try:
                async with asyncio.timeout(min(0.2, max(0.001, next_s))):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _start_due(self, now_s: float) -> None:
        for instance, due_s in self._timetable.due(self._instances, now_s):
            is_paused = bool(self._conditions.pauses) and bool(self._conditions.pause_of(instance))
            if is_paused or instance.series in self._tasks:
                self._timetable.plan_next(instance, now_s)
            else:
                self._enqueue(instance, due_s, self._conditions.priority_of(instance))
        while len(self._tasks) < self._concurrency and len(self._outbox) < _BACKLOG:
            place = self._queue.take()
            if place is None:
                return
            found = self._instances.get(place.series)
            if found is None:  # it left the profiles while it waited
                self._queue.release(place)
                continue
            self._timetable.plan_next(found, now_s)
            lag_s = max(0.0, now_s - place.due_s)
            metrics.LAG.observe(lag_s)
            self._figures.started(lag_s)
            self._tasks[place.series] = asyncio.create_task(self._run_one(found, place))

    def _instance_of(self, series: int) -> Instance | None:
        return self._instances.get(series)

    def _enqueue(self, instance: Instance, due_s: float, priority: int) -> None:
        """Lets the instance run as soon as host and site have room, unless it runs already."""
        if instance.series not in self._tasks:
            place = instance.place
            self._queue.add(instance.series, place.limit_key, due_s, site=place.site, priority=priority)

    async def _run_one(self, instance: Instance, place: Place) -> None:
        wanted = self._requests.pop(instance.series, [])
        try:
            cause = self._memory.blocker(instance)
            now = datetime.now(UTC)
            measured = blocked(instance, cause, now) if cause else await self._executor.execute(instance, now)
        except Exception:
            # One broken test must not stop the others; its fault is in the log, and its status turns UNKNOWN.
            log.exception("a run failed", host=instance.key.hostname, metric=instance.key.metric)
            measured = [_broken(instance)]
        else:
            self.runs += 1
        finally:
            self._release(instance, place)
        self.keep(instance, measured)
        if wanted:
            await self._answer(wanted, measured)

    def _release(self, instance: Instance, place: Place) -> None:
        del self._tasks[instance.series]
        self._queue.release(place)
        if instance.series in self._requests:  # asked for while it ran: what was true before is no answer
            self._enqueue(instance, time.time(), _ASKED_PRIORITY)
        metrics.RUNS_BY_KIND[instance.test.kind].inc()
        self._wake.set()

    def keep(self, instance: Instance, measured: Sequence[Measured]) -> None:
        """Takes measurements into the engine's memory and on to the database; they are durable a moment later.

        Called on the event loop: with what every run says, and by an executor for what came late, after its run had
        been given up. A late one moves attempts and hard statuses on like any other; one whose `id` was stored before
        changes nothing there. The instance need not be scheduled any more.
        """
        is_maintained = self._conditions.is_in_downtime(instance)
        for item, is_hard in self._memory.judge(measured, attempts_allowed(instance), is_maintained=is_maintained):
            result_id = item.id or f"{self._session}-{next(self._ids):x}"
            worker = item.worker or self.worker
            self._outbox.add(stored_form(item, result_id=result_id, worker=worker, is_hard=is_hard))
            metrics.RESULTS_BY_STATUS[item.outcome.status].inc()
            if not is_hard and item.key.series == instance.series and instance.series in self._instances:
                retry_s = time.time() + instance.test.retry_interval_s / self._speed
                self._timetable.plan_before(instance.series, retry_s)
        if instance.series in self._instances and not is_maintained:
            self._timetable.plan_after_run(instance, time.time())
        if measured:
            self._figures.ended(instance.test.name, measured[0].duration_ms)

    async def _answer(self, wanted: list[Wanted], measured: list[Measured]) -> None:
        """Tells who asked for the run how it ended, once the result can be seen."""
        await self._outbox.flush()
        by_key = {item.key: item for item in measured}
        for request in wanted:
            item = by_key.get(request.key) or next(iter(measured), None)
            said = f"{item.outcome.status.name}: {item.outcome.summary}" if item else "no result yet: it is under way"
            await self._finish_request(request, said)

    async def _finish_request(self, request: Wanted, outcome: str) -> None:
        try:
            await self._in_database(finish_request, request, outcome)
        except DatabaseError as error:
            log.warning("the end of a requested run cannot be noted", request=request.request_id, error=str(error))

    async def _store(self, batch: Sequence[Result]) -> None:
        await self._in_database(lambda: submit(batch, now=datetime.now(UTC)))

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
            await self._answer_for_what_has_gone()

    async def _answer_for_what_has_gone(self) -> None:
        """Tells who waits for a run of what has left the profiles meanwhile."""
        gone = [series for series in self._requests if series not in self._instances and series not in self._tasks]
        for request in [request for series in gone for request in self._requests.pop(series)]:
            await self._finish_request(request, _NOT_HERE)

    async def _want(self, request: Wanted) -> None:
        instance = self._instances.get(request.key.series) or self._carrier(request)
        if instance is None:
            await self._finish_request(request, _NOT_HERE)
            return
        pause = self._conditions.pause_of(instance)
        if pause:
            await self._finish_request(request, f"not run: it is {pause}")
            return
        self._requests[instance.series].append(request)
        self._enqueue(instance, time.time(), _ASKED_PRIORITY)
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
                await self._report()
            except DatabaseError as error:
                log.warning("what to run cannot be read", error=str(error))
            self._count()
            try:
                await self._in_database(metrics.publish)
            except OSError as error:  # a full disk is no reason to test nothing
                log.warning("the figures cannot be written", error=str(error))

    async def _reload(self) -> None:
        """Takes over what changed in registry and profiles; what is new runs within its interval."""
        await self._take_conditions()
        found = await self._in_database(stamp)
        begin_s = time.monotonic()
        if found == self._stamp and begin_s < self._loaded_s + max(_RELOAD_ANYHOW_S, 30 * self._loading_s):
            return
        self._instances = await self._in_database(load_instances)
        self._loading_s = time.monotonic() - begin_s  # a million instances take many seconds: not every minute
        if found != self._stamp:
            log.info("tests loaded", instances=len(self._instances))
        self._stamp, self._loaded_s = found, time.monotonic()
        self._kinds = kinds(instance.test.kind for instance in self._instances.values())
        self._timetable.synchronise(self._instances, time.time())

    async def _take_conditions(self) -> None:
        """Takes over pauses and downtimes. What one of them has let go is run soon, so that its news is known."""
        before, self._conditions = self._conditions, await self._in_database(lambda: load_conditions(datetime.now(UTC)))
        back = self._conditions.back(before)
        freed = [one for one in self._instances.values() if one.place.service_id in back] if back else []
        freed += self._conditions.freed(before, self._instances.values())
        self._timetable.spread(freed, time.time(), _SOON_S / self._speed)

    async def _report(self) -> None:
        """Lets the page see how we are doing, and which series flap."""
        news = self._flapping_news = self._flapping_news | self._memory.take_flapping_news()
        if news:
            await self._in_database(lambda: note_flapping(news, datetime.now(UTC)))
            self._flapping_news = {}
        at_host, at_site = self._queue.waiting()
        figures = self._figures.report(
            time.time(),
            instances=len(self._instances),
            kinds=self._kinds,
            queued=len(self._queue),
            ready=self._queue.ready,
            waiting_at_host=at_host,
            waiting_at_site=at_site,
            in_flight=len(self._tasks),
            concurrency=self._concurrency,
            waiting_to_be_stored=len(self._outbox),
            stored=self._outbox.stored,
            pauses=len(self._conditions.pauses),
            services_in_downtime=len(self._conditions.downtimes),
            flapping=len(self._memory.flapping),
        )
        await self._in_database(lambda: write_report(self.worker, figures, datetime.now(UTC)))

    def _count(self) -> None:
        metrics.INSTANCES.set(len(self._instances))
        metrics.IN_FLIGHT.set(len(self._tasks))
        metrics.WAITING.set(len(self._outbox))
        metrics.STORED.set(self._outbox.stored)

    async def _finish(self) -> None:
        """Gives what runs a moment to end, and stores everything that was measured."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_GRACE_S)
        remaining = list(self._tasks.values())
        for task in remaining:
            task.cancel()
        await asyncio.gather(*remaining, return_exceptions=True)
        for _ in range(10):
            await self._outbox.flush()
            if not len(self._outbox):
                break
        if len(self._outbox):
            log.error("results are lost: the database took none of them", count=len(self._outbox))
        if isinstance(self._executor, Local | Remote):
            await self._executor.close()
        close_spawner()
        await self._in_database.close()


def _broken(instance: Instance) -> Measured:
    outcome = Outcome(Status.UNKNOWN, "the engine failed on this test; its log has the fault")
    return Measured(instance.key, outcome, datetime.now(UTC), 0)


def run_scheduler(stop: threading.Event) -> None:
    """The role `gridkeeper scheduler`: runs until `stop` is set."""
    collect_less()
    scan.preload()  # the first results shall not wait for it
    run_loop(Engine(executor=_executor()).run(stop))


def _executor() -> Executor:
    """This process and others of this machine, or with a bus the workers on it."""
    if not settings.GRIDKEEPER.bus_url:
        return Local() if settings.GRIDKEEPER.probe_processes else Here()
    # The client of NATS is of use to those alone who have a bus.
    from gridkeeper.probes.dispatch import Dispatch

    return Dispatch.of_settings()
