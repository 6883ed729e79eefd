"""`gridkeeper good-sites --server`: what a cron job gets when the server answers, lies, hangs or is gone."""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.actions import add_to_list
from gridkeeper.selection.client import (
    ClientError,
    QuestionError,
    fetch,
    good_sites,
    read_answer,
    still_good,
    utc_now,
    write_whole,
)
from tests.builders import NOW, a_result, a_service, a_site, a_test, a_vo, in_profile

HOUR = timedelta(hours=1)


def an_answer(*sites, vo="lhcb", at=NOW, good=None):
    rows = [
        {"site": name, "is_good": True, "good_until": until.isoformat() if until else None} for name, until in sites
    ]
    rows.append({"site": "POOR", "is_good": False, "good_until": None})
    return {"vo": vo, "at": at.isoformat(), "good": len(sites) if good is None else good, "excluded": 1, "sites": rows}


FAIR, FINE = ("FAIR", NOW + HOUR), ("FINE", None)


@contextmanager
def a_server(body, status=200, *, length=None):
    """Answers everything with that; length: what it claims to send."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload) if length is None else length))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, *_):
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


GONE = "http://127.0.0.1:9"


def ask(server, cache, *, now=NOW, max_age=HOUR, least=1):
    return good_sites(server, "lhcb", cache=cache, max_age=max_age, least=least, timeout_s=2, now=now)


def names(found):
    return [site.name for site in found.sites]


@pytest.fixture
def cache(tmp_path):
    """A cache that was filled at NOW with FAIR, which goes stale in an hour, and FINE, which is on the white list."""
    path = tmp_path / "kept" / "lhcb.json"
    with a_server(an_answer(FAIR, FINE)) as server:
        found = ask(server, path)
    assert (names(found), found.warning) == (["FAIR", "FINE"], "")
    return path


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (b"<html>502 Bad gateway</html>", 502, "answered 502"),
        (b"<html>please sign in</html>", 200, "no list of good sites"),
        (b"", 200, "no list of good sites"),
        (b"[1, 2]", 200, "no list of good sites"),
        (an_answer(FAIR, vo="cms"), 200, "not whole, or not for lhcb"),
        (an_answer(FAIR, good=2), 200, "not whole"),
        (an_answer(), 200, "only 0 sites are good for lhcb, fewer than 1"),
    ],
)
def test_what_is_no_answer_leaves_the_cache_in_use(cache, body, status, why):
    with a_server(body, status) as server:
        found = ask(server, cache, now=NOW + HOUR / 2)
    assert names(found) == ["FAIR", "FINE"]
    assert why in found.warning
    assert "used what was heard 1800 s ago" in found.warning


def test_an_answer_that_ends_early_is_none(cache):
    with a_server(json.dumps(an_answer(("NEW", None))).encode(), length=9999) as server:
        assert names(ask(server, cache)) == ["FAIR", "FINE"]


def test_a_cache_makes_nothing_good_for_longer(cache):
    later = ask(GONE, cache, now=NOW + 1.5 * HOUR, max_age=3 * HOUR)
    assert names(later) == ["FINE"]
    assert "without 1 whose results went stale" in later.warning


@pytest.mark.parametrize(
    ("now", "max_age", "least", "why"),
    [
        (NOW + 2 * HOUR, HOUR, 1, "too old or ahead"),
        (NOW - timedelta(seconds=1), HOUR, 1, "too old or ahead"),
        (NOW + 1.5 * HOUR, 3 * HOUR, 2, "only 1 are still fresh"),
    ],
)
def test_too_old_a_cache_is_nothing(cache, now, max_age, least, why):
    with pytest.raises(ClientError, match=why):
        ask(GONE, cache, now=now, max_age=max_age, least=least)


def test_without_a_cache_an_outage_is_an_error(tmp_path):
    with pytest.raises(ClientError, match="refused"):
        ask(GONE, None)
    with pytest.raises(ClientError, match="holds nothing yet"):
        ask(GONE, tmp_path / "none.json")
    broken = tmp_path / "broken.json"
    broken.write_text('{"received_at": "now"')
    with pytest.raises(ClientError, match="cannot be used"):
        ask(GONE, broken)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_wrong_question_is_never_answered_from_the_cache(cache, status):
    with a_server({"detail": "there is no VO"}, status) as server, pytest.raises(QuestionError, match="no VO"):
        ask(server, cache)


def test_a_short_list_does_not_replace_a_long_one_in_the_cache(cache):
    with a_server(an_answer(FINE, at=NOW + HOUR / 2)) as server:
        assert names(ask(server, cache, now=NOW + HOUR / 2, least=2)) == ["FAIR", "FINE"]
        assert names(ask(server, cache, now=NOW + HOUR / 2, least=1)) == ["FINE"]
    assert names(ask(GONE, cache, now=NOW + HOUR)) == ["FINE"]


@given(skew=st.timedeltas(min_value=timedelta(days=-3650), max_value=timedelta(days=3650)), waited=st.integers(0, 7200))
def test_a_clock_that_is_wrong_does_no_harm(skew, waited):
    """Only how long it waited counts: FAIR is good for an hour of the server's, whatever this side's clock says."""
    fetched = read_answer(json.dumps(an_answer(FAIR)).encode(), "lhcb", NOW + skew)
    kept = still_good(fetched, NOW + skew + timedelta(seconds=waited))
    assert [site.name for site in kept] == (["FAIR"] if waited <= 3600 else [])


@given(st.binary(max_size=200))
def test_no_answer_breaks_it(body):
    try:
        fetched = read_answer(body, "lhcb", NOW)
    except ClientError:
        return
    assert fetched.vo == "lhcb"


def test_files_are_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "list"
    write_whole(path, "A\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert path.read_text() == "A\n"
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def command(*words, **environment):
    """As cron would: no settings, no database, a bare environment."""
    program = Path(sys.executable).with_name("gridkeeper")
    bare = {"PATH": os.defpath, "GRIDKEEPER_DATA_DIR": "/nonexistent", "GRIDKEEPER_DATABASE_URL": "nonsense"}
    return subprocess.run(
        [program, "good-sites", "--vo", "lhcb", *words], env=bare | environment, capture_output=True, text=True
    )


@pytest.mark.django_db(transaction=True)
def test_the_command_against_the_real_server(live_server, tmp_path):
    now = utc_now()
    fair, poor = a_site(name="FAIR"), a_site(name="POOR")
    services = [a_service(of=fair), a_service(of=poor)]
    vo = a_vo("lhcb", supported_by=services)
    in_profile(vo, a_test("CE-js"))
    submit([a_result(services[0], executed_at=now)], now=now)
    output, cache = tmp_path / "out", tmp_path / "cache"
    options = ("--server", live_server.url, "--cache", str(cache))
    assert command(*options).stdout == "FAIR\n"
    assert command(*options, "--output", str(output)).stdout == ""
    assert output.read_text() == "FAIR\n"
    found = json.loads(command(*options, "--format", "json").stdout)
    assert [(site["site"], site["good_until"] is not None) for site in found["sites"]] == [("FAIR", True)]
    away = command("--cache", str(cache), GRIDKEEPER_SERVER=GONE)
    assert (away.returncode, away.stdout) == (0, "FAIR\n")
    assert "warning: " in away.stderr
    nothing = command("--server", GONE, "--output", str(output))
    assert (nothing.returncode, nothing.stdout, output.read_text()) == (3, "", "FAIR\n")
    unknown = command("--vo", "lhbc", *options)
    assert unknown.returncode == 2
    assert "there is no VO 'lhbc'; known are lhcb" in unknown.stderr
    add_to_list(Actor.system(), vo=vo, site=fair, kind="black", reason="x", now=utc_now())
    assert command("--server", live_server.url, "--least", "0").stdout == ""
    assert fetch(live_server.url, "lhcb", now=utc_now()).sites == ()
