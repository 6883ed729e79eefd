"""Timelines as ARGO documents them (argo-web-api: website/docs/results/status.md, apiv3/v3status.md, its tests)."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from gridkeeper.availability.profiles.actions import create
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from tests.api.argo.asking import read, same, tree
from tests.api.argo.seeding import put_periods
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

DAY = {"start_time": "2015-05-01T00:00:00Z", "end_time": "2015-05-01T23:59:59Z"}
TOLD = [("2015-05-01T00:00:00Z", "OK"), ("2015-05-01T01:00:00Z", "CRITICAL"), ("2015-05-01T05:00:00Z", "OK")]
END = ("2015-05-01T23:59:59Z", "OK")
SITE = {"level": "site", "site_name": "HG-03-AUTH"}
CREAM = {"level": "service", "site_name": "HG-03-AUTH", "service_type": "CREAM-CE"}


@pytest.fixture
def report(installation):
    a_vo("Report_A")


def entries(*told: tuple[str, str]) -> list[dict[str, str]]:
    return [{"timestamp": at, "value": word} for at, word in told]


def group(**more: object) -> dict[str, object]:
    return {"name": "HG-03-AUTH", "type": "SITES", **more}


@pytest.mark.parametrize("path", ["SITES", "SITES/HG-03-AUTH", "SITES/HG-03-AUTH/"])
def test_groups(client, report, path) -> None:
    put_periods([SITE | {"told": TOLD}])
    answer = client.get(f"/api/v2/status/Report_A/{path}", DAY)
    assert read(answer) == {"groups": [group(statuses=entries(*TOLD, END))]}


def test_each_day_begins_with_what_holds_at_midnight(client, report) -> None:
    put_periods([SITE | {"told": [*TOLD, ("2015-05-02T00:00:00Z", "OK")]}])
    answer = client.get("/api/v2/status/Report_A/SITES", DAY | {"end_time": "2015-05-02T10:00:00Z"})
    told = entries(*TOLD, ("2015-05-02T00:00:00Z", "OK"), ("2015-05-02T23:59:59Z", "OK"))
    assert read(answer) == {"groups": [group(statuses=told)]}


def test_a_day_without_timelines_shows_the_day_before(client, report) -> None:
    put_periods([SITE | {"told": TOLD}])
    later = {"start_time": "2015-05-02T00:00:00Z", "end_time": "2015-05-02T23:59:59Z"}
    assert read(client.get("/api/v2/status/Report_A/SITES", later))["groups"][0]["statuses"] == entries(*TOLD, END)


def test_services(client, report) -> None:
    put_periods([CREAM | {"level": "flavour", "told": TOLD}])
    service = {"name": "CREAM-CE", "type": "service", "statuses": entries(*TOLD, END)}
    for path in ("services", "services/CREAM-CE"):
        answer = client.get(f"/api/v2/status/Report_A/SITES/HG-03-AUTH/{path}", DAY)
        assert read(answer) == {"groups": [group(services=[service])]}


@pytest.mark.parametrize("path", ["services/CREAM-CE/endpoints", "services/CREAM-CE/endpoints/cream01.afroditi.gr"])
def test_endpoints(client, report, path) -> None:
    put_periods([CREAM | {"hostname": "cream01.afroditi.gr", "told": TOLD}])
    host = {"name": "cream01.afroditi.gr", "statuses": entries(*TOLD, END)}
    service = {"name": "CREAM-CE", "type": "service", "endpoints": [host]}
    answer = client.get(f"/api/v2/status/Report_A/SITES/HG-03-AUTH/{path}", DAY)
    assert read(answer) == {"groups": [group(services=[service])]}


def test_endpoints_as_xml(client, report) -> None:
    put_periods([CREAM | {"hostname": "cream01.afroditi.gr", "told": TOLD}])
    path = "/api/v2/status/Report_A/SITES/HG-03-AUTH/services/CREAM-CE/endpoints"
    documented = """<root>
      <group name="HG-03-AUTH" type="SITES">
        <group name="CREAM-CE" type="service">
          <endpoint name="cream01.afroditi.gr">
            <status timestamp="2015-05-01T00:00:00Z" value="OK"></status>
            <status timestamp="2015-05-01T01:00:00Z" value="CRITICAL"></status>
            <status timestamp="2015-05-01T05:00:00Z" value="OK"></status>
            <status timestamp="2015-05-01T23:59:59Z" value="OK"></status>
          </endpoint>
        </group>
      </group>
    </root>"""
    assert same(tree(client.get(path, DAY, headers={"Accept": "application/xml"})), ET.fromstring(documented))


def test_the_flat_list_has_pages(client, report) -> None:
    hosts = ("cream01.afroditi.gr", "cream02.afroditi.gr")
    put_periods(CREAM | {"hostname": hostname, "told": TOLD} for hostname in hosts)
    place = {"service": "CREAM-CE", "supergroup": "HG-03-AUTH"}
    first = read(client.get("/api/v2/status/Report_A/endpoints", DAY | {"pageSize": 4}))
    assert first == {
        "endpoints": [
            {"name": hosts[0], **place, "statuses": entries(*TOLD, END)},
            {"name": hosts[1], **place, "statuses": entries(*TOLD[:1])},
        ],
        "nextPageToken": "NA==",
        "pageSize": 4,
    }
    rest = read(client.get("/api/v2/status/Report_A/endpoints", DAY | {"pageSize": 4, "nextPageToken": "NA=="}))
    assert rest == {
        "endpoints": [{"name": hosts[1], **place, "statuses": entries(*TOLD[1:], END)}],
        "pageSize": 4,
    }


def test_v3_nests_endpoints_in_groups(client, report) -> None:
    put_periods(
        [
            {"level": "site", "site": "a", "site_name": "SITEA", "told": TOLD},
            CREAM | {"site": "a", "site_name": "SITEA", "hostname": "cream01.example.foo", "told": TOLD},
            CREAM | {"site": "b", "site_name": "SITEB", "hostname": "cream03.example.foo", "told": TOLD},
            {"level": "site", "site": "b", "site_name": "SITEB", "told": TOLD},
            {"level": "site", "site": "c", "site_name": "SITEC", "told": TOLD},
        ]
    )
    told = entries(*TOLD, END)
    service = a_service(of=a_site(), type="CREAM-CE", hostname="cream01.example.foo", url="http://example.foo/path")
    first = {"hostname": "cream01.example.foo", "service": "CREAM-CE"}
    first |= {"info": {"ID": service.key, "URL": "http://example.foo/path"}, "statuses": told}
    third = {"hostname": "cream03.example.foo", "service": "CREAM-CE", "statuses": told}
    assert read(client.get("/api/v3/status/Report_A", DAY)) == {
        "groups": [
            {"name": "SITEA", "type": "SITES", "statuses": told, "endpoints": [first]},
            {"name": "SITEB", "type": "SITES", "statuses": told, "endpoints": [third]},
            {"name": "SITEC", "type": "SITES", "statuses": told, "endpoints": []},
        ]
    }
    by_id = read(client.get(f"/api/v3/status/Report_A/id/{service.key}", DAY))
    assert (by_id["id"], [each["statuses"] for each in by_id["endpoints"]]) == (service.key, [told])


def test_the_latest_view_is_the_closing_entry_alone(client, report) -> None:
    put_periods([SITE | {"told": TOLD}])
    answer = client.get("/api/v2/status/Report_A/SITES", DAY | {"view": "latest"})
    assert read(answer) == {"groups": [group(statuses=entries(END))]}
    refused = client.get("/api/v3/status/Report_A", DAY | {"view": "latest"})
    assert refused.status_code == 400
    assert "view=latest should not be used" in read(refused)["errors"][0]["details"]


@pytest.fixture
def cream(report):
    """One endpoint of one metric that was heard of at 23:59 the day before, at midnight, at 01:00 and at 05:00."""
    service = a_service(of=a_site(name="HG-03-AUTH", valid_from=EPOCH), type="CREAM-CE", hostname="cream01.afroditi.gr",
                        valid_from=EPOCH)  # fmt: skip
    vo = a_vo("Report_A", supported_by=[service])
    vo.profile.all().delete()
    type(vo).objects.filter(pk=vo.pk).update(valid_from=EPOCH)
    vo.support.all().update(valid_from=EPOCH)
    in_profile(vo, a_test("emi.cream.CREAMCE-JobSubmit"), type="CREAM-CE", valid_from=EPOCH)
    heard = [("2015-04-30T23:59:00Z", "OK"), *TOLD]
    submit(
        [
            a_result(
                service, "emi.cream.CREAMCE-JobSubmit", status=Status[word], executed_at=datetime.fromisoformat(at),
                summary=f"Cream status is {word}", output="job submission test", perfdata="latency=15s",
            )
            for at, word in heard
        ],
        now=datetime(2015, 5, 2, tzinfo=UTC),
    )  # fmt: skip
    return entries(*heard)


EPOCH = datetime(2010, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("path", ["", "/emi.cream.CREAMCE-JobSubmit"])
def test_metrics(client, cream, path) -> None:
    metric = {"name": "emi.cream.CREAMCE-JobSubmit", "statuses": [*cream, *entries(END)]}
    answer = client.get(
        f"/api/v2/status/Report_A/SITES/HG-03-AUTH/services/CREAM-CE/endpoints/cream01.afroditi.gr/metrics{path}", DAY
    )
    found = read(answer)["groups"][0]["services"][0]["endpoints"][0]
    assert (found["name"], found["metrics"]) == ("cream01.afroditi.gr", [metric])


def test_the_flat_list_of_a_metric(client, cream) -> None:
    path = "/api/v2/status/Report_A/metrics/emi.cream.CREAMCE-JobSubmit"
    place = {"name": "cream01.afroditi.gr", "service": "CREAM-CE", "supergroup": "HG-03-AUTH"}
    place["metric"] = "emi.cream.CREAMCE-JobSubmit"
    first = read(client.get(path, DAY | {"pageSize": 2}))
    [found] = first["endpoint_metrics"]
    assert {name: found[name] for name in place} == place
    assert (found["statuses"], first["nextPageToken"], first["pageSize"]) == (cream[:2], "Mg==", 2)
    assert read(client.get("/api/v2/status/Report_A/metrics/unknown", DAY)) == {"endpoint_metrics": []}


def test_the_detailed_view_says_what_thresholds_made_of_a_result(client, cream) -> None:
    system, day = Actor.system(), datetime(2015, 5, 1, tzinfo=UTC)
    rule = {"metric": "emi.cream.CREAMCE-JobSubmit", "thresholds": "latency=1s;10;20"}
    report = {"vo": "Report_A", "thresholds": "slow"}
    for kind, name, document in (("thresholds", "slow", {"rules": [rule]}), ("report", "Report_A", report)):
        create(system, kind=kind, name=name, document=document, valid_from=day.date(), reason="test", now=day)
    path = "/api/v2/status/Report_A/SITES/HG-03-AUTH/services/CREAM-CE/endpoints/cream01.afroditi.gr/metrics"
    found = read(client.get(path, DAY | {"view": "details"}))["groups"][0]["services"][0]["endpoints"][0]["metrics"][0]
    assert found["statuses"][1] == {
        "timestamp": "2015-05-01T00:00:00Z", "value": "WARNING", "actual_data": "latency=15s",
        "threshold_rule_applied": "latency=1s;10;20", "original_status": "OK",
    }  # fmt: skip
