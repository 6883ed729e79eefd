"""The xrootd checks against a real server, and against listeners that break the protocol at every stage."""

import asyncio
import struct
from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.native.check import CheckFailedError, Handed
from gridkeeper.probes.packs.xrootd import protocol
from tests.probes.native.servers import listening, saying
from tests.realm.xrootd import xrootd


@pytest.fixture(scope="module")
def server():
    with xrootd() as running:
        yield running


@pytest.fixture
def asked(server, check):
    """Runs a check against the server, in its namespace."""

    def run(name, **arguments):
        return server.inside(lambda: asyncio.run(check(name, server.port, **({"url": server.url} | arguments))))

    return run


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("xrootd", {}, "data server, protocol 5."),
        ("xrootd-stat", {"kind": "directory"}, "/data is a directory"),
        ("xrootd-copy", {}, "4096 bytes written, read and deleted again: put 0."),
        ("xrootd-copy", {"checksum": "md5", "size_bytes": 700_001}, "700001 bytes written"),
        ("xrootd-copy", {"folder": "/data/new/folder"}, "4096 bytes written"),
    ],
)
def test_a_server_that_works_is_ok(asked, name, arguments, words):
    outcome = asked(name, **arguments)
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith(words)


@pytest.mark.service
def test_a_finished_copy_leaves_nothing(server, asked):
    asked("xrootd-copy")
    assert list(server.folder.glob("gridkeeper-sample-*")) == []


@pytest.mark.service
def test_what_is_written_is_there(server, asked):
    outcome = asked("xrootd-copy", size_bytes=300_000, keep=True)
    assert "300000 bytes written, read and kept" in outcome.summary
    (left,) = server.folder.glob("gridkeeper-sample-*")
    assert left.stat().st_size == 300_000
    left.unlink()


@pytest.mark.service
def test_a_stopped_server_is_red(server, asked):
    server.stop()
    try:
        outcome = asked("xrootd")
    finally:
        server.start()
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL", "connection refused while connecting to 127.0.0.1 port 1094"
    )  # fmt: skip
    assert asked("xrootd").status.name == "OK"


@pytest.mark.service
@pytest.mark.parametrize("name", ["xrootd", "xrootd-stat", "xrootd-copy"])
def test_a_hung_server_is_red(server, asked, name):
    server.freeze()
    try:
        outcome = asked(name, timeout_s=0.5)
    finally:
        server.thaw()
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL", "timed out after 0.5 s while waiting for the answer to the handshake"
    )  # fmt: skip


@pytest.mark.service
def test_a_folder_that_is_gone_is_red(server, asked):
    with server.emptied():
        outcome = asked("xrootd-stat")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the server refused while asking for the status of /data: not found (3011)")


@pytest.mark.service
def test_a_folder_that_cannot_be_written_is_red(server, asked):
    with server.read_only():
        outcome = asked("xrootd-copy")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the server refused while opening /data/gridkeeper-sample-")
    assert ": not authorised (3010)" in outcome.summary


@pytest.mark.service
def test_tls_is_used_where_the_server_wants_it(tls_xrootd, check, authority):
    def run(**arguments):
        return tls_xrootd.inside(lambda: asyncio.run(check("xrootd", tls_xrootd.port, tls=True, **arguments)))

    trusted = run(ca_file=str(authority.file))
    assert (trusted.status.name, "TLS: yes" in trusted.output) == ("OK", True), trusted
    refused = run()
    assert refused.status.name == "CRITICAL"
    assert "the certificate is not trusted: unable to get local issuer certificate" in refused.summary


@pytest.mark.service
def test_a_server_without_tls_is_red_where_tls_is_wanted(asked):
    outcome = asked("xrootd", tls=True)
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", "the server speaks no TLS; it was wanted")


@pytest.mark.service
def test_an_expired_certificate_is_red(authority, check):
    with xrootd(pair=authority.issue("localhost", ends_days=-2), ca_file=authority.file) as old:
        outcome = old.inside(lambda: asyncio.run(check("xrootd", old.port, tls=True, ca_file=str(authority.file))))
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the certificate expired 2 d ")


