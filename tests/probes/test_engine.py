"""The engine as a whole: real listeners, real plugins, results in the database."""

import asyncio
import json
import threading
import time
from pathlib import Path

import pytest
from django.db import connection

from gridkeeper.bus import inbox
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes import metrics
from gridkeeper.probes.engine import Engine
from gridkeeper.probes.models import LatestStatus, ProfileEntry, RunRequest, Test
from tests.builders import NOW, a_service, a_test, a_vo, in_profile
from tests.probes.native.servers import listening
from tests.services import require_service

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})


class Listener:
    """A TCP server that says "hello"; how many ran at once is counted."""

    def __init__(self):
        self.most_at_once = self._at_once = 0

    async def __aenter__(self):
        self._listening = listening(self._answer)
        self.port = await self._listening.__aenter__()
        return self

    async def __aexit__(self, *error):
        await self._listening.__aexit__(*error)

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


async def _engine_until(condition, seconds=30):
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
    asyncio.run(_engine_until(lambda: getattr(_status_of(service, "tcp"), "hard_status", Status.OK) == Status.CRITICAL))
    _, rows = inbox.pending("results")
    in_order = sorted(zip(rows.column("executed_at").to_pylist(), rows.column("is_hard").to_pylist(), strict=True))
    assert [is_hard for _, is_hard in in_order[:3]] == [False, False, True]


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


class ComputingElement:
    """Takes jobs over HTTP; what rode in them comes back at once."""

    def __init__(self, *, queues=("short",), state="done"):
        self.queues, self.state = list(queues), state

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        line = json.dumps({"metric": "csh", "status": "WARNING", "summary": "an old csh", "duration_ms": 7})
        status, answer = {
            ("POST", "/match"): (200, {"queues": self.queues}),
            ("POST", "/jobs"): (201, {"id": "1", "state": "queued"}),
            ("GET", "/jobs/1"): (200, {"state": self.state, "reason": "no disk"}),
            ("GET", "/jobs/1/output"): (200, line),
            ("DELETE", "/jobs/1"): (200, {}),
        }[method, path]
        body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
        writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        (
            ComputingElement(),
            {"jl": ("OK", ""), "js": ("OK", ""), "csh": ("WARNING", ""), "rm": ("UNKNOWN", "")},
        ),
        (
            ComputingElement(queues=[]),
            {"jl": ("CRITICAL", ""), "js": ("UNKNOWN", "jl"), "csh": ("UNKNOWN", "jl"), "rm": ("UNKNOWN", "jl")},
        ),
        (
            ComputingElement(state="failed"),
            {"jl": ("OK", ""), "js": ("CRITICAL", ""), "csh": ("UNKNOWN", "js"), "rm": ("UNKNOWN", "js")},
        ),
    ],
)
def test_a_job_brings_back_its_stages_and_what_rides_in_it(element, expected):
    def _prepared(port):
        service = _service(port)
        vo = a_vo("lhcb", supported_by=[service])
        job = a_test("js", kind="job", interval_s=1, is_per_vo=True, stage="JS")
        in_profile(vo, job)
        for name, stage in (("jl", "JL"), ("csh", ""), ("rm", "")):
            in_profile(vo, a_test(name, kind="passive", rides_in=job, is_per_vo=True, stage=stage))

    async def main():
        async with listening(element) as port:
            await asyncio.to_thread(_closing, lambda: _prepared(port))
            await _engine_until(lambda: LatestStatus.objects.count() == 4)

    asyncio.run(main())
    rows = LatestStatus.objects.all()
    assert {row.metric: (Status(row.hard_status).name, row.cause) for row in rows} == expected
    assert {row.vo for row in rows} == {"lhcb"}


def test_a_run_that_is_asked_for_while_the_test_runs_is_run_again():
    async def slowly(_reader, writer):
        connections.append(time.monotonic())
        if len(connections) == 1:
            await asyncio.to_thread(_closing, _ask)
            await asyncio.sleep(1.5)
        writer.write(b"hello")
        writer.close()

    def _prepared(port):
        service = _service(port)
        test = a_test("tcp", kind="native", command="tcp", interval_s=86_400, arguments={"expect": "hello"})
        in_profile(a_vo(supported_by=[service]), test)
        RunRequest.objects.create(service=service, test=test, requested_at=NOW)

    def _ask():
        first = RunRequest.objects.get()
        RunRequest.objects.create(service=first.service, test=first.test, requested_at=NOW)

    async def main():
        async with listening(slowly) as port:
            await asyncio.to_thread(_closing, lambda: _prepared(port))
            await _engine_until(lambda: RunRequest.objects.exclude(done_at=None).count() == 2)

    connections = []
    asyncio.run(main())
    assert len(connections) == 2


