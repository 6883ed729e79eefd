"""WebDAV against a real xrootd with TLS, and against listeners that answer wrongly."""

import asyncio
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.native.check import Handed
from gridkeeper.probes.packs.samples import CHECKSUMS
from gridkeeper.probes.packs.webdav import parse_digest
from tests.probes.native.servers import http, listening
from tests.realm.xrootd import xrootd


@pytest.fixture
def asked(tls_xrootd, check, authority):
    def run(name, *, path="", **arguments):
        url = f"{tls_xrootd.https_url}{path}"
        options = {"url": url, "ca_file": str(authority.file)} | arguments
        return tls_xrootd.inside(lambda: asyncio.run(check(name, tls_xrootd.http_port, **options)))

    return run


@pytest.mark.service
@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("webdav", {}, "https://localhost:8080/data/ is a folder of a WebDAV server"),
        ("webdav-copy", {}, "4096 bytes written, read and deleted again: put 0."),
        ("webdav-copy", {"size_bytes": 300_001, "checksum": "md5"}, "300001 bytes written"),
        ("webdav-copy", {"checksum": ""}, "4096 bytes written"),
    ],
)
def test_a_server_that_works_is_ok(asked, name, arguments, words):
    outcome = asked(name, **arguments)
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith(words)


@pytest.mark.service
def test_a_finished_copy_leaves_nothing(tls_xrootd, asked):
    assert asked("webdav-copy").status.name == "OK"
    assert list(tls_xrootd.folder.glob("gridkeeper-sample-*")) == []


@pytest.mark.service
def test_a_stopped_server_is_red(tls_xrootd, asked):
    tls_xrootd.stop()
    try:
        outcome = asked("webdav")
    finally:
        tls_xrootd.start()
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("connection refused while asking for the properties of https://localhost:8080/")


@pytest.mark.service
@pytest.mark.parametrize(("name", "step"), [("webdav", "asking for the properties of"), ("webdav-copy", "writing")])
def test_a_hung_server_is_red(tls_xrootd, asked, name, step):
    tls_xrootd.freeze()
    try:
        outcome = asked(name, timeout_s=0.5)
    finally:
        tls_xrootd.thaw()
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith(f"timed out after 0.5 s while {step} https://localhost:8080/data/")


@pytest.mark.service
def test_wrong_content_is_red(tls_xrootd, asked):
    with tls_xrootd.emptied():
        outcome = asked("webdav")
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("HTTP 404 Not Found (not found) while asking for the properties of")
    with tls_xrootd.read_only():
        outcome = asked("webdav-copy")
    assert outcome.status.name == "CRITICAL"
    assert " while writing https://localhost:8080/data/gridkeeper-sample-" in outcome.summary


@pytest.mark.service
def test_an_expired_certificate_is_red(authority, check):
    with xrootd(pair=authority.issue("localhost", ends_days=-2), ca_file=authority.file) as old:
        options = {"url": old.https_url, "ca_file": str(authority.file)}
        outcome = old.inside(lambda: asyncio.run(check("webdav", old.http_port, **options)))
    assert outcome.status.name == "CRITICAL"
    assert outcome.summary.startswith("the certificate expired 2 d ")


# What no good server says.


class Storage:
    """An HTTP server that keeps files; `broken` maps a method to another answer."""

    def __init__(self, **broken):
        self.files = {}
        self.asked = []
        self.broken = broken

    async def __call__(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n"))
        }
        self.asked.append((method, path, headers))
        if "expect" in headers and method not in self.broken:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if method in self.broken:
            writer.write(self.broken[method])
            return
        writer.write(
            self.answer(method, path, await reader.readexactly(int(headers.get("content-length", 0))), headers)
        )

    def answer(self, method, path, body, headers):
        if method == "PUT":
            self.files[path] = body
            return http(b"", status="201 Created")
        if path not in self.files:
            return http(b"", status="404 Not Found")
        if method == "DELETE":
            del self.files[path]
            return http(b"", status="204 No Content")
        digest = [f"Digest: adler32={zlib.adler32(self.files[path]):08x}"] if "want-digest" in headers else []
        return http(self.files[path] if method == "GET" else b"", headers=digest)


async def _said(check, storage, name="webdav-copy", timeout_s=1, **arguments):
    async with listening(storage) as port:
        options = {"url": f"http://localhost:{port}/data"} | arguments
        outcome = await check(name, port, timeout_s=timeout_s, size_bytes=16, **options)
    return outcome.status.name, outcome.summary


