"""Every object is added, edited and closed over HTTP; who may, and what is refused."""

import pytest

from gridkeeper.registry.models import (
    ApiCredential,
    Endpoint,
    Federation,
    Ngi,
    NgiMembership,
    Scope,
    Service,
    ServiceGroup,
    ServiceType,
    Site,
)
from tests.builders import a_federation, a_scope, a_service_group, a_service_type
from tests.registry.api_grid import Robot, a_grid

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


@pytest.fixture
def grid():
    return a_grid()


def test_a_federation_is_added_edited_and_closed(grid):
    root = Robot("root")
    added = root.post("/federations", WHY | {"name": "OSG", "notice_hours": 48, "minimum_scopes": {"site": 0}})
    assert added.status_code == 201, added.content
    key = added.json()["key"]
    edited = root.patch(f"/federations/{key}", WHY | {"notice_hours": 12})
    assert (edited.status_code, edited.json()["notice_hours"]) == (200, 12)
    assert root.post(f"/federations/{key}/close", WHY).json()["valid_until"]
    assert Federation.objects.get(key=key).valid_until is not None


def test_a_region_is_added_renamed_and_joins_a_further_federation(grid):
    root, osg = Robot("root"), a_federation(name="OSG")
    body = WHY | {"federation": grid.swiss.federation.key, "name": "NGI_NEW", "email": "ngi@example.org"}
    added = root.post("/regions", body)
    assert added.status_code == 201, added.content
    key = added.json()["key"]
    assert root.post(f"/regions/{key}/rename", WHY | {"name": "NGI_NEWER"}).json()["name"] == "NGI_NEWER"
    joined = root.post(f"/regions/{key}/join", WHY | {"federation": osg.key})
    assert joined.json()["further_federations"] == ["OSG"]
    assert root.get("/regions?federation=OSG").json()["items"][0]["name"] == "NGI_NEWER"
    assert root.post(f"/regions/{key}/leave", WHY | {"federation": osg.key}).json()["further_federations"] == []
    assert NgiMembership.objects.current().count() == 0
    assert root.post(f"/regions/{key}/close", WHY).json()["valid_until"]
    assert Ngi.objects.get(key=key).valid_until is not None


def test_a_site_is_added_edited_moved_certified_and_closed(grid):
    root = Robot("root")
    added = root.post("/sites", WHY | {"region": grid.swiss.key, "name": "GAMMA", "country_code": "SI"})
    assert added.status_code == 201, added.content
    key = added.json()["key"]
    assert added.json()["certification"] == "Candidate"
    assert root.patch(f"/sites/{key}", WHY | {"tier": "2"}).json()["tier"] == "2"
    assert root.post(f"/sites/{key}/rename", WHY | {"name": "DELTA"}).json()["name"] == "DELTA"
    moved = root.post(f"/sites/{key}/move", WHY | {"region": grid.slovene.key})
    assert moved.json()["region"]["name"] == "NGI_SI"
    assert root.post(f"/sites/{key}/certification", WHY | {"new": "Closed"}).json()["certification"] == "Closed"
    changes = root.get(f"/certification-changes?site={key}").json()["items"]
    assert [change["new"] for change in changes] == ["Closed", "Candidate"]
    assert Site.objects.get(key=key).ngi == grid.slovene


def test_a_service_and_its_endpoints_are_added_edited_and_closed(grid):
    alice = Robot("alice")
    body = WHY | {"site": grid.alpha.key, "service_type": "CE", "hostname": "ce2.alpha.example.org", "is_beta": True}
    added = alice.post("/services", body)
    assert added.status_code == 201, added.content
    key = added.json()["key"]
    assert alice.patch(f"/services/{key}", WHY | {"url": "https://ce2.alpha.example.org"}).json()["url"]
    point = alice.post("/endpoints", WHY | {"service": key, "name": "arc", "url": "https://ce2.alpha.example.org"})
    assert point.status_code == 201, point.content
    address = f"/endpoints/{point.json()['key']}"
    assert alice.patch(address, WHY | {"is_monitored": True}).json()["is_monitored"] is True
    assert [each["name"] for each in alice.get(f"/services/{key}").json()["endpoints"]] == ["arc"]
    assert alice.post(f"{address}/close", WHY).json()["valid_until"]
    assert alice.post(f"/services/{key}/close", WHY).json()["valid_until"]
    assert Service.objects.get(key=key).valid_until
    assert Endpoint.objects.get(name="arc").valid_until


def test_service_types_and_scopes_are_the_operators(grid):
    root = Robot("root")
    assert root.post("/service-types", WHY | {"name": "org.example.x"}).status_code == 201
    edited = root.patch("/service-types/org.example.x", WHY | {"has_monitoring_exception": True})
    assert edited.json()["has_monitoring_exception"] is True
    added = root.post("/scopes", WHY | {"name": "tier1", "is_reserved": True})
    assert added.status_code == 201, added.content
    key = added.json()["key"]
    assert root.patch(f"/scopes/{key}", WHY | {"description": "Tier-1"}).json()["description"] == "Tier-1"
    assert root.post(f"/scopes/{key}/close", WHY).json()["valid_until"]
    assert ServiceType.objects.filter(name="org.example.x").exists()
    assert Scope.objects.get(name="tier1").valid_until
    for path in ("/service-types", "/scopes", "/federations"):
        assert Robot("alice").post(path, WHY | {"name": "mine"}).status_code == 403


