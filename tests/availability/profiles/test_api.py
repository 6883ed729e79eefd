"""Profiles, reports and weights over HTTP."""

from datetime import UTC, datetime

import pytest

from gridkeeper.availability.models import Profile, Weight
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from tests.builders import NOW, a_site, a_vo

pytestmark = pytest.mark.django_db
ROOT = "/api/v1/availability"
REPORT = {"kind": "report", "name": "critical", "valid_from": "2026-03-01", "reason": "agreed", "document": {}}


@pytest.fixture
def staff():
    user = User.objects.create_superuser("admin", password="admin")
    secret = create_token(Actor.system(), user=user, name="t", scopes=["*"], expires_at=None, now=NOW)[1]
    return {"headers": {"Authorization": f"Bearer {secret}"}, "content_type": "application/json"}


def test_a_profile_is_made_changed_compared_and_closed(client, staff):
    made = client.post(f"{ROOT}/profiles", REPORT, **staff)
    assert made.status_code == 201
    key = made.json()["key"]
    edit = {"document": {"weight": "hepspec"}, "valid_from": "2026-03-02", "reason": "weighted"}
    rehearsed = client.patch(f"{ROOT}/profiles/{key}?dry_run=true", edit, **staff).json()
    assert rehearsed["result"]["number"] == 2
    headers = staff["headers"] | {"If-Match": made["ETag"]}
    assert client.patch(f"{ROOT}/profiles/{key}", edit, **staff | {"headers": headers}).json()["number"] == 2
    late = client.patch(f"{ROOT}/profiles/{key}", edit | {"document": {}}, **staff | {"headers": headers})
    assert late.status_code == 412
    versions = client.get(f"{ROOT}/profiles/{key}/versions").json()["items"]
    assert [(each["number"], each["valid_from"]) for each in versions] == [(2, "2026-03-02"), (1, "2026-03-01")]
    found = client.get(f"{ROOT}/profiles/{key}/differences?older=1&newer=2").json()
    assert found == [{"path": "weight", "old": "", "new": "hepspec"}]
    assert client.get(f"{ROOT}/profiles/{key}/argo?number=1").json()["info"]["name"] == "critical"
    assert client.get(f"{ROOT}/profiles/{key}/argo?number=3").status_code == 404
    assert client.post(f"{ROOT}/profiles/{key}/close", {"reason": "over"}, **staff).json()["closed_at"]
    assert client.get(f"{ROOT}/profiles").json()["items"] == []
    assert client.get(f"{ROOT}/profiles?closed=true&kind=report").json()["items"][0]["number"] == 2


def test_what_is_wrong_with_a_document_is_said_field_by_field(client, staff):
    body = REPORT | {"document": {"targets": {"availability": 200}, "colour": "red"}}
    problem = client.post(f"{ROOT}/profiles", body, **staff)
    assert problem.status_code == 422
    assert {error["field"] for error in problem.json()["errors"]} == {"document"}
    assert "targets.availability: 200 is more than 100" in problem.json()["detail"]
    assert client.post(f"{ROOT}/profiles", REPORT, content_type="application/json").status_code == 401
    assert not Profile.objects.exists()


def test_reports_in_force_name_what_made_their_figures(client, staff):
    a_vo("atlas")
    client.post(f"{ROOT}/profiles", REPORT | {"document": {"is_public": False}}, **staff)
    public = client.get(f"{ROOT}/reports?day=2026-03-05").json()
    assert [(each["name"], each["version"]) for each in public] == [("atlas", 0)]
    known = client.get(f"{ROOT}/reports?day=2026-03-05", headers=staff["headers"]).json()
    assert [each["inputs"]["report"] for each in known] == ["atlas", "critical@1"]
    assert client.get(f"{ROOT}/reports?day=2199-01-01").status_code == 422
    assert [each["name"] for each in client.get(f"{ROOT}/reports?day={datetime.now(UTC):%Y-%m-%d}").json()] == ["atlas"]


def test_weights_are_set_and_taken_back(client, staff):
    site = a_site(name="T1")
    body = {"site": site.key, "kind": "hepspec", "valid_from": "2026-03-01", "value": 12.5, "reason": "pledge"}
    first = client.post(f"{ROOT}/weights", body, **staff)
    assert (first.status_code, first.json()["value"]) == (201, 12.5)
    again = client.post(f"{ROOT}/weights", body | {"value": 13}, **staff).json()
    assert (again["id"], again["value"]) == (first.json()["id"], 13)
    assert client.post(f"{ROOT}/weights", body | {"value": -1}, **staff).status_code == 422
    assert [each["site_name"] for each in client.get(f"{ROOT}/weights?kind=hepspec").json()["items"]] == ["T1"]
    assert client.post(f"{ROOT}/weights/{again['id']}/remove", {"reason": "a slip"}, **staff).status_code == 200
    assert not Weight.objects.exists()
