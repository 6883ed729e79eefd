"""Pages of the catalogue: definitions, versions, trials, profiles, packs, the import from Nagios, credentials."""

import json
from datetime import UTC, datetime

import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.probes.catalogue_actions import edit_test
from gridkeeper.probes.credential_actions import Entered, add_credential
from gridkeeper.probes.models import Credential, ProfileEntry, Test, Trial
from gridkeeper.probes.packs import packs
from gridkeeper.registry.models import Service
from tests.builders import NOW, a_service, a_service_type, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"
SECRET = "a very s3cret word"


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("admin", password="admin"))
    return client


@pytest.fixture
def grid():
    """A test on one service, in one VO's profile."""
    service = a_service(hostname="ce1.example.org", host_ip="192.0.2.1")
    test = a_test("CE-port", kind="native", command="tcp", arguments={"port": 2811}, title="Port answers")
    in_profile(a_vo("lhcb", supported_by=[service]), test)
    return test


def _fields(page, **changes):
    """What the form of a page would send, with changes."""
    form = page.context["form"]
    sent = {field.html_name: field.value() for field in form}
    sent = {name: "" if value is None else value for name, value in sent.items() if value is not False}
    return sent | {"reason": "tuned"} | changes


def test_a_test_is_added_edited_compared_and_taken_back(admin):
    sent = _fields(
        admin.get("/tests/new/"), name="CE-port", abbreviation="port", title="Port answers", command="tcp",
        arguments='{"port": 2811}', procedure="1. Start it.\n2. Ask.",
    )  # fmt: skip
    assert admin.post("/tests/new/", sent)["Location"] == "/tests/CE-port/"
    sent = _fields(admin.get("/tests/CE-port/edit/"), interval_s="300", procedure=f"1. Start it.\n2. {HOSTILE}")
    preview = admin.post("/tests/CE-port/edit/", sent | {"step": "preview"}).content.decode()
    assert "900 s" in preview
    assert Test.objects.get().version == 1
    assert admin.post("/tests/CE-port/edit/", sent).status_code == 302
    page = admin.get("/tests/CE-port/versions/").content.decode()
    assert "From version 1 to version 2" in page
    assert "<del>900 s</del> → <ins>300 s</ins>" in page
    assert HOSTILE not in page
    assert admin.get("/tests/CE-port/versions/compare/?v=2&v=1")["Location"].endswith("?from=1&to=2")
    assert admin.post("/tests/CE-port/versions/1/", {"reason": "too often"}).status_code == 302
    assert Test.objects.get().interval_s == 900
    assert "version 3" in admin.get("/tests/CE-port/").content.decode()


def test_objections_stand_beside_their_fields_and_no_input_is_lost(admin, grid):
    sent = _fields(admin.get("/tests/CE-port/edit/"), command="telepathy", places="{", meaning="kept as typed")
    page = admin.post("/tests/CE-port/edit/", sent)
    assert page.status_code == 422
    assert "kept as typed" in page.content.decode()
    sent["places"] = "{}"
    page = admin.post("/tests/CE-port/edit/", sent)
    assert "there is no native check" in str(page.context["form"].errors["command"])


def test_who_was_slower_sees_it_and_may_send_again(admin, grid):
    sent = _fields(admin.get("/tests/CE-port/edit/"), interval_s="300")
    edit_test(Actor.system("cli"), test=grid, changes={"timeout_s": 20}, reason="x", now=NOW)
    page = admin.post("/tests/CE-port/edit/", sent)
    assert page.status_code == 422
    assert "version 2 meanwhile" in page.content.decode()
    assert admin.post("/tests/CE-port/edit/", _fields(page) | {"reason": "again"}).status_code == 302
    assert Test.objects.get().interval_s == 300


