"""Credentials from entering to the run that acts with them, with a real issuer and a real plugin."""

import asyncio
import json
import stat
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes import handing
from gridkeeper.probes.credential_actions import (
    Entered,
    add_credential,
    edit_credential,
    end_credential,
    renew_credential,
    rotate_key,
)
from gridkeeper.probes.credential_rules import CredentialError
from gridkeeper.probes.credential_store import current, find, lease, renew_due
from gridkeeper.probes.instances import load_instances
from gridkeeper.probes.models import Credential, CredentialSecret, CredentialUse
from gridkeeper.probes.running import run_instance
from gridkeeper.probes.sealing import load_keys
from gridkeeper.probes.spawning import close_spawner
from tests.builders import a_service, a_test, a_user, a_vo, in_profile
from tests.certificates import Authority

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("cli")
SECRET = "s3cret of the client"


@pytest.fixture(autouse=True)
def _own_place(settings, tmp_path):
    """Keys of this test; loopback, where its issuer listens, may be reached; its plugins may run."""
    changes = {"credential_key_file": tmp_path / "credential-keys", "denied_networks": []}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes | {"plugin_dirs": [tmp_path]})


class Issuer:
    """Gives tokens for the client's secret, and a new refresh token each time: the old one is void then."""

    def __init__(self):
        self.life_s, self.asked, self.refresh, self.fails = 600, [], "first-refresh", ""

    def answer(self, form, authorization):
        self.asked.append(form)
        if self.fails:
            return 401, {"error": "invalid_client", "error_description": self.fails}
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh:
            return 400, {"error": "invalid_grant"}
        text = jwt.encode({"sub": "robot", "n": len(self.asked)}, "k" * 32, algorithm="HS256")
        given = {"access_token": text, "token_type": "Bearer", "expires_in": self.life_s}
        if form["grant_type"] == "refresh_token":
            self.refresh = given["refresh_token"] = f"refresh-{len(self.asked)}"
        return 200, given


@contextmanager
def _running(issuer):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            form = {name: values[0] for name, values in form.items()}
            status, body = issuer.answer(form, self.headers.get("Authorization", ""))
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def issuer():
    issuer = Issuer()
    with _running(issuer) as issuer.url:
        yield issuer


def _client(issuer, vo, **fields):
    options = {"token_endpoint": issuer.url, "client_id": "gridkeeper", "scope": "storage.read:/"}
    given = {"name": "token of the robot", "vo": vo, "kind": "client", "options": options, "entered": Entered(SECRET)}
    return add_credential(SYSTEM, **given | {"reason": "needed", "now": datetime.now(UTC)} | fields)


def _robot(tmp_path, vo, days=30, **fields):
    files = Authority(tmp_path, "Test CA").issue(("DC", "org"), ("CN", "Robot"), days=days)
    pem = files.certificate.read_text() + files.key.read_text()
    given = {"name": "robot", "vo": vo, "kind": "x509", "options": {"hours": 12}, "entered": Entered(pem)}
    return add_credential(SYSTEM, **given | {"reason": "needed", "now": datetime.now(UTC)} | fields)


def _lease(test, vo, need, **fields):
    given = {"hostname": "se.example.org", "worker": "here", "run_s": 60, "now": datetime.now(UTC)}
    return lease(test=test, vo=vo, need=need, **given | fields)


def test_nothing_that_is_stored_tells_the_secret(issuer, tmp_path):
    vo = a_vo("lhcb")
    _client(issuer, vo)
    _robot(tmp_path, vo)
    token = _lease("put", "lhcb", "token").content
    proxy = _lease("put", "lhcb", "proxy").content
    with connection.cursor() as cursor:
        dumped = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            dumped += [bytes(cell) if isinstance(cell, memoryview | bytes) else str(cell).encode()
                       for row in cursor.fetchall() for cell in row]  # fmt: skip
    stored = b"\n".join(dumped)
    key_line = proxy.split(b"-----BEGIN RSA PRIVATE KEY-----\n")[1].splitlines()[0]
    for secret in (SECRET.encode(), token, key_line):
        assert secret not in stored
    assert b"storage.read:/" in stored  # what is no secret is


def test_a_token_is_got_kept_and_renewed_in_its_last_third(issuer):
    credential, now = _client(issuer, a_vo("lhcb")), datetime.now(UTC)
    first = _lease("put", "lhcb", "token", now=now)
    assert issuer.asked == [{"grant_type": "client_credentials", "scope": "storage.read:/"}]
    assert _lease("put", "lhcb", "token", now=now + timedelta(seconds=60)).content == first.content
    assert renew_due(now + timedelta(seconds=300)) == []
    assert len(issuer.asked) == 1
    assert renew_due(now + timedelta(seconds=450)) == []
    assert len(issuer.asked) == 2
    assert current(credential, now=now, run_s=60).content != first.content


