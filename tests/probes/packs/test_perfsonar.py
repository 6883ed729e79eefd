"""perfSONAR's scheduler, as a listener that answers its resources."""

import json

import pytest

from tests.probes.native.servers import http, listening

_RUNS = {"running": True, "time": "P3D"}
GOOD = {
    "api": 5,
    "status": {"time": "2026-03-10T12:00:00", "services": {"scheduler": _RUNS, "runner": _RUNS, "database": _RUNS}},
    "tests": ["https://ps/pscheduler/tests/throughput", "https://ps/pscheduler/tests/trace"],
    "clock": {"time": "2026-03-10T12:00:00+00:00", "synchronized": True, "source": "ntp", "offset": -0.002},
}


def scheduler(**changes):
    """An answer to each resource; a bytes value is sent as it is."""
    resources = GOOD | changes

    async def answer(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        name = head.split()[1].decode().rpartition("/")[2]
        content = resources.get(name)
        writer.write(content if isinstance(content, bytes) else http(json.dumps(content).encode()))
        await writer.drain()

    return answer


async def asked(check, authority, **changes):
    async with listening(scheduler(**changes), tls=authority.server("localhost")) as port:
        return await check("pscheduler", port, ca_file=str(authority.file))


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, "OK", "pScheduler API 5, 2 tests, clock off by 0.002 s"),
        ({"clock": GOOD["clock"] | {"offset": 0.5}}, "WARNING", "limit 0.1 s"),
        ({"clock": GOOD["clock"] | {"offset": 7}}, "CRITICAL", "limit 1 s"),
        ({"clock": GOOD["clock"] | {"synchronized": False}}, "CRITICAL", "not synchronised"),
        ({"clock": []}, "UNKNOWN", "does not say whether its clock"),
        ({"status": {"services": {"scheduler": _RUNS, "runner": {"running": False}}}}, "CRITICAL",
         "pScheduler answers, but its runner does not run: nothing is measured"),
        ({"status": {"services": {"ticker": None, "runner": {}}}}, "CRITICAL", "its runner, ticker do not run"),
        ({"status": ["x"]}, "UNKNOWN", "nothing of its services"),
        ({"tests": GOOD["tests"][:1]}, "CRITICAL", "no trace test"),
        ({"tests": {"a": 1}}, "CRITICAL", "no list"),
        ({"api": "hello"}, "CRITICAL", "no pScheduler"),
        ({"api": http(b"", status="502 Bad Gateway")}, "CRITICAL", "HTTP 502"),
        ({"api": http(b"<html>")}, "CRITICAL", "no JSON"),
    ],
)  # fmt: skip
async def test_what_the_scheduler_says_is_understood(check, authority, changes, status, words):
    outcome = await asked(check, authority, **changes)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


async def test_its_offset_is_measured(check, authority):
    outcome = await asked(check, authority)
    assert "offset=0.002000s;0.1;1;0 tests=2;;;0" in outcome.perfdata
