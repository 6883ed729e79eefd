"""Tokens that are limited, roles over HTTP, history, personal data."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.people.models import User
from gridkeeper.registry.models import ImportRun, RoleGrant, RoleRequest, Site
from tests.builders import a_downtime, a_service_group, a_user
from tests.registry.api_grid import Robot, a_grid, names

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


@pytest.fixture
def grid():
    return a_grid()


def _edit(robot, site):
    return robot.patch(f"/sites/{site.key}", WHY | {"tier": "1"})


def test_a_token_limited_to_a_site_reaches_that_site_only(grid):
    robot = Robot("root", limits=(f"site:{grid.alpha.key}",))
    assert _edit(robot, grid.alpha).status_code == 200
    refused = _edit(robot, grid.beta)
    assert refused.status_code == 403
    assert f"limited to site:{grid.alpha.key}" in refused.json()["detail"]
    assert robot.patch(f"/services/{grid.ce.key}", WHY | {"is_beta": True}).status_code == 200
    assert robot.patch(f"/services/{grid.other.key}", WHY | {"is_beta": True}).status_code == 403
    assert robot.post("/scopes", WHY | {"name": "x"}).status_code == 403


def test_a_token_limited_to_a_region_reaches_its_sites(grid):
    robot = Robot("root", limits=(f"ngi:{grid.slovene.key}",))
    assert _edit(robot, grid.beta).status_code == 200
    assert _edit(robot, grid.alpha).status_code == 403


def test_a_token_limited_to_an_action_does_that_only(grid):
    robot = Robot("alice", scopes=("registry.declare_downtime",))
    start = timezone.now() + timedelta(days=2)
    plan = {
        "services": [grid.ce.key], "severity": "OUTAGE", "description": "x", "start": start.isoformat(),
        "end": (start + timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    assert robot.post("/downtimes", plan).status_code == 201
    refused = _edit(robot, grid.alpha)
    assert refused.status_code == 403
    assert "registry.edit_site" in refused.json()["detail"]


def test_a_token_of_one_site_declares_no_downtime_of_two(grid):
    robot = Robot("root", limits=(f"site:{grid.alpha.key}",))
    start = timezone.now() + timedelta(days=2)
    plan = {"severity": "OUTAGE", "description": "x", "start": start.isoformat(),
            "end": (start + timedelta(hours=1)).isoformat()}  # fmt: skip
    assert robot.post("/downtimes", plan | {"services": [grid.ce.key]}).status_code == 201
    assert robot.post("/downtimes", plan | {"services": [grid.ce.key, grid.other.key]}).status_code == 403
    both = a_downtime(grid.ce, grid.other, start=start, end=start + timedelta(hours=1))
    assert robot.post(f"/downtimes/{both.key}/cancel", WHY).status_code == 403


def test_a_token_does_no_more_than_its_person(grid):
    assert _edit(Robot("carol"), grid.alpha).status_code == 403


def _manager(grid):
    user = a_user("maria")
    RoleGrant.objects.create(user=user, role="NGI Operations Manager", ngi=grid.swiss)
    return Robot("maria")


def test_a_role_is_asked_for_granted_confirmed_and_revoked(grid):
    carol, maria = Robot("carol"), _manager(grid)
    on = {"kind": "site", "key": grid.alpha.key}
    asked = carol.post("/role-requests", {"role": "Site Administrator", "on": on, "message": "I run it."})
    assert asked.status_code == 201, asked.content
    path = f"/role-requests/{asked.json()['key']}"
    assert carol.post(f"{path}/decide", WHY | {"is_granted": True}).status_code == 403
    granted = maria.post(f"{path}/decide", WHY | {"is_granted": True})
    assert (granted.status_code, granted.json()["state"]) == (200, "granted"), granted.content
    assert _edit(carol, grid.alpha).status_code == 200
    [role] = carol.get("/roles?user=carol").json()["items"]
    assert (role["on"]["kind"], role["on"]["name"], role["user"]["username"]) == ("site", "ALPHA", "carol")
    assert maria.post(f"/roles/{role['id']}/confirm").status_code == 200
    revoked = maria.post(f"/roles/{role['id']}/revoke", WHY)
    assert (revoked.status_code, revoked.json()["id"]) == (200, role["id"]), revoked.content
    assert _edit(carol, grid.alpha).status_code == 403
    assert maria.post(f"/roles/{role['id']}/revoke", WHY).status_code == 404


def test_a_role_is_granted_for_a_time_and_delegated(grid):
    maria = _manager(grid)
    until = (timezone.now() + timedelta(days=90)).isoformat()
    body = {"user": "carol", "role": "Site Administrator", "on": {"kind": "site", "key": grid.alpha.key}}
    granted = maria.post("/roles", WHY | body | {"expires_at": until})
    assert granted.status_code == 201, granted.content
    a_user("dora")
    lent = {"to": "dora", "starts_at": timezone.now().isoformat(),
            "expires_at": (timezone.now() + timedelta(days=7)).isoformat()}  # fmt: skip
    delegated = Robot("carol").post(f"/roles/{granted.json()['id']}/delegate", WHY | lent)
    assert delegated.status_code == 201, delegated.content
    assert delegated.json()["delegated_by"]["username"] == "carol"
    assert _edit(Robot("dora"), grid.alpha).status_code == 200


def test_a_grant_can_be_rehearsed(grid):
    body = {"user": "carol", "role": "Site Administrator", "on": {"kind": "site", "key": grid.alpha.key}}
    answer = _manager(grid).post("/roles?dry_run=true", WHY | body)
    assert answer.status_code == 200, answer.content
    assert answer.json()["result"]["user"]["username"] == "carol"
    assert not RoleGrant.objects.filter(user__username="carol").exists()


def test_a_request_is_withdrawn_by_who_asked(grid):
    carol = Robot("carol")
    on = {"kind": "service_group", "key": a_service_group(grid.ce).key}
    asked = carol.post("/role-requests", {"role": "Service Group Administrator", "on": on})
    path = f"/role-requests/{asked.json()['key']}"
    assert Robot("root").post(f"{path}/withdraw").status_code == 403
    assert carol.post(f"{path}/withdraw").json()["state"] == "withdrawn"
    assert RoleRequest.objects.get().state == "withdrawn"


@pytest.mark.parametrize(
    "body",
    [
        {"user": "nobody", "role": "Site Administrator", "on": {"kind": "site", "key": "{alpha}"}},
        {"user": "carol", "role": "King", "on": {"kind": "site", "key": "{alpha}"}},
        {"user": "carol", "role": "Site Administrator", "on": {"kind": "site", "key": "none"}},
        {"user": "carol", "role": "Site Administrator", "on": {"kind": "planet", "key": "x"}},
        {"user": "carol", "role": "COD Staff", "on": {"kind": "site", "key": "{alpha}"}},
    ],
)
def test_grants_that_cannot_be_meant_are_refused(grid, body):
    body["on"]["key"] = body["on"]["key"].format(alpha=grid.alpha.key)
    answer = Robot("root").post("/roles", WHY | body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_who_holds_which_role_is_personal_data(grid):
    assert Robot().get("/roles").status_code == 401
    own = Robot("carol").get("/roles").json()
    assert own["count"] == 0
    assert sorted(each["user"]["username"] for each in Robot("root").get("/roles").json()["items"]) == ["alice", "bob"]
    grant = RoleGrant.objects.get(user__username="alice")
    assert Robot("carol").get(f"/roles/{grant.pk}").status_code == 403
    for key in ("none", "9" * 30, "-1", "%00"):
        assert Robot("root").get(f"/roles/{key}").status_code in {404, 422}


def test_the_role_map_says_who_may_what(grid):
    said = Robot().get("/role-map").json()
    assert "edit_site" in said["roles"]["Site Administrator"]["may"]
    assert "change_certification" not in said["roles"]["Site Administrator"]["may"]
    assert said["actions"]["edit_site"]


def test_the_history_of_an_object_says_who_what_why(grid):
    Robot("alice").patch(f"/sites/{grid.alpha.key}", {"reason": "New phone.", "contact_tel": "+41 1", "tier": "1"})
    newest = Robot("carol").get(f"/history/sites/{grid.alpha.key}").json()[0]
    assert (newest["who"], newest["source"], newest["reason"], newest["verb"]) == (
        "alice", "api", "New phone.", "changed",
    )  # fmt: skip
    fields = {each["field"]: (each["old"], each["new"]) for each in newest["fields"]}
    assert fields == {"contact_tel": ("", "+41 1"), "tier": ("", "1")}
    assert newest["address"] is None
    assert Robot("root").get(f"/history/sites/{grid.alpha.key}").json()[0]["address"] == "127.0.0.1"
    stranger = Robot().get(f"/history/sites/{grid.alpha.key}").json()[0]
    assert stranger["who"] is None
    assert {each["field"]: each["new"] for each in stranger["fields"]} == {"contact_tel": None, "tier": "1"}


def test_the_history_of_a_service_has_its_endpoints(grid):
    body = WHY | {"service": grid.ce.key, "name": "arc"}
    Robot("alice").post("/endpoints", body)
    kinds = [each["kind"] for each in Robot().get(f"/history/services/{grid.ce.key}").json()]
    assert kinds == ["endpoint", "service"]


@pytest.mark.parametrize("path", ["/history/planets/x", "/history/sites/none", "/history/sites/%00"])
def test_history_of_nothing(grid, path):
    assert Robot("root").get(path).status_code in {404, 422}


def test_import_runs_show_sums_to_all_and_records_to_few(grid):
    report = {"counts": {"site": {"created": 2}}, "findings": [{"raw": "Jane <jane@example.org>"}]}
    now = timezone.now()
    run = ImportRun.objects.create(source="gocdb", origin="x.xml", started_at=now, finished_at=now, report=report)
    assert Robot().get("/import-runs").json()["items"][0]["counts"] == {"site": {"created": 2}}
    assert Robot("carol").get(f"/import-runs/{run.pk}").status_code == 403
    assert Robot("root").get(f"/import-runs/{run.pk}").json()["report"] == report
    assert Robot("root").get(f"/import-runs/{run.pk + 1}").status_code == 404


def test_a_closed_account_changes_nothing(grid):
    robot = Robot("alice")
    User.objects.filter(username="alice").update(is_active=False)
    assert _edit(robot, grid.alpha).status_code in {401, 403}
    assert Site.objects.get(pk=grid.alpha.pk).tier == ""
    assert names(Robot().get("/sites")) == ["ALPHA", "BETA"]
