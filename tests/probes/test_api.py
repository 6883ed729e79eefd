"""The engine's objects over the API: who may change them, what is left of it, and what is refused."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gridkeeper.probes.models import (
    CauseRule,
    Credential,
    CredentialSecret,
    EngineReport,
    Pause,
    ProfileEntry,
    Test,
    TestVersion,
    Trial,
    Worker,
)
from tests.builders import NOW, a_test, a_user, a_vo, in_profile
from tests.registry.api_grid import Robot, a_grid, names

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}
SECRET = "s3cret-of-the-robot"
TCP = {"kind": "native", "command": "tcp", "arguments": {"port": 2811}}


@pytest.fixture(autouse=True)
def _own_key(settings, tmp_path):
    changes = {"credential_key_file": tmp_path / "credential-keys"}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


@dataclass
class World:
    """A grid with one of everything that the engine works by; dora manages dteam."""

    grid: Any
    words: dict[str, Any] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        """The text, or each text of the body, with keys in place of {words}."""
        if isinstance(value, dict):
            return {name: self.fill(each) for name, each in value.items()}
        return value.format(**self.words) if isinstance(value, str) else value


@pytest.fixture
def world():
    grid = a_grid()
    dteam = a_vo("dteam", supported_by=[grid.ce])
    a_user("dora", vo=dteam)
    port = a_test("CE-port", **TCP)
    job = a_test("CE-js")
    entry = in_profile(dteam, port)
    now = timezone.now()
    pause = Pause.objects.create(
        test=port, site=grid.alpha, reason="x", created_at=now, expires_at=now + timedelta(hours=1)
    )
    learned = CauseRule.objects.create(cause=port, effect=job, reach="site", is_learned=True, support=9)
    worker = Worker.objects.create(name="wn-1", state_since=NOW, registered_at=NOW, last_seen_at=NOW, version="1.0-2")
    TestVersion.objects.create(test=port, version=1, content={"title": "As it was"}, made_at=NOW)
    secret = {"vo": "dteam", "kind": "static", "secret": SECRET, "name": "robot"}
    credential = Robot("root").post("/test-credentials", WHY | secret).json()["id"]
    later = (now + timedelta(hours=2)).isoformat()
    keys = {
        "site": grid.alpha.key, "ce": grid.ce.key, "entry": entry.pk, "pause": pause.pk, "rule": learned.pk,
        "worker": worker.name, "credential": credential, "later": later,
    }  # fmt: skip
    return World(grid, keys)


#: Every changing operation: who may, who may not, method, path, body, whose record it leaves.
_NEW_CREDENTIAL = {"name": "other", "vo": "dteam", "kind": "static", "secret": SECRET}
CHANGES = {
    "add a test": ("root", "dora", "POST", "/tests", {"name": "x", "abbreviation": "x", "title": "X"} | TCP, Test),
    "edit a test": ("root", "dora", "PATCH", "/tests/CE-port", {"interval_s": 300}, Test),
    "switch a test": ("root", "dora", "POST", "/tests/CE-port/switch", {"is_enabled": False}, Test),
    "restore a test": ("root", "dora", "POST", "/tests/CE-port/restore", {"version": 1}, Test),
    "change a profile": (
        "dora", "alice", "PATCH", "/profiles/dteam",
        {"lines": [{"service_type": "CE", "test": "CE-js", "use": "critical"}]}, ProfileEntry,
    ),
    "add an entry": (
        "dora", "alice", "POST", "/profile-entries", {"vo": "dteam", "service_type": "CE", "test": "CE-js"},
        ProfileEntry,
    ),
    "edit an entry": ("dora", "alice", "PATCH", "/profile-entries/{entry}", {"is_critical": False}, ProfileEntry),
    "remove an entry": ("dora", "alice", "POST", "/profile-entries/{entry}/remove", {}, ProfileEntry),
    "pause a site": ("alice", "carol", "POST", "/pauses", {"site": "{site}", "expires_at": "{later}"}, Pause),
    "pause a test": ("root", "alice", "POST", "/pauses", {"test": "CE-js", "expires_at": "{later}"}, Pause),
    "end a pause": ("alice", "carol", "POST", "/pauses/{pause}/end", {}, Pause),
    "declare a cause": ("root", "alice", "POST", "/cause-rules", {"cause": "CE-js", "reach": "host"}, CauseRule),
    "accept a cause": ("root", "alice", "POST", "/cause-rules/{rule}/accept", {}, CauseRule),
    "reject a cause": ("root", "alice", "POST", "/cause-rules/{rule}/reject", {}, CauseRule),
    "remove a cause": ("root", "alice", "POST", "/cause-rules/{rule}/remove", {}, CauseRule),
    "add a credential": ("dora", "alice", "POST", "/test-credentials", _NEW_CREDENTIAL, Credential),
    "edit a credential": ("dora", "alice", "PATCH", "/test-credentials/{credential}", {"name": "n"}, Credential),
    "end a credential": ("dora", "alice", "POST", "/test-credentials/{credential}/end", {}, Credential),
    "approve a worker": ("root", "alice", "POST", "/workers/{worker}/approve", {}, Worker),
    "retire a worker": ("root", "alice", "POST", "/workers/{worker}/retire", {}, Worker),
    "forget a key": ("root", "alice", "POST", "/workers/{worker}/forget-key", {}, Worker),
    "install a pack": ("root", "dora", "POST", "/packs/ntp/install", {"vos": ["dteam"]}, Test),
    "import from Nagios": (
        "root", "dora", "POST", "/nagios-imports",
        {"site": "{site}", "vo": "dteam", "files": {"a.cfg": "define nothing"}}, None,
    ),
    "try a draft": ("root", "dora", "POST", "/trials", {"service": "{ce}"} | TCP, Trial),
    "renew": ("dora", "alice", "POST", "/test-credentials/{credential}/renew", {}, None),
}  # fmt: skip
_NO_REASON = {"try a draft", "renew"}
#: Done again they change nothing, or what they need is not in this world.
_NOTHING_NEW = {"approve a worker", "import from Nagios", "renew"}


def _send(who, world, name, query="", **headers):
    _, _, method, path, body, _ = CHANGES[name]
    why = {} if name in _NO_REASON else WHY
    return Robot(who).send(method, world.fill(path) + query, why | world.fill(body), **headers)


def _records(model):
    return model.history.order_by("-history_id") if model else []


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_denied_to_strangers_and_to_whoever_lacks_the_role(world, name):
    _, stranger, _, _, _, model = CHANGES[name]
    before = len(_records(model))
    assert _send("", world, name).status_code == 401
    refused = _send(stranger, world, name)
    assert refused.status_code == 403, refused.content
    assert "may not" in refused.json()["detail"]
    assert len(_records(model)) == before


@pytest.mark.parametrize("name", [name for name in CHANGES if name not in _NOTHING_NEW])
def test_a_change_is_carried_out_with_the_role_and_recorded(world, name):
    who, _, _, _, _, model = CHANGES[name]
    before = len(_records(model))
    rehearsed = _send(who, world, name, "?dry_run=true")
    assert rehearsed.status_code == 200, rehearsed.content
    assert rehearsed.json()["is_dry_run"]
    assert len(_records(model)) == before
    done = _send(who, world, name)
    assert done.status_code in {200, 201}, done.content
    newest = _records(model)[0]
    assert (newest.history_user.username, len(_records(model)) > before) == (who, True)
    assert newest.history_change_reason == ("trial" if name == "try a draft" else WHY["reason"])


def test_a_dry_run_tells_what_would_be_written(world):
    told = Robot("root").patch("/tests/CE-port?dry_run=true", WHY | {"interval_s": 300}).json()
    assert told["result"]["interval_s"] == 300
    assert {"field": "interval_s", "old": 900, "new": 300} in told["changes"][0]["fields"]
    assert Test.objects.get(name="CE-port").interval_s == 900


HOSTILE = {
    "no such field": ("/tests/CE-port", {"telepathy": 1}, "telepathy"),
    "an interval of nothing": ("/tests/CE-port", {"interval_s": 0}, "interval_s"),
    "an interval of ages": ("/tests/CE-port", {"interval_s": 10**30}, "interval_s"),
    "a zero byte in JSON": ("/tests/CE-port", {"arguments": {"host": "a\0b"}}, "arguments"),
    "half a pair": ("/tests/CE-port", {"arguments": {"host": "\ud800"}}, "arguments"),
    "not a number": ("/tests/CE-port", {"places": {"count": float("nan")}}, "places"),
    "an unknown check": ("/tests/CE-port", {"command": "telepathy"}, "command"),
    "a plugin elsewhere": ("/tests/CE-port", {"kind": "plugin", "command": "/bin/sh", "arguments": []}, "command"),
    "a test that waits for itself": ("/tests/CE-port", {"depends_on": ["CE-port"]}, "depends_on"),
    "a test that is not there": ("/tests/CE-port", {"depends_on": ["none"]}, "depends_on"),
    "no reason": ("/tests/CE-port", {"reason": " ", "interval_s": 5}, "reason"),
    "options of a secret": ("/test-credentials/{credential}", {"options": {"hours": "often"}}, "options"),
    "a secret that is none": ("/test-credentials/{credential}", {"secret": "two words"}, "secret"),
    "a token of a strange name": (
        "/test-credentials/{credential}", {"secret": "e30.eyJzdWIiOiJcdWQ4MDAifQ.e30"}, "secret"
    ),
    "a surrogate in a text": ("/tests/CE-port", {"meaning": "\ud800"}, "meaning"),
    "a test of nobody": ("/test-credentials/{credential}", {"tests": ["none"]}, "tests"),
    "a use that is none": (
        "/profiles/dteam", {"lines": [{"service_type": "CE", "test": "CE-js", "use": "often"}]}, "use"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_refused_by_field(world, name):
    path, body, named = HOSTILE[name]
    refused = Robot("root").patch(world.fill(path), WHY | body)
    assert refused.status_code == 422, refused.content
    assert named in str(refused.json())
    assert "two words" not in refused.content.decode()


def test_nesting_without_end_is_refused(world):
    refused = Robot("root").patch("/tests/CE-port", WHY | {"arguments": _nested(500)})
    assert (refused.status_code, "nested" in str(refused.json())) == (422, True)


def _nested(depth):
    made = {}
    for _ in range(depth):
        made = {"a": made}
    return made


def test_what_names_nothing_is_not_found_or_named(world):
    root = Robot("root")
    for path in ("/tests/none", "/pauses/99999", "/pauses/x", "/cause-rules/99999", "/workers/none", "/packs/none",
                 "/trials/77", "/profiles/none", "/test-credentials/0"):  # fmt: skip
        assert root.get(path).status_code == 404, path
    refused = root.post("/packs/none/install", WHY)
    assert (refused.status_code, "there are" in refused.json()["detail"]) == (404, True)
    refused = root.post("/pauses", WHY | {"test": "none", "expires_at": world.words["later"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "test")


@pytest.mark.parametrize(
    ("path", "change"),
    [("/tests/CE-port", {"interval_s": 300}), ("/profile-entries/{entry}", {"is_critical": False}),
     ("/test-credentials/{credential}", {"name": "other"})],
)  # fmt: skip
def test_who_was_slower_is_told(world, path, change):
    robot, path = Robot("root"), world.fill(path)
    tag = robot.get(path)["ETag"]
    assert robot.get(path, If_None_Match=tag).status_code == 304
    assert robot.patch(path, WHY | change, If_Match=tag).status_code == 200
    slower = robot.patch(path, WHY | change, If_Match=tag)
    assert (slower.status_code, slower.json()["errors"][0]["changed_by"]) == (412, "root")


def test_a_worker_is_compared_by_its_record_not_by_its_software(world):
    robot = Robot("root")
    seen = robot.get("/workers/wn-1")
    assert seen.json()["version"] == "1.0-2"
    assert robot.post("/workers/wn-1/retire", WHY, If_Match=seen["ETag"]).json()["is_enabled"] is False
    assert robot.post("/workers/wn-1/approve", WHY, If_Match=seen["ETag"]).status_code == 412
    assert robot.post("/workers/wn-1/approve", WHY | {"seen": seen.json()["record"]}).status_code == 409
    assert not Worker.objects.get().is_enabled


def test_a_secret_never_comes_out(world):
    robot = Robot("dora")
    path = f"/test-credentials/{world.words['credential']}"
    answers = [
        robot.get("/test-credentials"), robot.get(path), robot.get(f"{path}/uses"),
        robot.patch(path, WHY | {"secret": "An0ther-" + SECRET}),
        robot.patch(f"{path}?dry_run=true", WHY | {"secret": "An0ther-" + SECRET}),
        robot.post("/test-credentials", WHY | _NEW_CREDENTIAL | {"options": {"hours": SECRET}}),
        Robot("root").get("/changes"),
    ]  # fmt: skip
    assert [SECRET in answer.content.decode() for answer in answers] == [False] * len(answers)
    assert answers[1].json()["has_secret"]
    assert robot.post(f"{path}/end", WHY).json()["has_secret"] is False
    assert not CredentialSecret.objects.exists()


def test_credentials_are_told_to_whoever_keeps_them(world):
    other = Robot("root").post("/test-credentials", WHY | {"name": "ours", "kind": "static", "secret": SECRET}).json()
    assert names(Robot("dora").get("/test-credentials")) == ["robot"]
    assert names(Robot("root").get("/test-credentials")) == ["ours", "robot"]
    assert Robot("dora").get(f"/test-credentials/{other['id']}").status_code == 403
    assert Robot("alice").get("/test-credentials").status_code == 403
    assert Robot().get("/test-credentials").status_code == 401
    assert Robot("dora", scopes=("registry",)).get("/test-credentials").status_code == 403


def test_the_same_request_sent_again_changes_nothing_again(world):
    robot = Robot("root")
    made = [_once(robot, SECRET), _once(robot, SECRET)]
    assert made[0].json() == made[1].json()
    assert _once(robot, "an-other-secret").status_code == 422
    assert Credential.objects.count() == 2


def _once(robot, secret):
    body = WHY | {"name": "ours", "kind": "static", "secret": secret}
    return robot.post("/test-credentials", body, Idempotency_Key="mine")


def test_a_token_of_one_site_pauses_nothing_elsewhere(world):
    robot = Robot("root", limits=(f"site:{world.grid.alpha.key}",), scopes=("probes.pause_tests",))
    later = {"expires_at": world.words["later"]}
    assert robot.post("/pauses", WHY | later | {"site": world.grid.alpha.key}).status_code == 201
    assert robot.post("/pauses", WHY | later | {"site": world.grid.beta.key}).status_code == 403
    assert robot.post("/pauses", WHY | later | {"test": "CE-js"}).status_code == 403
    assert Robot("root").get("/pauses?is_in_force=true").json()["count"] == 2


def test_lists_are_filtered_paged_and_followed(world):
    robot = Robot()
    assert names(robot.get("/tests?sort=-name&limit=1")) == ["CE-port"]
    assert names(robot.get("/tests?kind=native&search=port")) == ["CE-port"]
    following = robot.get("/tests?changed_since=2020-01-01T00:00:00Z").json()
    assert (following["count"], following["next_changed_since"] is None) == (2, False)
    assert names(robot.get("/cause-rules?state=proposed"), "cause") == ["CE-port"]
    assert names(robot.get("/cause-rules?state=in_force"), "cause") == []
    assert names(robot.get("/workers?state=ok")) == ["wn-1"]
    assert robot.get("/tests/CE-port/versions").json()["items"][0]["content"] == {"title": "As it was"}


def test_a_profile_is_read_and_changed_whole(world):
    manager = Robot("dora")
    lines = [
        {"service_type": "CE", "test": "CE-js", "use": "run"},
        {"service_type": "CE", "test": "CE-port", "use": ""},
    ]
    told = manager.patch("/profiles/dteam?dry_run=true", WHY | {"lines": lines}).json()
    assert "is not run any more on 1 CE service of dteam" in " ".join(told["warnings"])
    changed = manager.patch("/profiles/dteam", WHY | {"lines": lines}).json()
    assert changed["lines"] == [{"service_type": "CE", "test": "CE-js", "use": "run"}]
    refused = manager.patch("/profiles/dteam", WHY | {"lines": [lines[0] | {"test": "none"}]})
    assert (refused.status_code, "none" in refused.json()["detail"]) == (422, True)
    assert len(names(Robot().get("/profile-entries?vo=dteam&closed=true"), "test")) == 2
    ended = manager.patch(f"/profile-entries/{world.words['entry']}", WHY | {"is_critical": False})
    assert (ended.status_code, "ended" in ended.json()["detail"]) == (422, True)


def test_a_pack_is_previewed_installed_and_upgraded_with_a_report(world):
    robot = Robot("root")
    told = robot.post("/packs/ntp/install?dry_run=true", WHY | {"vos": ["dteam"]}).json()
    assert told["created"]
    assert robot.get("/packs/ntp").json()["installed"] == 0
    done = robot.post("/packs/ntp/install", WHY | {"vos": ["dteam"]}).json()
    assert done == told | {"is_dry_run": False}
    (name, *_) = done["created"]
    robot.patch(f"/tests/{name}", WHY | {"interval_s": 1234})
    again = robot.post("/packs/ntp/install", WHY).json()
    assert (again["created"], again["kept"][name][0]["field"]) == ([], "interval_s")
    assert any(row["name"] == "ntp" and row["installed"] for row in robot.get("/packs").json())


def test_a_nagios_configuration_is_imported_whole(world):
    text = (
        "define host {\n host_name ce9\n address 192.0.2.9\n}\n"
        "define command {\n command_name check_ping\n command_line /usr/lib/nagios/plugins/check_ping "
        "-H $HOSTADDRESS$\n}\n"
        "define service {\n host_name ce9\n service_description Ping\n check_command check_ping\n}\n"
    )
    body = WHY | {"files": {"all.cfg": text}, "site": world.grid.alpha.key, "vo": "dteam"}
    told = Robot("root").post("/nagios-imports?dry_run=true", body)
    assert told.status_code == 200, told.content
    assert (len(told.json()["tests_added"]), Test.objects.count()) == (1, 2)
    assert Robot("root").post("/nagios-imports", body).json()["services_added"] == told.json()["services_added"]


def test_a_trial_is_asked_for_and_read_by_whoever_defines_tests(world):
    robot = Robot("root")
    made = robot.post("/trials", {"service": world.grid.ce.key} | TCP)
    path = f"/trials/{made.json()['id']}"
    Trial.objects.update(done_at=timezone.now(), outcomes=[{"metric": "x", "status": "OK"}])
    assert robot.get(path).json()["outcomes"] == [{"metric": "x", "status": "OK"}]
    assert Robot("dora").get(path).status_code == 403
    assert Robot().get(path).status_code == 401


def test_the_engine_says_how_it_does(world):
    EngineReport.objects.create(name="engine-1", reported_at=timezone.now(), figures={"runs_per_s": 2.5})
    told = Robot().get("/engine").json()
    assert told["reports"][0]["figures"] == {"runs_per_s": 2.5}
    assert (told["reports"][0]["is_silent"], told["pauses"]) == (False, 1)


def test_many_changes_go_in_one_request(world):
    entry = {"vo": "dteam", "service_type": "CE", "test": {"$ref": "new"}}
    lines = [
        {"do": "test.add", "ref": "new", "body": WHY | TCP | {"name": "CE-x", "abbreviation": "x", "title": "X"}},
        {"do": "profile_entry.add", "body": WHY | entry},
        {"do": "worker.retire", "key": "wn-1", "body": WHY},
        {"do": "test_credential.add", "body": WHY | _NEW_CREDENTIAL},
    ]
    done = Robot("root").post("/registry/bulk", lines)
    assert [line["outcome"] for line in done.json()["lines"]] == ["done"] * 4
    assert ProfileEntry.objects.filter(test__name="CE-x").exists()
    assert SECRET not in done.content.decode()