def test_a_service_group_gains_and_loses_members(grid):
    alice = Robot("alice")
    added = alice.post("/service-groups", WHY | {"name": "GROUP", "scopes": ["EGI"]})
    assert added.status_code == 201, added.content
    path = f"/service-groups/{added.json()['key']}"
    both = {"services": [grid.ce.key, grid.se.key]}
    joined = alice.post(f"{path}/members", WHY | both)
    assert [each["hostname"] for each in joined.json()["services"]] == [grid.ce.hostname, grid.se.hostname]
    assert alice.post(f"{path}/members", WHY | both).status_code == 422
    left = alice.post(f"{path}/members/remove", WHY | {"services": [grid.ce.key]})
    assert [each["key"] for each in left.json()["services"]] == [grid.se.key]
    assert alice.patch(path, WHY | {"name": "GROUP-2"}).json()["name"] == "GROUP-2"
    assert alice.post(f"{path}/close", WHY).json()["services"] == []
    assert ServiceGroup.objects.get().valid_until is not None


def test_credentials_of_machines_are_the_sites(grid):
    alice = Robot("alice")
    body = WHY | {"site": grid.alpha.key, "kind": "X.509", "identifier": "/DC=org/CN=robot", "may_write": True}
    added = alice.post("/credentials", body)
    assert added.status_code == 201, added.content
    path = f"/credentials/{added.json()['key']}"
    assert alice.patch(path, WHY | {"may_write": False}).json()["may_write"] is False
    assert alice.post(f"{path}/close", WHY).json()["valid_until"]
    assert ApiCredential.objects.get().valid_until is not None
    assert Robot("carol").get("/credentials").status_code == 403
    assert Robot().get(path).status_code == 401


@pytest.mark.parametrize("kind", ["sites", "services", "endpoints", "service-groups"])
def test_properties_are_replaced_added_and_removed(grid, kind):
    subject = {
        "sites": grid.alpha, "services": grid.se, "endpoints": grid.se.endpoints.get(), "service-groups": None,
    }[kind] or a_service_group(grid.ce)  # fmt: skip
    path, root = f"/{kind}/{subject.key}", Robot("root")
    assert root.put(f"{path}/properties", WHY | {"properties": {"A": "1"}}).json()["properties"] == {"A": "1"}
    added = root.patch(f"{path}/properties", WHY | {"properties": {"B": "2"}})
    assert added.json()["properties"] == {"A": "1", "B": "2"}
    removed = root.post(f"{path}/properties/remove", WHY | {"keys": ["A"]})
    assert removed.json()["properties"] == {"B": "2"}
    assert root.post(f"{path}/properties/remove", WHY | {"keys": ["A"]}).status_code == 422


def test_scopes_are_set_and_a_reserved_one_is_the_operators(grid):
    a_scope("tier1", is_reserved=True)
    path = f"/sites/{grid.alpha.key}/scopes"
    assert Robot("alice").put(path, WHY | {"scopes": ["EGI", "Local"]}).json()["scopes"] == ["EGI", "Local"]
    assert Robot("alice").put(path, WHY | {"scopes": ["EGI", "tier1"]}).status_code == 403
    assert Robot("alice").put(path, WHY | {"scopes": ["unheard-of"]}).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sites", {"region": "none", "name": "X"}),
        ("/services", {"site": "none", "service_type": "CE", "hostname": "x.example.org"}),
        ("/endpoints", {"service": "none", "name": "X"}),
        ("/credentials", {"site": "none", "identifier": "/CN=x"}),
        ("/regions", {"federation": "none", "name": "X"}),
    ],
)
def test_what_a_body_names_must_exist(grid, path, body):
    answer = Robot("root").post(path, WHY | body)
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert "none" in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"]


@pytest.mark.parametrize(
    "body",
    [{}, {"reason": ""}, {"reason": "x" * 301}, {"reason": "x", "certification": "Certified"}, {"reason": "a\x00b"},
     {"reason": "x", "latitude": 1e999}, {"reason": "x", "timezone": "Mars/Olympus"}, {"reason": ["x"]},
     {"reason": "x", "tier": None}, {"reason": "x", "description": "d" * 10_001}, [], 7, "x"],
)  # fmt: skip
def test_bodies_that_do_not_fit_change_nothing(grid, body):
    before = grid.alpha.history.count()
    answer = Robot("alice").patch(f"/sites/{grid.alpha.key}", body)
    assert answer.status_code == 422, answer.content
    assert grid.alpha.history.count() == before


def test_a_site_does_not_certify_itself(grid):
    body = WHY | {"new": "Suspended"}
    assert Robot("alice").post(f"/sites/{grid.alpha.key}/certification", body).status_code == 403
    assert Robot("bob").post(f"/sites/{grid.alpha.key}/certification", body).status_code == 403
    assert Site.objects.get(pk=grid.alpha.pk).certification == "Certified"


def test_contacts_are_hidden_until_you_sign_in(grid):
    assert Robot().get(f"/sites/{grid.alpha.key}").json()["contact_email"] is None
    assert Robot("carol").get(f"/sites/{grid.alpha.key}").json()["contact_email"] == "grid@alpha.example.org"
    assert Robot().get("/sites").json()["items"][0]["contact_email"] is None


def test_a_service_of_an_unknown_type_is_refused_by_field(grid):
    a_service_type("CE")
    body = WHY | {"site": grid.alpha.key, "service_type": "NOPE", "hostname": "x.example.org"}
    answer = Robot("alice").post("/services", body)
    assert answer.json()["errors"][0]["field"] == "service_type"
