"""Profiles and reports in ARGO's shapes, out and in (argo-web-api: website/docs/profiles_and_reports)."""

import json

import pytest

from gridkeeper.availability.models import Profile
from tests.api.argo.asking import read
from tests.builders import a_federation, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

STATES = ["A", "B", "C"]


def table(*rows: str) -> list[dict[str, str]]:
    return [{"a": row[0], "b": row[1], "x": row[2]} for row in rows]


OPERATIONS = {
    "name": "tops1",
    "available_states": STATES,
    "defaults": {"down": "B", "missing": "A", "unknown": "C"},
    "operations": [
        {"name": "AND", "truth_table": table("ABB", "ACC", "BCC", "AAA", "BBB", "CCC")},
        {"name": "OR", "truth_table": table("ABA", "ACA", "BCB", "AAA", "BBB", "CCC")},
    ],
}
AGGREGATION = {
    "name": "cloud", "namespace": "test", "endpoint_group": "sites", "metric_operation": "AND",
    "profile_operation": "AND", "metric_profile": {"name": "roc.critical", "id": "5637d684"},
    "groups": [
        {
            "name": "compute", "operation": "OR",
            "services": [{"name": "SERVICEA", "operation": "AND"}, {"name": "SERVICEB", "operation": "AND"}],
        },
        {"name": "images", "operation": "OR", "services": [{"name": "SERVICEC", "operation": "AND"}]},
    ],
}  # fmt: skip
THRESHOLDS = {
    "name": "thr04",
    "rules": [{"host": "hostFoo", "metric": "metricA", "thresholds": "freshness=1s;10;9:;0;25 entries=1;3;0:2;0;10"}],
}
REPORT = {
    "info": {"name": "Report_A", "description": "report aaaaa"},
    "topology_schema": {"group": {"type": "NGI", "group": {"type": "SITES"}}},
    "thresholds": {"availability": 80.0, "reliability": 85.0, "uptime": 80.0, "unknown": 10.0, "downtime": 10.0},
    "profiles": [{"id": "", "type": "metric", "name": "dteam"}],
    "filter_tags": [{"name": "scope", "value": "EGI", "context": "argo.endpoint.filter.tags"}],
}


def send(client, path, document, method="post"):
    return getattr(client, method)(f"/api/v2/{path}", json.dumps(document), content_type="application/json")


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        ("operations_profiles", OPERATIONS, "Operations Profile successfully created"),
        ("aggregation_profiles", AGGREGATION, "Aggregation Profile successfully created"),
        ("thresholds_profiles", THRESHOLDS, "Thresholds Profile successfully created"),
    ],
)
def test_a_profile_comes_in_and_is_listed_as_it_came(officer, path, document, words) -> None:
    made = send(officer, path, document)
    key = read(made)["data"]["id"]
    assert (made.status_code, read(made)["status"]) == (201, {"message": words, "code": "201"})
    assert read(made)["data"]["links"] == {"self": f"http://testserver/api/v2/{path}/{key}"}
    [listed] = read(officer.get(f"/api/v2/{path}?name={document['name']}"))["data"]
    assert read(officer.get(f"/api/v2/{path}/{key}"))["data"] == [listed]
    kept = {"operations", "available_states", "defaults", "groups", "rules", "metric_operation", "profile_operation"}
    assert {name: listed[name] for name in kept & set(document)} == {
        name: document[name] for name in kept & set(document)
    }
    assert send(officer, path, document).status_code == 409


def test_a_profile_is_changed_and_closed(officer) -> None:
    key = read(send(officer, "thresholds_profiles", THRESHOLDS))["data"]["id"]
    other = THRESHOLDS | {"rules": [{"metric": "metricB", "thresholds": "time=1s;10;9:30;0;30"}]}
    changed = send(officer, f"thresholds_profiles/{key}", other, "put")
    assert read(changed)["status"]["message"] == "Thresholds Profile successfully updated"
    assert read(officer.get(f"/api/v2/thresholds_profiles/{key}"))["data"][0]["rules"] == other["rules"]
    assert send(officer, f"thresholds_profiles/{key}", other | {"name": "new"}, "put").status_code == 409
    closed = officer.delete(f"/api/v2/thresholds_profiles/{key}")
    assert read(closed)["status"] == {"message": "Thresholds Profile Successfully Deleted", "code": "200"}
    assert Profile.objects.get().closed_at is not None


