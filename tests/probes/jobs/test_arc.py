"""A real ARC CE that is broken: each way is told apart. `test_in_the_matrix` has the job that goes well."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.jobs.arc import ARC
from gridkeeper.probes.jobs.orders import Order, Stage
from gridkeeper.probes.native import Target
from gridkeeper.probes.native.check import Handed, Run

pytestmark = pytest.mark.service


def _words(done):
    """Status and summary by stage; the job's identifier is different every time."""
    job = done.job or "-"
    return {
        stage.value: (end.outcome.status.name, end.outcome.summary.replace(job, "J"))
        for stage, end in done.stages.items()
    }


async def _info(ce, proxy=None, *, timeout_s=5.0, **arguments):
    one = check_named("arc-info")
    credential = Handed(str(proxy or ce.authority.proxy(ce.user)))
    wanted = one.parse({"ca_file": str(ce.authority.folder), **arguments})
    return await one.run(Target("localhost", "127.0.0.1", ce.port, ce.url), wanted, timeout_s, credential)


async def test_a_job_that_fails_on_the_worker_node_says_why(ce, arc_job):
    done = await arc_job(requirements='(environment=("TMPDIR" "/nonexistent"))')
    assert done.riders is None
    assert _words(done)["wait"][0] == "CRITICAL"
    assert "failed: " in done.whole.summary
    assert "what the CE wrote of the job:" in done.whole.output
    assert done.whole.summary.endswith("; the job was removed")


@pytest.mark.parametrize(
    ("arguments", "stage", "words"),
    [
        ({"queue": "gone"}, Stage.MATCH, "list match: there is no queue gone; there are fork"),
        ({"requirements": "(nonsense"}, Stage.SUBMIT, "job submission: 500: nordugrid:xrsl parsing error: "),
    ],
)
async def test_what_the_ce_does_not_take_ends_the_trip(arc_job, arguments, stage, words):
    done = await arc_job(**arguments)
    assert list(done.stages)[-1] == stage
    assert done.stages[stage].outcome.status == Status.CRITICAL
    assert words in done.stages[stage].outcome.summary
    assert done.job == ""


@pytest.mark.parametrize(
    ("whose", "hours", "words"),
    [
        ("user", -1, "the CE refuses us: our own certificate or proxy ended at "),
        ("stranger", 1, "the CE's information: it refuses us: the certificate or token is mapped to no user there"),
    ],
)
async def test_a_credential_that_is_not_accepted(ce, arc_job, whose, hours, words):
    proxy = ce.authority.proxy(getattr(ce, whose), hours=hours)
    assert (await arc_job(proxy=proxy)).match.summary.startswith(words)
    assert (await _info(ce, proxy)).summary.startswith(words)


async def test_a_user_certificate_does_without_a_proxy(ce):
    one = check_named("arc-info")
    files = {"certificate": str(ce.user.certificate), "key": str(ce.user.key)}
    wanted = one.parse({"ca_file": str(ce.authority.folder), **files})
    done = await one.run(Target("localhost", "127.0.0.1", ce.port, ce.url), wanted, 5.0)
    assert (done.status, done.summary.split(";")[0]) == (Status.OK, "ARC 6.17.0, queues fork")


async def test_stopped(ce, arc_job):
    ce.ws.kill()  # in order it would take it ten seconds
    try:
        job, info = await arc_job(), await _info(ce)
    finally:
        ce.start_ws()
    words = f"connection refused while connecting by TLS to 127.0.0.1 port {ce.port}"
    assert (job.match.status, job.match.summary) == (Status.CRITICAL, words)
    assert (info.status, info.summary) == (Status.CRITICAL, words)
    assert (await _info(ce)).status == Status.OK


async def test_hung(ce, arc_job):
    ce.ws.freeze()
    try:
        job, info = await arc_job(timeout_s=0.7), await _info(ce, timeout_s=0.7)
    finally:
        ce.ws.thaw()
    words = f"timed out after 0.7 s while connecting by TLS to 127.0.0.1 port {ce.port}"
    assert (job.match.status, job.match.summary) == (Status.CRITICAL, words)
    assert (info.status, info.summary) == (Status.CRITICAL, words)


async def test_a_certificate_that_expired(ce, arc_job):
    ce.show_certificate(ce.authority.issue("host/localhost", days=-1, host="localhost"))
    try:
        job, info = await arc_job(), await _info(ce)
    finally:
        ce.show_certificate(ce.authority.issue("host/localhost", host="localhost"))
    assert job.match.status == info.status == Status.CRITICAL
    assert "the certificate expired 1 d" in job.match.summary
    assert "the certificate expired 1 d" in info.summary


async def test_what_a_trip_that_was_killed_left_there_is_removed_by_the_next(ce, arc_job):
    """And nothing else: a job that somebody still waits for stays, with the same credential too."""
    now = datetime.now(UTC)
    run = Run(40.0, credential=Handed(str(ce.authority.proxy(ce.user))))
    sessions = []
    for ends_at in (now - timedelta(hours=1), now + timedelta(hours=1)):
        order = Order("lhcb", (), uuid.uuid4().hex, ends_at)
        target, arguments = (
            Target("localhost", "127.0.0.1", ce.port, ce.url),
            ARC.arguments(ca_file=str(ce.authority.folder)),
        )
        session = ARC.begin(target, arguments, order, run)
        await session.submit()
        sessions.append((session, order.name))
    (left, left_name), (awaited, _) = sessions
    done = await arc_job(requirements="(nonsense")  # a trip that itself fails cleans up all the same
    assert done.whole.summary.endswith(f"; left by earlier trips and removed: {left_name}")
    async with asyncio.timeout(20):
        while left.job in ce.job_folders:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert awaited.job in ce.job_folders
    await awaited.remove()


async def test_it_looks_healthy_and_is_not(ce, arc_job):
    """A-REX hangs behind an interface that answers: the job is stuck, and the information grows old."""
    ce.arex.freeze()
    try:
        done = await arc_job(critical_queue_s=0.5)
        async with asyncio.timeout(20):
            while (info := await _info(ce, critical_age_s=3)).status != Status.CRITICAL:  # noqa: ASYNC110
                await asyncio.sleep(0.3)
    finally:
        ce.arex.thaw()
    summary = done.whole.summary.replace(done.job, "J")
    assert summary.startswith("job J is stuck: queued for 1 s, its state is ACCEPTED (limit 0.5 s); ")
    assert summary.endswith("job J: the CE took the order to remove it, and has not done so yet")
    assert info.summary.endswith("A-REX or its information provider hangs")
    async with asyncio.timeout(20):  # back at work it does what it was told
        while ce.job_folders:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
