"""The engine as a whole: real listeners, real plugins, results in the database."""

import asyncio
import threading
import time

import pytest
from django.db import connection

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.engine import Engine
from gridkeeper.probes.models import LatestStatus, RunRequest
from tests.builders import NOW, a_service, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})


class Listener:
    """A TCP server that says "hello"; how many ran at once is counted."""

    def __init__(self):
        self.most_at_once = self._at_once = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()

    async def _answer(self, _reader, writer):
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        await asyncio.sleep(0.05)
        writer.write(b"hello\n")
        self._at_once -= 1
        writer.close()


def _status_of(service, metric, vo=""):
    key = SeriesKey(service.hostname, service.service_type.name, metric, vo)
    return LatestStatus.objects.filter(series=key.series).first()


async def _engine_until(condition, seconds=15):
    """Runs an engine until the condition holds in the database."""
    stop = threading.Event()
    engine = Engine(worker="here")
    task = asyncio.create_task(engine.run(stop))
    end = time.monotonic() + seconds
    while time.monotonic() < end and not task.done() and not await asyncio.to_thread(_closing, condition):
        await asyncio.wait([task], timeout=0.1)
    stop.set()
    await task
    return engine


def _closing(function):
    try:
        return function()
    finally:
        connection.close()


def _service(port, **fields):
    return a_service(hostname="ce.example.org", host_ip="127.0.0.1", url=f"http://127.0.0.1:{port}/", **fields)


def test_it_runs_what_is_due_and_stores_what_it_said():
    async def main():
        async with Listener() as listener:
            service = await asyncio.to_thread(_closing, lambda: _prepared(listener.port))
            await _engine_until(lambda: _status_of(service, "tcp") and _status_of(service, "refused"))
            return service

    def _prepared(port):
        service = _service(port)
        vo = a_vo(supported_by=[service])
        in_profile(vo, a_test("tcp", kind="native", command="tcp", interval_s=1, arguments={"expect": "hello"}))
        in_profile(vo, a_test("refused", kind="native", command="tcp", interval_s=1, arguments={"port": 1}))
        return service

    service = asyncio.run(main())
    good, bad = _status_of(service, "tcp"), _status_of(service, "refused")
    assert (Status(good.hard_status), good.worker) == (Status.OK, "here")
    assert Status(bad.hard_status) == Status.CRITICAL
    assert bad.summary == "connection refused while connecting to 127.0.0.1 port 1"


def test_what_depends_on_a_failed_test_is_not_run_and_names_it():
    def _prepared():
        service = _service(1)
        vo = a_vo(supported_by=[service])
        first = a_test("first", kind="native", command="tcp", interval_s=1)
        second = a_test("second", kind="native", command="ssh", interval_s=1)
        third = a_test("third", kind="native", command="ssh", interval_s=1)
        second.depends_on.add(first)
        third.depends_on.add(second)
        for test in (first, second, third):
            in_profile(vo, test)
        return service

    service = _prepared()
    asyncio.run(_engine_until(lambda: getattr(_status_of(service, "third"), "cause", "") == "first"))
    third = _status_of(service, "third")
    assert (Status(third.hard_status), third.cause) == (Status.UNKNOWN, "first")
    assert third.summary == "no result: first failed"


def test_a_problem_is_soft_until_its_last_attempt():
    service = _service(1)
    test = a_test("tcp", kind="native", command="tcp", interval_s=1, max_attempts=3, retry_interval_s=1)
    in_profile(a_vo(supported_by=[service]), test)
    asyncio.run(_engine_until(lambda: _status_of(service, "tcp")))
    row = _status_of(service, "tcp")
    assert Status(row.status) == Status.CRITICAL
    assert Status(row.hard_status) != Status.CRITICAL
    asyncio.run(_engine_until(lambda: _status_of(service, "tcp").hard_status == Status.CRITICAL))
    assert Status(_status_of(service, "tcp").hard_status) == Status.CRITICAL


def test_somebody_who_asks_for_a_run_gets_it_at_once_and_reads_how_it_ended():
    service = _service(1)
    test = a_test("tcp", kind="native", command="tcp", interval_s=86_400)
    in_profile(a_vo(supported_by=[service]), test)
    unknown = a_test("elsewhere", kind="native", command="tcp")
    wanted = RunRequest.objects.create(service=service, test=test, requested_at=NOW)
    useless = RunRequest.objects.create(service=service, test=unknown, requested_at=NOW)
    asyncio.run(_engine_until(lambda: RunRequest.objects.exclude(done_at=None).count() == 2))
    wanted.refresh_from_db()
    useless.refresh_from_db()
    assert wanted.outcome == "CRITICAL: connection refused while connecting to 127.0.0.1 port 1"
    assert useless.outcome.startswith("not run: no profile has this test")


def test_no_more_than_the_limit_run_at_once_against_one_host(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"probe_per_host": 2})

    async def main():
        async with Listener() as listener:
            await asyncio.to_thread(_closing, lambda: _prepared(listener.port))
            await _engine_until(lambda: LatestStatus.objects.count() == 12)
            return listener.most_at_once

    def _prepared(port):
        service = _service(port)
        vo = a_vo(supported_by=[service])
        for number in range(12):
            arguments = {"expect": "hello"}
            in_profile(vo, a_test(f"tcp-{number}", kind="native", command="tcp", interval_s=1, arguments=arguments))

    assert asyncio.run(main()) == 2
    assert LatestStatus.objects.filter(hard_status=Status.OK).count() == 12


def test_a_test_that_cannot_run_is_unknown_and_says_why():
    service = _service(1)
    vo = a_vo(supported_by=[service])
    cases = {
        "no-such-check": {"kind": "native", "command": "telepathy"},
        "no-such-argument": {"kind": "native", "command": "tcp", "arguments": {"prot": 1}},
        "no-such-macro": {"kind": "native", "command": "tcp", "arguments": {"expect": "$NOPE$"}},
        "no-such-plugin": {"kind": "plugin", "command": "/bin/true", "arguments": []},
    }
    for name, fields in cases.items():
        in_profile(vo, a_test(name, interval_s=1, **fields))
    asyncio.run(_engine_until(lambda: LatestStatus.objects.count() == len(cases)))
    said = {row.metric: (Status(row.hard_status).name, row.summary) for row in LatestStatus.objects.all()}
    assert {status for status, _ in said.values()} == {"UNKNOWN"}
    assert "no native check 'telepathy'" in said["no-such-check"][1]
    assert "`prot`" in said["no-such-argument"][1]
    assert "$NOPE$ is no macro" in said["no-such-macro"][1]
    assert "not in a folder of plugins" in said["no-such-plugin"][1]
