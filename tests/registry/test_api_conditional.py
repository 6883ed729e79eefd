"""ETags, lost updates, dry runs and repeated requests over HTTP."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.actions import edit_site
from gridkeeper.registry.dry_run import rehearse
from gridkeeper.registry.models import AnsweredRequest, Downtime, Service, Site
from gridkeeper.web.conditional import is_known, tag_of, versions_in
from tests.builders import NOW, a_downtime
from tests.registry.api_grid import Robot, a_grid

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


@pytest.fixture
def grid():
    return a_grid()


def _paths(grid):
    key = a_downtime(grid.ce).key
    return [
        "/sites", f"/sites/{grid.alpha.key}", "/services", f"/services/{grid.ce.key}", "/regions",
        f"/regions/{grid.swiss.key}", f"/downtimes/{key}", "/downtimes", "/scopes", "/feeds/site_list", "/role-map",
        f"/history/sites/{grid.alpha.key}",
    ]  # fmt: skip


def test_what_the_client_has_already_is_not_sent_again(grid):
    for path in _paths(grid):
        first = Robot().get(path)
        tag = first["ETag"]
        assert (first.status_code, tag[0], tag[-1]) == (200, '"', '"'), path
        again = Robot().get(path, If_None_Match=tag)
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag), path
        assert Robot().get(path, If_None_Match=f"W/{tag}").status_code == 304
        assert Robot().get(path, If_None_Match='"other"').status_code == 200


def test_an_answer_to_somebody_else_has_another_tag(grid):
    path = f"/sites/{grid.alpha.key}"
    tag = Robot().get(path)["ETag"]
    assert Robot("alice").get(path, If_None_Match=tag).status_code == 200
    assert "Authorization" in Robot().get(path)["Vary"]


def test_a_lost_update_is_refused_with_the_version_and_who_was_faster(grid):
    alice, bob, path = Robot("alice"), Robot("bob"), f"/sites/{grid.alpha.key}"
    read = alice.get(path)["ETag"]
    assert bob.patch(path, WHY | {"tier": "1"}, If_Match=read).status_code == 200
    lost = alice.patch(path, WHY | {"tier": "3"}, If_Match=read)
    assert lost.status_code == 412
    assert lost["Content-Type"] == "application/problem+json"
    [error] = lost.json()["errors"]
    assert error["changed_by"] == "bob"
    assert lost["ETag"] == f'"{error["version"]}"'
    assert Site.objects.get(pk=grid.alpha.pk).tier == "1"
    assert alice.patch(path, WHY | {"tier": "3"}, If_Match=lost["ETag"]).json()["tier"] == "3"


@pytest.mark.parametrize(("tag", "status"), [("*", 200), ('"1"', 412), ('W/"1-a"', 412), ("rubbish", 412), ("", 200)])
def test_if_match_in_every_spelling(grid, tag, status):
    Robot("bob").patch(f"/sites/{grid.alpha.key}", WHY | {"tier": "1"})
    assert Robot("alice").patch(f"/sites/{grid.alpha.key}", WHY | {"tier": "2"}, If_Match=tag).status_code == status


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/services/{ce}/close", {}),
        ("/sites/{alpha}/rename", {"name": "OTHER"}),
        ("/sites/{alpha}/certification", {"new": "Suspended"}),
        ("/regions/{swiss}/rename", {"name": "OTHER"}),
    ],
)
def test_every_change_honours_if_match(grid, path, body):
    root = Robot("root")
    path = path.format(ce=grid.ce.key, alpha=grid.alpha.key, swiss=grid.swiss.key)
    before = Site.objects.get(pk=grid.alpha.pk).certification
    assert root.post(path, WHY | body, If_Match='"0-old"').status_code == 412
    assert Site.objects.get(pk=grid.alpha.pk).certification == before
    assert Service.objects.get(pk=grid.ce.pk).valid_until is None
    assert root.post(path, WHY | body, If_Match="*").status_code == 200


def test_a_part_of_a_downtime_that_ended_changes_its_version(grid):
    now = timezone.now()
    downtime = a_downtime(grid.ce, grid.se, start=now - timedelta(hours=1), end=now + timedelta(hours=9))
    path, alice = f"/downtimes/{downtime.key}", Robot("alice")
    read = alice.get(path)["ETag"]
    at = (now + timedelta(hours=2)).isoformat()
    assert alice.post(f"{path}/end-part", WHY | {"services": [grid.ce.key], "at": at}).status_code == 200
    lost = alice.post(f"{path}/end", WHY, If_Match=read)
    assert lost.status_code == 412, lost.content
    assert Downtime.objects.get().end == downtime.end
    assert alice.post(f"{path}/end", WHY, If_Match=alice.get(path)["ETag"]).status_code == 200


def test_who_may_not_change_it_does_not_learn_who_did(grid):
    Robot("bob").patch(f"/sites/{grid.alpha.key}", WHY | {"tier": "1"})
    answer = Robot("carol").patch(f"/sites/{grid.alpha.key}", WHY | {"tier": "2"}, If_Match='"1"')
    assert answer.status_code == 403
    assert "bob" not in answer.content.decode()


@given(st.text(max_size=60))
def test_no_header_breaks_the_comparison(text):
    assert versions_in(text) is None or all('"' not in each for each in versions_in(text))
    assert is_known(text, tag_of(b"x", "17")) in {True, False}


def test_a_dry_run_says_what_would_change_and_changes_nothing(grid, django_capture_on_commit_callbacks):
    before = grid.alpha.history.count()
    with django_capture_on_commit_callbacks() as callbacks:
        answer = Robot("alice").patch(f"/sites/{grid.alpha.key}?dry_run=true", WHY | {"tier": "1", "domain": "x.org"})
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert said["is_dry_run"] is True
    assert said["result"]["tier"] == "1"
    [site] = said["changes"]
    assert (site["kind"], site["key"], site["verb"]) == ("site", grid.alpha.key, "changed")
    assert {field["field"]: (field["old"], field["new"]) for field in site["fields"]} == {
        "tier": ("", "1"), "domain": ("", "x.org"),
    }  # fmt: skip
    assert callbacks == []
    assert "ETag" not in answer
    assert Site.objects.get(pk=grid.alpha.pk).tier == ""
    assert grid.alpha.history.count() == before


@pytest.mark.parametrize(
    ("method", "path", "body", "kinds"),
    [
        ("POST", "/sites", {"region": "{swiss}", "name": "NEW"}, {"site"}),
        ("POST", "/services/{ce}/close", {}, {"service"}),
        ("POST", "/sites/{alpha}/certification", {"new": "Closed"}, {"site", "service", "endpoint"}),
        ("PUT", "/sites/{alpha}/scopes", {"scopes": ["Local"]}, {"site"}),
        ("POST", "/scopes", {"name": "new"}, {"scope"}),
    ],
)
def test_everything_can_be_rehearsed(grid, method, path, body, kinds):
    values = {"swiss": grid.swiss.key, "ce": grid.ce.key, "alpha": grid.alpha.key}
    body = {name: value.format(**values) if isinstance(value, str) else value for name, value in body.items()}
    sums = [model.objects.count() for model in (Site, Service)]
    answer = Robot("root").send(method, path.format(**values) + "?dry_run=true", WHY | body)
    assert answer.status_code == 200, answer.content
    assert {each["kind"] for each in answer.json()["changes"]} == kinds
    assert [model.objects.count() for model in (Site, Service)] == sums
    assert not Site.objects.exclude(valid_until=None).exists()


def test_a_dry_run_warns_of_the_consequences(grid):
    path = f"/sites/{grid.alpha.key}/certification?dry_run=true"
    warnings = Robot("root").post(path, WHY | {"new": "Suspended"}).json()["warnings"]
    assert any("leave the matrix" in text for text in warnings)


@pytest.mark.parametrize(("who", "status"), [("carol", 403), ("", 401)])
def test_a_dry_run_needs_the_same_rights(grid, who, status):
    answer = Robot(who).patch(f"/sites/{grid.alpha.key}?dry_run=true", WHY | {"tier": "1"})
    assert answer.status_code == status


def test_a_refused_action_is_refused_in_rehearsal_too(grid):
    with pytest.raises(NotPermittedError):
        rehearse(edit_site, Actor(), site=grid.alpha, changes={}, reason="x", now=NOW)
    found = rehearse(edit_site, Actor.system(), site=grid.alpha, changes={"tier": "1"}, reason="x", now=NOW)
    assert found.result.tier == "1"
    assert [each.name for each in found.consequences] == ["ALPHA"]
    assert Site.objects.get(pk=grid.alpha.pk).tier == ""


def _downtime(*services):
    start = timezone.now() + timedelta(days=3)
    return {
        "services": [each.key for each in services], "severity": "OUTAGE", "description": "Power",
        "start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat(),
    }  # fmt: skip


def test_a_request_that_is_sent_again_declares_once(grid):
    alice, body = Robot("alice"), _downtime(grid.ce)
    first = alice.post("/downtimes", body, Idempotency_Key="run-7")
    again = alice.post("/downtimes", body, Idempotency_Key="run-7")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["key"] == again.json()["key"]
    assert Downtime.objects.count() == 1
    assert alice.post("/downtimes", body, Idempotency_Key="run-8").json()["key"] != first.json()["key"]


def test_the_same_key_for_another_request_is_refused(grid):
    alice = Robot("alice")
    assert alice.post("/downtimes", _downtime(grid.ce), Idempotency_Key="run").status_code == 201
    other = alice.post("/downtimes", _downtime(grid.se), Idempotency_Key="run")
    assert other.status_code == 422
    assert other.json()["errors"][0]["field"] == "Idempotency-Key"
    assert Robot("bob").post("/downtimes", _downtime(grid.se), Idempotency_Key="run").status_code == 201


def test_a_refused_request_is_not_remembered(grid):
    alice = Robot("alice")
    wrong = _downtime(grid.ce) | {"end": "2020-01-01T00:00:00Z"}
    assert alice.post("/downtimes", wrong, Idempotency_Key="run").status_code == 422
    assert not AnsweredRequest.objects.exists()
    assert alice.post("/downtimes", _downtime(grid.ce), Idempotency_Key="run").status_code == 201


def test_an_old_key_is_forgotten(grid):
    alice, body = Robot("alice"), _downtime(grid.ce)
    alice.post("/downtimes", body, Idempotency_Key="run")
    AnsweredRequest.objects.update(answered_at=timezone.now() - timedelta(days=8))
    assert alice.post("/downtimes", body, Idempotency_Key="run").status_code == 201
    assert Downtime.objects.count() == 2
    assert AnsweredRequest.objects.count() == 1
