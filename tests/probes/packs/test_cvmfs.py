"""CVMFS: a signed repository behind a web server, and every way in which it can be old, changed or wrong."""

import re
import zlib
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gridkeeper.probes.checks import check_named
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.native.check import CheckFailedError
from gridkeeper.probes.packs.cvmfs import parse_snapshot, signed
from tests.probes.native.servers import listening, saying
from tests.realm.cvmfs import Repository, master_key, stratum
from tests.services import free_port

_GOOD = Repository()
_NOW = datetime.now(UTC)


def _as_of_now(repository):
    """The same ages as when this file was read: other tests may have taken a while since."""
    since = datetime.now(UTC) - _NOW
    names = ("published_at", "expires_at", "replicated_at")
    moments = {name: getattr(repository, name) for name in names}
    return replace(repository, **{name: at + since for name, at in moments.items() if at is not None})


@pytest.fixture
def asked(check):
    """Runs the check against a server with the repository; `change` changes its files."""

    async def run(repository=_GOOD, *, change=None, **arguments):
        with stratum(_as_of_now(repository)) as server:
            if change is not None:
                change(server.objects)
            options = {"repository": "test.example.org"} | arguments
            return await check("cvmfs", server.server.server_port, timeout_s=5, **options)

    return run


async def test_a_good_repository_is_ok(asked, tmp_path):
    key = tmp_path / "master.pub"
    key.write_bytes(master_key())
    outcome = await asked(master_key_file=str(key))
    assert outcome.status.name == "OK", outcome
    assert outcome.summary.startswith("test.example.org revision 7: published 1 h ")
    assert "revision=7 age=36" in outcome.perfdata
    assert re.search(r" whitelist=172(7\d\d\d|8000)s", outcome.perfdata)


async def test_a_stratum_0_does_not_replicate(asked):
    outcome = await asked(replace(_GOOD, replicated_at=None))
    assert outcome.status.name == "OK"
    assert "replicated" not in outcome.summary


@pytest.mark.parametrize(
    ("changes", "arguments", "status", "words"),
    [
        ({"published_at": _NOW - timedelta(hours=30)}, {"critical_age_h": 24}, "CRITICAL", "published 1 d 6 h ago"),
        ({"published_at": _NOW - timedelta(hours=30)}, {"warning_age_h": 24}, "WARNING", "published 1 d 6 h ago"),
        ({"published_at": _NOW + timedelta(hours=5)}, {}, "CRITICAL", "in the future: a clock is wrong"),
        ({"expires_at": _NOW - timedelta(hours=5, seconds=5)}, {}, "CRITICAL", "the whitelist expired 5 h"),
        ({"expires_at": _NOW + timedelta(hours=5)}, {}, "CRITICAL", "the whitelist expires in 4 h 59 min"),
        ({"expires_at": _NOW + timedelta(days=3)}, {}, "WARNING", "the whitelist expires in 2 d 23 h"),
        ({"replicated_at": _NOW - timedelta(hours=9)}, {}, "WARNING", "the stratum last replicated 9 h"),
        ({"replicated_at": _NOW - timedelta(hours=90)}, {}, "CRITICAL", "the stratum last replicated 3 d 18 h"),
        ({"signer": 1}, {}, "CRITICAL", "who signed the manifest is not on the whitelist"),
        ({"name": "other.example.org"}, {}, "CRITICAL", "HTTP 404 Not Found for the manifest: "),
    ],
)
async def test_what_is_old_or_wrong_is_said(asked, changes, arguments, status, words):
    outcome = await asked(replace(_GOOD, **changes), **arguments)
    assert (outcome.status.name, words in outcome.summary) == (status, True), outcome


def _swap(path, old, new):
    def change(objects):
        full = f"/cvmfs/test.example.org/{path}"
        assert old in objects[full]
        objects[full] = objects[full].replace(old, new)

    return change


def _set(path, content):
    return lambda objects: objects.update({f"/cvmfs/test.example.org/{path}": content})


def _other_certificate(objects):
    path = next(path for path in objects if path.endswith("X"))
    objects[path] = zlib.compress(b"no certificate")


def _other_signature(objects):
    path = "/cvmfs/test.example.org/.cvmfspublished"
    objects[path] = objects[path][:-256] + bytes(256)


