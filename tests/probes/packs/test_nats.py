"""NATS: a real server, and listeners that say what others would."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from tests.probes.native.servers import listening, saying
from tests.realm.nats import Nats

INFO = b'INFO {"version":"2.10.1","jetstream":false,"max_payload":1048576}\r\n'


@pytest.mark.service
async def test_a_real_server_is_ok_and_missed_when_it_is_killed(check, tmp_path):
    server = Nats(tmp_path).start()
    try:
        outcome = await check("nats", server.port, jetstream=True, session=True)
        assert outcome.status.name == "OK", outcome
        assert outcome.summary.startswith("NATS 2.")
    finally:
        server.stop()
    stopped = await check("nats", server.port)
    assert (stopped.status.name, stopped.summary[:18]) == ("CRITICAL", "connection refused")


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "words"),
    [
        (INFO + b"PONG\r\n", {}, "OK", "NATS 2.10.1 answers"),
        (INFO + b"PONG\r\n", {"jetstream": True}, "CRITICAL", "without JetStream"),
        (INFO + b"-ERR 'Authorization Violation'\r\n", {}, "OK", "does not let us in"),
        (INFO + b"-ERR 'Authorization Violation'\r\n", {"session": True}, "CRITICAL", "Authorization Violation"),
        (INFO + b"-ERR 'maximum connections exceeded'\r\n", {}, "CRITICAL", "maximum connections exceeded"),
        (b'INFO {"version":"2.9","tls_required":true}\r\n', {}, "OK", "NATS 2.9 answers"),
        (INFO + b"+OK\r\n" * 20, {}, "CRITICAL", "does not answer the ping"),
        (b"INFO nonsense\r\n", {}, "CRITICAL", "not NATS"),
        (b"SSH-2.0-OpenSSH\r\n", {}, "CRITICAL", "not NATS"),
        (b"x" * 100_000, {}, "CRITICAL", "line without end"),
    ],
)
async def test_what_the_server_says_is_understood(check, answer, arguments, status, words):
    async with listening(saying(answer, hang=True)) as port:
        outcome = await check("nats", port, **arguments)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


async def test_a_server_that_hangs_is_red(check):
    async with listening(saying(hang=True)) as port:
        outcome = await check("nats", port, timeout_s=0.3)
    assert outcome.summary == "timed out after 0.3 s while waiting for the greeting"


@given(answer=st.binary(max_size=200))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
async def test_nothing_that_a_server_sends_breaks_the_check(check, answer):
    async with listening(saying(INFO + answer)) as port:
        outcome = await check("nats", port, timeout_s=2)
    assert outcome.status in RESULT_STATUSES