@pytest.mark.parametrize(
    ("path", "document", "words"),
    [
        ("operations_profiles", OPERATIONS | {"available_states": ["A", "B", "C", "D"]}, "D"),
        ("operations_profiles", {"name": "x"}, "available_states: is missing"),
        ("thresholds_profiles", THRESHOLDS | {"rules": [{"metric": "m", "thresholds": "bad01=33;33s"}]}, "thresholds"),
        ("aggregation_profiles", AGGREGATION | {"groups": []}, "functions"),
        ("reports", {"info": {"name": "x"}}, "topology_schema: is missing"),
    ],
)  # fmt: skip
def test_a_document_that_says_nothing_is_refused_by_field(officer, path, document, words) -> None:
    answer = send(officer, path, document)
    assert answer.status_code == 422
    assert read(answer)["status"]["message"] == "Validation Error"
    assert words in read(answer)["errors"][0]["details"]


@pytest.mark.parametrize("path", ["operations_profiles", "aggregation_profiles", "thresholds_profiles", "reports"])
def test_only_the_federations_staff_changes_them(reader, path) -> None:
    assert send(reader, path, {}).status_code == 403
    assert not Profile.objects.exists()


def test_the_built_in_operations_stand_where_none_was_made(client, installation) -> None:
    [found] = read(client.get("/api/v2/operations_profiles"))["data"]
    assert (found["name"], found["defaults"]) == (
        "default", {"down": "DOWNTIME", "missing": "MISSING", "unknown": "UNKNOWN"},
    )  # fmt: skip
    assert {"a": "OK", "b": "DOWNTIME", "x": "DOWNTIME"} in found["operations"][0]["truth_table"]


def test_metric_profiles_are_the_critical_metrics_of_vos(client, installation) -> None:
    vo = a_vo("dteam")
    for name in ("SRM-put", "SRM-get"):
        in_profile(vo, a_test(name), type="SRM")
    in_profile(vo, a_test("CE-info"), type="CE", critical=False)
    [found] = read(client.get("/api/v2/metric_profiles"))["data"]
    assert (found["name"], found["services"]) == ("dteam", [{"service": "SRM", "metrics": ["SRM-get", "SRM-put"]}])
    [aggregation] = read(client.get("/api/v2/aggregation_profiles"))["data"]
    assert aggregation["groups"] == [
        {"name": "SRM", "operation": "OR", "services": [{"name": "SRM", "operation": "OR"}]}
    ]


def test_a_report_comes_in_and_names_its_profiles(officer) -> None:
    a_federation(name="EGI")
    in_profile(a_vo("dteam"), a_test("SRM-put"), type="SRM")
    made = send(officer, "reports", REPORT)
    assert read(made)["status"] == {"message": "Successfully Created Report", "code": "201"}
    key = read(made)["data"]["id"]
    [found] = read(officer.get(f"/api/v2/reports/{key}"))["data"]
    assert (found["id"], found["tenant"], found["disabled"]) == (key, "EGI", False)
    assert (found["info"]["name"], found["info"]["description"]) == ("Report_A", "report aaaaa")
    assert found["topology_schema"] == REPORT["topology_schema"]
    assert {name: found["thresholds"][name] for name in ("availability", "reliability", "unknown")} == {
        "availability": 80.0, "reliability": 85.0, "unknown": 10.0,
    }  # fmt: skip
    assert [(each["type"], each["name"]) for each in found["profiles"]] == [
        ("metric", "dteam"), ("operations", "default"), ("aggregation", "default"),
    ]  # fmt: skip
    for each in found["profiles"]:
        [profile] = read(officer.get(f"/api/v2/{each['type']}_profiles/{each['id']}"))["data"]
        assert profile["name"] == each["name"]
    assert REPORT["filter_tags"][0] in found["filter_tags"]
    assert found["computations"] == {"ar": True, "status": True, "trends": ["flapping", "status", "tags"]}


def test_every_vo_has_a_report(client, installation) -> None:
    a_vo("dteam")
    found = read(client.get("/api/v2/reports?name=dteam"))["data"]
    assert [(each["info"]["name"], each["info"]["created"]) for each in found] == [("dteam", "2020-01-01 00:00:00")]
