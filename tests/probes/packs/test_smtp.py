"""The check of SMTP against a real server, and against servers that break the protocol at every stage."""

import pytest

from gridkeeper.core.status import Status
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError
from tests.probes.native.servers import listening, saying
from tests.realm.smtp import running_smtp


@pytest.fixture(scope="module")
def smtp(tmp_path_factory):
    with running_smtp(tmp_path_factory.mktemp("smtp")) as running:
        yield running


@pytest.fixture
def asked(smtp, check):
    async def run(**arguments):
        wanted = {"tls": "required", "ca_file": str(smtp.ca_file)} | arguments
        return await check("smtp", smtp.port, hostname=smtp.host, **wanted)

    return run


@pytest.mark.service
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "; the certificate expires in 29 d 23 h"),
        ({"tls": ""}, "; without TLS"),
        ({"tls": "offered", "verify": False, "ca_file": ""}, "; the certificate expires in 29 d 23 h"),
        ({"recipient": "ops@example.org", "extensions": ["8bitmime"]}, ", mail for ops@example.org would be taken"),
    ],
)
async def test_a_server_that_works_is_ok(asked, arguments, words):
    outcome = await asked(**arguments)
    assert outcome.status == Status.OK, outcome
    assert words in outcome.summary
    assert "> QUIT" in outcome.output


@pytest.mark.service
async def test_an_expired_certificate_is_red(smtp, asked):
    with smtp.expired():
        outcome = await asked()
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.startswith("the certificate expired 2 d ")
    assert (await asked()).status == Status.OK


@pytest.mark.service
async def test_a_server_that_lost_tls_is_red(smtp, asked):
    with smtp.refusing():
        outcome = await asked()
    assert (outcome.status, outcome.summary) == (Status.CRITICAL, "the server does not offer STARTTLS")


@pytest.mark.service
async def test_a_hung_server_is_red(smtp, asked):
    smtp.freeze()
    try:
        outcome = await asked(timeout_s=0.3)
    finally:
        smtp.thaw()
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, "timed out after 0.3 s while waiting for the greeting"
    )  # fmt: skip


@pytest.mark.service
async def test_a_stopped_server_is_red(smtp, asked):
    smtp.stop()
    try:
        outcome = await asked()
    finally:
        smtp.start()
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, f"connection refused while connecting to 127.0.0.1 port {smtp.port}"
    )  # fmt: skip


@pytest.mark.service
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"ca_file": ""}, "the certificate is not trusted: unable to get local issuer certificate"),
        ({"warning_days": 40}, "Python SMTP"),
        ({"extensions": ["CHUNKING", "DSN"]}, "the server does not offer CHUNKING, DSN"),
    ],
)
async def test_what_is_not_as_wanted_is_said(asked, arguments, words):
    outcome = await asked(**arguments)
    assert outcome.status in {Status.CRITICAL, Status.WARNING}
    assert words in outcome.summary


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying(b"421 too busy\r\n"), "waiting for the greeting: the server says '421 too busy', wanted 220"),
        (saying(b"SSH-2.0-OpenSSH\r\n"), "not an SMTP server: it said 'SSH-2.0-OpenSSH'"),
        (saying(b"220 x\r\n250-y\r\n", hang=True), "timed out after 0.3 s while waiting for the answer to EHLO"),
        (saying(b"220 x\r\n250 y\r\n550 no\r\n", hang=True),
         "waiting for the answer to MAIL FROM: the server says '550 no', wanted 250"),
        (saying(b"220 x\r\n250 y\r\n250 y\r\n550 5.1.1 unknown user\r\n", hang=True),
         "waiting for the answer to RCPT TO: the server says '550 5.1.1 unknown user', wanted 250"),
        (saying(*[b"2"] * 1000, pause_s=0.01), "timed out after 0.3 s while waiting for the greeting"),
        (saying(b"\xff\x00\xfe\r\n"), "not an SMTP server: it said "),
    ],
)  # fmt: skip
async def test_a_server_that_refuses_or_is_none_is_red(check, answer, words):
    async with listening(answer) as port:
        outcome = await check("smtp", port, timeout_s=0.3, recipient="a@example.org")
    assert (outcome.status, outcome.summary[: len(words)]) == (Status.CRITICAL, words)


@pytest.mark.parametrize(
    "arguments", [{"recipient": "a@b\r\nQUIT"}, {"sender": "x"}, {"tls": "perhaps"}, {"name": "a b"}]
)
def test_arguments_that_break_the_dialogue_are_refused(arguments):
    with pytest.raises(CheckArgumentError, match="smtp: "):
        check_named("smtp").parse(arguments)
