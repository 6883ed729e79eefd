"""Leads one job from list match to clean-up; every stage is timed and told apart, and nothing is left behind."""

import asyncio
import uuid
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter, Session
from gridkeeper.probes.jobs.orders import (
    JobArguments,
    JobOutcome,
    Order,
    Phase,
    Progress,
    Reported,
    Rider,
    Stage,
    StageEnd,
)
from gridkeeper.probes.jobs.reports import read_report
from gridkeeper.probes.native.check import (
    FAILURES,
    CheckFailedError,
    Handed,
    Outcome,
    Run,
    Target,
    outcome_of,
    without_secrets,
)

_T = TypeVar("_T")
#: Between two questions for the state of a job, growing to the second.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0
#: The deadline may have passed already when a job is removed: that gets a little time of its own.
_CLEANING_S = 5.0
#: So long the answer to a submission is waited for when there is no time left: it names the job.
_ANSWER_S = 2.0


async def run_job(
    adapter: Adapter,
    target: Target,
    arguments: JobArguments,
    *,
    vo: str,
    riders: Sequence[Rider],
    timeout_s: float,
    now: datetime,
    credential: Handed | None = None,
) -> JobOutcome:
    """The whole round trip. A job that was accepted is always removed, at the deadline and when we are stopped too.

    What trips that were killed left at the computing element is removed as well, where it can be told.
    """
    run = Run(timeout_s, credential=credential)
    order = Order(vo, tuple(riders), uuid.uuid4().hex, now + timedelta(seconds=timeout_s), arguments.rider_s)
    try:
        session = adapter.begin(target, arguments, order, run)
    except CheckFailedError as error:
        return JobOutcome(None, {Stage.MATCH: StageEnd(outcome_of(error, run))})
    trip = _RoundTrip(session, arguments, run, now)
    try:
        done = await trip.make()
    finally:
        await session.close()
    return _without_secrets(done, run) if run.secrets else done


