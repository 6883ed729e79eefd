"""TLS: chain, name and lifetime of real certificates of a CA of our own."""

import asyncio
from datetime import timedelta

import pytest
from cryptography import x509

from gridkeeper.core.status import Status
from gridkeeper.probes.native.tls import TLS, judge_expiry
from tests.probes.native.servers import listening, saying


async def _checked(check, authority, *, trusted=True, hostname="ce.example.org", server_name="", **fields):
    async with listening(saying(hang=True), tls=authority.server(**fields)) as port:
        ca_file = str(authority.file) if trusted else ""
        return await check("tls", port, ca_file=ca_file, hostname=hostname, server_name=server_name)


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({}, "OK", "the certificate expires in 89 d 23 h"),
        ({"ends_days": 10}, "WARNING", "the certificate expires in 9 d 23 h"),
        ({"ends_days": 2}, "CRITICAL", "the certificate expires in 1 d 23 h"),
        ({"ends_days": -3}, "CRITICAL", "the certificate expired 3 d "),
        ({"starts_days": 1}, "CRITICAL", "the certificate is not valid before"),
        ({"name": "other.example.org"}, "CRITICAL", "the certificate is not trusted: Hostname mismatch"),
        ({"name": "*.example.org"}, "OK", "the certificate expires"),
        ({"name": "vip.example.org", "server_name": "vip.example.org"}, "OK", "the certificate expires"),
        ({"trusted": False}, "CRITICAL", "the certificate is not trusted: unable to get local issuer certificate"),
        # What is wrong is said, not that it also ends soon.
        ({"trusted": False, "ends_days": 2}, "CRITICAL", "the certificate is not trusted: unable to get local issuer"),
    ],
)
async def test_a_certificate_is_judged(check, authority, fields, status, words):
    outcome = await _checked(check, authority, **fields)
    assert outcome.status.name == status
    assert outcome.summary.startswith(words)
    assert "issuer: CN=Test CA" in outcome.output


async def test_the_days_that_are_left_are_measured(check, authority):
    outcome = await _checked(check, authority)
    assert " days=90.00;14:;3:" in outcome.perfdata


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (saying(b"220 smtp ready\r\n", hang=True), "TLS failed while connecting by TLS to 127.0.0.1 port {port}: "),
        (saying(), "the connection failed while connecting by TLS to 127.0.0.1 port {port}"),
        (saying(hang=True), "timed out after 0.5 s while connecting by TLS to 127.0.0.1 port {port}"),
    ],
)
async def test_a_server_without_tls_is_said(check, answer, words):
    async with listening(answer) as port:
        outcome = await check("tls", port, timeout_s=0.5)
    assert outcome.status == Status.CRITICAL
    assert words.format(port=port) in outcome.summary or "closed the connection" in outcome.summary


async def test_a_server_that_resets_in_the_handshake_is_said(check):
    async def reset(reader, writer):
        await reader.read(10)
        writer.transport.abort()

    async with listening(reset) as port:
        outcome = await check("tls", port)
    assert outcome.status == Status.CRITICAL
    assert f"while connecting by TLS to 127.0.0.1 port {port}" in outcome.summary


async def test_a_ca_file_that_changes_is_read_anew(check, authority, tmp_path):
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text("nothing yet")
    async with listening(saying(hang=True), tls=authority.server()) as port:
        before = await check("tls", port, ca_file=str(ca_file))
        await asyncio.sleep(0.01)
        ca_file.write_bytes(authority.file.read_bytes())
        after = await check("tls", port, ca_file=str(ca_file))
    assert (before.status, after.status) == (Status.UNKNOWN, Status.OK)
    assert before.summary.startswith(f"cannot read the CA file {ca_file}")


@pytest.mark.parametrize(
    ("left", "status"),
    [
        (timedelta(days=14, seconds=1), Status.OK),
        (timedelta(days=14, seconds=-1), Status.WARNING),
        (timedelta(days=3, seconds=1), Status.WARNING),
        (timedelta(days=3, seconds=-1), Status.CRITICAL),
        (timedelta(0), Status.CRITICAL),
        (timedelta(seconds=-1), Status.CRITICAL),
    ],
)
def test_lifetimes_at_the_limits(authority, left, status):
    authority.server()
    pem = (authority.file.parent / "server1.pem").read_bytes()
    certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT") :])
    now = certificate.not_valid_after_utc - left
    assert judge_expiry(certificate, now, TLS.parse({})).status == status
