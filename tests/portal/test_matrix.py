"""The matrix page: what it shows, how it filters, what a refresh brings, where a cell leads, what it costs."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.identifiers import fact_hash, series_id
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


class Grid:
    """Regions Italy and France; a CE each of ALPHA, BETA (Italy) and GAMMA (France); a SRM at ALPHA."""

    def __init__(self):
        self.now = timezone.now()
        italy, france = an_ngi(name="Italy"), an_ngi(name="France")
        self.alpha, self.beta = a_site(name="ALPHA", ngi=italy), a_site(name="BETA", ngi=italy)
        self.gamma = a_site(name="GAMMA", ngi=france)
        self.ce = {site.name: self.a_ce(site) for site in (self.alpha, self.beta, self.gamma)}
        self.srm = a_service(of=self.alpha, type="SRM", hostname="srm.alpha.org")
        self.jl = a_test("CE-jl", abbreviation="jl", stage="JL", position=50)
        self.js = a_test("CE-js", abbreviation="js", stage="JS", position=60, is_per_vo=True)
        self.ver = a_test("CE-ver", abbreviation="ver", position=1)
        self.ca = a_test("CE-ca", abbreviation="ca", position=2)
        self.get = a_test("SRM-get", abbreviation="get")
        self.dteam = a_vo("dteam", supported_by=[*self.ce.values(), self.srm])
        self.lhcb = a_vo("lhcb", supported_by=[self.ce["ALPHA"]])
        for vo in (self.dteam, self.lhcb):
            for test in (self.jl, self.js, self.ca):
                in_profile(vo, test)
        in_profile(self.dteam, self.ver, critical=False)
        in_profile(self.dteam, self.get, type="SRM")

    def a_ce(self, site):
        return a_service(of=site, hostname=f"ce.{site.name.lower()}.org")

    def say(self, site, status=Status.OK, metric="CE-ca", vo="", age=MINUTE, **fields):
        result = a_result(self.ce[site], metric, vo, status=status, executed_at=self.now - age, **fields)
        submit([result], now=self.now)
        return result

    def all_well(self, *sites):
        for site in sites:
            self.say(site, metric="CE-jl")
            self.say(site, metric="CE-js", vo="dteam")
            self.say(site, metric="CE-ver", summary="2 6 0")
            self.say(site)


@pytest.fixture
def grid():
    return Grid()


def page_of(client, **query):
    return client.get("/matrix/", {"vo": "dteam"} | query).content.decode()


def rows_of(client, **query):
    """Hostname -> what the row says for each VO, as the export has it."""
    found = client.get("/matrix/", {"vo": "dteam", "format": "json"} | query).json()
    return {row["hostname"]: row for row in found["rows"]}


def test_it_is_recognisably_the_sft_report(client, grid):
    grid.all_well("ALPHA", "BETA", "GAMMA")
    grid.say("BETA", Status.CRITICAL, age=MINUTE / 2, summary="CA files are old")
    page = page_of(client)
    # regions, then numbered rows with overall status, site, node, VO status, and list match and submission first
    assert [re.sub("<.*?>", "", name) for name in re.findall(r"<b>\w+</b> ", page)] == ["France ", "Italy "]
    assert re.findall(r'<th scope="col"(?: class="critical")?><a href="/tests/([^/]+)/', page) == [
        "CE-jl", "CE-js", "CE-ver", "CE-ca"
    ]  # fmt: skip
    beta = page.split("ce.beta.org</a>")[1].split("<tr")[0]
    assert re.findall(r"<td class=(\w+)>(?:<a[^>]*>)?([^<]+)", beta) == [
        ("CT", "CT"),
        ("o", "O"),
        ("o", "O"),
        ("f", "!!!"),
    ]
    assert '<td class="o v"><a href=' in beta
    assert ">2 6 0</a>" in beta
    assert 'title="CRITICAL: CA files are old"' in beta


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ({}, "OK"),
        ({"CE-ver": Status.CRITICAL}, "NT"),
        ({"CE-ca": Status.CRITICAL}, "CT"),
        ({"CE-js": Status.CRITICAL, "CE-ca": Status.CRITICAL}, "JS"),
        ({"CE-jl": Status.CRITICAL, "CE-js": Status.UNKNOWN}, "JL"),
    ],
)
def test_the_status_of_a_row_is_the_worst_stage_that_failed(client, grid, failing, expected):
    grid.all_well("ALPHA")
    for metric, status in failing.items():
        grid.say("ALPHA", status, metric, "dteam" if metric == "CE-js" else "", age=MINUTE / 2)
    row = rows_of(client)["ce.alpha.org"]
    assert (row["vos"]["dteam"]["status"], row["overall"]) == (expected, expected)


def test_a_declared_outage_shows_as_scheduled_downtime_with_its_results(client, grid):
    grid.all_well("ALPHA")
    a_downtime(grid.ce["ALPHA"], start=grid.now - MINUTE, end=grid.now + 60 * MINUTE, declared_at=grid.now)
    row = rows_of(client)["ce.alpha.org"]
    assert row["vos"]["dteam"]["status"] == "SD"
    assert row["vos"]["dteam"]["tests"]["CE-ca"]["letter"] == "O"


def test_a_result_older_than_its_validity_is_no_result(client, grid):
    grid.all_well("ALPHA")
    grid.ca.validity_s = 30
    grid.ca.save()
    tests = rows_of(client)["ce.alpha.org"]["vos"]["dteam"]["tests"]
    assert (tests["CE-ca"]["letter"], tests["CE-ca"]["status"]) == ("??", "MISSING")
    assert rows_of(client)["ce.alpha.org"]["vos"]["dteam"]["status"] == "CT"


def test_soft_failures_do_not_show(client, grid):
    grid.all_well("ALPHA")
    grid.say("ALPHA", Status.CRITICAL, age=MINUTE / 2, is_hard=False)
    assert rows_of(client)["ce.alpha.org"]["vos"]["dteam"]["status"] == "OK"


def test_what_rides_in_a_failed_job_is_not_run_and_paler(client, grid):
    grid.all_well("ALPHA")
    grid.say("ALPHA", Status.CRITICAL, "CE-js", "dteam", age=MINUTE / 2)
    grid.say("ALPHA", Status.UNKNOWN, age=MINUTE / 2, cause="CE-js", summary="no result: CE-js failed")
    assert re.search(r'<td class=n><a href=\w+/\w+ title="UNKNOWN: no result: CE-js failed">\?\?</a>', page_of(client))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"ce.alpha.org", "ce.beta.org", "ce.gamma.org"}),
        ({"type": "SRM"}, {"srm.alpha.org"}),
        ({"type": "all"}, {"ce.alpha.org", "ce.beta.org", "ce.gamma.org", "srm.alpha.org"}),
        ({"region": "Italy"}, {"ce.alpha.org", "ce.beta.org"}),
        ({"region": ["Italy", "France"], "q": "a.org"}, {"ce.alpha.org", "ce.beta.org", "ce.gamma.org"}),
        ({"q": "gamm"}, {"ce.gamma.org"}),
        ({"vo": "lhcb"}, {"ce.alpha.org"}),
        ({"status": "OK"}, {"ce.alpha.org"}),
        ({"status": ["CT", "NA"]}, {"ce.beta.org", "ce.gamma.org"}),
        ({"status": "dteam:CT"}, {"ce.beta.org"}),
        ({"status": "lhcb:CT"}, set()),
        # words that name nothing are left out
        ({"status": "XX", "vo": "no-such"}, {"ce.alpha.org", "ce.beta.org", "ce.gamma.org"}),
        ({"type": "NO-SUCH"}, set()),
    ],
)
def test_filters_stand_in_the_address(client, grid, query, shown, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    grid.all_well("ALPHA", "BETA")
    grid.say("BETA", Status.CRITICAL, age=MINUTE / 2)
    assert set(rows_of(client, **query)) == shown
    page = page_of(client, **query)
    assert set(re.findall(r">([a-z.]+\.org)</a>", page)) == shown
    if not shown:
        assert "empty-state" in page


def test_several_vos_stand_side_by_side(client, grid):
    grid.all_well("ALPHA")
    grid.say("ALPHA", Status.CRITICAL, "CE-js", "lhcb")
    found = rows_of(client, vo=["dteam", "lhcb"])
    assert {vo: part["status"] for vo, part in found["ce.alpha.org"]["vos"].items()} == {"dteam": "OK", "lhcb": "JS"}
    assert set(found["ce.beta.org"]["vos"]) == {"dteam"}
    assert found["ce.alpha.org"]["overall"] == "OK"  # of the first VO, as in the SFT report
    assert "not supported" in page_of(client, vo=["dteam", "lhcb"])


def test_the_summary_counts_every_status_and_is_a_switch(client, grid):
    grid.all_well("ALPHA", "BETA")
    grid.say("BETA", Status.CRITICAL, age=MINUTE / 2)
    found = client.get("/matrix/", {"vo": "dteam", "format": "json"}).json()
    assert found["summary"]["dteam"] == {"SD": 0, "JL": 0, "JS": 0, "CT": 1, "NA": 1, "NT": 0, "OK": 1}
    # the sums stay while one of them filters
    filtered = client.get("/matrix/", {"vo": "dteam", "format": "json", "status": "CT"}).json()
    assert filtered["summary"] == found["summary"]
    assert "status=dteam%3ACT" in page_of(client)


def test_a_vo_without_a_profile_is_seen_by_the_operations_vos_tests(client, grid, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    a_vo("biomed", supported_by=[grid.ce["ALPHA"]])
    grid.all_well("ALPHA")
    assert rows_of(client, vo="biomed")["ce.alpha.org"]["vos"]["biomed"]["status"] == "OK"
    assert "tests of dteam" in page_of(client, vo="biomed")


def test_what_is_not_tested_is_not_in_it(client, grid):
    grid.alpha.certification = "Suspended"
    grid.alpha.save()
    grid.ce["BETA"].is_monitored = False
    grid.ce["BETA"].save()
    assert set(rows_of(client)) == {"ce.gamma.org"}


def _live(client, page):
    return client.get(re.search(r'hx-get="([^"]+)"', page)[1].replace("&amp;", "&"), headers={"HX-Request": "true"})


def test_a_refresh_is_empty_while_nothing_changed(client, grid, django_assert_num_queries):
    page = page_of(client)
    with django_assert_num_queries(1):
        answer = _live(client, page)
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_refresh_brings_the_rows_with_new_results_only(client, grid):
    grid.all_well("ALPHA", "BETA", "GAMMA")
    page = page_of(client)
    grid.say("BETA", Status.CRITICAL, age=MINUTE / 2)
    answer = _live(client, page).content.decode()
    assert re.findall(r">(ce\.\w+\.org)</a>", answer) == ["ce.beta.org"]
    assert "<template><tr id=r" in answer
    assert 'id="matrix-summary" hx-swap-oob="true"' in answer
    assert _live(client, answer).status_code == 204


def test_a_refresh_brings_the_whole_table_after_a_change_of_the_registry(client, grid):
    page = page_of(client)
    grid.beta.name = "BETA-2"
    grid.beta.save()
    answer = _live(client, page).content.decode()
    assert 'id="matrix-table" hx-swap-oob="true"' in answer
    assert "BETA-2" in answer


@pytest.mark.parametrize("stamp", ["", "x", "1", "-1.2", "9" * 40 + ".1", "1.1.1", "\u0663.1"])
def test_a_stamp_that_is_none_brings_the_whole_table(client, grid, stamp):
    answer = client.get("/matrix/live", {"vo": "dteam", "stamp": stamp})
    assert answer.status_code == 200
    assert b'id="matrix-table"' in answer.content


def test_a_cell_leads_to_the_log_of_its_newest_result(client, grid):
    newest = grid.say("ALPHA", metric="CE-js", vo="dteam")
    address = re.search(r"<td class=o><a href=(\w+/\w+/\w+)>O</a>", page_of(client))[1]
    answer = client.get(f"/matrix/{address}")
    series = series_id("ce.alpha.org", "CE", "CE-js", "dteam")
    assert (answer.status_code, answer.url) == (302, f"/results/{series}/{fact_hash(newest.id)}/")


def test_hover_tells_result_age_and_first_line(client, grid):
    grid.say("ALPHA", Status.CRITICAL, summary="CA files are old")
    address = re.search(r"<td class=f><a href=(\w+/\w+)", page_of(client))[1]
    titles = client.get(f"/matrix/titles/{address.split('/')[-1]}").json()
    assert titles[address].startswith("CE-ca: CRITICAL\nsince ")
    assert titles[address].endswith(" ago\nCA files are old")


@pytest.mark.parametrize(
    "path",
    ["zzzzzzzzzzzz/1", "1/zzzzzzzzzzzz", "1/1", "lhcb/1/1", "titles/zzzzzzzzzzzz", "titles/999", "1/-1", "%00/1/1"],
)
def test_an_address_that_names_nothing_is_not_found(client, grid, path):
    assert client.get(f"/matrix/{path}").status_code == 404


def test_csv_has_a_row_a_service_and_a_column_a_test(client, grid):
    grid.all_well("ALPHA")
    answer = client.get("/matrix/", {"vo": ["dteam", "lhcb"], "format": "csv"})
    lines = answer.getvalue().decode().splitlines()
    assert lines[0] == (
        "region,site,service_type,hostname,overall,dteam status,dteam CE-jl,dteam CE-js,dteam CE-ver,dteam CE-ca,"
        "lhcb status,lhcb CE-jl,lhcb CE-js,lhcb CE-ca"
    )
    assert lines[2] == "Italy,ALPHA,CE,ce.alpha.org,OK,OK,O,O,2 6 0,O,CT,O,??,O"
    assert client.get("/matrix/", {"format": "xml"}).status_code == 400


def test_hostile_words_are_shown_as_words(client, grid):
    grid.beta.name = '<img src=x>"'
    grid.beta.save()
    grid.beta.ngi.name = "<i>Italy"
    grid.beta.ngi.save()
    grid.say("BETA", Status.CRITICAL, summary='" onmouseover="alert(1)"><script>alert(1)</script>')
    page = page_of(client)
    for hostile in ("<img src=x", "<i>Italy", '" onmouseover="', "<script>alert"):
        assert hostile not in page
    assert "&lt;img src=x&gt;&quot;" in page


def test_without_vos_or_services_it_says_what_to_do(client):
    assert "No VO yet" in client.get("/matrix/").content.decode()
    a_vo("dteam")
    assert "Nothing to show yet" in client.get("/matrix/").content.decode()


def test_it_takes_at_most_12_queries_however_many_rows(client, grid, django_assert_max_num_queries):
    grid.all_well("ALPHA", "BETA", "GAMMA")
    with django_assert_max_num_queries(12):
        client.get("/matrix/", {"vo": ["dteam", "lhcb"], "type": "all"})
