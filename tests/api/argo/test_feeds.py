"""What connectors push is kept by day, and listed as ARGO lists it."""

import json

import pytest

from gridkeeper.availability.models import DayMark, FeedSnapshot, Weight
from tests.api.argo.asking import read
from tests.api.argo.seeding import day
from tests.builders import NOW, a_downtime, a_scope, a_service, a_service_group, a_site, an_ngi

pytestmark = pytest.mark.usefixtures("installation")

TAGS = {"scope": "TENANT", "production": "1", "monitored": "1"}
ENDPOINTS = [
    {"group": "SITE_A", "hostname": "host1.site-a.foo", "type": "SITES", "service": "a.service.foo", "tags": TAGS},
    {"group": "SITE_A", "hostname": "host2.site-b.foo", "type": "SITES", "service": "b.service.foo", "tags": TAGS},
    {
        "group": "SITE_B", "hostname": "host1.site-a.foo", "type": "SITES", "service": "c.service.foo", "tags": TAGS,
        "notifications": {"contacts": ["email01@example.com"], "enabled": True},
    },
]  # fmt: skip
GROUPS = [
    {"group": "NGIA", "type": "NGIS", "subgroup": "SITEA", "tags": {"certification": "Certified"}},
    {"group": "NGIA", "type": "NGIS", "subgroup": "SITEB", "tags": {"certification": "Uncertified"}},
    {"group": "PROJECTZ", "type": "PROJECT", "subgroup": "SITEZ", "tags": {"scope": "FEDERATION"}},
]
TYPES = [
    {"name": "Service_Type_A", "description": "a short descritpion of service type a"},
    {"name": "Service_Type_C", "description": "of service type c", "tags": ["special-service", "beta"]},
]
DOWNTIMES = {
    "endpoints": [
        {
            "hostname": "host-foo", "service": "service-new-foo", "start_time": "2019-10-11T23:10:00Z",
            "end_time": "2019-10-11T23:25:00Z",
        }
    ]
}  # fmt: skip
WEIGHTS = {
    "name": "weight_set3", "weight_type": "hepspec", "group_type": "SITES",
    "groups": [{"name": "site-a", "value": 336}, {"name": "site-e", "value": 3.33}],
}  # fmt: skip


def send(client, path, document, method="post", **query):
    words = "&".join(f"{name}={value}" for name, value in query.items())
    call = getattr(client, method)
    return call(f"/api/v2/{path}?{words}", json.dumps(document), content_type="application/json")


@pytest.mark.parametrize(
    ("path", "rows", "words"),
    [
        ("topology/endpoints", ENDPOINTS, "3 endpoints"),
        ("topology/groups", GROUPS, "3 groups"),
        ("topology/service-types", TYPES, "2 service types"),
    ],
)
def test_topology_comes_in_is_listed_and_is_taken_back(officer, path, rows, words) -> None:
    made = send(officer, path, rows, date="2019-03-03")
    told = {"message": f"Topology of {words} created for date: 2019-03-03", "code": "201"}
    assert (made.status_code, read(made)) == (201, told)
    again = send(officer, path, rows, date="2019-03-03")
    assert again.status_code == 409
    assert "already exists for date: 2019-03-03" in read(again)["status"]["message"]
    dated = [{"date": "2019-03-03"} | row for row in rows]
    for asked in ("2019-03-03", "2019-05-05"):
        listed = read(officer.get(f"/api/v2/{path}", {"date": asked}))
        assert listed == {"status": {"message": "Success", "code": "200"}, "data": dated}
    taken = officer.delete(f"/api/v2/{path}?date=2019-03-03")
    assert read(taken) == {"message": f"Topology of {words} deleted for date: 2019-03-03", "code": "200"}
    assert officer.delete(f"/api/v2/{path}?date=2019-03-03").status_code == 404


