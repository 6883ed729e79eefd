"""TCP and SSH against servers that answer, refuse, hang, drip and babble."""

import pytest

from tests.probes.native.servers import listening, saying

_LATE = "timed out after 0.5 s while waiting for"


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "summary"),
    [
        (saying(hang=True), {}, "OK", "port {port} accepts connections"),
        (saying(b"220 fine\r\n"), {"expect": "220"}, "OK", "port {port} answers as expected"),
        (saying(b"2", b"2", b"0", pause_s=0.01, hang=True), {"expect": "220"}, "OK", "port {port} answers as expected"),
        (saying(b"500 no\r\n"), {"expect": "220"}, "CRITICAL", "port {port} did not say '220'"),
        (saying(), {"expect": "220"}, "CRITICAL", "port {port} did not say '220'"),
        (saying(b"x" * 100_000, hang=True), {"expect": "220"}, "CRITICAL", "port {port} did not say '220'"),
        (saying(hang=True), {"expect": "220"}, "CRITICAL", _LATE + " '220' from port {port}"),
    ],
)  # fmt: skip
async def test_tcp(check, answer, arguments, status, summary):
    async with listening(answer) as port:
        outcome = await check("tcp", port, timeout_s=0.5, **arguments)
    assert (outcome.status.name, outcome.summary) == (status, summary.format(port=port))


async def test_tcp_sends_what_it_is_told(check):
    async def echo(reader, writer):
        writer.write(b"you said " + await reader.readline())

    async with listening(echo) as port:
        outcome = await check("tcp", port, send="PING\\n", expect="you said PING")
    assert outcome.status.name == "OK"


async def test_a_refused_connection_is_said(check):
    outcome = await check("tcp", 1)
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL",
        "connection refused while connecting to 127.0.0.1 port 1",
    )


@pytest.mark.parametrize(
    ("answer", "arguments", "status", "summary"),
    [
        (saying(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", hang=True), {}, "OK", "OpenSSH_9.2p1 Debian-2 (protocol 2.0)"),
        (saying(b"welcome\r\nto CERN\r\nSSH-1.99-x\r\n"), {}, "OK", "x (protocol 1.99)"),
        (saying(b"SSH-1.5-old\r\n"), {}, "CRITICAL", "protocol 1.5, wanted 2.0 or 1.99"),
        (saying(b"SSH-2.0-dropbear\r\n"), {"software": "OpenSSH"}, "WARNING", "software 'dropbear', wanted 'OpenSSH'"),
        (saying(b"220 ftp ready\r\n"), {}, "CRITICAL", "not an SSH server: it said '220 ftp ready'"),
        (saying(b"SSH-2.0\r\n", hang=True), {}, "CRITICAL", "not an SSH server: it said 'SSH-2.0'"),
        (saying(b"\xff\0\xfe\r\n" * 30, hang=True), {}, "CRITICAL", "not an SSH server: it said '\ufffd\\x00\ufffd'"),
        (saying(b"x" * 200_000, hang=True), {}, "CRITICAL", "the server sends a line without end, not SSH"),
        (saying(b"SSH-2.0-never ends", hang=True), {}, "CRITICAL", f"{_LATE} the identification line"),
        (saying(hang=True), {}, "CRITICAL", f"{_LATE} the identification line"),
        (saying(), {}, "CRITICAL", "not an SSH server: it said ''"),
    ],
)  # fmt: skip
async def test_ssh(check, answer, arguments, status, summary):
    async with listening(answer) as port:
        outcome = await check("ssh", port, timeout_s=0.5, **arguments)
    assert (outcome.status.name, outcome.summary) == (status, summary)