class _RoundTrip:
    """One job on its way."""

    def __init__(self, session: Session, arguments: JobArguments, run: Run, begun_at: datetime) -> None:
        self._session, self._arguments, self._run, self._begun_at = session, arguments, run, begun_at
        self._stages: dict[Stage, StageEnd] = {}
        self._riders: dict[str, Reported] | None = None
        self._log: list[str] = []
        self._queue_s = self._running_s = 0.0
        self._seen: Progress | None = None

    async def make(self) -> JobOutcome:
        try:
            async with asyncio.timeout(self._run.timeout_s):
                await self._through()
        except FAILURES as error:
            return await self._failed(error)
        except asyncio.CancelledError:  # we are told to stop: no reason to leave a job on somebody's machine
            await self._clean()
            raise
        remark = await self._clean() + await self._clean_up_after_others()
        summary = f"job {self._job} done in {self._run.elapsed_s:.1f} s{remark}"
        status = self._stages[Stage.WAIT].outcome.status
        if status != Status.OK:
            summary = f"{self._stages[Stage.WAIT].outcome.summary}; {summary}"
        return self._outcome(Outcome(status, summary, self._story, self._perfdata()))

    async def _through(self) -> None:
        queues = await self._stage(Stage.MATCH, self._session.match())
        self._end(Stage.MATCH, f"{_counted(queues)}: {', '.join(queues)}"[:400])
        await self._stage(Stage.SUBMIT, self._submit())
        self._note(f"submitted as {self._job}")
        self._end(Stage.SUBMIT, f"job {self._job} was accepted")
        await self._stage(Stage.WAIT, self._wait())
        self._end(Stage.WAIT, f"queued for {self._queue_s:.1f} s, ran for {self._running_s:.1f} s", self._wait_status())
        text = await self._stage(Stage.FETCH, self._session.output())
        self._riders, remarks = read_report(text, self._session.token)
        self._log += remarks
        self._note(f"output with {len(self._riders)} results")
        self._end(Stage.FETCH, f"output of {len(text.encode())} bytes with {len(self._riders)} results")

    async def _submit(self) -> None:
        """Submits; a deadline in between waits a moment for the answer, which names the job that must be removed."""
        submission = asyncio.create_task(self._session.submit())
        try:
            await asyncio.shield(submission)
        except asyncio.CancelledError:
            await asyncio.wait([submission], timeout=_ANSWER_S)
            submission.cancel()
            await asyncio.gather(submission, return_exceptions=True)
            raise

    async def _stage(self, stage: Stage, work: Awaitable[_T]) -> _T:
        """Runs a stage; until it ends it counts as failed."""
        self._stages[stage] = StageEnd(Outcome(Status.CRITICAL, "not finished"), self._ms())
        return await work

    def _ms(self) -> int:
        return int(self._run.elapsed_s * 1000)

    def _end(self, stage: Stage, summary: str, status: Status = Status.OK) -> None:
        self._stages[stage] = StageEnd(
            Outcome(status, summary, self._story), self._ms() - self._stages[stage].duration_ms
        )

    def _note(self, text: str) -> None:
        self._log.append(f"{self._run.elapsed_s:7.2f} s  {text}")

    @property
    def _job(self) -> str:
        return self._session.job

    @property
    def _story(self) -> str:
        return "\n".join(self._log)

    async def _wait(self) -> None:
        pause_s, since_s = _FIRST_PAUSE_S, self._run.elapsed_s
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)
            progress = await self._session.progress()
            if progress != self._seen:
                self._note(progress.word)
                self._run.stage = f"waiting for job {self._job}, which is {progress.word}"
            self._seen = progress
            waited_s = self._run.elapsed_s - since_s
            if progress.phase == Phase.QUEUED:
                self._queue_s = waited_s
                self._require_movement()
            else:
                self._running_s = waited_s - self._queue_s
            if progress.phase == Phase.FAILED:
                why = progress.reason or "no reason given"
                raise CheckFailedError(Status.CRITICAL, f"job {self._job} failed: {why}"[:500])
            if progress.phase == Phase.DONE:
                return

    def _require_movement(self) -> None:
        limit_s = self._arguments.critical_queue_s
        if limit_s is not None and self._queue_s > limit_s:
            raise TimeoutError

    def _wait_status(self) -> Status:
        limit_s = self._arguments.warning_queue_s
        return Status.WARNING if limit_s is not None and self._queue_s > limit_s else Status.OK

    async def _failed(self, error: BaseException) -> JobOutcome:
        outcome = self._stuck() if self._is_stuck(error) else outcome_of(error, self._run)
        stage = list(self._stages)[-1]
        if stage == Stage.MATCH:
            self._stages[stage] = StageEnd(outcome, self._ms())
            return self._outcome(None)
        if stage == Stage.WAIT and self._job:
            await self._diagnose()
        took_ms = self._ms() - self._stages[stage].duration_ms
        remark = await self._clean()
        if Stage.CLEAN in self._stages and self._stages[Stage.CLEAN].outcome.status == Status.OK:
            remark = remark or "; the job was removed"
        remark += await self._clean_up_after_others()
        output = "\n".join(filter(None, [self._story, outcome.output]))
        outcome = replace(outcome, summary=outcome.summary + remark, output=output, perfdata=self._perfdata())
        self._stages[stage] = StageEnd(outcome, took_ms)
        return self._outcome(outcome)

    def _is_stuck(self, error: BaseException) -> bool:
        return isinstance(error, TimeoutError) and list(self._stages)[-1] == Stage.WAIT

    def _stuck(self) -> Outcome:
        word = f"its state is {self._seen.word}" if self._seen is not None else "its state was never told"
        is_running = self._seen is not None and self._seen.phase == Phase.RUNNING
        doing = f"running for {self._running_s:.0f} s" if is_running else f"queued for {self._queue_s:.0f} s"
        allowed = self._arguments.critical_queue_s
        is_early = not is_running and allowed is not None and self._queue_s > allowed
        limit = f"limit {allowed:g} s" if is_early else f"the whole trip may take {self._run.timeout_s:g} s"
        return Outcome(Status.CRITICAL, f"job {self._job} is stuck: {doing}, {word} ({limit})")

    async def _diagnose(self) -> None:
        """Adds what the computing element knows of it; that is no reason to fail, and must not take long."""
        run = self._run
        try:
            async with asyncio.timeout(_CLEANING_S):
                found = await self._session.diagnosis()
        except FAILURES as error:
            found = f"no diagnosis: {outcome_of(error, run).summary}"
        if found:
            self._log.append(found)

    async def _clean(self) -> str:
        """Removes the job where there is one; says what went wrong with that."""
        if not self._job:
            return ""
        begin_ms, run = self._ms(), Run(_CLEANING_S)
        try:
            async with asyncio.timeout(_CLEANING_S):
                with self._run.doing(f"removing job {self._job}"):
                    remark = await self._session.remove()
        except FAILURES as error:
            run.stage = f"removing job {self._job}"
            why = outcome_of(error, run).summary
            end = Outcome(Status.CRITICAL, f"job {self._job} could not be removed: {why}", self._story)
        else:
            text = f"job {self._job}: {remark}" if remark else f"job {self._job} was removed"
            end = Outcome(Status.OK, text, self._story)
        self._stages[Stage.CLEAN] = StageEnd(end, self._ms() - begin_ms)
        return f"; {end.summary}" if end.status != Status.OK or remark else ""

    async def _clean_up_after_others(self) -> str:
        """Removes what trips that were killed left there, and says so; that is no reason to fail, nor to wait long.

        A computing element that would not even remove our own job is not asked.
        """
        own = self._stages.get(Stage.CLEAN)
        if own is not None and own.outcome.status != Status.OK:
            return ""
        run = Run(_CLEANING_S)
        try:
            async with asyncio.timeout(_CLEANING_S):
                removed = await self._session.remove_left(self._begun_at + timedelta(seconds=self._run.elapsed_s))
        except FAILURES as error:
            run.stage = "looking for jobs that earlier trips left"
            self._note(f"{run.stage}: {outcome_of(error, run).summary}")
            return ""
        if removed:
            self._note(removed)
        return f"; {removed}" if removed else ""

    def _outcome(self, whole: Outcome | None) -> JobOutcome:
        return JobOutcome(whole, dict(self._stages), self._riders, self._job)

    def _perfdata(self) -> str:
        limits = [f"{value:g}" if value is not None else ""
                  for value in (self._arguments.warning_queue_s, self._arguments.critical_queue_s)]  # fmt: skip
        parts = [f"time={self._run.elapsed_s:.3f}s;;;0"]
        if Stage.WAIT in self._stages:
            parts += [f"queue={self._queue_s:.3f}s;{limits[0]};{limits[1]};0", f"run={self._running_s:.3f}s;;;0"]
        return " ".join(parts)


def _counted(queues: Sequence[str]) -> str:
    return "1 queue matches" if len(queues) == 1 else f"{len(queues)} queues match"


def _without_secrets(done: JobOutcome, run: Run) -> JobOutcome:
    stages = {name: replace(end, outcome=without_secrets(end.outcome, run)) for name, end in done.stages.items()}
    riders = done.riders
    if riders is not None:
        riders = {name: replace(item, outcome=without_secrets(item.outcome, run)) for name, item in riders.items()}
    whole = without_secrets(done.whole, run) if done.whole is not None else None
    return JobOutcome(whole, stages, riders, done.job)
