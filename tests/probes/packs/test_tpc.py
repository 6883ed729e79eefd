"""Third-party copies by a real xrootd, and by listeners that say what is not so."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.native.check import CheckFailedError
from gridkeeper.probes.packs.tpc import Transfer, parse_transfer
from tests.probes.native.servers import Authority, http, listening
from tests.probes.packs.test_webdav import Storage
from tests.realm.xrootd import xrootd


@pytest.fixture
def asked(tls_xrootd, check, authority):
    def run(*, scheme="http", **arguments):
        url = tls_xrootd.http_url if scheme == "http" else tls_xrootd.https_url
        options = {"url": url, "ca_file": str(authority.file)} | arguments
        return tls_xrootd.inside(lambda: asyncio.run(check("http-tpc", tls_xrootd.http_port, **options)))

    return run


@pytest.mark.service
@pytest.mark.parametrize("mode", ["pull", "push"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_works_is_ok(tls_xrootd, asked, mode, scheme):
    outcome = asked(mode=mode, scheme=scheme)
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith(f"4096 bytes copied by {mode}, compared and deleted: copy 0.")
    assert list(tls_xrootd.folder.glob("gridkeeper-sample-*")) == []


@pytest.mark.service
def test_a_stopped_server_is_red(tls_xrootd, asked):
    tls_xrootd.stop()
    try:
        outcome = asked()
    finally:
        tls_xrootd.start()
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("connection refused while writing the source http://localhost:8080/data/")


@pytest.mark.service
def test_a_hung_server_is_red(tls_xrootd, asked):
    tls_xrootd.freeze()
    try:
        outcome = asked(timeout_s=0.5)
    finally:
        tls_xrootd.thaw()
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("timed out after 0.5 s while writing the source http://localhost:8080/data/")


@pytest.mark.service
def test_a_storage_that_does_not_trust_the_partner_is_red(tmp_path, authority, check):
    (tmp_path / "ca").mkdir()
    stranger = Authority(tmp_path / "ca")
    with xrootd(pair=authority.issue("localhost"), ca_file=stranger.file) as server:
        options = {"url": server.https_url, "ca_file": str(authority.file)}
        outcome = server.inside(lambda: asyncio.run(check("http-tpc", server.http_port, **options)))
        assert list(server.folder.iterdir()) == []
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the pull of https://localhost:8080/data/gridkeeper-sample-")
    assert " failed: SSL" in outcome.summary


class Copying(Storage):
    """Copies within itself, or says only that it did."""

    def __init__(self, log, *, is_honest=True, status="201 Created", **broken):
        super().__init__(**broken)
        self.log, self.is_honest, self.status = log, is_honest, status

    def answer(self, method, path, body, headers):
        if method != "COPY":
            return super().answer(method, path, body, headers)
        if self.is_honest:
            source = headers.get("source", path)
            destination = headers.get("destination", path)
            self.files["/" + destination.rpartition("/")[2]] = self.files["/" + source.rpartition("/")[2]]
        return http(self.log, status=self.status)


_MARKER = b"Perf Marker\n Timestamp: 1\n Stripe Bytes Transferred: 16\nEnd\n"


async def _said(check, storage, **arguments):
    async with listening(storage) as port:
        url = f"http://localhost:{port}/"
        outcome = await check("http-tpc", port, timeout_s=1, url=url, size_bytes=16, **arguments)
    return outcome.status.name, outcome.summary


@pytest.mark.parametrize("mode", ["pull", "push"])
@pytest.mark.parametrize("log", [_MARKER + b"success: Created\n", b"success", b"Success: yes", b""])
async def test_a_copy_that_succeeds_is_ok(check, mode, log):
    storage = Copying(log)
    status, summary = await _said(check, storage, mode=mode)
    assert (status, storage.files) == ("OK", {}), summary


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (Copying(_MARKER + b"failure: the partner said 403\n"), " failed: the partner said 403"),
        (Copying(_MARKER), "the log of the copy says neither success nor failure: the last line is 'End'"),
        (Copying(b"", status="202 Accepted"), "the log of the copy says neither success nor failure: it is empty"),
        (Copying(b"success: Created", is_honest=False), "HTTP 404 Not Found (not found) while reading the copy"),
        (Copying(b"Stripe Bytes Transferred: 999\nsuccess: ok"), "the storage says that it copied 999 bytes of 16"),
        (Copying(b"success: ok", GET=http(b"x" * 16)), "came back with other content"),
        (Copying(b"", status="405 No"), "HTTP 405 No (the server does not allow the method here) while asking for the"),
        (Copying(b"\xff\xfe\0"), "the log of the copy says neither success nor failure"),
    ],
)
async def test_what_is_wrong_is_said(check, storage, words):
    status, summary = await _said(check, storage)
    assert (status, words in summary) == ("CRITICAL", True), summary
    assert storage.files == {}


async def test_the_partner_holds_the_source(check):
    partner, storage = Storage(), Copying(b"success: ok", is_honest=False)
    async with listening(partner) as port:
        await _said(check, storage, partner=f"http://localhost:{port}/there/")
    assert [(method, path[:25]) for method, path, _ in partner.asked] == [
        ("PUT", "/there/gridkeeper-sample-"), ("DELETE", "/there/gridkeeper-sample-"),
    ]  # fmt: skip
    assert storage.asked[0][2]["source"].startswith(f"http://localhost:{port}/there/gridkeeper-sample-")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("success: Created", Transfer(True, "Created", None)),
        ("failure: no route\n\n", Transfer(False, "no route", None)),
        ("Stripe Bytes Transferred: 1\nStripe Bytes Transferred: 5\nsuccess", Transfer(True, "", 5)),
    ],
)
def test_a_log_is_understood(text, found):
    assert parse_transfer(text) == found


@given(st.text(max_size=300) | st.from_regex(r"(Stripe Bytes Transferred: .*\n)*(success|failure).*"))
def test_a_log_is_read_or_refused(text):
    with suppress(CheckFailedError):  # and nothing else
        parse_transfer(text)
