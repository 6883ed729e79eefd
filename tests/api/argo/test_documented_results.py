"""Answers as ARGO documents them (argo-web-api: website/docs/results/results.md, apiv3/v3results.md, its tests)."""

import xml.etree.ElementTree as ET
from datetime import date

import pytest

from gridkeeper.api.argo.rates import DayRates, of_groups, of_place
from tests.api.argo.asking import read, same, tree
from tests.api.argo.seeding import day, put_days
from tests.builders import a_service, a_site, a_vo

pytestmark = pytest.mark.usefixtures("installation")

DAYS = {"start_time": "2015-06-22T00:00:00Z", "end_time": "2015-06-23T23:59:59Z"}
GROUPS = {"start_time": "2015-06-20T12:00:00Z", "end_time": "2015-06-26T23:00:00Z"}
#: The seconds of ARGO's example: 98.26389 and 54.03509 of SF01, 96.875 and 100 of SF02.
SECONDS = {
    ("SF01", "2015-06-22"): {"up_s": 84_900},
    ("SF01", "2015-06-23"): {"up_s": 46_200, "unknown_s": 900, "down_s": 28_800},
    ("SF02", "2015-06-22"): {"up_s": 83_700},
    ("SF02", "2015-06-23"): {"up_s": 86_400},
}


@pytest.fixture
def report(installation):
    a_vo("Report_A")


def stamped(word: str, *figures: tuple[str, ...]) -> list[dict[str, str]]:
    names = (word, "availability", "reliability", "unknown", "uptime", "downtime")
    return [dict(zip(names, each, strict=False)) for each in figures]


SF01 = stamped(
    "timestamp",
    ("2015-06-22", "98.26389", "98.26389", "0", "0.98264", "0"),
    ("2015-06-23", "54.03509", "81.48148", "0.01042", "0.53472", "0.33333"),
)
SF02 = stamped(
    "timestamp", ("2015-06-22", "96.875", "96.875", "0", "0.96875", "0"), ("2015-06-23", "100", "100", "0", "1", "0")
)


def argo_days(*rows: tuple[str, float, float, float]) -> list[DayRates]:
    """(day of June 2015, availability, reliability, weight) of groups that are up all day, as in ARGO's tests."""
    return [
        DayRates(date(2015, 6, int(number)), a, r, up=1, unknown=0, down=0, weight=weight)
        for number, a, r, weight in rows
    ]


GROUP_A = argo_days(("22", 66.7, 54.6, 5634), ("22", 70, 45, 4356), ("23", 100, 100, 5634), ("23", 43.5, 56, 4356))
GROUP_B = argo_days(("23", 30, 100, 5344), ("23", 90, 100, 5634), ("24", 40, 70, 5634), ("25", 40, 70, 5634))


@pytest.mark.parametrize(
    ("days", "granularity", "expected"),
    [
        (
            GROUP_A,
            "daily",
            [
                ("2015-06-22", "68.13896116893515", "50.413931144915935"),
                ("2015-06-23", "75.36324059247399", "80.8138510808647"),
            ],
        ),
        (
            GROUP_B,
            "daily",
            [("2015-06-23", "60.79234972677595", "100"), ("2015-06-24", "40", "70"), ("2015-06-25", "40", "70")],
        ),
        (GROUP_A, "monthly", [("2015-06", "71.75110088070457", "65.61389111289031")]),
        (GROUP_B, "monthly", [("2015-06", "46.930783242258656", "80")]),
    ],
)
def test_groups_of_groups_to_the_last_digit(days, granularity, expected) -> None:
    assert [each.words() for each in of_groups(days, granularity)] == stamped("timestamp", *expected)


def test_a_custom_period_has_no_stamp() -> None:
    assert [each.words() for each in of_groups(GROUP_A, "custom")] == [
        {"availability": "71.75110088070457", "reliability": "65.61389111289031"}
    ]


def test_what_is_not_computable_is_left_out_of_means() -> None:
    days = argo_days(("22", -1, -1, 10), ("22", 60, -1, 1), ("23", -1, -1, 1))
    assert [each.words() for each in of_groups(days, "daily")] == stamped(
        "timestamp", ("2015-06-22", "60", "-1"), ("2015-06-23", "-1", "-1")
    )
    assert [each.words() for each in of_groups(days, "monthly")] == stamped("timestamp", ("2015-06", "60", "-1"))


def test_a_month_of_a_group_is_made_of_means_of_days() -> None:
    assert [each.words("date") for each in of_place(GROUP_A[:2], "monthly")] == stamped(
        "date", ("2015-06", "99.99999900000002", "99.99999900000002", "0", "1", "0")
    )


def test_services(client, report) -> None:
    put_days(
        {"level": "flavour", "service_type": name, "date": day(on)} | seconds for (name, on), seconds in SECONDS.items()
    )
    answer = client.get("/api/v2/results/Report_A/SITES/ST01/services", DAYS)
    services = [
        {"name": "SF01", "type": "service", "results": SF01},
        {"name": "SF02", "type": "service", "results": SF02},
    ]
    assert read(answer) == {"results": [{"name": "ST01", "type": "SITES", "serviceflavors": services}]}