@pytest.mark.service
def test_it_authenticates_as_the_server_wants(check):
    lines = "xrootd.seclib libXrdSec.so\nsec.protocol unix\nsec.protbind * only unix\n"
    with xrootd(lines=lines) as guarded:
        outcome = guarded.inside(lambda: asyncio.run(check("xrootd", guarded.port)))
    assert outcome.status.name == "OK", outcome
    assert "authentication: unix" in outcome.output


# What no good server says.


def _frame(kind, body=b"", *, stream=1, size=None):
    return struct.pack(">HHi", stream, kind, len(body) if size is None else size) + body


_HELLO = _frame(0, struct.pack(">ii", 0x511, 1), stream=0)
_GREETING = _frame(0, struct.pack(">iI", 0x511, 1))
_LOGGED_IN = _frame(0, b"s" * 16)
_BEGIN = (_HELLO + _GREETING, _LOGGED_IN)
_STAT = _frame(0, b"1 10 0 1700000000\0")


def speaking(*replies, hang=True):
    """A server that answers one reply to each request, and then hangs or ends."""

    async def answer(reader, writer):
        await reader.readexactly(20)
        for reply in replies:
            head = await reader.readexactly(24)
            await reader.readexactly(struct.unpack(">i", head[20:])[0])
            writer.write(reply)
            await writer.drain()
        if hang:
            await asyncio.sleep(60)

    return answer


async def _said(check, answer, name="xrootd-stat", timeout_s=0.4, **arguments):
    async with listening(answer) as port:
        outcome = await check(name, port, timeout_s=timeout_s, **arguments)
    return outcome.status.name, outcome.summary


def _redirect(port, host=b"127.0.0.1"):
    return _frame(4004, struct.pack(">i", port) + host)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([b"SSH-2.0-OpenSSH_9\r\n"], "not an xrootd server: it announced an answer of"),
        ([_frame(0, b"x" * 9, stream=0)], "not an xrootd server: it did not answer the handshake"),
        ([_frame(0, stream=0, size=-1)], "not an xrootd server: it announced an answer of -1 bytes"),
        ([_frame(0, stream=0, size=2**31 - 1)], "not an xrootd server: it announced an answer of 2147483647 bytes"),
        ([_HELLO + _frame(0, b"abc")], "the answer on the protocol has 3 bytes, wanted 8 or more"),
        ([_HELLO + _GREETING, _frame(0, b"short")], "the answer to the login has 5 bytes, wanted 16 or more"),
        ([_HELLO + _GREETING, _frame(4003, struct.pack(">i", 3010) + b"go away\0")],
         "the server refused while logging in: not authorised (3010): go away"),
        ([_HELLO + _GREETING, _frame(0, b"s" * 16 + b"nonsense\0")],
         "the server wants an authentication that is not understood: nonsense"),
        ([*_BEGIN, _frame(0, b"one\0")], "the answer to stat is no status of a file: ['one']"),
        ([*_BEGIN, _frame(0, b"1 two 3 4\0")], "the answer to stat is no status of a file: ['1', 'two', '3', '4']"),
        ([*_BEGIN, _frame(4003)], "the server refused while asking for the status of /: error (0)"),
        ([*_BEGIN, _frame(4003, struct.pack(">i", 3011) + b"\xff\xfe\n")],
         "the server refused while asking for the status of /: not found (3011): "),
        ([*_BEGIN, _frame(9999)], "the server sent an answer of kind 9999 while asking for the status of /"),
        ([*_BEGIN, _frame(4004, b"\0\0")], "a redirect names no host"),
        ([*_BEGIN, _redirect(-1)], "a redirect leads nowhere: '127.0.0.1' port -1"),
        ([*_BEGIN, _frame(4005)], "the server asks us to wait and does not say how long"),
        ([*_BEGIN, *[_frame(4000, b"x" * 500_000) * 3]], "the server sent an answer of more than 1048576 bytes while"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_answer_is_said(check, replies, words):
    status, summary = await _said(check, speaking(*replies))
    assert status == "CRITICAL"
    assert summary.startswith(words)


async def test_an_authentication_that_we_lack_is_unknown(check):
    offered = _frame(0, b"s" * 16 + b"&P=gsi,v:10400,c:ssl,ca:abc&P=ztn,0:4096:\0")
    assert await _said(check, speaking(_HELLO + _GREETING, offered)) == (
        "UNKNOWN", 'the server wants authentication by gsi, ztn: give the test the credential "token"'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "stage"),
    [
        (saying(hang=True), "waiting for the answer to the handshake"),
        (saying(_HELLO[:5], hang=True), "waiting for the answer to the handshake"),
        (saying(*[_HELLO[i : i + 1] for i in range(12)], pause_s=0.1), "waiting for the answer to the handshake"),
        (speaking(_HELLO), "waiting for the answer on the protocol"),
        (speaking(_HELLO + _GREETING), "waiting for the answer to the login"),
        (speaking(*_BEGIN), "asking for the status of /"),
        (speaking(*_BEGIN, _frame(0, b"1 10", size=500)), "asking for the status of /"),
        (speaking(*_BEGIN, _frame(4006, struct.pack(">i", 100))), "asking for the status of /"),
        (speaking(*_BEGIN, _frame(4005, struct.pack(">i", 30))),
         "asking for the status of / (the server is busy and asked to wait)"),
        (speaking(_HELLO + _frame(0, struct.pack(">iI", 0x511, 0xC0000001))), "starting TLS"),
    ],
)  # fmt: skip
async def test_the_deadline_names_the_stage_that_hung(check, answer, stage):
    assert await _said(check, answer) == ("CRITICAL", f"timed out after 0.4 s while {stage}")