def test_a_refresh_token_that_is_replaced_is_kept(issuer):
    options = {"token_endpoint": issuer.url, "client_id": "gridkeeper"}
    _client(issuer, a_vo("lhcb"), kind="refresh", options=options, entered=Entered("first-refresh", SECRET))
    now = datetime.now(UTC)
    for hour in range(3):
        _lease("put", "lhcb", "token", now=now + timedelta(hours=hour))
    assert [form["refresh_token"] for form in issuer.asked] == ["first-refresh", "refresh-1", "refresh-2"]


def test_an_issuer_that_is_down_stops_nothing_while_the_token_lives(issuer):
    _client(issuer, a_vo("lhcb"))
    now = datetime.now(UTC)
    first = _lease("put", "lhcb", "token", now=now)
    issuer.fails = "the client was deleted"
    problem = renew_due(now + timedelta(seconds=500))
    assert "the client was deleted" in problem[0]
    assert CredentialSecret.objects.get().failure == problem[0]
    assert _lease("put", "lhcb", "token", now=now + timedelta(seconds=500)).content == first.content
    with pytest.raises(CredentialError, match="the client was deleted"):
        _lease("put", "lhcb", "token", now=now + timedelta(seconds=590))


def test_a_proxy_is_made_and_made_anew(tmp_path):
    _robot(tmp_path, a_vo("lhcb"))
    now = datetime.now(UTC)
    first = _lease("put", "lhcb", "proxy", now=now)
    assert first.until == (now + timedelta(hours=12)).replace(microsecond=0)
    renew_due(now + timedelta(hours=9))
    second = _lease("put", "lhcb", "proxy", now=now + timedelta(hours=9))
    assert second.until == (now + timedelta(hours=21)).replace(microsecond=0)
    assert second.content != first.content


def test_a_robot_that_expires_says_so(tmp_path):
    _robot(tmp_path, a_vo("lhcb"), days=1)
    with pytest.raises(CredentialError, match="ask its CA for a new one"):
        _lease("put", "lhcb", "proxy", now=datetime.now(UTC) + timedelta(days=2))


def test_a_run_acts_for_its_own_vo_only(tmp_path):
    put = a_test("put")
    general = _robot(tmp_path, a_vo("ops"), name="general")
    special = _robot(tmp_path, a_vo("ops"), name="special", tests=[put])
    assert find(test="put", vo="ops", need="proxy") == special
    assert find(test="get", vo="", need="proxy") == general
    for vo, need in (("lhcb", "proxy"), ("ops", "token")):
        with pytest.raises(CredentialError, match="/tests/credentials/"):
            find(test="put", vo=vo, need=need)


def test_every_use_is_noted_by_hour_test_and_worker(tmp_path):
    _robot(tmp_path, a_vo("lhcb"))
    now = datetime.now(UTC).replace(minute=10)
    for minutes in (0, 1, 60):
        _lease("put", "lhcb", "proxy", now=now + timedelta(minutes=minutes))
    _lease("put", "lhcb", "proxy", worker="elsewhere", now=now)
    assert sorted(CredentialUse.objects.values_list("worker", "times")) == [("elsewhere", 1), ("here", 1), ("here", 2)]


def test_a_new_key_seals_everything_anew(issuer):
    credential = _client(issuer, a_vo("lhcb"))
    before, old = _lease("put", "lhcb", "token").content, load_keys()
    assert rotate_key(SYSTEM) == 1
    assert len(load_keys()) == 1
    assert load_keys() != old
    credential.refresh_from_db()
    assert _lease("put", "lhcb", "token").content == before


def test_managers_keep_their_own_vos_credentials(issuer):
    vo = a_vo("lhcb")
    manager = Actor(user=a_user("carla", vo=vo))
    credential = _client(issuer, vo)
    edit_credential(manager, credential=credential, changes={"is_enabled": False}, reason="leak", now=datetime.now(UTC))
    assert not Credential.objects.get().is_enabled
    for other in (Actor(user=a_user("mallory", vo=a_vo("atlas"))), Actor()):
        with pytest.raises(NotPermittedError):
            end_credential(other, credential=credential, reason="mine")
    with pytest.raises(NotPermittedError):
        _client_of(manager, issuer, None)


def _client_of(actor, issuer, vo):
    options = {"token_endpoint": issuer.url, "client_id": "gridkeeper"}
    return add_credential(
        actor, name="x", vo=vo, kind="client", options=options, entered=Entered("y"), reason="z", now=datetime.now(UTC)
    )