@pytest.mark.parametrize(
    ("query", "hosts"),
    [
        ({"group": "SITE_A"}, "a.service.foo b.service.foo"),
        ({"group": "SITE_*", "service": "~a.*"}, "b.service.foo c.service.foo"),
        ({"hostname": "host1*", "tags": "scope:TENANT,production:1"}, "a.service.foo c.service.foo"),
        ({"tags": "scope:~TENANT"}, ""),
        ({"type": "SERVICEGROUPS"}, ""),
    ],
)
def test_filters_know_wildcards_and_negation(officer, query, hosts) -> None:
    send(officer, "topology/endpoints", ENDPOINTS, date="2019-03-03")
    found = read(officer.get("/api/v2/topology/endpoints", {"date": "2019-03-03"} | query))["data"]
    assert [row["service"] for row in found] == hosts.split()


def test_tags_are_listed_with_their_values(officer) -> None:
    send(officer, "topology/endpoints", ENDPOINTS, date="2019-03-03")
    send(officer, "topology/groups", GROUPS, date="2019-03-03")
    found = read(officer.get("/api/v2/topology/tags", {"date": "2019-03-03"}))["data"]
    assert [each["name"] for each in found] == ["endpoints", "groups"]
    assert {"name": "certification", "values": ["Certified", "Uncertified"]} in found[1]["values"]


def test_downtimes_come_in_and_are_taken_back(officer) -> None:
    made = send(officer, "downtimes", DOWNTIMES, date="2019-10-11")
    told = {"status": {"message": "Downtimes set created for date: 2019-10-11", "code": "201"}}
    assert (made.status_code, read(made)) == (201, told)
    assert send(officer, "downtimes", DOWNTIMES, date="2019-10-11").status_code == 409
    listed = read(officer.get("/api/v2/downtimes", {"date": "2019-10-11"}))
    assert listed["data"] == [{"date": "2019-10-11"} | DOWNTIMES]
    assert read(officer.get("/api/v2/downtimes", {"date": "2020-05-05"}))["data"] == [
        {"date": "2020-05-05", "endpoints": []}
    ]
    taken = read(officer.delete("/api/v2/downtimes?date=2019-10-11"))
    assert taken["status"]["message"] == "Downtimes set deleted for date: 2019-10-11"


def test_weights_come_in_and_count_at_the_sites_that_are_known(officer) -> None:
    site = a_site(name="site-a")
    made = send(officer, "weights", WEIGHTS, date="2019-11-04")
    assert made.status_code == 201
    key = read(made)["data"]["id"]
    assert read(made)["data"]["links"]["self"] == f"http://testserver/api/v2/weights/{key}"
    listed = read(officer.get(f"/api/v2/weights/{key}"))["data"]
    assert listed == [{"id": key, "date": "2019-11-04"} | WEIGHTS]
    weight = Weight.objects.get()
    assert (weight.site, weight.kind, weight.valid_from, weight.value) == (site, "hepspec", day("2019-11-04"), 336)
    assert send(officer, "weights", WEIGHTS, date="2019-11-05").status_code == 409
    heavier = WEIGHTS | {"groups": [{"name": "site-a", "value": 1336}]}
    assert send(officer, f"weights/{key}", heavier, "put", date="2019-11-06").status_code == 200
    assert [each["groups"] for each in read(officer.get("/api/v2/weights?name=weight_set3"))["data"]] == [
        heavier["groups"]
    ]
    assert officer.delete(f"/api/v2/weights/{key}").status_code == 200


def test_weights_of_our_own_are_listed_by_kind(client, installation) -> None:
    Weight.objects.create(site=a_site(name="SITE-A"), kind="hepspec", valid_from=day("2019-11-04"), value=1673)
    [found] = read(client.get("/api/v2/weights"))["data"]
    assert (found["name"], found["weight_type"], found["group_type"]) == ("hepspec", "hepspec", "SITES")
    assert found["groups"] == [{"name": "SITE-A", "value": 1673}]