def test_a_draft_is_tried_and_its_page_renews_itself_until_it_ends(admin, grid):
    sent = _fields(admin.get("/tests/CE-port/edit/"), arguments='{"port": 22}', reason="")
    page = admin.post("/tests/CE-port/edit/", sent | {"step": "try", "try_on": "ce1.example.org CE"})
    trial = Trial.objects.get()
    assert trial.definition["arguments"] == {"port": 22}
    assert f'hx-get="/tests/try/{trial.pk}/"' in page.content.decode()
    assert "http-equiv" in admin.get(f"/tests/try/{trial.pk}/").content.decode()
    outcome = {
        "metric": "CE-port",
        "status": "CRITICAL",
        "summary": HOSTILE,
        "duration_ms": 7,
        "output": "",
        "perfdata": "",
    }
    Trial.objects.update(taken_at=NOW, done_at=NOW, outcomes=[outcome])
    text = admin.get(f"/tests/try/{trial.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert "CRITICAL" in text
    assert HOSTILE not in text
    assert "hx-get" not in text
    missing = admin.post("/tests/CE-port/edit/", sent | {"step": "try", "try_on": "nowhere"})
    assert missing.status_code == 422
    assert "There is no service" in missing.content.decode()
    assert Test.objects.get().version == 1


def test_the_profile_page_shows_what_would_follow_and_saves_it(client, grid):
    a_test("CE-other", kind="native", command="tcp")
    client.force_login(a_user("carla", vo=a_vo("lhcb")))
    assert "lhcb" in client.get("/tests/profiles/").content.decode()
    assert "CE-other" in client.get("/tests/profiles/lhcb/?type=CE").content.decode()
    sent = {"CE|CE-port": "run", "CE|CE-other": "critical", "reason": "wanted"}
    text = client.post("/tests/profiles/lhcb/", sent | {"step": "preview"}).content.decode()
    assert "CE-other is run on 1 CE service of lhcb, and a failure makes them bad for lhcb." in text
    assert ProfileEntry.objects.count() == 1
    assert client.post("/tests/profiles/lhcb/", sent | {"step": "save", "reason": ""}).status_code == 422
    assert client.post("/tests/profiles/lhcb/", sent | {"step": "save"}).status_code == 302
    now = dict(ProfileEntry.objects.current().values_list("test__name", "is_critical"))
    assert now == {"CE-port": False, "CE-other": True}


@pytest.mark.parametrize("name", ["mallory", None])
def test_others_read_a_profile_and_do_not_change_it(client, grid, name):
    if name:
        client.force_login(a_user(name, vo=a_vo("atlas")))
    assert "Save the profile" not in client.get("/tests/profiles/lhcb/").content.decode()
    answer = client.post("/tests/profiles/lhcb/", {"CE|CE-port": "", "reason": "x", "step": "save"})
    assert answer.status_code == (403 if name else 302)
    assert ProfileEntry.objects.current().count() == 1


def test_packs_are_listed_shown_and_installed(admin):
    name = min(packs())
    ops = a_vo("ops")
    for test in packs()[name].content["tests"]:
        for word in test["service_types"]:
            a_service_type(word)
    assert "not installed" in admin.get("/tests/packs/").content.decode()
    page = f"/tests/packs/{name}/"
    assert "Install or upgrade" in admin.get(page).content.decode()
    sent = {"vos": [ops.pk], "reason": "wanted"}
    assert "Nothing is done yet" in admin.post(page, sent | {"step": "preview"}).content.decode()
    assert not Test.objects.exists()
    assert admin.post(page, sent).status_code == 302
    assert Test.objects.filter(pack=name).count() == len(packs()[name].content["tests"])
    assert "not installed" not in admin.get("/tests/packs/").content.decode() or len(packs()) > 1
    assert admin.get("/tests/packs/none/").status_code == 404


NAGIOS = """
define command {
    command_name port
    command_line $USER1$/check_tcp -H $HOSTADDRESS$ -p $ARG1$
}
define host {
    host_name web1
    address 192.0.2.7
}
define service {
    host_name web1
    service_description Web
    check_command port!80
}
define contact {
    contact_name me
}
"""


def test_a_nagios_configuration_is_previewed_and_imported(admin):
    sent = {"text": NAGIOS, "site": a_site().name, "vo": a_vo("ops").name, "reason": "leave Nagios"}
    text = admin.post("/tests/import/", sent | {"step": "preview"}).content.decode()
    assert "Nothing is done yet" in text
    assert "1 contact" in text
    assert not Test.objects.exists()
    assert "It is done." in admin.post("/tests/import/", sent).content.decode()
    assert Service.objects.get().hostname == "web1"
    assert admin.post("/tests/import/", sent | {"text": "nonsense"}).status_code == 422


@pytest.mark.parametrize("path", ["new/", "import/", "CE-port/edit/", "CE-port/versions/1/", "try/1/", "credentials/"])
@pytest.mark.parametrize("name", ["alice", None])
def test_what_changes_the_catalogue_is_for_superusers(client, grid, path, name):
    if name:
        client.force_login(a_user(name, site=a_site()))
    assert client.get(f"/tests/{path}").status_code == (403 if name else 302)
    if path != "try/1/":
        assert client.post(f"/tests/{path}", {"reason": "x"}).status_code in (403, 302, 405)
    assert Test.objects.get().version == 1


def test_everybody_reads_versions_and_packs(client, grid):
    for path in ("CE-port/versions/", "packs/", f"packs/{min(packs())}/", "profiles/"):
        assert client.get(f"/tests/{path}").status_code == 200


def test_a_credential_is_stored_and_never_shown(client):
    vo = a_vo("lhcb")
    client.force_login(a_user("carla", vo=vo))
    options = {"token_endpoint": "https://iam.example.org/token", "client_id": "robot"}
    sent = {"name": "robot", "vo": vo.pk, "kind": "client", "options": json.dumps(options), "secret": SECRET}
    refused = client.post("/tests/credentials/new/", sent | {"reason": ""})
    assert refused.status_code == 422
    assert SECRET not in refused.content.decode()
    assert client.post("/tests/credentials/new/", sent | {"reason": "needed"}).status_code == 302
    stored = Credential.objects.get()
    pages = [
        client.get(f"/tests/credentials/{path}").content.decode()
        for path in ("", f"{stored.pk}/", f"{stored.pk}/edit/")
    ]
    assert all("robot" in page and SECRET not in page for page in pages)
    assert "iam.example.org" in pages[1]
    sent = {"name": "robot", "options": json.dumps(options), "reason": "off", "secret": ""}
    assert client.post(f"/tests/credentials/{stored.pk}/edit/", sent).status_code == 302
    stored.refresh_from_db()
    assert not stored.is_enabled
    assert client.post(f"/tests/credentials/{stored.pk}/end/", {"reason": "leak"}).status_code == 302
    assert not hasattr(Credential.objects.get(), "secret")


@pytest.mark.parametrize("name", ["mallory", None])
def test_credentials_are_for_whoever_keeps_them(client, name):
    vo = a_vo("lhcb")
    stored = add_credential(
        Actor.system("cli"), name="lhcb-robot", vo=vo, kind="static", options={}, entered=Entered("abc.def"),
        reason="x", now=datetime.now(UTC),
    )  # fmt: skip
    if name:
        client.force_login(a_user(name, vo=a_vo("atlas")))
    for path in ("", "edit/", "end/"):
        assert client.get(f"/tests/credentials/{stored.pk}/{path}").status_code == (403 if name else 302)
    assert client.post(f"/tests/credentials/{stored.pk}/renew/").status_code == (403 if name else 302)
    if name:
        assert "lhcb-robot" not in client.get("/tests/credentials/").content.decode()
