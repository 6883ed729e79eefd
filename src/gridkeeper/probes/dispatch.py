"""Runs tests at workers elsewhere: chooses the places, asks them, and says what they say together.

A round is one execution of one instance, from one place or several. Its verdict has the round's own id, so whatever
comes twice is stored once; and the time at which it was asked for, so that no clock but the scheduler's counts.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connections

from gridkeeper.config import Config
from gridkeeper.core.status import Status
from gridkeeper.probes import places
from gridkeeper.probes.credential_rules import CredentialError
from gridkeeper.probes.dispatch_verdict import is_job, main_of, together
from gridkeeper.probes.executors import Executor, Here, Remote
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.loops import DatabaseThread
from gridkeeper.probes.models import WorkerState
from gridkeeper.probes.native import Outcome
from gridkeeper.probes.place_rules import Candidate, PlaceRule, choose, fitting, in_order
from gridkeeper.probes.quorum import Opinion, alone, is_good, wants_another
from gridkeeper.probes.running import Measured
from gridkeeper.probes.wire import Head, encode
from gridkeeper.probes.worker_doubt import Doubts
from gridkeeper.probes.worker_keys import WorkerKeyError
from gridkeeper.probes.worker_line import Line, Reply, WorkerLostError
from gridkeeper.probes.worker_roster import Roster
from gridkeeper.probes.worker_secrets import sealed_for

log = structlog.get_logger(__name__)

_ANYWHERE = PlaceRule()
_SAVE_S, _RELOAD_S = 0.5, 5.0
#: A worker's row says when it was last heard, so exactly.
_SEEN_EVERY, _LONG_AGO = timedelta(seconds=3), datetime(1970, 1, 1, tzinfo=UTC)
#: After a restart, how long the answers of a round that this process did not begin are waited for.
_LATE_S = 3.0
#: A round for which no worker is there is given up after so many leases.
_PATIENCE = 3


@dataclass(slots=True)
class _Round:
    """One execution under way. asked: workers that were asked in it, whatever became of them."""

    id: str
    instance: Instance
    rule: PlaceRule
    asked_at: datetime
    asked: set[str] = field(default_factory=set)
    shortage: str = ""


@dataclass(slots=True)
class _LateRound:
    head: Head
    instance: Instance
    ends_s: float
    replies: dict[str, Reply] = field(default_factory=dict)


class Dispatch(Remote):
    """The executor of an engine whose tests run at workers. `open` returns at once; the bus may come later."""

    def __init__(self, config: Config, *, local: Executor | None = None, local_name: str = "") -> None:
        """local: runs tests in this process too, as a place of that name; None: workers run them all"""
        self._config = config
        self._local, self._local_name = local, local_name
        self._roster, self._doubts = Roster(), Doubts()
        self._rules: dict[str, PlaceRule] = {}
        self._regions: dict[str, str] = {}
        self._bad: set[int] = set()
        self._late_rounds: dict[str, _LateRound] = {}
        self._opinions: list[places.PlaceOpinion] = []
        self._changes: list[tuple[str, WorkerState, str]] = []
        self._saved_at: dict[str, datetime] = {}
        self._next_trial_s: dict[str, float] = {}
        self._changed = asyncio.Event()
        self._in_database = DatabaseThread("places")
        self._jobs: set[asyncio.Task[None]] = set()
        self._loops: list[asyncio.Task[None]] = []
        self._instance_of: Callable[[int], Instance | None] = lambda series: None

    @classmethod
    def of_settings(cls) -> "Dispatch":
        config: Config = settings.GRIDKEEPER
        return cls(config, local=Here() if config.embedded_worker else None, local_name="scheduler")

    async def open(
        self,
        keep: Callable[[Instance, Sequence[Measured]], None],
        instance_of: Callable[[int], Instance | None],
    ) -> None:
        self._keep, self._instance_of = keep, instance_of
        self._line = Line(self._config, self._roster, self._late, instance_of, self._wake)
        for row in await self._in_database(places.registered_workers):
            member = self._roster.member(row.name)
            member.public_key, member.is_enabled = row.public_key, row.is_enabled
            member.state, member.reason = row.state, row.reason
            if row.state == WorkerState.SUSPECT:
                member.doubt = row.reason
                self._doubts.restore(row.name, row.reason)
        await self._reload()
        jobs = [self._line.run(), self._save_loop(), self._reload_loop(), self._late_loop()]
        self._loops = [asyncio.create_task(job) for job in jobs]

    def require_running(self) -> None:
        for job in self._loops:
            if job.done():
                job.result()

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(job)
        self._jobs.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._jobs.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("the trial of a worker failed", exc_info=task.exception())

    def _wake(self) -> None:
        """Somebody waits for a worker, and there may be one."""
        self._changed.set()
        self._changed = asyncio.Event()

    def stored(self, ids: Sequence[str]) -> None:
        self._line.stored(ids)

    async def close(self) -> None:
        jobs = [*self._jobs, *self._loops]
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await self._line.close()
        try:
            await self._save()
        except DatabaseError as error:
            log.warning("what is known of workers cannot be stored", error=str(error))
        await self._in_database.close()

    # One round

    async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
        """The verdict of the places; [] where no worker was there to ask, in a time: it may still come late."""
        rule = self._rule_of(instance)
        round_ = _Round(uuid.uuid4().hex[:20], instance, rule, now)
        self._line.begin(round_.id)
        replies: list[Reply] = []
        try:
            replies = await self._replies(round_)
            return self._conclude(round_, replies)
        except (CredentialError, WorkerKeyError) as error:
            return [Measured(instance.key, Outcome(Status.UNKNOWN, f"the test cannot run: {error}"), now, 0)]
        finally:
            self._line.end(round_.id, replies, is_kept=bool(replies))

    def _rule_of(self, instance: Instance) -> PlaceRule:
        """A job is sent once, whatever the rule says: its places would be so many jobs."""
        rule = self._rules.get(instance.test.name, _ANYWHERE)
        if is_job(instance) and rule.count > 1:
            return PlaceRule(labels=rule.labels)
        return rule

    async def _replies(self, round_: _Round) -> list[Reply]:
        instance, rule = round_.instance, round_.rule
        was_bad = instance.series in self._bad
        # What is bad is looked at from changing places; what is good stays where it is, and its figures comparable.
        turn = int(round_.asked_at.timestamp() // instance.test.interval_s) if was_bad else 0
        choice = choose(
            rule, series=instance.series, turn=turn, site_region=self._regions.get(instance.place.site, ""),
            vo=instance.key.vo, candidates=self._candidates(),
        )  # fmt: skip
        round_.shortage = choice.shortage
        round_.asked.update(choice.places)
        wanted: Sequence[str | None] = choice.places or (None,)
        found = await asyncio.gather(*(self._place(round_, name) for name in wanted))
        replies = [reply for reply in found if reply is not None]
        while replies and not is_job(instance):
            statuses = [main_of(reply, instance).outcome.status for reply in replies]
            if not wants_another(statuses, rule.count, was_bad=was_bad):
                break
            another = self._another(round_)
            reply = await self._place(round_, another, is_needed=False) if another else None
            if reply is None:
                break
            replies.append(reply)
        return replies

    def _candidates(self) -> list[Candidate]:
        found = self._roster.candidates()
        if self._local is not None:
            found.append(Candidate(self._local_name, self._config.worker_region, self._config.worker_network))
        return found

    def _another(self, round_: _Round) -> str | None:
        """The next place by lot that was not asked in this round."""
        fit = fitting(round_.rule, round_.instance.key.vo, self._candidates())
        order = in_order((one for one in fit if one.name not in round_.asked), series=round_.instance.series, turn=0)
        if not order:
            return None
        round_.asked.add(order[0].name)
        return order[0].name

    async def _place(self, round_: _Round, name: str | None, *, is_needed: bool = True) -> Reply | None:
        """What a place says, or another in its stead where it is lost; None where none is there in time."""
        gives_up_s = time.monotonic() + _PATIENCE * self._config.worker_lease_s
        while True:
            if name is not None:
                try:
                    return await self._ask(round_, name)
                except WorkerLostError as error:
                    log.info("a run is given to another worker", round=round_.id, reason=str(error))
            spare = self._line.spare(round_.id)
            if spare is not None:
                return spare
            changed = self._changed
            name = self._another(round_)
            if name is None:
                if not is_needed or time.monotonic() > gives_up_s:
                    return None
                await _wait(changed, self._config.worker_lease_s)
                round_.asked &= {one.name for one in self._candidates()}  # who comes back may be asked again
                name = self._another(round_)

    async def _ask(self, round_: _Round, name: str, *, is_trial: bool = False) -> Reply:
        instance = round_.instance
        if name == self._local_name and self._local is not None:
            measured = await self._local.execute(instance, round_.asked_at)
            return Reply(name, [_named(item, round_, index, instance) for index, item in enumerate(measured)])
        head = Head(round_.id, instance.series, name, round_.asked_at, round_.rule.quorum, is_trial)
        secret = b""
        if instance.test.credential:
            secret = await asyncio.get_running_loop().run_in_executor(None, self._sealed, instance, head)
        return await self._line.ask(instance, head, secret)

    def _sealed(self, instance: Instance, head: Head) -> bytes:
        try:
            return sealed_for(
                instance, worker=head.worker, public_key=self._roster.member(head.worker).public_key,
                context=encode(head), now=datetime.now(UTC),
            )  # fmt: skip
        finally:
            connections.close_all()

    # Verdicts

    def _conclude(self, round_: _Round, replies: Sequence[Reply]) -> list[Measured]:
        if not replies:
            log.warning(
                "no worker is there to run a test", host=round_.instance.key.hostname, test=round_.instance.test.name
            )
            return []
        measured = together(round_.instance, replies, round_.rule.quorum, round_.shortage)
        status = next((item for item in measured if item.key == round_.instance.key), measured[0]).outcome.status
        (self._bad.discard if is_good(status) else self._bad.add)(round_.instance.series)
        self._compare(round_, replies, status)
        return measured

    def _compare(self, round_: _Round, replies: Sequence[Reply], status: Status) -> None:
        """Who sees failures that nobody else sees, comes into doubt; who is in doubt is tried."""
        instance = round_.instance
        opinions = [Opinion(one.worker, main_of(one, instance).outcome.status) for one in replies]
        dissenters = set(alone(opinions, status))
        for opinion in opinions:
            is_alone = opinion.worker in dissenters
            says_something = (is_alone or is_good(opinion.status)) and opinion.worker != self._local_name
            if says_something and self._doubts.saw(opinion.worker, instance.place.limit_key, is_alone=is_alone):
                reason = self._doubts.reason(opinion.worker)
                log.warning("a worker is in doubt", worker=opinion.worker, reason=reason)
                self._roster.doubt(opinion.worker, reason)
        if len(replies) > 1:
            self._note(instance, replies)
        if is_good(status) and not is_job(instance):
            self._try(round_)

    def _note(self, instance: Instance, replies: Sequence[Reply]) -> None:
        for reply in replies:
            item = main_of(reply, instance)
            is_counted = not self._doubts.is_doubted(reply.worker)
            opinion = places.PlaceOpinion(
                item.key.series, reply.worker, item.outcome.status, item.executed_at, item.outcome.summary, is_counted
            )
            self._opinions.append(opinion)

    def _try(self, round_: _Round) -> None:
        """What others just found good is a trial for a worker in doubt; one at a time, and not too often."""
        now_s = time.monotonic()
        doubted = self._roster.candidates(state=WorkerState.SUSPECT)
        for one in fitting(round_.rule, round_.instance.key.vo, doubted):
            if now_s >= self._next_trial_s.get(one.name, 0.0):
                self._next_trial_s[one.name] = now_s + self._config.worker_lease_s
                self._do(self._trial(round_, one.name))

    async def _trial(self, round_: _Round, name: str) -> None:
        trial = _Round(uuid.uuid4().hex[:20], round_.instance, round_.rule, datetime.now(UTC))
        self._line.begin(trial.id)
        replies: list[Reply] = []
        try:
            replies = [await self._ask(trial, name, is_trial=True)]
        except (WorkerLostError, CredentialError, WorkerKeyError):
            return
        finally:
            self._line.end(trial.id, replies, is_kept=True)
            self._line.stored([trial.id])
        has_passed = is_good(main_of(replies[0], trial.instance).outcome.status)
        self._next_trial_s[name] = time.monotonic() + self._config.worker_beat_s
        if self._doubts.tried(name, has_passed=has_passed):
            log.info("a worker is in doubt no longer", worker=name)
            self._roster.trust(name, "its trials agree with what other workers see")
            self._wake()

    # What comes late

    def _late(self, head: Head, reply: Reply) -> None:
        """Answers to a round that was given up, or begun by a process that has ended: they decide as it would have."""
        instance = self._instance_of(head.series)
        if instance is None:
            return
        late = self._late_rounds.get(head.round)
        if late is None:
            late = self._late_rounds[head.round] = _LateRound(head, instance, time.monotonic() + _LATE_S)
        late.replies.setdefault(head.worker, reply)

    async def _late_loop(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            now_s = time.monotonic()
            for round_id, late in list(self._late_rounds.items()):
                if now_s >= late.ends_s:
                    del self._late_rounds[round_id]
                    replies = list(late.replies.values())
                    self._line.end(round_id, replies, is_kept=True)
                    self._keep(late.instance, together(late.instance, replies, late.head.quorum, ""))

    # The database

    async def _save_loop(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_S)
            try:
                await self._save()
            except DatabaseError as error:
                log.warning("what is known of workers cannot be stored yet", error=str(error))

    async def _save(self) -> None:
        now = datetime.now(UTC)
        seen = [one for one in self._line.seen() if now - self._saved_at.get(one.beat.worker, _LONG_AGO) >= _SEEN_EVERY]
        self._changes += self._roster.changes()
        changes, opinions = len(self._changes), len(self._opinions)
        await self._in_database(places.save_seen, seen)
        self._saved_at |= {one.beat.worker: now for one in seen}
        await self._in_database(places.save_states, self._changes[:changes], now)
        await self._in_database(places.save_opinions, self._opinions[:opinions])
        del self._changes[:changes], self._opinions[:opinions]

    async def _reload_loop(self) -> None:
        while True:
            await asyncio.sleep(_RELOAD_S)
            try:
                await self._reload()
            except DatabaseError as error:
                log.warning("the rules of places cannot be read", error=str(error))

    async def _reload(self) -> None:
        self._rules = await self._in_database(places.place_rules)
        self._regions = await self._in_database(places.regions_of_sites)
        for row in await self._in_database(places.registered_workers):
            member = self._roster.member(row.name)
            member.is_enabled = row.is_enabled
            if not row.public_key and member.beat is not None:  # somebody had it forgotten
                member.public_key = ""
        self._wake()


def _named(item: Measured, round_: _Round, index: int, instance: Instance) -> Measured:
    result_id = round_.id if item.key == instance.key else f"{round_.id}-{index}"
    return replace(item, id=result_id, executed_at=round_.asked_at)


async def _wait(event: asyncio.Event, longest_s: float) -> None:
    try:
        async with asyncio.timeout(longest_s):
            await event.wait()
    except TimeoutError:
        return
