"""CVMFS stratum servers: a small repository that the test signs itself, served over HTTP."""

import hashlib
import zlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.packs.cvmfs.manifest import ManifestError, fingerprint, parse_manifest, parse_whitelist
from tests.probes.native.servers import http, listening

NAME = "lhcb.example.org"
DAY = timedelta(days=1)


class Repository:
    """A repository with a signer of its own; `files` are what the server has, by path below it."""

    def __init__(self):
        self._key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(subject, subject, self._key.public_key(), 7, now - DAY, now + DAY)
        self.certificate = builder.sign(self._key, hashes.SHA256())
        stored = zlib.compress(self.certificate.public_bytes(serialization.Encoding.PEM))
        self._digest = hashlib.sha1(stored).hexdigest()
        self.files = {f"data/{self._digest[:2]}/{self._digest[2:]}X": stored}

    def published(self, *, age=timedelta(hours=1), left=30 * DAY, revision=4711, listed=True):
        now = datetime.now(UTC)
        lines = [f"C{'a' * 40}", "B4096", "Rd41d8cd98f00b204e9800998ecf8427e", "D240", f"S{revision}", f"N{NAME}",
                 f"X{self._digest}", f"T{int((now - age).timestamp())}"]  # fmt: skip
        text = ("\n".join(lines) + "\n").encode()
        digest = hashlib.sha1(text).hexdigest().encode()
        signature = self._key.sign(digest, padding.PKCS1v15(), hashes.SHA1())
        self.files[".cvmfspublished"] = text + b"--\n" + digest + b"\n" + signature
        prints = [fingerprint(self.certificate)] if listed else []
        expiry = (now + left).strftime("%Y%m%d%H%M%S")
        whitelist = "\n".join([now.strftime("%Y%m%d%H%M%S"), f"E{expiry}", f"N{NAME}", *prints])
        self.files[".cvmfswhitelist"] = whitelist.encode() + b"\n--\nsigned elsewhere"
        return self

    def spoil(self, name, old, new):
        self.files[name] = self.files[name].replace(old, new)
        return self

    async def answer(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        name = head.split()[1].decode().removeprefix(f"/cvmfs/{NAME}/")
        content = self.files.get(name)
        writer.write(http(b"", status="404 Not Found") if content is None else http(content))
        await writer.drain()


@pytest.fixture(scope="module")
def signed():
    return Repository()


async def asked(check, served, **arguments):
    async with listening(served.answer) as port:
        return await check("cvmfs", port, **{"repository": NAME} | arguments)


async def test_a_fresh_repository_is_ok(check, signed):
    outcome = await asked(check, signed.published())
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith(f"{NAME} revision 4711, signed 1 h")
    assert "age=36" in outcome.perfdata
    assert "revision=4711c" in outcome.perfdata


@pytest.mark.parametrize(
    ("published", "status", "words"),
    [
        ({"age": 3 * DAY}, "WARNING", "it was signed 3 d"),
        ({"age": 8 * DAY}, "CRITICAL", "it was signed 8 d"),
        ({"age": -DAY}, "CRITICAL", "in the future"),
        ({"left": DAY}, "WARNING", "white list expires in"),
        ({"left": -DAY}, "CRITICAL", "white list expired"),
        ({"listed": False}, "CRITICAL", "not on its white list"),
    ],
)
async def test_what_clients_would_refuse_is_red(check, signed, published, status, words):
    outcome = await asked(check, signed.published(**published))
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        (".cvmfspublished", b"S4711", b"S4712", "do not have the digest"),
        (".cvmfspublished", b"\n--\n", b"\n", "no signature part"),
        (".cvmfspublished", b"C", b"", "lacks the line C"),
        (".cvmfswhitelist", b"\nE", b"\nF", "expires at ''"),
    ],
)
async def test_a_spoilt_file_is_red(check, signed, name, old, new, words):
    outcome = await asked(check, signed.published().spoil(name, old, new))
    assert outcome.status.name == "CRITICAL", outcome
    assert words in outcome.summary


async def test_a_forged_signature_is_red(check, signed):
    manifest = signed.published().files[".cvmfspublished"]
    signed.files[".cvmfspublished"] = manifest[:-4] + b"\0\0\0\0"
    outcome = await asked(check, signed)
    assert "not of its signer's certificate" in outcome.summary


async def test_a_repository_that_is_not_there_is_red(check, signed):
    outcome = await asked(check, signed, repository="other.example.org")
    assert (outcome.status.name, outcome.summary.rpartition(" answers ")[2]) == ("CRITICAL", "HTTP 404 Not Found")


async def test_revisions_behind_the_stratum_0_count(check, signed):
    ahead = Repository().published(revision=4800)
    async with listening(ahead.answer) as port:
        reference = f"http://127.0.0.1:{port}/cvmfs"
        outcome = await asked(check, signed.published(), reference_url=reference)
        near = await asked(check, signed.published(revision=4799), reference_url=reference)
    assert (outcome.status.name, "89 revisions behind" in outcome.summary) == ("CRITICAL", True)
    assert near.status.name == "OK"


@given(st.binary(max_size=300))
def test_no_bytes_break_the_readers(content):
    for read in (parse_manifest, parse_whitelist):
        for text in (content, b"C1\nNx\nS1\nT" + content + b"\n--\nabc\n"):
            with suppress(ManifestError):
                assert read(text).repository is not None
