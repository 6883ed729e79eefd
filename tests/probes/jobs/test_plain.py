"""The job's round trip against a CE that speaks the protocol, and CEs that fail at each stage."""

import asyncio
import json
import re

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import adapter_named
from gridkeeper.probes.jobs.orders import JobArguments, Rider, Stage
from gridkeeper.probes.jobs.round_trip import run_job
from gridkeeper.probes.native import Target
from tests.builders import NOW
from tests.probes.native.servers import http, listening

FINE = {"metric": "CE-csh", "status": "OK", "summary": "csh is there", "output": "long", "duration_ms": 12}


class ComputingElement:
    """A CE. `answers` overrides one step: "match", "submit", "state", "output", "remove" -> (status, body)."""

    def __init__(self, **answers):
        self._answers = answers
        self.asked = []
        self._polls = 0

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        length = next((int(line.split()[1]) for line in head.splitlines() if line.startswith("Content-Length")), 0)
        body = json.loads(await reader.readexactly(length)) if length else None
        self.asked.append((method, path, body))
        step = {"POST /match": "match", "POST /jobs": "submit", "DELETE": "remove"}.get(f"{method} {path}", method)
        step = {"DELETE": "remove", "GET": "output" if path.endswith("/output") else "state"}.get(step, step)
        status, answer = self._answers.get(step) or getattr(self, f"_{step}")()
        if status == "hang":
            await asyncio.sleep(60)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        writer.write(http(content, status=f"{status} x"))
        await writer.drain()

    def _match(self):
        return 200, {"queues": ["short", "long"]}

    def _submit(self):
        return 201, {"id": "job-1", "state": "queued"}

    def _state(self):
        self._polls += 1
        return 200, {"state": ["queued", "running", "done"][min(self._polls, 3) - 1]}

    def _output(self):
        return 200, json.dumps(FINE).encode() + b"\n"

    def _remove(self):
        return 200, {}

    @property
    def is_clean(self):
        return ("DELETE", "/jobs/job-1", None) in self.asked


async def _run(target, *, timeout_s=5.0, **arguments):
    riders = [Rider("CE-csh", "csh")]
    wanted = JobArguments(requirements="mem > 1", **arguments)
    return await run_job(adapter_named("job"), target, wanted, vo="lhcb", riders=riders, timeout_s=timeout_s, now=NOW)


async def _round_trip(element, **options):
    async with listening(element) as port:
        return await _run(Target("ce.example.org", "127.0.0.1", port, f"http://ce.example.org:{port}/"), **options)


async def test_a_job_comes_back_with_what_rode_in_it():
    element = ComputingElement()
    done = await _round_trip(element)
    assert (done.match.status, done.match.summary) == (Status.OK, "2 queues match: short, long")
    assert done.whole.status == Status.OK
    assert done.whole.summary.startswith("job job-1 done in ")
    assert [line.split("s  ")[1] for line in done.whole.output.splitlines()] == [
        "submitted as job-1",
        "queued",
        "running",
        "done",
        "output with 1 results",
    ]
    rider = done.riders["CE-csh"]
    assert (rider.outcome.status, rider.outcome.summary, rider.duration_ms) == (Status.OK, "csh is there", 12)
    assert element.asked[0] == ("POST", "/match", {"vo": "lhcb", "requirements": "mem > 1"})
    assert element.asked[1] == ("POST", "/jobs", {"vo": "lhcb", "tests": ["CE-csh"]})
    assert element.is_clean


@pytest.mark.parametrize(
    ("answer", "status", "summary"),
    [
        ((200, {"queues": []}), "CRITICAL", "list match: no queue takes jobs of lhcb"),
        ((503, {"reason": "BDII down"}), "CRITICAL", "list match: HTTP 503: BDII down"),
        ((200, {}), "CRITICAL", "list match: HTTP 200: no reason given"),
        ((200, [1]), "CRITICAL", "list match: HTTP 200: no reason given"),
        ((200, b"<html>"), "CRITICAL", "http://{host}/match answered 200 with something that is no JSON"),
        ((200, b"[" * 100_000), "CRITICAL", "http://{host}/match answered 200 with something that is no JSON"),
        (("hang", {}), "CRITICAL", "timed out after 0.5 s while waiting for the first line of the answer"),
    ],
)
async def test_a_failed_list_match_ends_it(answer, status, summary):
    element = ComputingElement(match=answer)
    async with listening(element) as port:
        done = await _run(Target("ce.example.org", "127.0.0.1", port, f"http://ce.example.org:{port}"), timeout_s=0.5)
    assert (done.whole, done.riders, list(done.stages)) == (None, None, [Stage.MATCH])
    assert (done.match.status.name, done.match.summary) == (status, summary.format(host=f"ce.example.org:{port}"))


