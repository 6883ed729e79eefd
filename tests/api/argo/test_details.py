"""Results in words, the newest of them, and trends, of the federation and as ARGO documents them."""

import pytest

from tests.api.argo.asking import read, tree
from tests.api.argo.seeding import day, put_days, put_periods
from tests.builders import a_vo

pytestmark = pytest.mark.usefixtures("installation")


def test_the_results_of_a_host_on_a_day(client, federation) -> None:
    path = "/api/v2/metric_result/ce.bad.example"
    found = read(client.get(path, {"exec_time": "2026-03-10T07:00:00Z"}))
    info = {"ID": federation.services["BAD"].key, "URL": "https://ce.bad.example/"}
    details = [
        {"Timestamp": "2026-03-10T00:00:00Z", "Value": "OK", "Summary": "BAD is OK", "Message": "BAD is OK"},
        {
            "Timestamp": "2026-03-10T12:00:00Z", "Value": "CRITICAL", "Summary": "BAD is CRITICAL",
            "Message": "BAD is CRITICAL",
        },
    ]  # fmt: skip
    metric = {"Name": "CE-js", "Service": "CE", "Details": details}
    assert found == {"root": [{"Name": "ce.bad.example", "info": info, "Metrics": [metric]}]}
    bad = read(client.get(path, {"exec_time": "2026-03-10T00:00:00Z", "filter": "non-ok"}))
    assert bad["root"][0]["Metrics"][0]["Details"] == details[1:]
    one = read(client.get(f"{path}/CE-js", {"exec_time": "2026-03-10T12:00:00Z"}))
    assert one["root"][0]["Metrics"][0]["Details"] == details[1:]
    assert read(client.get(f"{path}/CE-js", {"exec_time": "2026-03-10T12:00:01Z"})) == {"root": []}
    assert client.get(path, {"exec_time": "2026-03-10T00:00:00Z", "filter": "odd"}).status_code == 400


def test_the_results_of_a_host_as_xml(client, federation) -> None:
    answer = client.get(
        "/api/v2/metric_result/ce.bad.example/CE-js",
        {"exec_time": "2026-03-10T12:00:00Z"},
        headers={"Accept": "application/xml"},
    )
    status = tree(answer).find("host/metric/status")
    assert status is not None
    assert (status.attrib, status.findtext("summary")) == (
        {"timestamp": "2026-03-10T12:00:00Z", "value": "CRITICAL"}, "BAD is CRITICAL",
    )  # fmt: skip


#: One federation for all questions: to compute its figures takes longer than to ask.
NEWEST: list[tuple[str, dict[str, str], list[str]]] = [
    ("SITES", {}, ["BAD CRITICAL", "GOOD OK", "QUIET MISSING"]),
    ("SITES", {"strict": "false"}, ["BAD CRITICAL", "BAD OK", "GOOD OK", "QUIET MISSING"]),
    ("SITES/BAD", {}, ["BAD CRITICAL"]),
    ("SITES", {"filter": "non-ok"}, ["BAD CRITICAL", "QUIET MISSING"]),
    ("SITES", {"filter": "ok"}, ["GOOD OK"]),
    ("SITES", {"limit": "1"}, ["BAD CRITICAL"]),
]


def test_the_newest_results_of_a_report(client, federation) -> None:
    for path, query, expected in NEWEST:
        answer = read(client.get(f"/api/v2/latest/dteam/{path}", {"date": "2026-03-10T00:00:00Z"} | query))
        found = answer["data"]["metric_data"]
        assert sorted(f"{row['endpoint_group']} {row['status']}" for row in found) == expected, (path, query)
        assert answer["status"] == {"message": "application/json", "code": "200"}
    assert found == [
        {
            "endpoint_group": "BAD", "service": "CE", "endpoint": "ce.bad.example", "metric": "CE-js",
            "timestamp": "2026-03-10T12:00:00Z", "status": "CRITICAL", "summary": "BAD is CRITICAL",
            "message": "BAD is CRITICAL",
        }
    ]  # fmt: skip
    assert client.get("/api/v2/latest/dteam/NGI").status_code == 404


