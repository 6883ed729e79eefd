"""Recomputations in ARGO's documents (argo-web-api: website/docs/results/recomputations.md)."""

import json

import pytest

from gridkeeper.availability.models import Recomputation
from tests.api.argo.asking import read
from tests.builders import a_site

pytestmark = pytest.mark.usefixtures("installation")

#: ARGO's example of a request of all kinds, in a time that has figures.
REQUEST = {
    "requester_name": "John Doe",
    "requester_email": "johndoe@foo.gr",
    "reason": "Recomputation request including all types",
    "start_time": "2025-05-07T12:00:00Z",
    "end_time": "2025-05-09T09:00:00Z",
    "report": "Report-A",
    "exclude_monitoring_source": [
        {"host": "mon01.example.foo", "start_time": "2025-05-08T12:00:00Z", "end_time": "2025-05-08T23:00:00Z"}
    ],
    "exclude": ["Group-1", "Group-2"],
    "exclude_metrics": [{"metric": "check-1"}, {"metric": "check-2", "hostname": "host1.example.com"}],
    "applied_status_changes": [
        {"group": "Group-A", "state": "CRITICAL"}, {"service": "Service-a", "state": "OK"},
    ],
}  # fmt: skip


@pytest.fixture
def groups(installation):
    for name in ("Group-1", "Group-2", "Group-A"):
        a_site(name=name)


def send(client, path, document):
    return client.post(f"/api/v2/recomputations{path}", json.dumps(document), content_type="application/json")


def test_a_request_of_all_kinds_comes_in_and_is_one_again(officer, groups) -> None:
    made = send(officer, "", REQUEST)
    answer = read(made)
    key = answer["data"]["id"]
    assert (made.status_code, answer["status"]["message"]) == (202, "Recomputations successfully created")
    assert answer["data"]["links"]["self"] == f"http://testserver/api/v2/recomputations/{key}"
    listed = read(officer.get("/api/v2/recomputations"))
    [found] = listed["data"]
    assert listed["root"] == [found]
    assert read(officer.get(f"/api/v2/recomputations/{key}"))["data"] == found
    same = ("reason", "start_time", "end_time", "report", "exclude", "exclude_metrics", "exclude_monitoring_source")
    assert {name: found[name] for name in same} == {name: REQUEST[name] for name in same}
    assert found["applied_status_changes"] == REQUEST["applied_status_changes"]
    assert (found["status"], [step["status"] for step in found["history"]]) == ("pending", ["pending"])


@pytest.mark.parametrize(
    ("query", "count"),
    [("report=Report-A", 1), ("report=Other", 0), ("date=2025-05-08", 1), ("date=2025-05-10", 0)],
)
def test_requests_are_found_by_report_and_day(officer, groups, query, count) -> None:
    send(officer, "", REQUEST)
    assert len(read(officer.get(f"/api/v2/recomputations?{query}"))["data"]) == count


def test_a_request_is_approved_and_reset(officer, groups) -> None:
    key = read(send(officer, "", REQUEST))["data"]["id"]
    approved = read(send(officer, f"/{key}/status", {"status": "approved"}))
    assert approved["status"] == {"message": "Recomputation status updated successfully to: approved", "code": "200"}
    assert {row.state for row in Recomputation.objects.all()} == {"approved"}
    reset = read(officer.delete(f"/api/v2/recomputations/{key}/status"))
    assert reset["status"]["message"] == "Recomputation status reset to: pending"
    assert {row.state for row in Recomputation.objects.all()} == {"reverted"}


def test_a_request_is_taken_back(officer, groups) -> None:
    key = read(send(officer, "", REQUEST))["data"]["id"]
    assert officer.delete(f"/api/v2/recomputations/{key}").status_code == 200
    assert {row.state for row in Recomputation.objects.all()} == {"withdrawn"}


@pytest.mark.parametrize("status", ["lost", "running", "done"])
def test_a_status_that_nobody_sets_is_a_conflict(officer, groups, status) -> None:
    key = read(send(officer, "", REQUEST))["data"]["id"]
    answer = send(officer, f"/{key}/status", {"status": status})
    assert (answer.status_code, read(answer)["errors"][0]["message"]) == (409, "Conflict")


def test_nothing_is_asked_by_who_may_not(reader, client, groups) -> None:
    assert send(reader, "", REQUEST).status_code == 403
    assert send(client, "", REQUEST).status_code == 401
    assert send(reader, "/nothing/status", {"status": "approved"}).status_code == 404
    assert not Recomputation.objects.exists()


@pytest.mark.parametrize(
    "change", [{"start_time": "soon"}, {"reason": ""}, {"exclude_metrics": [{}]}, {"exclude": 7}],
)  # fmt: skip
def test_a_request_that_cannot_be_meant_is_refused_whole(officer, groups, change) -> None:
    assert send(officer, "", REQUEST | change).status_code == 422
    assert not Recomputation.objects.exists()


def test_addresses_of_people_are_not_for_everybody(officer, reader, client, groups) -> None:
    send(officer, "", REQUEST)
    for asking, name in ((client, ""), (reader, "officer")):
        [found] = read(asking.get("/api/v2/recomputations"))["data"]
        assert (found["requester_name"], found["requester_email"]) == (name, "")
