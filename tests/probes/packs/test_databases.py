"""Greetings of databases: a real PostgreSQL, and listeners that say what MySQL, Redis and others would."""

import os
import signal
import struct
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from tests.probes.native.servers import listening, saying
from tests.services import postgres


@contextmanager
def _hung(folder):
    """The server of that folder answers nobody meanwhile."""
    server = int((folder / "postmaster.pid").read_text().split()[0])
    # runuser, where that is between us, stops itself with what it runs.
    parent = int(Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(server, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (server, parent):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.service
async def test_a_real_postgresql_answers_and_is_missed_when_it_hangs_or_stopped(check, tmp_path):
    with postgres(tmp_path) as url:
        port = urlsplit(url).port
        outcome = await check("postgresql", port)
        assert outcome.status.name == "OK", outcome
        assert "PostgreSQL answers" in outcome.summary
        unknown = await check("postgresql", port, database="no-such", user="nobody")
        assert unknown.status.name == "OK", unknown
        with _hung(tmp_path / "postgres"):
            hung = await check("postgresql", port, timeout_s=0.4)
    assert hung.status.name == "CRITICAL"
    assert hung.summary.startswith("timed out after 0.4 s while waiting for the answer")
    stopped = await check("postgresql", port)
    assert (stopped.status.name, stopped.summary[:18]) == ("CRITICAL", "connection refused")


def refusal(code, message):
    words = f"SFATAL\0C{code}\0M{message}\0\0".encode()
    return b"E" + struct.pack("!i", len(words) + 4) + words


def mysql(content, *, number=0):
    return len(content).to_bytes(3, "little") + bytes([number]) + content


@pytest.mark.parametrize(
    ("name", "answer", "status", "words"),
    [
        ("postgresql", b"R" + struct.pack("!ii", 8, 10), "OK", "SCRAM"),
        ("postgresql", b"R" + struct.pack("!ii", 8, 0), "OK", "without a password"),
        ("postgresql", refusal("28000", "no pg_hba.conf entry"), "OK", "no pg_hba.conf entry"),
        ("postgresql", refusal("57P03", "the database system is starting up"), "CRITICAL", "starting up"),
        ("postgresql", refusal("53300", "too many clients"), "CRITICAL", "no connection left"),
        ("postgresql", b"HTTP/1.1 400 Bad Request\r\n", "CRITICAL", "not PostgreSQL"),
        ("postgresql", b"R\x7f\xff\xff\xff", "CRITICAL", "not PostgreSQL"),
        ("postgresql", b"", "CRITICAL", "closed the connection while waiting for the answer"),
        ("mysql", mysql(b"\x0a8.0.36\0" + b"x" * 40), "OK", "MySQL 8.0.36"),
        ("mysql", mysql(b"\xff\x10\x04Too many connections"), "CRITICAL", "no connection left"),
        ("mysql", mysql(b"\xff\x69\x04Host is blocked"), "CRITICAL", "blocks our host"),
        ("mysql", mysql(b"\xff\x6a\x04Host is not allowed"), "OK", "does not let us in"),
        ("mysql", b"SSH-2.0-OpenSSH_9.2\r\n", "CRITICAL", "not MySQL"),
        ("mysql", mysql(b"\x0aendless"), "CRITICAL", "not MySQL"),
        ("redis", b"+PONG\r\n", "OK", "PONG"),
        ("redis", b"-NOAUTH Authentication required.\r\n", "OK", "NOAUTH"),
        ("redis", b"-LOADING Redis is loading the dataset in memory\r\n", "CRITICAL", "LOADING"),
        ("redis", b"HTTP/1.1 400\r\n", "CRITICAL", "not Redis"),
        ("redis", b"x" * 100_000, "CRITICAL", "line without end"),
    ],
)
async def test_what_the_server_says_is_understood(check, name, answer, status, words):
    async with listening(saying(answer)) as port:
        outcome = await check(name, port)
    assert outcome.status.name == status, outcome
    assert words in outcome.summary


@pytest.mark.parametrize("name", ["postgresql", "mysql", "redis"])
async def test_a_server_that_hangs_is_red(check, name):
    async with listening(saying(hang=True)) as port:
        outcome = await check(name, port, timeout_s=0.3)
    assert (outcome.status.name, outcome.summary[:9]) == ("CRITICAL", "timed out")


@pytest.mark.parametrize("name", ["postgresql", "mysql", "redis"])
@given(answer=st.binary(max_size=200))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
async def test_nothing_that_a_server_sends_breaks_the_check(check, name, answer):
    async with listening(saying(answer)) as port:
        outcome = await check(name, port, timeout_s=2)
    assert outcome.status in RESULT_STATUSES
    assert outcome.summary