async def test_the_end_of_the_connection_is_said(check):
    assert await _said(check, speaking(*_BEGIN, b"", hang=False)) == (
        "CRITICAL", "the server closed the connection while asking for the status of /"
    )  # fmt: skip


async def test_a_promised_answer_is_waited_for(check):
    late = _frame(4001, struct.pack(">ii", 5008, 0) + _STAT)
    other = _frame(4001, struct.pack(">i", 5002) + b"a message to all")
    answer = speaking(*_BEGIN, other + _frame(4006, struct.pack(">i", 5)) + late)
    assert await _said(check, answer) == ("OK", "/ is a file, 10 bytes")


async def test_parts_of_an_answer_are_put_together(check):
    answer = speaking(*_BEGIN, _frame(4000, b"1 10 2 ") + _frame(0, b"1700000000\0"))
    assert await _said(check, answer, kind="directory") == ("OK", "/ is a directory, 10 bytes")


async def test_a_file_on_tape_only_is_a_warning(check):
    answer = speaking(*_BEGIN, _frame(0, b"1 10 8 1700000000\0"))
    assert await _said(check, answer) == ("WARNING", "/ is offline: on tape, not on disk")


async def test_a_redirect_is_followed_and_told(check):
    async with (
        listening(speaking(*_BEGIN, _STAT)) as second,
        listening(speaking(*_BEGIN, _redirect(second, b"[127.0.0.1]?&tried=x"))) as first,
    ):
        outcome = await check("xrootd-stat", first)
    assert outcome.status.name == "OK"
    assert f"redirected to: 127.0.0.1:{second}" in outcome.output


async def test_a_redirect_without_end_is_said(check):
    async def answer(reader, writer):
        await speaking(*_BEGIN, _redirect(writer.get_extra_info("sockname")[1]))(reader, writer)

    status, summary = await _said(check, answer, timeout_s=5)
    assert (status, summary) == ("CRITICAL", "the server redirected more than 8 times while asking for the status of /")


async def test_a_redirect_into_a_denied_network_is_not_followed(check, settings):
    denied = settings.GRIDKEEPER.model_copy(update={"denied_networks": [ip_network("10.0.0.0/8")]})
    settings.GRIDKEEPER = denied
    status, summary = await _said(check, speaking(*_BEGIN, _redirect(1094, b"10.1.2.3")))
    assert (status, "10.1.2.3 lies in 10.0.0.0/8" in summary) == ("UNKNOWN", True)


@pytest.mark.parametrize(
    ("replies", "words"),
    [
        ([_frame(0)], "the answer to opening a file names no file handle"),
        ([_frame(0, b"hand"), _frame(4003, struct.pack(">i", 3009) + b"full\0")], "no space left (3009): full"),
    ],
)
async def test_a_copy_names_the_step_that_failed(check, replies, words):
    status, summary = await _said(check, speaking(*_BEGIN, *replies), "xrootd-copy")
    assert (status, words in summary) == ("CRITICAL", True), summary


