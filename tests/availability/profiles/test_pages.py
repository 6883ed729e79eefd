"""Pages of profiles, reports and weights: shown to all, changed by the federation's staff, previewed before."""

import json
from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gridkeeper.availability.models import Profile, ProfileVersion, Weight
from gridkeeper.availability.profiles.actions import create
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from tests.builders import NOW, a_scope, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")
ROOT = "/availability/profiles/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def installation(db, tmp_path, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "dteam"})


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("admin", password="admin"))
    return client


@pytest.fixture
def grid():
    """A CE of T1 and an SE of T2, each with one critical test of dteam."""
    services = [a_service(of=a_site(name="T1"), type="CE"), a_service(of=a_site(name="T2"), type="SE")]
    vo, test = a_vo("dteam", supported_by=services), a_test("port")
    for kind in ("CE", "SE"):
        in_profile(vo, test, type=kind)


def sent(page, **changes):
    """What the form of a page would send, with changes."""
    values = {field.html_name: field.value() for field in page.context["form"]}
    values = {name: "" if value is None else value for name, value in values.items() if value is not False}
    return values | {"reason": "agreed"} | changes


def text_of(page):
    return page.content.decode()


def test_a_report_is_made_previewed_edited_compared_and_closed(admin, grid):
    new = f"{ROOT}report/new/"
    values = sent(admin.get(new), name="critical", title=HOSTILE, region_kind="tier")
    preview = text_of(admin.post(new, values | {"step": "preview"}))
    assert "critical: 2 sites join: T1, T2." in preview
    assert not Profile.objects.exists()
    assert admin.post(new, values)["Location"] == f"{ROOT}report/critical/"
    create(
        Actor.system("cli"), kind="aggregation", name="compute", valid_from=date(2026, 3, 1), reason="x", now=NOW,
        document={"functions": [{"name": "compute", "services": {"CE": "OR"}}]},
    )  # fmt: skip
    edit = f"{ROOT}report/critical/edit/"
    values = sent(admin.get(edit), aggregation="compute")
    preview = text_of(admin.post(edit, values | {"step": "preview"}))
    assert "critical: 1 site leaves: T2." in preview
    assert "<del>nothing</del> → <ins>compute</ins>" in preview
    assert admin.post(edit, values).status_code == 302
    page = text_of(admin.get(f"{ROOT}report/critical/"))
    assert "Version 2, the newest" in page
    assert HOSTILE not in page
    compared = text_of(admin.get(f"{ROOT}report/critical/compare/?to=2"))
    assert "aggregation:" in compared
    assert "from version 1 to version 2" in compared
    assert "Take version 1 up again" in text_of(admin.get(f"{ROOT}report/critical/?v=1"))
    assert "would be judged by nothing" in text_of(admin.post(f"{ROOT}aggregation/compute/close/", {"reason": "x"}))
    assert admin.post(f"{ROOT}report/critical/close/", {"reason": "over"}).status_code == 302
    assert "Closed on" in text_of(admin.get(f"{ROOT}report/critical/"))
    assert "closed" in text_of(admin.get(ROOT))


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("operations", {"tables": "AND\nOK: OK"}, "line 2: OK has 1 results; write 6"),
        ("operations", {"tables": "OK: OK"}, "before the name of its operation"),
        ("operations", {"up": "OK DOWNTIME"}, "DOWNTIME cannot count as up"),
        ("aggregation", {"functions": "compute CE"}, "there is no = in"),
        ("aggregation", {"functions": "compute = CE:XOR"}, ""),
        ("thresholds", {"rules": "http time=1;2;3"}, "it has 1 parts"),
        ("thresholds", {"rules": "http | | | time"}, "rules[0]"),
        ("report", {"availability": "101"}, "less than or equal to 100"),
        ("report", {"tags": "POWER"}, "is no pair"),
        ("report", {"service_classes": "SRM=Z"}, "service_classes.SRM"),
        ("report", {"name": "two words"}, "Use letters, digits"),
    ],
)
def test_objections_name_the_place_and_no_input_is_lost(admin, kind, change, said):
    new = f"{ROOT}{kind}/new/"
    page = admin.post(new, sent(admin.get(new), **{"name": "ours"} | change))
    if not said:
        assert page.status_code == 302
        return
    assert page.status_code == 422
    text = text_of(page)
    assert said in text
    assert all(value.partition("\n")[0] in text for value in change.values())


def test_the_standard_truth_tables_are_what_a_new_operations_profile_begins_with(admin):
    new = f"{ROOT}operations/new/"
    assert admin.post(new, sent(admin.get(new), name="ours")).status_code == 302
    page = text_of(admin.get(f"{ROOT}operations/ours/"))
    assert 'class="truth-downtime">DOWNTIME' in page
    back = admin.get(f"{ROOT}operations/ours/edit/")
    page = admin.post(f"{ROOT}operations/ours/edit/", sent(back))
    assert "It says what the version before says" in text_of(page)


