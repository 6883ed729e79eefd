"""STOMP brokers, as listeners that speak it: sessions, refusals, nonsense."""

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError
from tests.probes.native.servers import listening, saying

CONNECTED = b"CONNECTED\nserver:ActiveMQ/5.18.3\nversion:1.2\nheart-beat:0,0\n\n\0"
REFUSED = b"ERROR\nmessage:User name [null] or password is invalid.\ncontent-type:text/plain\n\ndetails\0\n"


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "words"),
    [
        (CONNECTED, {}, "OK", "ActiveMQ/5.18.3 grants a session, STOMP 1.2"),
        (b"\n\n" + CONNECTED, {}, "OK", "grants a session"),
        (CONNECTED.replace(b"\n", b"\r\n"), {}, "OK", "grants a session"),
        (REFUSED, {}, "OK", "the broker answers"),
        (REFUSED, {"session": True}, "CRITICAL", "refuses the session: User name [null]"),
        (b"ERROR\nmessage:store is full\n\n\0", {}, "CRITICAL", "store is full"),
        (b"ERROR\ncontent-length:4\n\nnope\0", {}, "CRITICAL", "nope"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n\0", {}, "CRITICAL", "not STOMP"),
        (b"CONNECTED\nno header\n\n\0", {}, "CRITICAL", "not STOMP: a header"),
        (b"x" * 200_000, {}, "CRITICAL", "line without end"),
        (b"CONNECTED\nserver:x", {}, "CRITICAL", "closed the connection while waiting for the answer to CONNECT"),
    ],
)
async def test_what_the_broker_says_is_understood(check, answer, arguments, status, words):
    async with listening(saying(answer)) as port:
        outcome = await check("stomp", port, **arguments)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


async def test_a_broker_over_tls_needs_a_certificate_that_is_trusted(check, authority):
    async with listening(saying(CONNECTED), tls=authority.server("localhost")) as port:
        outcome = await check("stomp", port, tls=True, ca_file=str(authority.file))
        stranger = await check("stomp", port, tls=True)
    assert outcome.status.name == "OK", outcome
    assert stranger.status.name == "CRITICAL"
    assert "TLS" in stranger.summary


async def test_a_broker_that_hangs_is_red(check):
    async with listening(saying(b"CONN", hang=True)) as port:
        outcome = await check("stomp", port, timeout_s=0.3)
    assert outcome.summary == "timed out after 0.3 s while waiting for the answer to CONNECT"


def _broker(*before, tail=b""):
    """A broker that gives back what is sent to it, after other messages."""

    async def answer(reader, writer):
        await reader.readuntil(b"\0")
        writer.write(CONNECTED + b"".join(before))
        await reader.readuntil(b"\0")
        sent = await reader.readuntil(b"\0")
        writer.write(tail or b"\nMESSAGE\nmessage-id:1\nsubscription:1\n\n" + sent.partition(b"\n\n")[2])
        await writer.drain()
        await reader.read()

    return answer


@pytest.mark.parametrize(
    ("broker", "status", "words"),
    [
        (_broker(), "OK", "a message came back from /queue/x in 0."),
        (_broker(b"MESSAGE\nmessage-id:0\n\nof somebody\0\n"), "OK", "a message came back from /queue/x in 0."),
        (
            _broker(tail=b"ERROR\nmessage:store is full\n\n\0"),
            "CRITICAL",
            "takes no message for /queue/x: store is full",
        ),
        (
            _broker(tail=b"\n"),
            "CRITICAL",
            "timed out after 0.5 s while waiting for our message to come back from /queue/x",
        ),
    ],
)
async def test_a_message_must_come_back(check, broker, status, words):
    async with listening(broker) as port:
        outcome = await check("stomp", port, destination="/queue/x", timeout_s=0.5)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


def test_a_vhost_cannot_smuggle_headers():
    with pytest.raises(CheckArgumentError, match="line end"):
        check_named("stomp").parse({"vhost": "a\nlogin:b"})


@given(answer=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda tail: CONNECTED[:-1] + tail)))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
async def test_nothing_that_a_broker_sends_breaks_the_check(check, answer):
    async with listening(saying(answer)) as port:
        outcome = await check("stomp", port, timeout_s=2)
    assert outcome.status in RESULT_STATUSES
    assert outcome.summary
