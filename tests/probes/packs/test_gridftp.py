"""GridFTP against a real Globus server, and against listeners that break the protocol at every stage."""

import asyncio
import base64
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.native.check import CheckFailedError, Handed
from gridkeeper.probes.packs.gridftp import control, gsi
from tests.probes.native.servers import listening, saying
from tests.realm.grid_ca import GridAuthority
from tests.realm.gridftp import gridftp


@pytest.fixture(scope="module")
def grid(tmp_path_factory):
    return GridAuthority(tmp_path_factory.mktemp("grid") / "certificates", "Grid CA")


@pytest.fixture(scope="module")
def robot(grid):
    return grid.issue("robot")


@pytest.fixture(scope="module")
def server(grid, robot):
    host = grid.issue("host", days=30, host="localhost")
    with gridftp(grid, host=host, users=f'"{robot.subject}" nobody') as running:
        yield running


@pytest.fixture
def asked(server, check, grid):
    def run(**arguments):
        options = {"timeout_s": 20, "ca_file": str(grid.file)} | arguments
        return asyncio.run(check("gridftp", server.port, **options))

    return run


@pytest.mark.service
def test_a_server_that_works_is_ok(asked):
    outcome = asked()
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith("the certificate expires in 29 d 23 h")
    assert outcome.summary.endswith("; not logged in: no proxy was handed to the test")
    assert "GridFTP Server" in outcome.output
    assert "days=30.00;14:;3:" in outcome.perfdata


@pytest.mark.service
def test_a_known_proxy_logs_in(asked, grid, robot):
    outcome = asked(credential=Handed(proxy_path=str(grid.proxy(robot))))
    assert outcome.status.name == "OK", outcome
    assert "; logged in, " in outcome.summary


@pytest.mark.service
def test_a_proxy_that_maps_to_nobody_is_red(asked, grid):
    outcome = asked(credential=Handed(proxy_path=str(grid.proxy(grid.issue("stranger")))))
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the server maps the proxy to no user: 530 ")


@pytest.mark.service
def test_an_expired_proxy_is_red(asked, grid, robot):
    outcome = asked(credential=Handed(proxy_path=str(grid.proxy(robot, hours=-2))))
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the server refused the proxy: 5")


@pytest.mark.service
def test_a_stopped_server_is_red(server, asked):
    server.stop()
    try:
        outcome = asked()
    finally:
        server.start()
    words = f"connection refused while connecting to 127.0.0.1 port {server.port}"
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", words)


@pytest.mark.service
def test_a_hung_server_is_red(server, asked):
    server.freeze()
    try:
        outcome = asked(timeout_s=0.5)
    finally:
        server.thaw()
    words = "timed out after 0.5 s while waiting for the banner"
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", words)


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "days", "status", "words"),
    [
        ("localhost", 1, "CRITICAL", "the certificate expires in 23 h 59 min"),
        ("localhost", 7, "WARNING", "the certificate expires in 6 d 23 h"),
        ("other.example.org", 30, "CRITICAL", "the certificate is not trusted: Hostname mismatch"),
    ],
)
def test_a_bad_certificate_is_said(grid, check, name, days, status, words):
    with gridftp(grid, host=grid.issue("host", days=days, host=name)) as old:
        outcome = asyncio.run(check("gridftp", old.port, ca_file=str(grid.file)))
    assert (outcome.status.name, outcome.summary.startswith(words)) == (status, True), outcome


@pytest.mark.service
def test_an_expired_certificate_is_named_by_the_server_itself(grid, check):
    with gridftp(grid, host=grid.issue("host", days=-2, host="localhost")) as old:
        outcome = asyncio.run(check("gridftp", old.port, ca_file=str(grid.file)))
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the server refuses GSSAPI authentication: 530 ")
    assert "expired" in outcome.summary


@pytest.mark.service
def test_a_ca_that_we_do_not_trust_is_red(asked):
    outcome = asked(ca_file="")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the certificate is not trusted: self-signed certificate in certificate chain")
    assert asked(ca_file="", verify=False).status.name == "OK"


# What no good server says.


def speaking(*replies, hang=True):
    """A server that greets with the first reply and gives the others to one command each; then it hangs or ends."""

    async def answer(reader, writer):
        for reply in replies:
            writer.write(reply)
            await writer.drain()
            if reply is not replies[-1]:
                await reader.readuntil(b"\r\n")
        if hang:
            await asyncio.sleep(60)

    return answer


_HI = b"220 ready\r\n"
_GO_ON = b"334 go on\r\n"


def _adat(token, code=335):
    return f"{code} ADAT=".encode() + base64.b64encode(token) + b"\r\n"