@pytest.mark.parametrize("url", ["", "ldap://ce.example.org", "http://ce.example.org:port/"])
async def test_a_ce_without_a_url_is_unknown(url):
    done = await _run(Target("ce.example.org", "127.0.0.1", 0, url))
    assert done.match.status == Status.UNKNOWN


@pytest.mark.parametrize(
    ("answers", "summary"),
    [
        ({"submit": (500, {"reason": "disk full"})}, "job submission: HTTP 500: disk full"),
        ({"submit": (201, {})}, "job submission: HTTP 201: no reason given"),
        ({"submit": (200, {"id": "job-1"})}, "job submission: HTTP 200: no reason given"),
    ],
)
async def test_a_failed_submission_has_a_match_and_no_riders(answers, summary):
    element = ComputingElement(**answers)
    done = await _round_trip(element)
    assert (done.match.status, done.whole.status, done.riders) == (Status.OK, Status.CRITICAL, None)
    assert done.whole.summary == summary
    assert not element.is_clean  # there is nothing to remove


@pytest.mark.parametrize(
    ("answers", "summary"),
    [
        ({"state": (200, {"state": "failed", "reason": "no disk"})}, "job job-1 failed: no disk; the job was removed"),
        ({"state": (404, {})}, "state of job job-1: HTTP 404: no reason given; the job was removed"),
        (
            {"state": (200, {"state": "running"})},
            "job job-1 is stuck: running for {n} s, its state is running (the whole trip may take 1 s); "
            "the job was removed",
        ),
        (
            {"state": (200, {"state": "queued"}), "remove": (500, {})},
            "job job-1 is stuck: queued for {n} s, its state is queued (the whole trip may take 1 s); "
            "job job-1 could not be removed: HTTP 500",
        ),
        ({"output": (500, b"")}, "output of job job-1: HTTP 500; the job was removed"),
    ],
)
async def test_a_job_that_does_not_end_well_is_removed_and_said(answers, summary):
    element = ComputingElement(**answers)
    done = await _round_trip(element, timeout_s=5.0 if "output" in answers else 1.0)
    assert (done.whole.status, done.riders) == (Status.CRITICAL, None)
    assert re.sub(r"for \d+ s", "for {n} s", done.whole.summary) == summary
    assert element.is_clean


async def test_a_job_is_removed_when_we_are_told_to_stop():
    element = ComputingElement(state=(200, {"state": "running"}))
    task = asyncio.create_task(_round_trip(element, timeout_s=60))
    async with asyncio.timeout(10):
        while not any(method == "GET" for method, *_ in element.asked):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert element.is_clean


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"not json", "line 1 of the output is no result"),
        (b"[1]", "line 1 of the output is no result"),
        (b"{}", "line 1 of the output is no result"),
        (b'{"metric": "CE-csh", "status": "GREEN"}', "'GREEN' is not a status"),
        (b'{"metric": "CE-csh", "status": "MISSING"}', "'MISSING' is no status of a result"),
        (b'{"metric": "CE-csh", "status": 0, "duration_ms": Infinity}', "line 1 of the output is no result"),
        (b"[" * 50_000, "line 1 of the output is no result"),
    ],
)
async def test_a_line_that_is_no_result_is_noted_and_the_others_are_kept(line, words):
    good = json.dumps(FINE | {"metric": "CE-rm", "status": 2}).encode()
    done = await _round_trip(ComputingElement(output=(200, line + b"\n" + good)))
    assert words in done.whole.output
    assert {name: int(rider.outcome.status) for name, rider in done.riders.items()} == {"CE-rm": 2}


async def test_an_id_cannot_lead_elsewhere():
    element = ComputingElement(submit=(201, {"id": "../x y\r\nX: 1"}))
    await _round_trip(element)
    assert ("DELETE", "/jobs/..%2Fx%20y%0D%0AX%3A%201", None) in element.asked