@pytest.fixture
def report(installation):
    a_vo("Report_A")


FLIPS = {("2015-05-01", "a", 30), ("2015-05-02", "a", 25), ("2015-05-01", "b", 12), ("2015-04-30", "b", 25)}


def put_flips() -> None:
    put_days(
        {
            "level": "service", "date": day(on), "site_name": "SITE-A", "service_type": "service-A",
            "hostname": f"host{name}.example.foo", "flips": flips,
        }
        for on, name, flips in sorted(FLIPS)
    )  # fmt: skip


def endpoint(name: str, flapping: int) -> dict[str, object]:
    return {
        "endpoint_group": "SITE-A", "service": "service-A", "endpoint": f"host{name}.example.foo", "flapping": flapping,
    }  # fmt: skip


def test_what_flaps_most(client, report) -> None:
    put_flips()
    path = "/api/v2/trends/Report_A/flapping/endpoints"
    months = {"start_date": "2015-04-01", "end_date": "2015-05-31"}
    assert read(client.get(path, {"date": "2015-05-01"}))["data"] == [endpoint("a", 30), endpoint("b", 12)]
    assert read(client.get(path, months | {"top": 1}))["data"] == [endpoint("a", 55)]
    assert read(client.get(path, months | {"granularity": "monthly"}))["data"] == [
        {"date": "2015-04", "top": [endpoint("b", 25)]},
        {"date": "2015-05", "top": [endpoint("a", 55), endpoint("b", 12)]},
    ]
    assert read(client.get(path, {"date": "2016-05-01"}))["data"] == []


def test_what_was_bad_longest(client, report) -> None:
    put_periods(
        [
            {
                "level": "site", "site_name": "SITE-A",
                "told": [("2015-05-01T00:00:00Z", "OK"), ("2015-05-01T23:20:00Z", "CRITICAL")],
            },
            {
                "level": "site", "site": "b", "site_name": "SITE-B",
                "told": [("2015-05-01T23:15:00Z", "CRITICAL"), ("2015-05-01T23:55:00Z", "UNKNOWN")],
            },
        ]
    )  # fmt: skip
    found = read(client.get("/api/v2/trends/Report_A/status/groups", {"date": "2015-05-01"}))
    assert found["data"] == [
        {
            "status": "CRITICAL",
            "top": [
                {"endpoint_group": "SITE-A", "status": "CRITICAL", "duration_in_minutes": 40},
                {"endpoint_group": "SITE-B", "status": "CRITICAL", "duration_in_minutes": 40},
            ],
        },
        {
            "status": "UNKNOWN",
            "top": [{"endpoint_group": "SITE-B", "status": "UNKNOWN", "duration_in_minutes": 5}],
        },
    ]


def test_which_metrics_were_bad_most_often(client, federation) -> None:
    found = read(client.get("/api/v2/trends/dteam/status/metrics", {"date": "2026-03-10"}))["data"]
    line = {"endpoint_group": "BAD", "service": "CE", "endpoint": "ce.bad.example", "metric": "CE-js"}
    assert found == [{"status": "CRITICAL", "top": [line | {"status": "CRITICAL", "events": 1}]}]


def test_the_topology_of_a_report(client, federation) -> None:
    stats = read(client.get("/api/v2/topology/stats/dteam", {"date": "2026-03-10"}))["data"]
    assert stats == {
        "group_count": 2, "group_type": "NGI", "group_list": ["France", "Italy"],
        "endpoint_group_count": 3, "endpoint_group_type": "SITES", "endpoint_group_list": ["BAD", "GOOD", "QUIET"],
        "service_count": 1, "service_list": ["CE"],
    }  # fmt: skip
    endpoints = read(client.get("/api/v2/topology/endpoints/by_report/dteam?group=~QUIET"))["data"]
    assert [row["hostname"] for row in endpoints] == ["ce.bad.example", "ce.good.example"]
    groups = read(client.get("/api/v2/topology/groups/by_report/dteam"))["data"]
    assert [row["subgroup"] for row in groups] == ["QUIET", "BAD", "GOOD"]