def test_who_was_slower_is_told_and_may_send_again(admin):
    new = f"{ROOT}report/new/"
    admin.post(new, sent(admin.get(new), name="critical"))
    edit = f"{ROOT}report/critical/edit/"
    mine = sent(admin.get(edit), title="mine")
    admin.post(edit, sent(admin.get(edit), title="theirs"))
    page = admin.post(edit, mine)
    assert "Somebody was faster" in text_of(page)
    assert admin.post(edit, sent(page, title="mine")).status_code == 302
    assert ProfileVersion.objects.order_by("-number").first().document["title"] == "mine"


def test_a_profile_goes_out_as_json_and_comes_back_as_a_version(admin, client):
    a_scope("EGI")
    new = f"{ROOT}report/new/"
    admin.post(new, sent(admin.get(new), name="critical", scopes=["EGI"], weight="hepspec"))
    argo = json.loads(admin.get(f"{ROOT}report/critical/export/").content)
    assert argo["info"]["name"] == "critical"
    argo["thresholds"]["availability"] = 90
    fields = {"kind": "report", "valid_from": "2026-03-01", "reason": "from ARGO"}
    page = admin.post(f"{ROOT}import/", fields | {"text": json.dumps({"data": [argo]})})
    assert page["Location"] == f"{ROOT}report/critical/"
    newest = ProfileVersion.objects.order_by("-number").first()
    assert newest.document["targets"]["availability"] == 90
    assert (newest.document["filter"]["scopes"], newest.document["weight"]) == (["EGI"], "hepspec")
    own = admin.get(f"{ROOT}report/critical/export/?shape=own&v=1").content
    file = SimpleUploadedFile("critical.json", own)
    assert admin.post(f"{ROOT}import/", fields | {"name": "copy", "file": file}).status_code == 302
    assert Profile.objects.filter(name="copy").exists()
    for text, said in (("{", "It is no JSON"), ('{"a": 1}', "topology_schema: is missing")):
        assert said in text_of(admin.post(f"{ROOT}import/", fields | {"text": text}))


def test_the_critical_metrics_of_a_vo_go_out_in_argos_shape(client, grid):
    found = json.loads(client.get(f"{ROOT}metrics/dteam/export/").content)
    assert found["services"] == [{"service": "CE", "metrics": ["port"]}, {"service": "SE", "metrics": ["port"]}]


def test_weights_come_in_as_lines_all_or_none_and_go_out(admin, grid):
    page = admin.post(
        "/availability/weights/set/",
        {"kind": "hepspec", "valid_from": "2026-03-01", "reason": "pledges", "text": "T1,12.5\nNOWHERE,1\nT2,-3"},
    )
    assert page.status_code == 422
    text = text_of(page)
    assert "line 2: there is no site &#x27;NOWHERE&#x27;" in text
    assert "line 3: -3 is no weight" in text
    assert not Weight.objects.exists()
    fields = {"kind": "hepspec", "valid_from": "2026-03-01", "reason": "pledges"}
    rows = "site,value,valid_from\nT1,12.5,\nT1,20,2026-03-05\nT2,4,\n"
    assert admin.post("/availability/weights/set/", fields | {"text": rows}).status_code == 302
    page = text_of(admin.get("/availability/weights/?day=2026-03-04"))
    assert "12.5" in page
    assert "20 from 2026-03-05" in page
    exported = admin.get("/availability/weights/?kind=hepspec&format=csv").content.decode()
    assert admin.post("/availability/weights/set/", fields | {"text": exported}).status_code == 302
    assert Weight.objects.count() == 3
    weight = Weight.objects.get(value=20)
    assert admin.post(f"/availability/weights/{weight.pk}/remove/", {"reason": "a slip"}).status_code == 302
    assert Weight.objects.count() == 2


def test_everybody_reads_and_only_the_federations_staff_changes(client, admin, grid):
    new = f"{ROOT}report/new/"
    admin.post(new, sent(admin.get(new), name="critical"))
    client.logout()
    for path in (ROOT, f"{ROOT}report/critical/", f"{ROOT}report/critical/compare/", "/availability/weights/"):
        assert client.get(path).status_code == 200
    for path in (new, f"{ROOT}report/critical/edit/", f"{ROOT}import/", "/availability/weights/set/"):
        assert client.get(path).status_code == 302
    client.force_login(User.objects.create_user("bob", password="bob"))
    for path in (new, f"{ROOT}report/critical/close/", f"{ROOT}import/", "/availability/weights/set/"):
        assert client.post(path, {}).status_code == 403
    for path in (f"{ROOT}gadget/new/", f"{ROOT}report/nobody/", f"{ROOT}report/critical/?v=9"):
        assert client.get(path).status_code == 404
