"""What reports that are defined expect of whom: filters, kinds of groups and regions, functions, weights, feeds."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gridkeeper.availability.models import FeedSnapshot, Weight
from gridkeeper.availability.profiles.actions import create
from gridkeeper.availability.topology import Period, judged_by, names, reports_of, tree_of
from gridkeeper.availability.tree import Path
from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import NgiMembership
from tests.builders import (
    ERA,
    NOW,
    a_downtime,
    a_federation,
    a_service,
    a_service_group,
    a_site,
    a_test,
    a_vo,
    an_ngi,
    in_profile,
)  # fmt: skip

DAY = NOW.date()
PERIOD = Period.of(DAY, NOW + timedelta(days=2))


@pytest.fixture
def grid(db, settings):
    """T1 of Italy with two CEs and an SE, T2 of France with a CE that bears no scope; dteam judges by one test each."""
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "dteam"})
    italy, france = an_ngi(name="Italy"), an_ngi(name="France")
    tagged = {"scopes": ["EGI", "wlcg"], "properties": {"POWER": "low"}}
    one = a_site(name="T1", ngi=italy, tier="1", **tagged)
    two = a_site(name="T2", ngi=france, infrastructure="Test")
    made = {
        "cream": a_service(of=one, type="CREAM-CE", hostname="cream", scopes=["EGI"]),
        "arc": a_service(of=one, type="ARC-CE", hostname="arc", scopes=["wlcg"], properties={"POWER": "high"}),
        "se": a_service(of=one, type="SE", hostname="se", scopes=["EGI"]),
        "far": a_service(of=two, type="ARC-CE", hostname="far"),
    }
    test = a_test("port")
    vo = a_vo("dteam", supported_by=list(made.values()))
    for kind in ("CREAM-CE", "ARC-CE", "SE"):
        in_profile(vo, test, type=kind)
    return made


def define(name="critical", kind="report", **document):
    create(Actor.system("cli"), kind=kind, name=name, document=document, valid_from=DAY, reason="x", now=NOW)


def expected(report="critical", **chosen):
    """(region, group, hosts) of the tree, sorted."""
    found = {}
    for line in tree_of(PERIOD, report=report, **chosen).expected:
        found.setdefault((line.path.region, line.path.site), set()).add(line.path.hostname)
    known = names()
    return sorted(
        (known.regions.get(region, region), known.sites.get(group, group), " ".join(sorted(hosts)))
        for (region, group), hosts in found.items()
    )


@pytest.mark.parametrize(
    ("wanted", "hosts"),
    [
        ({}, "arc cream far se"),
        ({"scopes": ["EGI"]}, "cream se"),
        ({"scopes": ["EGI", "wlcg"]}, "arc cream se"),
        ({"infrastructures": ["Test"]}, "far"),
        ({"certifications": ["Candidate"]}, ""),
        ({"certifications": []}, "arc cream far se"),
        ({"tags": {"POWER": "low"}}, "cream se"),  # of the site, unless the service says otherwise
        ({"tags": {"POWER": "high"}}, "arc"),
    ],
)
def test_a_filter_chooses_services(grid, wanted, hosts):
    define(filter=wanted)
    assert " ".join(sorted(line.path.hostname for line in tree_of(PERIOD, report="critical").expected)) == hosts


def test_scopes_and_tiers_are_those_of_the_day(grid):
    define(filter={"scopes": ["wlcg"]}, region_kind="tier")
    before = expected()
    site = grid["arc"].site
    grid["arc"].scopes, site.tier, site.scopes = [], "2", []
    grid["arc"].save()
    site.save()
    assert expected() == before == [("1", "T1", "arc")]


@pytest.mark.parametrize(
    ("kind", "regions"),
    [
        ("region", {"Italy", "France"}),
        ("tier", {"1", "No tier"}),
        ("federation", {"EGI"}),
        ("project", {"EGI", "WLCG"}),
        ("vo", {"dteam"}),
    ],
)
def test_regions_are_what_the_report_says(grid, kind, regions):
    ngi = grid["se"].site.ngi
    a_federation().__class__.objects.update(name="EGI")
    NgiMembership.objects.create(ngi=ngi, federation=a_federation(name="WLCG"), valid_from=ERA)
    define(region_kind=kind)
    assert {region for region, _, _ in expected()} == regions
    if kind == "project":
        assert ("WLCG", "T1", "arc cream se") in expected()


def test_a_report_by_vos_judges_each_by_its_own_metrics(grid):
    lhcb = a_vo("lhcb", supported_by=[grid["se"]])
    in_profile(lhcb, a_test("own"), type="SE")
    define(region_kind="vo")
    assert expected() == [("dteam", "T1", "arc cream se"), ("dteam", "T2", "far"), ("lhcb", "T1", "se")]
    metrics = {(line.path.region, line.path.metric) for line in tree_of(PERIOD, report="critical", site=None).expected}
    assert metrics == {("dteam", "port"), ("lhcb", "own")}


def test_a_service_counts_in_each_of_its_groups_while_it_is_in_it(grid):
    both = a_service_group(grid["arc"], grid["far"], name="BOTH")
    own = a_service_group(grid["arc"], name="OWN")
    a_service_group(grid["se"], name="SILENT", is_monitored=False)
    member = both.members.get(service=grid["far"])
    member.valid_until = PERIOD.window.start + timedelta(hours=6)
    member.save()
    define(group_kind="service_group", region_kind="federation")
    federation = a_federation().name
    assert expected() == [(federation, "BOTH", "arc far"), (federation, "OWN", "arc")]
    assert expected(group=own.key) == [(federation, "OWN", "arc")]
    tree = tree_of(PERIOD, report="critical")
    assert {line.until_s for line in tree.expected if line.path.hostname == "far"} == {6 * 3600}
    assert len({line.series for line in tree.expected if line.path.hostname == "arc"}) == 1


def test_functions_feed_sites_and_types_without_one_are_not_judged(grid):
    functions = [
        {"name": "compute", "operation": "OR", "services": {"CREAM-CE": "AND", "ARC-CE": "OR"}},
        {"name": "any", "operation": "AND", "services": {"ARC-CE": "OR"}},
    ]
    define("functions", "aggregation", metric_operation="OR", functions=functions)
    define(aggregation="functions")
    tree = tree_of(PERIOD, report="critical")
    assert {line.path.service_type for line in tree.expected} == {"CREAM-CE", "ARC-CE"}
    place = tree.expected[0].path.site_path
    arc = place._replace(service_type="ARC-CE")
    compute = place._replace(function="compute")
    assert tree.parents(arc) == [compute, place._replace(function="any")]
    operations = {path: tree.operation(path) for path in (arc, arc._replace(service_type="CREAM-CE"), compute, place)}
    assert list(operations.values()) == ["OR", "AND", "OR", "AND"]
    assert tree.operation(arc._replace(hostname="arc")) == "OR"
    assert tree_of(PERIOD, report="dteam").parents(arc._replace(report="dteam")) == [
        Path("dteam", *place[1:3], function="ARC-CE")
    ]


def test_sites_weigh_what_they_weighed_on_that_day(grid):
    sites = {service.site.name: service.site for service in grid.values()}
    for days, value in ((-30, 10), (0, 25), (1, 99)):
        day = DAY + timedelta(days=days)
        Weight.objects.create(site=sites["T1"], kind="hepspec", valid_from=day, value=Decimal(value))
    Weight.objects.create(site=sites["T2"], kind="logical_cpus", valid_from=DAY, value=4)
    define(weight="hepspec")
    tree = tree_of(PERIOD)
    assert {(path.report, path.site): weight for path, weight in tree.weights.items()} == {
        ("critical", sites["T1"].key): 25.0
    }


def test_what_made_the_figures_is_named(grid):
    define("ours", "operations", **_operations())
    define("functions", "aggregation", functions=[{"name": "compute", "services": {"ARC-CE": "OR"}}])
    define(operations="ours", aggregation="functions", weight="hepspec")
    by = judged_by(PERIOD, "critical")
    assert by.operations.name == "ours@1"
    assert by.inputs == {
        "report": "critical@1", "operations": "ours@1", "aggregation": "functions@1", "weights": by.inputs["weights"],
        "metrics": by.inputs["metrics"],
    }  # fmt: skip
    standard = judged_by(PERIOD, "dteam")
    assert (standard.operations.name, standard.inputs["report"]) == ("default", "dteam")
    in_profile(a_vo("dteam"), a_test("another"), type="SE")
    assert judged_by(PERIOD, "dteam").inputs["metrics"] != standard.inputs["metrics"] == by.inputs["metrics"]


def _operations():
    from gridkeeper.availability.operations import DEFAULT_OPERATIONS

    return DEFAULT_OPERATIONS.document()


def test_a_report_that_was_not_there_yet_expects_nothing(grid):
    define()
    earlier = Period.of(DAY - timedelta(days=1), NOW + timedelta(days=2))
    assert not tree_of(earlier, report="critical").expected
    assert [each.name for each in reports_of(earlier.day)] == ["dteam"]


def a_feed(kind, document, name="", days=0):
    day = DAY + timedelta(days=days)
    FeedSnapshot.objects.create(kind=kind, name=name, day=day, document=document, received_at=NOW)


def _endpoint(group, service, hostname, **tags):
    tags = {"production": "1", "monitored": "1", "scope": "EGI, wlcg"} | tags
    return {"group": group, "type": "SITES", "service": service, "hostname": hostname, "tags": tags}


def test_a_report_may_take_its_topology_from_feeds(grid):
    rows = [
        _endpoint("FED-1", "SE", "se1"), _endpoint("FED-1", "SE", "off", monitored="0"),
        _endpoint("FED-2", "SE", "se2", scope="Local"), _endpoint("STRAY", "SE", "se3"),
        _endpoint("FED-1", "printer", "lp0"),
    ]  # fmt: skip
    groups = [
        {"group": "NGI_X", "type": "NGI", "subgroup": name, "tags": {"certification": status}}
        for name, status in (("FED-1", "Certified"), ("FED-2", "Certified"), ("FED-3", "Closed"))
    ]
    a_feed("endpoints", [_endpoint("OLD", "SE", "old")], days=-1)
    a_feed("endpoints", {"status": {"code": "200"}, "data": rows})
    a_feed("groups", groups)
    a_feed("weights", [{"name": "hepspec", "groups": [{"name": "FED-1", "value": "7.5"}]}], name="hepspec")
    hours = {"start_time": f"{DAY}T06:00:00Z", "end_time": f"{DAY}T07:00:00Z"}
    down = [{"hostname": host, "service": "SE"} | hours for host in ("se1", "se")]
    a_feed("downtimes", [{"date": str(DAY), "endpoints": down}])
    a_downtime(grid["se"], start=PERIOD.window.start, end=PERIOD.window.start + timedelta(hours=1))
    define(topology="feed", filter={"scopes": ["EGI"]}, weight="hepspec")
    assert expected() == [("NGI_X", "FED-1", "se1")]
    tree = tree_of(PERIOD)
    assert list(tree.weights.values()) == [7.5]
    paths = {number: path for path, number in tree.numbers.items()}
    # A feed's downtime of the registry's "se" excuses nothing there, and the registry's nothing in the feed.
    assert sorted((paths[node].hostname, start, end) for node, start, end in tree.excused()) == [
        ("se", 0, 3600), ("se1", 21600, 25200)
    ]  # fmt: skip


def test_groups_that_contain_each_other_and_weights_of_nobody_do_no_harm(grid):
    a_feed("endpoints", [_endpoint("A", "SE", "se1"), _endpoint("B", "SE", "se2")])
    a_feed("groups", [{"group": a, "type": "NGI", "subgroup": b} for a, b in ("AB", "BA", "AA")])
    a_feed("weights", {"name": "hepspec", "groups": [{"name": "NOWHERE", "value": 3}]}, name="hepspec")
    define(topology="feed", weight="hepspec")
    assert expected() == [("A", "A", "se1"), ("A", "B", "se2"), ("B", "A", "se1")]
    assert not tree_of(PERIOD, report="critical").weights