def _of_another(objects):
    objects.update(
        {path.replace("other", "test"): body for path, body in replace(_GOOD, name="other.example.org").files().items()}
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_swap(".cvmfspublished", b"S7", b"S8"), "the manifest was changed or cut: its hash is another"),
        (_swap(".cvmfswhitelist", b"\nE2", b"\nE3"), "the whitelist was changed or cut: its hash is another"),
        (_other_signature, "the signature of the manifest is wrong: its certificate did not sign it"),
        (_other_certificate, "the certificate of the repository was changed: its hash is another"),
        (_of_another, "the manifest is of 'other.example.org', wanted test.example.org"),
        (_set(".cvmfspublished", b"<html>It works!</html>"), "the manifest is not signed: it has no line --"),
        (_set(".cvmfspublished", b"x\n--\nnothing\n"), "'nothing' is no hash of CVMFS"),
        (_set(".cvmfs_last_snapshot", b"yesterday"), "the time of the last snapshot is none: 'yesterday'"),
        (_set(".cvmfspublished", b"x" * (2 << 20)), "the manifest is longer than any"),
    ],
)
async def test_what_was_changed_is_red(asked, change, words):
    outcome = await asked(change=change)
    assert (outcome.status.name, words in outcome.summary) == ("CRITICAL", True), outcome


async def test_a_whitelist_of_somebody_else_is_red(asked, tmp_path):
    key = tmp_path / "master.pub"
    key.write_bytes(master_key())

    def forged(objects):
        path = "/cvmfs/test.example.org/.cvmfswhitelist"
        objects[path] = objects[path][:-256] + bytes(256)

    outcome = await asked(change=forged, master_key_file=str(key))
    assert (outcome.status.name, outcome.summary) == (
        "CRITICAL", "the signature of the whitelist is wrong: the master key did not sign it"
    )  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", None])
async def test_a_master_key_that_is_none_is_unknown(asked, tmp_path, content):
    key = tmp_path / "key.pub"
    if content is not None:
        key.write_bytes(content)
    assert (await asked(master_key_file=str(key))).status.name == "UNKNOWN"


@pytest.mark.parametrize(
    ("revision", "status", "words"),
    [
        (7, "OK", "as new as the reference"),
        (6, "OK", "as new as the reference"),
        (9, "OK", "2 revisions behind the reference, which has 9"),
        (10, "WARNING", "3 revisions behind the reference, which has 10"),
        (99, "CRITICAL", "92 revisions behind the reference, which has 99"),
    ],
)
async def test_a_stratum_is_compared_with_the_reference(asked, revision, status, words):
    with stratum(replace(_GOOD, revision=revision)) as reference:
        outcome = await asked(reference=reference.url)
    assert (outcome.status.name, words in outcome.summary) == (status, True), outcome
    assert f"behind={revision - 7}" in outcome.perfdata


async def test_a_server_that_is_away_or_hangs_is_red(check):
    port = free_port()
    outcome = await check("cvmfs", port, repository="test.example.org")
    words = f"connection refused while fetching the manifest, connecting to 127.0.0.1 port {port}"
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", words)
    async with listening(saying(hang=True)) as port:
        outcome = await check("cvmfs", port, repository="test.example.org", timeout_s=0.3)
    words = "timed out after 0.3 s while fetching the manifest, waiting for the first line of the answer"
    assert (outcome.status.name, outcome.summary) == ("CRITICAL", words)


@pytest.mark.parametrize("name", ["", "../x", "a b", "a/b", "é.cern.ch"])
def test_a_repository_that_is_none_is_refused(name):
    with pytest.raises(CheckArgumentError):
        check_named("cvmfs").parse({"repository": name})


@given(st.binary(max_size=300))
@example(b"C\nN\nS\n--\n" + b"0" * 40 + b"\n")
def test_a_signed_text_is_read_or_refused(data):
    with suppress(CheckFailedError):  # and nothing else
        signed.parse_signed(data, "it")


_LINES = st.lists(st.text(max_size=40) | st.from_regex(r"[CNSXTDE][0-9a-f]{0,50}"), max_size=12)


@given(_LINES)
@example(["Cx", "Nx", "S1", "X" + "a" * 40, "T999999999999999"])
@example(["E99999999999999"])
def test_lines_are_read_or_refused(lines):
    text = signed.Signed(tuple(lines), "0" * 40, b"")
    for parse in (signed.parse_manifest, signed.parse_whitelist):
        with suppress(CheckFailedError):
            parse(text)


@given(st.binary(max_size=200))
def test_a_certificate_is_read_or_refused(data):
    compressed = zlib.compress(data)
    with suppress(CheckFailedError):
        signed.parse_certificate(compressed, signed.digest_of(compressed, "0" * 40))


@given(st.text(max_size=60) | st.from_regex(r"\w{3} \w{3} \d+ \d+:\d+:\d+ UTC \d{4}"))
@example("Thu, 01 Jan 0001 00:00:00 +2359")
def test_a_time_of_a_snapshot_is_read_or_refused(text):
    with suppress(CheckFailedError):
        assert parse_snapshot(text).tzinfo is UTC


def test_both_forms_of_the_time_are_read():
    wanted = datetime(2026, 11, 20, 11, 0, 1, tzinfo=UTC)
    assert parse_snapshot("Fri Nov 20 11:00:01 UTC 2026\n") == wanted
    assert parse_snapshot("Fri, 20 Nov 2026 11:00:01 GMT") == wanted