def test_a_secret_is_not_sent_to_another_address_than_it_was_entered_for(issuer):
    credential = _client(issuer, a_vo("lhcb"))
    options = {"token_endpoint": "https://evil.example.org/token", "client_id": "gridkeeper"}
    arguments = {"credential": credential, "changes": {"options": options}, "reason": "x", "now": datetime.now(UTC)}
    with pytest.raises(ValidationError, match="enter it again"):
        edit_credential(SYSTEM, **arguments)
    edit_credential(SYSTEM, **arguments, entered=Entered("another"))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "x509", "options": {}, "entered": Entered("nonsense")}, "no robot certificate"),
        ({"kind": "client", "options": {}}, "Give token_endpoint and client_id"),
        ({"options": {"token_endpoint": "http://far.example.org/", "client_id": "x"}}, "https://"),
        ({"kind": "static", "options": {}, "entered": Entered("two words")}, "neither a token"),
        ({"kind": "x509", "options": {"hours": 1000}, "entered": Entered("x")}, "1 to 168"),
        ({"kind": "telepathy"}, "is none of"),
        ({"entered": Entered("  ")}, "Enter it"),
        ({"reason": ""}, "Say why"),
    ],
)
def test_what_cannot_be_one_is_refused_by_field(issuer, fields, words):
    with pytest.raises(ValidationError, match=words) as refused:
        _client(issuer, a_vo("lhcb"), **fields)
    assert SECRET not in str(refused.value)
    assert not Credential.objects.exists()


def test_a_token_of_long_ago_is_refused_and_one_that_is_good_tells_its_end():
    now = datetime.now(UTC)
    fields = {"vo": a_vo("lhcb"), "kind": "static", "options": {}, "reason": "x", "now": now}
    old, good = (jwt.encode({"sub": "robot", "exp": now + timedelta(hours=h)}, "k" * 32) for h in (-1, 1))
    with pytest.raises(ValidationError, match="It ended at"):
        add_credential(SYSTEM, name="old", entered=Entered(old), **fields)
    stored = add_credential(SYSTEM, name="good", entered=Entered(good), **fields)
    assert (stored.subject, stored.options) == ("robot", {"need": "token"})
    assert _lease("put", "lhcb", "token").content == good.encode()
    assert renew_credential(SYSTEM, credential=stored, now=now) == stored.not_after


PLUGIN = """#!/bin/sh
echo "OK: $(stat -c '%a %U' "$1") in $(stat -c '%a' "$(dirname "$1")") says $(cat "$1")"
"""


def _ran(test):
    async def main():
        [instance] = [item for item in load_instances_here if item.test.name == test]
        measured = await run_instance(instance, datetime.now(UTC))
        close_spawner()
        return measured[0].outcome

    load_instances_here = load_instances().values()
    return asyncio.run(main())


@pytest.mark.django_db(transaction=True)  # the run asks from a thread of its own
def test_a_plugin_gets_a_private_file_and_its_words_do_not_repeat_it(issuer, tmp_path):
    plugin = tmp_path / "check_token"
    plugin.write_text(PLUGIN)
    plugin.chmod(0o755)
    for folder in plugin.parents:
        if (
            stat.S_IMODE(folder.stat().st_mode) & 0o5 != 0o5
            and folder.stat().st_uid == Path("/proc/self").stat().st_uid
        ):
            folder.chmod(0o755)
    service = a_service(hostname="se.example.org", host_ip="127.0.0.1")
    vo = a_vo("lhcb", supported_by=[service])
    fields = {"kind": "plugin", "command": str(plugin), "is_per_vo": True, "credential": "token"}
    in_profile(vo, a_test("put", arguments=["$TOKENFILE$"], **fields))
    said = _ran("put")
    assert "there is no token for the VO lhcb" in said.summary
    _client(issuer, vo)
    said = _ran("put")
    assert said.status.name == "OK"
    assert said.summary.startswith("OK: 600 ")
    assert "in 700 says [removed]" in said.summary
    assert CredentialUse.objects.get().last_hostname == "se.example.org"
    assert [path.name for path in handing._home().iterdir()] == ["lock"]


def test_what_a_killed_process_left_behind_is_removed_and_what_is_in_use_is_not(tmp_path):
    left, used = tmp_path / "gridkeeper-handed-dead", handing._new_home(tmp_path)
    (left / "run").mkdir(parents=True)
    (left / "lock").touch()
    (left / "run" / "token").write_text("secret")
    assert handing.remove_left(tmp_path) == 1
    assert not left.exists()
    assert used.exists()


def test_the_file_is_gone_when_the_run_is_cancelled():
    async def main():
        with handing.private_file(b"x", need="proxy") as path:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            seen.append(path)
            await asyncio.sleep(60)

    async def cancelled():
        task = asyncio.create_task(main())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    seen = []
    asyncio.run(cancelled())
    assert not seen[0].parent.exists()


def test_superusers_may_keep_credentials_of_no_vo(issuer):
    admin = Actor(user=User.objects.create_superuser("admin", password="admin"))
    assert _client_of(admin, issuer, None).vo is None
