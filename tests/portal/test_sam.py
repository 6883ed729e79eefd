"""SAM's view, LHCb's table and the history of a node: what they show, filter, sum and export."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


class Grid:
    """FTS at RAL (fails for dteam), CNAF (well) and PIC (in downtime); a CE at RAL; VOs dteam and lhcb."""

    def __init__(self):
        self.now = timezone.now()
        self.sites = {
            name: a_site(name=name, ngi=an_ngi(name=region))
            for name, region in (("RAL", "UK"), ("CNAF", "Italy"), ("PIC", "Iberia"))
        }
        self.fts = {
            name: a_service(of=site, type="FTS", hostname=f"fts.{name.lower()}.org")
            for name, site in self.sites.items()
        }
        self.ce = a_service(of=self.sites["RAL"], hostname="ce.ral.org")
        self.dteam = a_vo("dteam", supported_by=[*self.fts.values(), self.ce])
        self.lhcb = a_vo("lhcb", supported_by=[self.fts["RAL"], self.ce])
        channels = a_test("FTS-ftschn", title="List FTS channels", is_per_vo=True)
        info = a_test("FTS-ftsinfo", title="FTS in BDII")
        for vo in (self.dteam, self.lhcb):
            in_profile(vo, channels, type="FTS")
            in_profile(vo, info, type="FTS", critical=False)
        in_profile(self.lhcb, a_test("CE-lhcb-os"), type="CE")
        a_downtime(self.fts["PIC"], start=self.now - MINUTE, end=self.now + 60 * MINUTE, declared_at=self.now - MINUTE)
        for site in ("RAL", "CNAF"):
            self.say(site, "FTS-ftsinfo", summary="NOTE: two channels closed" if site == "CNAF" else "")
        self.say("RAL", "FTS-ftschn", Status.CRITICAL, "dteam", summary="no channels")
        self.say("RAL", "FTS-ftschn", vo="lhcb")
        self.say("CNAF", "FTS-ftschn", vo="dteam")

    def say(self, site, metric, status=Status.OK, vo="", age=5 * MINUTE, **fields):
        submit(
            [a_result(self.fts[site], metric, vo, status=status, executed_at=self.now - age, **fields)], now=self.now
        )


@pytest.fixture
def grid():
    return Grid()


def nodes(client, path="sam", **query):
    found = client.get(f"/matrix/{path}/", {"vo": "dteam", "type": "FTS", "format": "json"} | query).json()
    return found, {row["node"]: row for row in found["rows"]}


def test_each_node_has_its_code_and_that_of_each_test(client, grid):
    found, rows = nodes(client)
    assert {name: row["status"] for name, row in rows.items()} == {
        "fts.pic.org": "MAINT", "fts.cnaf.org": "NOTE", "fts.ral.org": "CRIT"
    }  # fmt: skip
    assert (rows["fts.ral.org"]["dteam FTS-ftschn"], rows["fts.ral.org"]["dteam FTS-ftsinfo"]) == ("CRIT", "OK")
    expected = dict.fromkeys(("NA", "OK", "INFO", "NOTE", "WARN", "ERROR", "CRIT", "MAINT"), 0)
    assert found["sums"]["dteam"] == expected | {"NOTE": 1, "CRIT": 1, "MAINT": 1}


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"status": "CRIT"}, {"ral"}),
        ({"status": ["NOTE", "MAINT"]}, {"cnaf", "pic"}),
        ({"status": "dteam:NOTE"}, {"cnaf"}),
        ({"status": "lhcb:CRIT"}, set()),
        ({"status": ["nonsense", "\0"]}, {"ral", "cnaf", "pic"}),
        ({"region": "UK"}, {"ral"}),
        ({"q": "cnaf"}, {"cnaf"}),
    ],
)
def test_codes_filter_and_the_sums_stay(client, grid, query, shown):
    found, rows = nodes(client, **query)
    assert set(rows) == {f"fts.{name}.org" for name in shown}
    if "status" in query:
        assert sum(found["sums"]["dteam"].values()) == 3


def test_it_is_recognisably_sams_page(client, grid):
    page = client.get("/matrix/sam/", {"vo": ["dteam", "lhcb"], "type": "FTS"}).content.decode()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "show stat description dteam lhcb" in words
    assert "CRIT subject has failed and problem is fatal 1 0" in words
    assert "ftschn List FTS channels CT" in words
    assert "No Region Site Node Status Status ftschn ftsinfo Status ftschn ftsinfo" in words
    assert "3 UK RAL fts.ral.org CRIT CRIT crit ok OK ok ok" in words
    assert "CNAF fts.cnaf.org NOTE NOTE ok note not supported" in words
    assert re.search(r'<td class=CRIT><a href=\.\./dteam/\w+/\w+ title="CRITICAL\nno channels">crit</a>', page)


def test_a_cell_leads_to_its_log(client, grid):
    page = client.get("/matrix/sam/", {"vo": "dteam", "type": "FTS"}).content.decode()
    address = re.search(r"<td class=CRIT><a href=\.\./(dteam/\w+/\w+)", page)[1]
    assert "no channels" in client.get(f"/matrix/{address}", follow=True).content.decode()


def test_it_shows_the_past_too(client, grid):
    grid.say("RAL", "FTS-ftschn", vo="dteam", age=60 * MINUTE)
    as_of = (grid.now - 30 * MINUTE).isoformat()
    assert nodes(client, as_of=as_of)[1]["fts.ral.org"]["dteam FTS-ftschn"] == "OK"
    assert nodes(client)[1]["fts.ral.org"]["dteam FTS-ftschn"] == "CRIT"


def test_lhcbs_table_has_a_part_for_each_service_type_with_the_vos_tests(client, grid):
    submit([a_result(grid.ce, "CE-lhcb-os", executed_at=grid.now)], now=grid.now)
    page = client.get("/matrix/tests/", {"vo": "lhcb"}).content.decode()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Site Service type Service name Status os RAL CE ce.ral.org OK ok" in words
    assert "Site Service type Service name Status ftschn ftsinfo RAL FTS fts.ral.org OK ok ok" in words
    found = client.get("/matrix/tests/", {"vo": "lhcb", "format": "json"}).json()["rows"]
    assert [(row["service_name"], row["test"], row["code"]) for row in found] == [
        ("ce.ral.org", "CE-lhcb-os", "OK"), ("fts.ral.org", "FTS-ftschn", "OK"), ("fts.ral.org", "FTS-ftsinfo", "OK")
    ]  # fmt: skip
    assert "1 filtered out" in client.get("/matrix/tests/", {"vo": "lhcb", "status": "CRIT"}).content.decode()


def test_exports_are_what_the_page_shows(client, grid):
    csv = client.get("/matrix/sam/", {"vo": "dteam", "type": "FTS", "format": "csv"}).getvalue().decode().splitlines()
    assert csv[0] == "region,site,service_type,node,status,dteam status,dteam FTS-ftschn,dteam FTS-ftsinfo"
    assert csv[3] == "UK,RAL,FTS,fts.ral.org,CRIT,CRIT,CRIT,OK"
    for path in ("sam", "tests"):
        assert client.get(f"/matrix/{path}/", {"format": "xml"}).status_code == 400


def test_hostile_words_are_words(client, grid):
    grid.sites["RAL"].name = '<img src=x>"'
    grid.sites["RAL"].save()
    grid.say("RAL", "FTS-ftschn", Status.CRITICAL, "dteam", MINUTE, summary='"><script>alert(1)</script>')
    for path in ("sam", "tests", "compare"):
        page = client.get(f"/matrix/{path}/", {"vo": "dteam", "type": "FTS"}).content.decode()
        assert "<img src=x" not in page
        assert "<script>alert" not in page


def test_without_vos_or_services_they_say_what_to_do(client):
    for path in ("sam", "tests"):
        assert "No VO yet" in client.get(f"/matrix/{path}/").content.decode()
    a_vo("dteam")
    assert "No node fits" in client.get("/matrix/sam/").content.decode()
    assert "No tests to show" in client.get("/matrix/tests/").content.decode()


def test_the_history_of_a_node_has_every_test_its_changes_and_downtimes(client, grid):
    grid.say("RAL", "FTS-ftschn", vo="dteam", age=120 * MINUTE)
    page = client.get("/matrix/node/fts.ral.org/", {"vo": "dteam"}).content.decode()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "FTS-ftschn dteam CRITICAL" in words
    assert "FTS-ftsinfo all OK" in words
    assert re.search(r"FTS FTS-ftschn dteam OK CRITICAL", words)
    assert " lhcb OK" not in words
    assert "Power works" in client.get("/matrix/node/fts.pic.org/").content.decode()
    periods = client.get("/matrix/node/fts.ral.org/", {"vo": "dteam", "format": "json"}).json()["periods"]
    channel = [period for period in periods if period["test"] == "FTS-ftschn"]
    assert [period["status"] for period in channel] == ["MISSING", "OK", "CRITICAL"]
    assert channel[1]["end"] == channel[2]["start"]
    csv = client.get("/matrix/node/fts.ral.org/", {"format": "csv"}).getvalue().decode().splitlines()
    assert csv[0] == "service_type,hostname,test,vo,status,start,end"
    before = (grid.now - 60 * MINUTE).isoformat()
    assert "CRITICAL" not in client.get("/matrix/node/fts.ral.org/", {"as_of": before}).content.decode()


@pytest.mark.parametrize("hostname", ["no-such.org", "%00", "..", "%3Cb%3E"])
def test_a_node_that_nobody_knows_is_not_found(client, grid, hostname):
    assert client.get(f"/matrix/node/{hostname}/").status_code == 404


def test_many_nodes_stand_on_several_pages(client, grid, monkeypatch):
    monkeypatch.setattr("gridkeeper.portal.sam_views.PAGE_ROWS", 2)
    query = {"vo": "dteam", "type": "FTS"}
    first, second, beyond = (client.get("/matrix/sam/", query | {"page": page}) for page in ("", "2", "99"))
    assert [page.content.decode().count("<th scope=row>") for page in (first, second, beyond)] == [2, 1, 1]
    assert "1–2 of 3 nodes" in first.content.decode()
    assert "<tr><td>3<td>" in second.content.decode()
    assert second.context["pages"][1][3]
    assert second.context["stats"][0][3][0][0] == first.context["stats"][0][3][0][0]
    assert len(client.get("/matrix/sam/", query | {"format": "json", "page": "2"}).json()["rows"]) == 3
