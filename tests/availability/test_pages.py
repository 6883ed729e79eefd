"""The pages, the API and the command line over one federation of two regions with known figures."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from gridkeeper.availability.compute import compute_days
from gridkeeper.cli.main import build_app
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY as ONE_DAY
from gridkeeper.probes.ingest import submit
from tests.availability.days import DAY as D
from tests.availability.days import DAY_S, at
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.usefixtures("installation")
H = 3600
MONTH = "2026-03"


@pytest.fixture
def sites(installation):
    """GOOD is up all day; BAD is critical for 6 h and in downtime for 6 h: A = 50, R = 66.67; QUIET says nothing."""
    regions = {name: an_ngi(name=name) for name in ("Italy", "France")}
    made = {}
    vo = a_vo("dteam")
    for name, region in (("GOOD", "Italy"), ("BAD", "Italy"), ("QUIET", "France")):
        made[name] = a_service(of=a_site(name=name, ngi=regions[region]), hostname=f"ce.{name.lower()}.example")
        a_vo("dteam", supported_by=[made[name]])
    in_profile(vo, a_test("CE-js"))
    told = [("GOOD", 0, Status.OK), ("BAD", 0, Status.OK), ("BAD", 12 * H, Status.CRITICAL)]
    results = [a_result(made[name], status=status, executed_at=at(second)) for name, second, status in told]
    submit(results, now=at(DAY_S + H))
    a_downtime(made["BAD"], start=at(18 * H), end=at(DAY_S))
    compute_days([D], at(DAY_S + H))
    return {name: service.site for name, service in made.items()}


def test_the_month_table_has_regions_sites_days_and_sums(client, sites) -> None:
    page = client.get("/availability/", {"month": MONTH}).content.decode()
    assert page.index("France") < page.index("QUIET") < page.index("Italy") < page.index("BAD") < page.index("GOOD")
    assert "BAD 2026-03-10: 50.00 %" in page
    assert "Italy 2026-03-10: 75.00 %" in page
    assert "QUIET 2026-03-10: not computable" in page
    assert "1 site met the target of 80 %, 1 did not" in " ".join(page.split())


def test_reliability_and_region_are_in_the_address(client, sites) -> None:
    page = client.get("/availability/", {"month": MONTH, "measure": "reliability", "region": sites["BAD"].ngi.key})
    text = page.content.decode()
    assert "BAD 2026-03-10: 66.67 %" in text
    assert "QUIET" not in text


def test_a_month_without_figures_says_what_to_do(client, sites) -> None:
    assert b"No figures for this period" in client.get("/availability/", {"month": "2025-01"}).content


@pytest.mark.parametrize(
    "query",
    [{"month": "2026-13"}, {"month": "March"}, {"vo": "nobody"}, {"measure": "luck"}, {"format": "xls"},
     {"period": "2026-W60"}, {"from": "2026-03-20", "to": "2026-03-01"}],
)  # fmt: skip
def test_an_address_that_means_nothing_is_not_found(client, sites, query) -> None:
    assert client.get("/availability/", query).status_code == 404


def test_the_month_exports_what_it_shows(client, sites) -> None:
    answer = client.get("/availability/", {"month": MONTH, "format": "csv"})
    lines = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert {line["level"] for line in lines} == {"federation", "region", "site"}
    assert {line["site_name"]: line["availability"] for line in lines if line["level"] == "site"} == {
        "GOOD": "100.00000", "BAD": "50.00000", "QUIET": "",
    }  # fmt: skip
    found = json.loads(client.get("/availability/", {"month": MONTH, "format": "json"}).getvalue())
    assert [line["up_s"] for line in found if line["site_name"] == "BAD"] == [43_200]
    table = pq.read_table(io.BytesIO(client.get("/availability/", {"month": MONTH, "format": "parquet"}).content))
    assert dict(zip(table["site_name"].to_pylist(), table["availability"].to_pylist(), strict=True))["BAD"] == 50


def test_a_sites_month_shows_bars_their_table_and_its_services(client, sites) -> None:
    page = client.get(f"/availability/sites/{sites['BAD'].key}/", {"month": MONTH}).content.decode()
    assert "data-chart" in page
    assert "target 80 %" in page
    assert "43200 / (86400 − 0 − 0)" in page
    assert "ce.bad.example" in page


def test_a_day_opens_into_periods_and_results(client, sites) -> None:
    page = client.get(f"/availability/sites/{sites['BAD'].key}/{D}/").content.decode()
    assert "CRITICAL 2026-03-10 12:00–18:00 UTC" in page
    assert "DOWNTIME 2026-03-10 18:00–00:00 UTC" in page
    assert "/results/" in page
    assert "Why 50.00 %?" in page
    assert "CE-js failed on CE ce.bad.example for dteam" in page


@pytest.mark.parametrize("day", ["2026-03-99", "yesterday"])
def test_a_day_that_is_none_is_not_found(client, sites, day) -> None:
    assert client.get(f"/availability/sites/{sites['BAD'].key}/{day}/").status_code == 404


def test_a_day_before_all_results_is_explained(client, sites) -> None:
    page = client.get(f"/availability/sites/{sites['BAD'].key}/{D - 400 * ONE_DAY}/").content.decode()
    assert "not computable" in page


def test_figures_by_the_api(client, sites) -> None:
    answer = client.get("/api/v1/availability", {"from": str(D), "level": "region"}).json()
    assert [(item["region_name"], item["availability"]) for item in answer["items"]] == [
        ("France", None), ("Italy", "75.00000"),
    ]  # fmt: skip
    first = client.get("/api/v1/availability", {"from": str(D), "hourly": "true", "limit": 2, "site": sites["BAD"].key})
    assert (first.json()["count"], [item["hour"] for item in first.json()["items"]]) == (24, [0, 1])


def test_timelines_by_the_api(client, sites) -> None:
    query = {"from": str(D), "site": sites["BAD"].key}
    found = client.get("/api/v1/availability/timelines", query).json()["items"]
    assert [(item["start"][11:13], item["status"]) for item in found] == [
        ("00", "OK"), ("12", "CRITICAL"), ("18", "DOWNTIME"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [{"from": "2026-03-10", "to": "2026-03-01"}, {"from": "2020-01-01", "to": "2026-01-01"}, {"vo": "nobody"},
     {"level": "metric", "hourly": "true"}, {"level": "planet"}, {"site": "\x00"}],
)  # fmt: skip
def test_the_api_says_what_does_not_fit(client, sites, query) -> None:
    answer = client.get("/api/v1/availability", query)
    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")


def run(*words: str):
    return CliRunner().invoke(build_app(), ["availability", *words])


def test_the_command_shows_figures(sites) -> None:
    found = run("show", "--from", str(D), "--to", str(D), "--level", "site", "--format", "json")
    by_site = {line["site_name"]: line["availability"] for line in json.loads(found.stdout)}
    assert by_site == {"GOOD": "100.00000", "BAD": "50.00000", "QUIET": None}
    lines = run("show", "--from", str(D), "--to", str(D), "--format", "csv", "--site", "BAD", "--hourly").stdout
    assert len(list(csv.DictReader(lines.splitlines()))) == 24
    assert "66.67" in run("show", "--from", str(D), "--to", str(D)).stdout


@pytest.mark.parametrize(
    "words",
    [
        ["show", "--from", "2026-03-10", "--to", "2026-03-01"],
        ["show", "--from", "soon", "--to", "2026-03-01"],
        ["show", "--from", "2000-01-01", "--to", "2026-03-01"],
        ["show", "--from", "2026-03-01", "--to", "2026-03-01", "--vo", "nobody"],
        ["show", "--from", "2026-03-01", "--to", "2026-03-01", "--level", "metric", "--hourly"],
    ],
)
def test_wrong_usage_is_status_2(sites, words) -> None:
    assert run(*words).exit_code == 2


def test_nothing_to_show_is_status_1(sites) -> None:
    assert run("show", "--from", "2025-01-01", "--to", "2025-01-01").exit_code == 1