def test_services_as_xml(client, report) -> None:
    put_days(
        {"level": "flavour", "service_type": name, "date": day(on)} | seconds for (name, on), seconds in SECONDS.items()
    )
    answer = client.get("/api/v2/results/Report_A/SITES/ST01/services", DAYS, headers={"Accept": "application/xml"})
    documented = """<root>
      <group name="ST01" type="SITES">
        <group name="SF01" type="service">
          <results timestamp="2015-06-22" availability="98.26389" reliability="98.26389" unknown="0" uptime="0.98264" downtime="0"></results>
          <results timestamp="2015-06-23" availability="54.03509" reliability="81.48148" unknown="0.01042" uptime="0.53472" downtime="0.33333"></results>
        </group>
        <group name="SF02" type="service">
          <results timestamp="2015-06-22" availability="96.875" reliability="96.875" unknown="0" uptime="0.96875" downtime="0"></results>
          <results timestamp="2015-06-23" availability="100" reliability="100" unknown="0" uptime="1" downtime="0"></results>
        </group>
      </group>
    </root>"""  # noqa: E501
    assert same(tree(answer), ET.fromstring(documented))


def put_endpoints() -> None:
    names = {"SF01": "e01", "SF02": "e02"}
    put_days(
        {"level": "service", "service_type": "service_a", "hostname": names[name], "date": day(on)} | seconds
        for (name, on), seconds in SECONDS.items()
    )


def endpoint(name: str, results: list[dict[str, str]], **more: object) -> dict[str, object]:
    return {"name": name, "type": "endpoint", **more, "results": results}


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("services/service_a/endpoints", "e01 e02"),
        ("endpoints", "e01 e02"),
        ("services/service_a/endpoints/e01", "e01"),
    ],
)
def test_endpoints(client, report, path, names) -> None:
    put_endpoints()
    a_service(of=a_site(name="ST01"), type="service_a", hostname="e01", key="77", url="https://foo.example.url")
    every = {
        "e01": endpoint("e01", SF01, info={"ID": "77", "URL": "https://foo.example.url"}),
        "e02": endpoint("e02", SF02),
    }
    service = {"name": "service_a", "type": "service", "endpoints": [every[name] for name in names.split()]}
    answer = client.get(f"/api/v2/results/Report_A/SITES/ST01/{path}", DAYS)
    assert read(answer) == {"results": [{"name": "ST01", "type": "SITES", "serviceflavors": [service]}]}


def test_the_flat_list_has_pages(client, report) -> None:
    put_endpoints()
    place = {"service": "service_a", "supergroup": "ST01"}
    assert read(client.get("/api/v2/results/Report_A/endpoints", DAYS | {"pageSize": 3})) == {
        "results": [endpoint("e01", SF01, **place), endpoint("e02", SF02[:1], **place)],
        "nextPageToken": "Mw==",
        "pageSize": 3,
    }
    following = client.get("/api/v2/results/Report_A/endpoints", DAYS | {"pageSize": 3, "nextPageToken": "Mw=="})
    assert read(following) == {"results": [endpoint("e02", SF02[1:], **place)], "pageSize": 3}
    everything = read(client.get("/api/v2/results/Report_A/endpoints", DAYS))
    assert everything == {"results": [endpoint("e01", SF01, **place), endpoint("e02", SF02, **place)]}


def test_v3_by_resource(client, report) -> None:
    put_endpoints()
    a_service(of=a_site(name="ST01"), type="service_a", hostname="e01", key="simple-queue", url="http://q.example.com")
    found = read(client.get("/api/v3/results/Report_A/id/simple-queue", DAYS))
    assert found == {
        "id": "simple-queue",
        "endpoints": [
            {
                "name": "e01", "service": "service_a", "supergroup": "ST01", "group": "ST01",
                "info": {"ID": "simple-queue", "URL": "http://q.example.com"},
                "results": [{"date": each.pop("timestamp")} | each for each in [dict(each) for each in SF01]],
            }
        ],
    }  # fmt: skip


def test_v3_nests(client, report) -> None:
    whole = {"level": "site", "up_s": 86_400}
    put_days(
        whole | {"date": day(f"2015-06-{number}"), "site": site, "site_name": site}
        for number in (22, 23)
        for site in ("ST01", "ST02")
    )
    figures = stamped("date", ("2015-06", "99.99999900000002", "99.99999900000002", "0", "1", "0"))
    assert read(client.get("/api/v3/results/Report_A", GROUPS | {"granularity": "monthly"})) == {
        "results": [
            {
                "name": "GROUP_A",
                "type": "NGI",
                "results": stamped("date", ("2015-06", "100", "100")),
                "groups": [{"name": name, "type": "SITES", "results": figures} for name in ("ST01", "ST02")],
            }
        ]
    }


def test_a_group_stands_under_its_newest_name_and_is_found_by_each(client, report) -> None:
    whole = {"level": "site", "up_s": 86_400}
    put_days([whole | {"date": day("2015-06-22"), "site_name": "OLD"}, whole | {"date": day("2015-06-23")}])
    found = read(client.get("/api/v2/results/Report_A/SITES", DAYS))["results"]
    assert [(group["name"], len(group["results"])) for group in found[0]["endpoints"]] == [("ST01", 2)]
