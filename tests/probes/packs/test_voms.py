"""VOMS over HTTPS, as a listener that answers in its XML."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError, Handed
from gridkeeper.probes.native.http_client import Response
from gridkeeper.probes.packs.voms import _judged
from tests.probes.native.servers import http, listening, saying

AC = b64encode(b"0" * 300).decode()
GRANTED = f'<?xml version="1.0"?><voms><ac>{AC}</ac></voms>'
REFUSED = "<voms><error><code>NoSuchUser</code><message>User unknown to this VO.</message></error></voms>"


async def asked(check, authority, body, *, status="200 OK", **fields):
    handed = Handed(proxy_path=str(authority.issue("robot")))
    answer = saying(http(body.encode(), status=status), reads=True)
    async with listening(answer, tls=authority.server("localhost")) as port:
        return await check("voms", port, ca_file=str(authority.file), **{"credential": handed} | fields)


@pytest.mark.parametrize(
    ("body", "answered", "status", "words"),
    [
        (GRANTED, "200 OK", "OK", "an attribute certificate of 300 bytes"),
        (GRANTED.replace("</voms>", "<warning><message>shortened</message></warning></voms>"), "200 OK", "WARNING",
         "shortened"),
        (REFUSED, "403 Forbidden", "CRITICAL", "NoSuchUser: User unknown to this VO."),
        ("<voms><ac>short</ac></voms>", "200 OK", "CRITICAL", "no base64"),
        ("<voms><ac>AAAA</ac></voms>", "200 OK", "CRITICAL", "3 bytes only"),
        ("<voms/>", "200 OK", "CRITICAL", "no reason given"),
        ("<html>", "200 OK", "CRITICAL", "no answer of VOMS"),
    ],
)  # fmt: skip
async def test_what_voms_says_is_understood(check, authority, body, answered, status, words):
    outcome = await asked(check, authority, body, status=answered, fqans=["/dteam/Role=NULL"])
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


async def test_without_a_proxy_the_test_says_what_it_needs(check, authority):
    outcome = await asked(check, authority, GRANTED, credential=None)
    assert (outcome.status.name, "needs a proxy" in outcome.summary) == ("UNKNOWN", True)


@given(st.binary(max_size=200), st.sampled_from([200, 403, 500]))
def test_no_answer_breaks_the_check(body, status):
    for content in (body, b"<voms><ac>" + body + b"</ac></voms>"):
        try:
            outcome = _judged(Response("https://voms", status, "", {}, content))
        except CheckFailedError as error:
            outcome = error
        assert outcome.status in set(Status)
        assert outcome.summary


def _myproxy(*said, hang=False):
    """A MyProxy server: what it says once it was asked in its own protocol."""

    async def answer(reader, writer):
        assert await reader.readexactly(1) == b"0"
        assert (await reader.readuntil(b"\0")).startswith(b"VERSION=MYPROXYv2\nCOMMAND=2\n")
        for part in said:
            writer.write(part)
        await writer.drain()
        if hang:
            await reader.read()

    return answer


@pytest.mark.parametrize(
    ("server", "days", "status", "words"),
    [
        # as MyProxy 6.2 answers somebody whom it does not know
        (
            _myproxy(b"\0VERSION=MYPROXYv2\nRESPONSE=1\nERROR=no credentials found\n\0"),
            90,
            "OK",
            "MYPROXYv2 answers; the c",
        ),
        (
            _myproxy(b"VERSION=MYPROXYv2\nRESPONSE=0\n"),
            5,
            "WARNING",
            "MYPROXYv2 answers; the certificate expires in 4 d",
        ),
        (_myproxy(b"VERSION=MYPROXYv2\nRESPONSE=0\n\0"), -2, "CRITICAL", "the certificate expired 2 d "),
        (_myproxy(b"220 smtp\r\n\0"), 90, "CRITICAL", "not a MyProxy server: it said '220 smtp"),
        (_myproxy(b"x" * 200_000), 90, "CRITICAL", "not a MyProxy server: its answer has no end"),
        (_myproxy(b"\0" * 50), 90, "CRITICAL", "not a MyProxy server: it said ''"),
        (
            _myproxy(b"\xff\xfe", hang=True),
            90,
            "CRITICAL",
            "timed out after 0.5 s while waiting for the answer of MyProxy",
        ),
        (_myproxy(), 90, "CRITICAL", "the server closed the connection while waiting for the answer of MyProxy"),
    ],
)
async def test_myproxy_must_speak_its_protocol(check, authority, server, days, status, words):
    async with listening(server, tls=authority.server("localhost", ends_days=days)) as port:
        outcome = await check("myproxy", port, ca_file=str(authority.file), timeout_s=0.5)
    assert (outcome.status.name, outcome.summary[: len(words)]) == (status, words)