@pytest.mark.parametrize(
    ("read", "words"),
    [
        (b"x" * 16, "came back with other content: it differs from byte"),
        (b"", "was written with 16 bytes and read back with 0"),
        (b"x" * 17, "was written with 16 bytes and read back with more"),
        (b"x" * 5000, "17 bytes of /"),
    ],
)
async def test_corruption_is_found_and_the_sample_deleted(check, read, words):
    asked = []

    async def answer(reader, writer):
        await reader.readexactly(20)
        replies = {3006: _HELLO + _GREETING, 3007: _LOGGED_IN, 3010: _frame(0, b"hand")}
        while True:
            head = await reader.readexactly(24)
            await reader.readexactly(struct.unpack(">i", head[20:])[0])
            kind = struct.unpack(">H", head[2:4])[0]
            asked.append(kind)
            content = b"" if struct.unpack(">q", head[8:16])[0] else read
            writer.write(_frame(0, content) if kind == 3013 else replies.get(kind, _frame(0)))

    status, summary = await _said(check, answer, "xrootd-copy", size_bytes=16)
    assert (status, words in summary) == ("CRITICAL", True), summary
    assert asked[-1] == 3014  # rm


async def test_a_token_goes_within_tls_only(check, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret.token\n")
    offered = _frame(0, b"s" * 16 + b"&P=ztn,0:4096:\0")
    status, summary = await _said(
        check, speaking(_HELLO + _GREETING, offered), credential=Handed(token_path=str(token))
    )
    assert (status, summary) == (
        "UNKNOWN", "the server wants authentication by ztn; this check knows unix, and ztn within TLS"
    )  # fmt: skip


async def test_a_token_is_sent_as_the_protocol_wants_it(check, tmp_path, authority):
    token = tmp_path / "token"
    token.write_text("secret.token\n")
    offered = _frame(0, b"s" * 16 + b"&P=ztn,0:4096:\0")
    asked = []

    async def answer(reader, writer):
        await reader.readexactly(20 + 24)
        writer.write(_HELLO + _frame(0, struct.pack(">iI", 0x511, 0xC0000001)))
        await writer.drain()
        await writer.start_tls(authority.server("localhost"))
        for reply in (offered, _frame(0), _frame(4003, struct.pack(">i", 3010) + b"secret.token is bad\0")):
            head = await reader.readexactly(24)
            asked.append((head, await reader.readexactly(struct.unpack(">i", head[20:])[0])))
            writer.write(reply)

    _, summary = await _said(
        check, answer, timeout_s=2, ca_file=str(authority.file), credential=Handed(token_path=str(token))
    )
    assert asked[1][0][16:20] == b"ztn\0"
    assert asked[1][1] == b"ztn\0\0T\0\0\x00\x0dsecret.token\0"
    assert summary.endswith("not authorised (3010): [removed] is bad")


@pytest.mark.parametrize(
    "arguments", [{"size_bytes": 0}, {"size_bytes": 1 << 40}, {"checksum": "crc64"}, {"size_bytes": "many"}]
)
def test_arguments_that_make_no_sense_are_refused(arguments):
    with pytest.raises(CheckArgumentError):
        check_named("xrootd-copy").parse(arguments)


@given(data=st.binary(max_size=200), at=st.integers(0, 3))
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
async def test_no_answer_breaks_the_check(check, data, at):
    begin = (_HELLO, _GREETING, _LOGGED_IN, b"")
    replies = [b"".join(begin[:2])[: 16 * (at + 1)], *begin[2:at]] if at else []
    status, summary = await _said(check, speaking(*replies, data, hang=False), timeout_s=0.2)
    assert status in {item.name for item in RESULT_STATUSES}
    assert summary


_PARSERS = [
    protocol.parse_greeting, protocol.parse_security, protocol.parse_redirect, protocol.parse_stat,
    protocol.parse_checksum, protocol.parse_wait_s,
]  # fmt: skip


@given(body=st.binary(max_size=400) | st.text(max_size=80).map(str.encode))
@pytest.mark.parametrize("parse", _PARSERS)
def test_a_parser_gives_a_value_or_says_why_not(parse, body):
    with suppress(CheckFailedError):  # and nothing else
        parse(body)
