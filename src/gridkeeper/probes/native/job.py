"""A job's round trip through a CE: list match, submission, wait, output; what rides in it comes back with it.

The protocol is plain HTTP with JSON (docs/howto/tests.md, "Jobs"): `POST match`, `POST jobs`, `GET jobs/ID`,
`GET jobs/ID/output` (NDJSON), `DELETE jobs/ID`.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from gridkeeper.core.status import RESULT_STATUSES, Status, parse_status
from gridkeeper.probes.native.check import FAILURES, Arguments, CheckFailedError, Outcome, Run, Target, outcome_of
from gridkeeper.probes.native.http_client import Request, fetch, fetch_json, split

#: Between two questions for the state of a job, growing to the second.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0
_ENDED = frozenset({"done", "failed"})


class JobArguments(Arguments, frozen=True, kw_only=True):
    """requirements: handed to the list match as they are."""

    requirements: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """What the payload said of a test that rode in the job."""

    outcome: Outcome
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a round trip says of each stage. None: the stage was not reached.

    match: list match; submission: submission and run of the job; riders: by metric, only those reported
    """

    match: Outcome
    submission: Outcome | None = None
    riders: Mapping[str, Reported] | None = None


async def run_job(
    target: Target, arguments: JobArguments, vo: str, tests: Sequence[str], timeout_s: float
) -> JobOutcome:
    """The whole round trip. A job that was accepted is always cleaned up, also at the deadline."""
    run = Run(timeout_s)
    base = target.url.rstrip("/")
    try:
        async with asyncio.timeout(timeout_s):
            split(base)
            queues = await _match(target, base, vo, arguments, run)
    except FAILURES as error:
        return JobOutcome(outcome_of(error, run))
    matched = Outcome(Status.OK, f"{len(queues)} queues match: {', '.join(queues)}"[:400])
    job = _Job(target, base, vo, tests, run)
    try:
        async with asyncio.timeout(max(0.1, timeout_s - run.elapsed_s)):
            await job.submit()
            await job.wait()
            riders = await job.output()
    except FAILURES as error:
        failed = outcome_of(error, run)
        return JobOutcome(
            matched, replace(failed, summary=failed.summary + await job.clean_up("; the job was removed"))
        )
    except asyncio.CancelledError:  # we are told to stop: no reason to leave a job on somebody's machine
        await job.clean_up()
        raise
    cleaning = await job.clean_up()
    summary = f"job {job.id} done in {run.elapsed_s:.1f} s{cleaning}"
    return JobOutcome(matched, Outcome(Status.OK, summary, job.story, f"time={run.elapsed_s:.3f}s;;;0"), riders)


async def _match(target: Target, base: str, vo: str, arguments: JobArguments, run: Run) -> list[str]:
    status, answer = await _call(
        target, "POST", f"{base}/match", run, {"vo": vo, "requirements": arguments.requirements}
    )
    queues = answer.get("queues") if isinstance(answer, dict) else None
    if status != 200 or not isinstance(queues, list):
        raise CheckFailedError(Status.CRITICAL, f"list match: HTTP {status}: {_reason(answer)}", json.dumps(answer))
    if not queues:
        raise CheckFailedError(Status.CRITICAL, f"list match: no queue takes jobs of {vo}", json.dumps(answer))
    return [str(queue) for queue in queues]


async def _call(target: Target, method: str, url: str, run: Run, body: Any = None) -> tuple[int, Any]:
    content = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if content else {}
    return await fetch_json(target, Request(method, url, headers, content), run)


def _reason(answer: Any) -> str:
    found = answer.get("reason") if isinstance(answer, dict) else None
    return str(found or "no reason given")[:300]


class _Job:
    """One job on its way."""

    def __init__(self, target: Target, base: str, vo: str, tests: Sequence[str], run: Run) -> None:
        self.target, self.base, self.vo, self.tests, self.run = target, base, vo, tests, run
        self.id = ""
        self._log: list[str] = []

    @property
    def story(self) -> str:
        return "\n".join(self._log)

    def _note(self, text: str) -> None:
        self._log.append(f"{self.run.elapsed_s:7.2f} s  {text}")

    async def submit(self) -> None:
        body = {"vo": self.vo, "tests": list(self.tests)}
        status, answer = await _call(self.target, "POST", f"{self.base}/jobs", self.run, body)
        if status != 201 or not isinstance(answer, dict) or not answer.get("id"):
            text = f"job submission: HTTP {status}: {_reason(answer)}"
            raise CheckFailedError(Status.CRITICAL, text, json.dumps(answer))
        self.id = quote(str(answer["id"])[:200], safe="")
        self._note(f"submitted as {self.id}, {answer.get('state', 'no state')}")

    async def wait(self) -> None:
        pause_s, state = _FIRST_PAUSE_S, ""
        while state not in _ENDED:
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, pause_s * 1.5)
            status, answer = await _call(self.target, "GET", f"{self.base}/jobs/{self.id}", self.run)
            found = str(answer.get("state", "")) if isinstance(answer, dict) else ""
            if status != 200:
                raise CheckFailedError(Status.CRITICAL, f"state of job {self.id}: HTTP {status}: {_reason(answer)}")
            if found != state:
                self._note(found)
                self.run.stage = f"waiting for job {self.id}, which is {found}"
            state = found
        if state == "failed":
            raise CheckFailedError(Status.CRITICAL, f"job {self.id} failed: {_reason(answer)}", self.story)

    async def output(self) -> dict[str, Reported]:
        response = await fetch(self.target, Request("GET", f"{self.base}/jobs/{self.id}/output", {}), self.run)
        if response.status != 200:
            raise CheckFailedError(Status.CRITICAL, f"output of job {self.id}: HTTP {response.status}", self.story)
        riders: dict[str, Reported] = {}
        for number, line in enumerate(response.text.splitlines(), 1):
            try:
                metric, reported = _parse_rider(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
                self._note(f"line {number} of the output is no result: {error}")
                continue
            riders[metric] = reported
        self._note(f"output with {len(riders)} results")
        return riders

    async def clean_up(self, done: str = "") -> str:
        """Removes the job; says `done` where that went well, and what went wrong where not."""
        if not self.id:
            return ""
        # The deadline may have passed already: cleaning gets a little time of its own.
        run = Run(3.0)
        try:
            async with asyncio.timeout(3.0):
                status, _ = await _call(self.target, "DELETE", f"{self.base}/jobs/{self.id}", run)
        except FAILURES as error:
            return f"; job {self.id} could not be removed: {outcome_of(error, run).summary}"
        return done if status < 300 else f"; job {self.id} could not be removed: HTTP {status}"


def _parse_rider(line: Any) -> tuple[str, Reported]:
    status = parse_status(line["status"])
    if status not in RESULT_STATUSES:
        raise ValueError(f"{line['status']!r} is no status of a result")
    outcome = Outcome(status, str(line.get("summary", ""))[:500], str(line.get("output", "")))
    return str(line["metric"]), Reported(outcome, max(0, int(line.get("duration_ms", 0))))
