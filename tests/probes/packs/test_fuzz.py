"""Whatever a server sends, a native check gives an outcome: real answers, damaged, against every check of the protocol.

FUZZ_EXAMPLES raises the number of examples for a long run.
"""

import asyncio
import json
import os
from contextlib import suppress

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import Target
from gridkeeper.probes.native.ber import SEQUENCE, BerError, elements, encode, integer, parts, read_integer, text
from gridkeeper.probes.native.ldap_filter import FilterError, parse_filter
from tests.probes.native.servers import listening, saying

_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
_often = hypothesis_settings(
    deadline=None,
    max_examples=_EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_TIMEOUT_S = 1.0


def _outcome(name, sent, **arguments):
    """Of a check against a server that says these bytes in one go, whatever it is asked, and then nothing."""

    async def main():
        async with listening(saying(sent)) as port:
            check = check_named(name)
            target = Target("localhost", "127.0.0.1", port, f"http://localhost:{port}/pscheduler")
            return await check.run(target, check.parse(arguments), _TIMEOUT_S)

    outcome = asyncio.run(main())
    assert outcome.status in RESULT_STATUSES
    assert outcome.summary.strip()
    return outcome


def _message(number, *operation):
    return encode(SEQUENCE, integer(number), *operation)


def _result(tag, code=0):
    return encode(tag, integer(code, 0x0A), text(""), text(""))


def _entry(dn, **attributes):
    listed = [
        encode(SEQUENCE, text(name), encode(0x31, *(text(value) for value in values)))
        for name, values in attributes.items()
    ]
    return encode(0x64, text(dn), encode(SEQUENCE, *listed))


_BOUND = _message(1, _result(0x61))
_STATISTICS = _entry("Hostname=x,o=infosys", objectClass=["UpdateStats"], modifyTimestamp=["20261121131933Z"])
_ENDPOINT = _entry(
    "GLUE2EndpointID=x,o=glue", objectClass=["GLUE2Endpoint"], GLUE2EndpointURL=["https://x/"],
    GLUE2EntityCreationTime=["2026-11-21T13:00:00Z"], GLUE2EntityValidity=["3600"],
)  # fmt: skip
_LDAP = (
    _BOUND + _message(2, _STATISTICS) + _message(2, _ENDPOINT) + _message(2, _result(0x65)) + _message(3, _result(0x65))
)


@st.composite
def damaged(draw, whole):
    """The bytes with some of them changed, cut out, put in twice, or with rubbish put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(["flip", "cut", "twice", "put", "end"]))
        if kind == "flip" and data:
            data[at] = draw(st.sampled_from([0, 1, 0x7F, 0x80, 0x81, 0x84, 0x88, 0xFF, draw(st.integers(0, 255))]))
        elif kind == "cut":
            del data[at : at + draw(st.integers(1, 20))]
        elif kind == "twice":
            data[at:at] = data[at : at + draw(st.integers(1, 40))]
        elif kind == "put":
            data[at:at] = draw(st.binary(max_size=20))
        else:
            del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", ["ldap", "bdii", "bdii-freshness", "bdii-entries", "bdii-glue"])
@given(sent=damaged(_LDAP))
@example(sent=_LDAP)
@example(sent=_BOUND + b"\x30\x84\xff\xff\xff\xff")
@example(sent=_BOUND + b"\x30\x80")
@example(sent=_message(0, encode(0x78, integer(52, 0x0A), text(""), text("shutting down"))))
@_often
def test_no_answer_over_ldap_breaks_a_check(name, sent):
    _outcome(name, sent)


def test_a_server_that_ends_the_connection_says_why():
    notice = _message(0, encode(0x78, integer(52, 0x0A), text(""), text("shutting down")))
    outcome = _outcome("bdii", notice)
    assert (outcome.status, outcome.summary) == (
        Status.CRITICAL, "the LDAP server ends the connection: unavailable (shutting down)"
    )  # fmt: skip


def test_what_was_last_updated_long_ago_is_named():
    outcome = _outcome("bdii-freshness", _LDAP.replace(b"20261121131933Z", b"20260101000000Z"))
    assert outcome.status == Status.CRITICAL
    assert outcome.summary.startswith("the BDII answers, but its last update is ")
    assert outcome.summary.endswith(" old (2026-01-01 00:00:00 UTC)")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying(hang=True), "timed out after 0.4 s while binding anonymously"),
        (saying(*[bytes([byte]) for byte in _BOUND], pause_s=0.2), "timed out after 0.4 s while binding anonymously"),
        (saying(_BOUND, hang=True), "timed out after 0.4 s while searching o=glue for (objectClass=*)"),
        (saying(_BOUND, b"\x30\x84\x00\x00\xff\xff", hang=True), "timed out after 0.4 s while searching o=glue for"),
        (saying(_BOUND, b"\x30\x84\x7f\xff\xff\xff", hang=True),
         "not an LDAP server: a message holds 2147483647 bytes, more than this check reads"),
        (saying(_message(1, _result(0x61, 49)), hang=True),
         "the LDAP server refuses an anonymous bind: invalid credentials"),
        (saying(_message(7, _result(0x61)), hang=True), "not an LDAP server: it answers request 7 instead of 1"),
        (saying(b"HTTP/1.1 400 Bad Request\r\n\r\n", hang=True), "not an LDAP server: a message holds b'HT' where"),
        (saying(_BOUND, *[_message(2, _ENDPOINT)] * 200, pause_s=0.01),
         "timed out after 0.4 s while searching o=glue for (objectClass=*)"),
    ],
)  # fmt: skip
async def test_the_stage_at_which_ldap_ends_is_named(check, answer, words):
    async with listening(answer) as port:
        outcome = await check("bdii", port, timeout_s=0.4)
    assert (outcome.status, outcome.summary[: len(words)]) == (Status.CRITICAL, words)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["issuer", "jwks_uri", "keys", "kty", "services", "synchronized", "offset", "running", "x"]),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


def _http(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("name", ["token-issuer", "pscheduler"])
@given(said=_JSON)
@_often
def test_no_json_breaks_a_check(name, said):
    _outcome(name, _http(json.dumps(said).encode()))


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\nabc\r\n0\r\n\r\n"
_PLAIN = b"HTTP/1.1 100 Continue\r\n\r\n" + _http(b'{"a": 1}')


@pytest.mark.parametrize("name", ["http", "token-issuer", "pscheduler"])
@given(sent=damaged(_CHUNKED) | damaged(_PLAIN))
@_often
def test_no_answer_over_http_breaks_a_check(name, sent):
    _outcome(name, sent)


@pytest.mark.parametrize(
    ("name", "arguments", "whole"),
    [
        (
            "smtp",
            {"recipient": "a@example.org"},
            b"220 a\r\n250-b\r\n250 SIZE 1\r\n250 c\r\n250 d\r\n250 e\r\n221 f\r\n",
        ),
        ("ssh", {}, b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"),
        ("tls", {"starttls": "smtp"}, b"220 a\r\n250 STARTTLS\r\n220 go\r\n"),
        ("tls", {"starttls": "ldap"}, bytes.fromhex("300c02010178070a010004000400")),
    ],
)
@given(data=st.data())
@_often
def test_no_dialogue_breaks_a_check(name, arguments, whole, data):
    _outcome(name, data.draw(damaged(whole)), **arguments)


@given(sent=damaged(b"SSH-2.0-x\r\n" + b"\x00\x00\x00\x0c\x0a\x14" + bytes(200)))
@hypothesis_settings(_often, max_examples=max(10, _EXAMPLES // 4))
def test_no_key_exchange_breaks_the_check(sent):
    _outcome("ssh-host-key", sent)


@given(st.binary(max_size=200))
@hypothesis_settings(deadline=None, max_examples=_EXAMPLES * 5)
def test_ber_reads_or_refuses(data):
    try:
        found = list(elements(data))
        parts(data, len(found))
    except BerError:
        return
    assert sum(len(content) for _, content in found) <= len(data)


@given(st.integers(-(2**62), 2**62))
@hypothesis_settings(deadline=None)
def test_integers_come_back(value):
    ((tag, content),) = elements(integer(value))
    assert (tag, read_integer(content)) == (2, value)


@given(st.binary(max_size=400))
@hypothesis_settings(deadline=None)
def test_contents_come_back(content):
    assert list(elements(encode(0x04, content))) == [(0x04, content)]


@given(st.text(alphabet="()&|!=*<>~\\ab2f ", max_size=30))
@example("(" * 5000)
@example("(&" * 5000)
@hypothesis_settings(deadline=None, max_examples=_EXAMPLES * 5)
def test_a_filter_is_read_or_refused(source):
    with suppress(FilterError):
        list(elements(parse_filter(source)))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("(a=b)", "a306040161040162"),
        ("(a=*)", "870161"),
        ("(a>=1)", "a506040161040131"),
        ("(a=x*y*z)", "a40e040161300980017881017982017a"),
        ("(!(a=*))", "a203870161"),
        ("(&(a=*)(b=*))", "a006870161870162"),
        (r"(a=\2a\29)", "a30704016104022a29"),
    ],
)
def test_filters_as_they_go_over_the_wire(source, wanted):
    assert parse_filter(source).hex() == wanted


def test_loopback_is_allowed_here():
    """The others would all say the same without it."""
    assert django_settings.GRIDKEEPER.denied_networks == []


@given(st.binary(max_size=120))
@example(b"\x15\x03\x03\x00\x02\x02\x28")  # alert: handshake failure
@example(b"\x16\x03\x03\xff\xff" + b"\x02" * 100)
@example(b"\x16\x03\x03\x00\x04\x02\xff\xff\xff")
@example(b"HTTP/1.1 400 The plain HTTP request was sent to HTTPS port\r\n\r\n")
@hypothesis_settings(_often, max_examples=max(10, _EXAMPLES // 2))
def test_no_handshake_breaks_a_check(sent):
    outcome = _outcome("tls", sent)
    assert outcome.status == Status.CRITICAL