@pytest.mark.parametrize(
    ("path", "document", "status", "words"),
    [
        ("topology/endpoints", {"group": "A"}, 400, "a JSON list of objects"),
        ("topology/endpoints", [{"group": "A", "type": "SITES", "service": "x"}], 422, "row 0: hostname is None"),
        ("topology/endpoints", [ENDPOINTS[0] | {"tags": {"production": 1}}], 422, "tags are no object of texts"),
        ("topology/groups", [{"group": "\u0000"}], 400, "NUL"),
        ("downtimes", {"endpoints": [DOWNTIMES["endpoints"][0] | {"end_time": "soon"}]}, 422, "Error parsing date"),
        ("downtimes", {"endpoints": [DOWNTIMES["endpoints"][0] | {"end_time": "2019-10-11T23:10:00Z"}]}, 422, "before"),
        ("downtimes", {}, 400, "endpoints is no list"),
        ("weights", WEIGHTS | {"groups": [{"name": "a", "value": -1}]}, 422, "0 or more"),
        ("weights", WEIGHTS | {"groups": [{"name": "a"}]}, 422, "0 or more"),
        ("weights", {"name": "x"}, 400, "weight_type is None"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_named(officer, path, document, status, words) -> None:
    answer = send(officer, path, document, date="2019-03-03")
    assert answer.status_code == status
    assert words in read(answer)["errors"][0]["details"]
    assert not FeedSnapshot.objects.exists()


def test_malformed_json_is_refused(officer) -> None:
    answer = officer.post("/api/v2/downtimes", "{", content_type="application/json")
    assert answer.status_code == 400
    assert "malformed JSON" in read(answer)["errors"][0]["details"]


@pytest.mark.parametrize(
    ("path", "document"),
    [("topology/endpoints", ENDPOINTS), ("topology/groups", GROUPS), ("downtimes", DOWNTIMES), ("weights", WEIGHTS)],
)
def test_only_the_federations_staff_feeds(reader, client, path, document) -> None:
    assert send(reader, path, document).status_code == 403
    assert send(client, path, document).status_code == 401
    assert not FeedSnapshot.objects.exists()


def test_a_feed_marks_the_days_that_have_figures(officer) -> None:
    DayMark.objects.create(day=day("2019-10-11"), reason="computed", marked_at=NOW, computed_at=NOW)
    before = DayMark.objects.get().marked_at
    send(officer, "downtimes", DOWNTIMES, date="2019-10-11")
    assert DayMark.objects.get().marked_at > before


def test_the_registry_is_listed_where_no_feed_came(client, installation) -> None:
    a_scope("EGI")
    site = a_site(name="ALPHA", ngi=an_ngi(name="NGI_CH"), scopes=["EGI"])
    service = a_service(of=site, hostname="ce.example.org", url="https://ce.example.org", scopes=["EGI"])
    a_service_group(service, name="GROUP_1")
    a_downtime(service)
    rows = read(client.get("/api/v2/topology/endpoints"))["data"]
    tags = {
        "scope": "EGI", "production": "1", "monitored": "1", "info_ID": service.key,
        "info_URL": "https://ce.example.org",
    }  # fmt: skip
    assert [(row["group"], row["type"], row["service"], row["hostname"], row["tags"]) for row in rows] == [
        ("ALPHA", "SITES", "CE", "ce.example.org", tags), ("GROUP_1", "SERVICEGROUPS", "CE", "ce.example.org", tags),
    ]  # fmt: skip
    groups = read(client.get("/api/v2/topology/groups"))["data"]
    assert [(row["group"], row["type"], row["subgroup"]) for row in groups] == [
        ("NGI_CH", "NGI", "ALPHA"), (site.ngi.federation.name, "PROJECT", "GROUP_1"),
    ]  # fmt: skip
    assert groups[0]["tags"]["certification"] == "Certified"
    [downtimes] = read(client.get("/api/v2/downtimes", {"date": f"{NOW:%Y-%m-%d}"}))["data"]
    assert downtimes["endpoints"] == [
        {
            "hostname": "ce.example.org", "service": "CE", "start_time": "2026-03-10T11:00:00Z",
            "end_time": "2026-03-10T13:00:00Z",
        }
    ]  # fmt: skip
