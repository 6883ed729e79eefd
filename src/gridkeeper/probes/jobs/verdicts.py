"""What each test is told of a round trip: the job's own, those that stand for its stages, those that rode in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.orders import JobOutcome, Rider, Stage
from gridkeeper.probes.models import Stage as MatrixStage
from gridkeeper.probes.native.check import Outcome


class RidingTest(Protocol):
    """What is read of a test that comes with the job (`instances.TestSpec`)."""

    @property
    def name(self) -> str: ...

    @property
    def command(self) -> str: ...

    @property
    def arguments(self) -> Any: ...

    @property
    def stage(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """cause: metric because of which there is no result; "" where there is one."""

    metric: str
    outcome: Outcome
    duration_ms: int
    cause: str = ""


def stage_of(test: RidingTest) -> Stage | None:
    """The stage that a test stands for, by its command or by its stage in the matrix; None for one that rides."""
    if test.command in {stage.value for stage in Stage}:
        return Stage(test.command)
    known = {MatrixStage.LIST_MATCH.value: Stage.MATCH, MatrixStage.SUBMISSION.value: Stage.SUBMIT}
    return known.get(test.stage)


def riders_of(tests: Sequence[RidingTest]) -> list[Rider]:
    """The tests that run on the worker node. One without a command is the probe that its name ends with (CE-csh)."""
    return [Rider(test.name, test.command or test.name.rpartition("-")[2], test.arguments)
            for test in tests if stage_of(test) is None]  # fmt: skip


def verdicts(job: str, tests: Sequence[RidingTest], done: JobOutcome, duration_ms: int) -> Iterator[Verdict]:
    """What each test is told. What explains others comes before them.

    job: name of the job test; tests: those that come with it. A failed list match is no failure of the job; one that
    was matched and then went wrong is, whichever stage it was.
    """
    standing = {stage: test for test in tests if (stage := stage_of(test)) is not None}
    match = standing.get(Stage.MATCH)
    if done.whole is None:
        yield from _unmatched(job, tests, done, duration_ms)
        return
    if match is not None:
        end = done.stages[Stage.MATCH]
        yield Verdict(match.name, end.outcome, end.duration_ms)
    yield Verdict(job, done.whole, duration_ms)
    why = f"{job}: {done.whole.summary}"
    for stage, test in standing.items():
        if stage == Stage.MATCH:
            continue
        reached = done.stages.get(stage)
        if reached is not None:
            yield Verdict(test.name, reached.outcome, reached.duration_ms)
        else:
            yield Verdict(test.name, _no_result(job, why), 0, job)
    for test in tests:
        if stage_of(test) is None:
            yield _of_rider(job, test, done, why)


def _unmatched(job: str, tests: Sequence[RidingTest], done: JobOutcome, duration_ms: int) -> Iterator[Verdict]:
    """The list match failed: it, or where no test stands for it the job itself, explains all the others."""
    match = next((test for test in tests if stage_of(test) == Stage.MATCH), None)
    cause = match.name if match is not None else job
    yield Verdict(cause, done.match, duration_ms)
    others = [job] * (match is not None) + [test.name for test in tests if test is not match]
    for metric in others:
        yield Verdict(metric, _no_result(cause, f"{cause}: {done.match.summary}"), 0, cause)


def _of_rider(job: str, test: RidingTest, done: JobOutcome, why: str) -> Verdict:
    if done.riders is None:
        return Verdict(test.name, _no_result(job, why), 0, job)
    found = done.riders.get(test.name)
    if found is None:
        return Verdict(test.name, Outcome(Status.UNKNOWN, "the job did not report it", f"job {done.job}"), 0)
    output = f"{found.outcome.output}\n\n[rode in job {done.job} of {job}]".lstrip()
    return Verdict(test.name, replace(found.outcome, output=output), found.duration_ms)


def _no_result(cause: str, why: str) -> Outcome:
    return Outcome(Status.UNKNOWN, f"no result: {cause} failed", why)