def test_who_asked_is_told_when_the_test_leaves_the_profile_before_it_runs(monkeypatch):
    async def slowly(_reader, writer):
        await asyncio.to_thread(_closing, _ask_again_and_leave)
        await asyncio.sleep(1)
        writer.write(b"hello")
        writer.close()

    def _prepared(port):
        service = _service(port)
        test = a_test("tcp", kind="native", command="tcp", interval_s=86_400, arguments={"expect": "hello"})
        in_profile(a_vo(supported_by=[service]), test)
        RunRequest.objects.create(service=service, test=test, requested_at=NOW)

    def _ask_again_and_leave():
        first = RunRequest.objects.get()
        RunRequest.objects.create(service=first.service, test=first.test, requested_at=NOW)
        ProfileEntry.objects.get().delete()

    async def main():
        async with listening(slowly) as port:
            await asyncio.to_thread(_closing, lambda: _prepared(port))
            await _engine_until(lambda: RunRequest.objects.exclude(done_at=None).count() == 2)

    monkeypatch.setattr("gridkeeper.probes.engine._RELOAD_S", 0.2)
    asyncio.run(main())
    run, left = RunRequest.objects.order_by("pk").values_list("outcome", flat=True)
    assert run.startswith("OK: ")
    assert left.startswith("not run: no profile has this test")


def test_who_asked_is_told_when_the_result_can_be_seen_and_not_before():
    service = _service(1)
    test = a_test("tcp", kind="native", command="tcp", interval_s=86_400)
    in_profile(a_vo(supported_by=[service]), test)
    # Taken by a scheduler that was stopped before it ended the run.
    RunRequest.objects.create(service=service, test=test, requested_at=NOW, taken_at=NOW)

    def _done_and_seen():
        is_done = RunRequest.objects.exclude(done_at=None).exists()
        seen.append((is_done, _status_of(service, "tcp") is not None))
        return is_done

    seen = []
    asyncio.run(_engine_until(_done_and_seen))
    assert seen[-1] == (True, True)
    assert (True, False) not in seen


def test_what_was_measured_is_stored_when_it_is_told_to_stop():
    async def main():
        async with Listener() as listener:
            await asyncio.to_thread(_closing, lambda: _prepared(listener.port))
            return await _engine_until(lambda: LatestStatus.objects.count() > 5)

    def _prepared(port):
        for number in range(20):
            service = a_service(hostname=f"ce{number}.example.org", host_ip="127.0.0.1")
            test = a_test(f"tcp-{number}", kind="native", command="tcp", interval_s=1, arguments={"port": port})
            in_profile(a_vo(supported_by=[service]), test)

    engine = asyncio.run(main())
    assert engine.stored >= engine.runs > 0
    assert inbox.backlog("results").rows == engine.stored


def test_what_a_server_says_cannot_stop_the_engine():
    """A zero byte, a half surrogate, a number that no column holds."""

    async def nasty(_reader, writer):
        writer.write(b"SSH-2.0-\0\xed\xa0\x80 evil\r\n")
        writer.close()

    def _prepared(port):
        service = _service(port)
        vo = a_vo(supported_by=[service])
        in_profile(vo, a_test("ssh", kind="native", command="ssh", interval_s=1))
        in_profile(vo, a_test("tcp", kind="native", command="tcp", interval_s=1, arguments={"expect": "evil"}))

    async def main():
        async with listening(nasty) as port:
            await asyncio.to_thread(_closing, lambda: _prepared(port))
            await _engine_until(lambda: LatestStatus.objects.count() == 2)

    asyncio.run(main())
    assert "\0" not in "".join(LatestStatus.objects.values_list("summary", flat=True))
    assert set(LatestStatus.objects.values_list("hard_status", flat=True)) == {Status.OK}


def test_a_change_in_the_registry_is_taken_over_while_it_runs(monkeypatch):
    monkeypatch.setattr("gridkeeper.probes.engine._RELOAD_S", 0.2)
    service = _service(1)
    test = a_test("tcp", kind="native", command="tcp", interval_s=1)
    in_profile(a_vo(supported_by=[service]), test)

    def _second_appears():
        if _status_of(service, "tcp") and not Test.objects.filter(name="more").exists():
            in_profile(a_vo(), a_test("more", kind="native", command="tcp", interval_s=1))
        return _status_of(service, "more") is not None

    asyncio.run(_engine_until(_second_appears))
    assert _status_of(service, "more") is not None


def test_its_figures_reach_the_metrics_page(client, monkeypatch):
    monkeypatch.setattr("gridkeeper.probes.engine._RELOAD_S", 0.2)
    service = _service(1)
    in_profile(a_vo(supported_by=[service]), a_test("tcp", kind="native", command="tcp", interval_s=1))
    asyncio.run(_engine_until(lambda: b"gridkeeper_instances 1.0" in metrics.published()))
    page = client.get("/metrics").content.decode()
    assert "gridkeeper_instances 1.0" in page
    assert 'gridkeeper_results_total{status="CRITICAL"}' in page


@pytest.mark.service
def test_a_plugin_runs_with_macros_from_the_registry(settings):
    plugin = Path("/usr/lib/nagios/plugins/check_tcp")
    require_service(plugin.exists(), f"{plugin} (monitoring-plugins)")

    def _prepared(port):
        service = _service(port)
        arguments = ["-H", "$HOSTADDRESS$", "-p", "$PORT$", "-e", "hello"]
        test = a_test("tcp", kind="plugin", command=str(plugin), interval_s=1, arguments=arguments)
        in_profile(a_vo(supported_by=[service]), test)
        return service

    async def main():
        async with Listener() as listener:
            service = await asyncio.to_thread(_closing, lambda: _prepared(listener.port))
            await _engine_until(lambda: _status_of(service, "tcp"))
            return service

    row = _status_of(asyncio.run(main()), "tcp")
    assert Status(row.hard_status) == Status.OK
    assert row.summary.startswith("TCP OK")