async def test_a_storage_that_keeps_files_is_ok(check):
    storage = Storage()
    assert (await _said(check, storage))[0] == "OK"
    assert [method for method, _, _ in storage.asked] == ["PUT", "GET", "HEAD", "DELETE", "HEAD"]


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"PUT": http(status="507 Full")}, "HTTP 507 Full (no space left) while writing http://localhost:"),
        ({"PUT": http(status="403 Forbidden")}, "HTTP 403 Forbidden (not authorised) while writing"),
        ({"PUT": b"220 ftp\r\n"}, "not an HTTP server: it said '220 ftp' while writing"),
        ({"GET": http(status="500 Oops")}, "HTTP 500 Oops (the server failed) while reading"),
        ({"GET": http(b"x" * 16)}, "came back with other content: it differs from byte 0 on"),
        ({"GET": http(b"x" * 15)}, "was written with 16 bytes and read back with 15"),
        ({"GET": http(b"x" * 999)}, "was written with 16 bytes and read back with more"),
        ({"GET": http(b"x" * 9, length=16)}, "the answer promised 16 bytes and ended after 9 while reading"),
        ({"HEAD": http(b"")}, "the server gives no adler32 checksum of"),
        ({"HEAD": http(b"", headers=["Digest: adler32=00000bad"])}, "is 00000bad, wanted "),
        ({"HEAD": http(b"", headers=["Digest: \xff=,,==;" + "a" * 5000])}, "the server gives no adler32 checksum of"),
        ({"DELETE": http(status="403 No")}, "HTTP 403 No (not authorised) while deleting"),
        ({"DELETE": http(status="204 No Content")}, "was deleted and is still there: HTTP 200"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_with_its_step(check, broken, words):
    status, summary = await _said(check, Storage(**broken))
    assert (status, words in summary) == ("CRITICAL", True), summary


async def test_what_went_wrong_is_cleaned_up_or_said(check):
    storage = Storage(GET=http(b"bad"))
    await _said(check, storage)
    assert storage.files == {}
    async with listening(Storage(GET=http(b"bad"), DELETE=http(status="403 No"))) as port:
        outcome = await check("webdav-copy", port, url=f"http://localhost:{port}/", size_bytes=16)
    assert "was left behind: HTTP 403 No (not authorised)" in outcome.output


async def test_a_door_that_sends_to_a_pool_is_followed(check):
    pool = Storage()
    async with listening(pool) as pool_port:

        async def door(reader, writer):
            path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
            address = f"Location: http://localhost:{pool_port}{path}"
            writer.write(http(b"", status="307 Temporary Redirect", headers=[address]))

        assert (await _said(check, door))[0] == "OK"
    assert pool.asked[0][0] == "PUT"


async def test_a_token_is_sent_within_tls_and_never_told(check, authority, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret.token\n")
    storage = Storage(PUT=http(b"we know secret.token", status="403 No"))
    async with listening(storage, tls=authority.server("localhost")) as port:
        options = {"url": f"davs://localhost:{port}/", "ca_file": str(authority.file)}
        outcome = await check("webdav-copy", port, credential=Handed(token_path=str(token)), **options)
    assert storage.asked[0][2]["authorization"] == "Bearer secret.token"
    assert "secret.token" not in f"{outcome.summary}{outcome.output}"


@pytest.mark.parametrize(
    ("url", "folder", "status", "words"),
    [
        ("root://se.example.org/", "", "UNKNOWN", "'root://se.example.org/' is no WebDAV URL"),
        ("https://[::1", "", "UNKNOWN", "is no URL"),
        ("https://se.example.org:0/", "", "UNKNOWN", "is no http or https URL with a host"),
        ("https://se.example.org/", "/a b", "UNKNOWN", "'/a b' is no path of a folder"),
        ("https://se.example.org/", "/a\r\nX: y", "UNKNOWN", "is no path of a folder"),
    ],
)
async def test_an_address_that_is_none_is_unknown(check, url, folder, status, words):
    outcome = await check("webdav", 443, url=url, folder=folder)
    assert (outcome.status.name, words in outcome.summary) == (status, True), outcome


@given(st.text(max_size=200) | st.from_regex(r"(adler32|md5|SHA-256)=[A-Za-z0-9+/=]*(,.*)?"))
def test_a_digest_is_read_or_ignored(header):
    for name, value in parse_digest(header).items():
        assert name in CHECKSUMS
        assert int(value, 16) >= 0


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("adler32=3D23B4A4", {"adler32": "3d23b4a4"}),
        ("MD5=rL0Y20zC+Fzt72VPzMSk2A==", {"md5": "acbd18db4cc2f85cedef654fccc4a4d8"}),
        ("md5=acbd18db4cc2f85cedef654fccc4a4d8", {"md5": "acbd18db4cc2f85cedef654fccc4a4d8"}),
        ("unknown=1, adler32=1", {"adler32": "1"}),
        ("adler32=xyz", {}),
        ("", {}),
    ],
)
def test_a_digest_is_understood(header, found):
    assert parse_digest(header) == found