async def _said(check, answer, timeout_s=10.0, **arguments):
    async with listening(answer) as port:
        outcome = await check("gridftp", port, timeout_s=timeout_s, **arguments)
    return outcome.status.name, outcome.summary


@pytest.mark.parametrize(
    ("replies", "status", "words"),
    [
        ([b"421 too many sessions\r\n"], "CRITICAL", "the server does not take sessions: 421 too many sessions"),
        ([b"SSH-2.0-x\r\n"], "CRITICAL", "not an FTP server: it said 'SSH-2.0-x'"),
        ([b"22\r\n"], "CRITICAL", "not an FTP server: it said '22'"),
        ([b"\r\n"], "CRITICAL", "not an FTP server: it said ''"),
        ([b"x" * 200_000], "CRITICAL", "the server sends a line without end: not FTP"),
        ([b"220-x\r\n" + b"more\r\n" * 500], "CRITICAL", "a reply of more than 200 lines: not FTP"),
        ([_HI, b"504 no\r\n"], "CRITICAL", "the server refuses GSSAPI authentication: 504 no"),
        ([_HI, _GO_ON, b"535 no\r\n"], "CRITICAL", "the server ended the handshake and showed no certificate: 535 no"),
        ([_HI, _GO_ON, b"335 ADAT=???\r\n"], "CRITICAL", "the server sent a token that is no base64: '???'"),
        ([_HI, _GO_ON, b"335 ADAT=\xff\xfe\r\n"], "CRITICAL", "the server sent a token that is no base64"),
        ([_HI, _GO_ON, _adat(b"\x16\x03\x03\xff\xff")], "CRITICAL", "TLS failed while shaking hands: "),
        ([_HI, _GO_ON, *[b"335 ADAT=\r\n"] * 20], "CRITICAL", "the handshake has no end: more than 12 steps"),
        ([_HI, _GO_ON, b"235 welcome\r\n"], "CRITICAL", "the server ended the handshake and showed no certificate"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_answer_is_said(check, replies, status, words):
    found, summary = await _said(check, speaking(*replies))
    assert (found, summary.startswith(words)) == (status, True), summary


@pytest.mark.parametrize(
    ("answer", "stage"),
    [
        (saying(hang=True), "waiting for the banner"),
        (saying(*[bytes([byte]) for byte in b"220 ready"], pause_s=0.1), "waiting for the banner"),
        (saying(b"220-a long\r\n", hang=True), "waiting for the banner"),
        (speaking(_HI), "asking for GSSAPI authentication"),
        (speaking(_HI, _GO_ON), "shaking hands (ADAT)"),
        (speaking(_HI, _GO_ON, _adat(b"\x16\x03\x03\x01\x00")), "shaking hands (ADAT)"),
    ],
)
async def test_the_deadline_names_the_stage_that_hung(check, answer, stage):
    assert await _said(check, answer, timeout_s=0.4) == ("CRITICAL", f"timed out after 0.4 s while {stage}")


async def test_the_end_of_the_connection_is_said(check):
    words = "the server closed the connection while waiting for the banner"
    assert await _said(check, saying()) == ("CRITICAL", words)
    assert await _said(check, saying(b"22")) == ("CRITICAL", "not an FTP server: it said '22' and left")


async def test_the_banner_alone_may_be_wanted(check):
    answer = speaking(b"220-one\r\n220-two\r\n220 three\r\n")
    assert await _said(check, answer, authenticate=False) == ("OK", "banner: one two three")
    status, summary = await _said(check, answer, authenticate=False, software="Globus")
    assert (status, summary) == ("WARNING", "the banner lacks 'Globus': one two three")


@given(st.binary(max_size=300))
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_token_breaks_the_check(check, token):
    status, summary = await _said(check, speaking(_HI, _GO_ON, _adat(token), hang=False))
    assert status in {item.name for item in RESULT_STATUSES}
    assert summary


@given(st.binary(max_size=300))
@example(b"\x16\x03\x03\x00\x0c\x0b\x00\x00\x08\x00\x00\x05\x00\x00\x02ab")
@example(b"\x16\x03\x03\x00\x04\x0b\x00\x00\x00")
def test_a_handshake_is_read_or_refused(data):
    for prefix in (b"", b"\x16\x03\x03\x01\x00", b"\x16\x03\x03\x01\x00\x0b\x00\x00\xf0"):
        with suppress(CheckFailedError):  # and nothing else
            gsi.parse_certificate(prefix + data)


@hypothesis_settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30) | st.from_regex(r"\d{3}[ -]?.*"), min_size=1, max_size=6))
def test_a_reply_is_read_or_refused(lines):
    with suppress(CheckFailedError):
        control.parse_reply(lines)
