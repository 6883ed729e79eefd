"""Lists of the API: filters, paging, what changed since, the past."""

from datetime import timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.registry.actions import close_service, edit_site
from gridkeeper.registry.models import Service, Site
from gridkeeper.registry.object_actions import edit_endpoint, rename_site
from tests.builders import ERA, a_downtime, a_service, a_service_group, a_site, a_vo
from tests.registry.api_grid import Robot, a_grid, names

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()


@pytest.fixture
def grid():
    return a_grid()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("scope=EGI", ["ALPHA"]),
        ("scope=EGI,Local", ["ALPHA", "BETA"]),
        ("scope=EGI,Local&scope_match=all", []),
        ("scope=", ["ALPHA", "BETA"]),
        ("property=TIER", ["ALPHA"]),
        ("property=TIER=2", ["ALPHA"]),
        ("property=TIER=3", []),
        ("property=TIER=2&property=OTHER", []),
        ("region=NGI_SI&certification=Uncertified", ["BETA"]),
        ("sort=-certification", ["BETA", "ALPHA"]),
    ],
)
def test_sites_by_scope_and_property(grid, query, expected):
    assert names(Robot().get(f"/sites?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("scope=Local", ["ce.alpha.example.org", "ce.beta.example.org"]),
        ("scope=EGI,Local&scope_match=all", ["ce.alpha.example.org"]),
        ("property=PORT%3D443", ["se.alpha.example.org"]),
        ("hostname=CE.ALPHA.example.org", ["ce.alpha.example.org"]),
        ("country=CH&service_type=SE", ["se.alpha.example.org"]),
        ("certification=Uncertified", ["ce.beta.example.org"]),
        ("vo=dteam", ["ce.alpha.example.org"]),
        ("service_group=GROUP", ["ce.beta.example.org"]),
        ("is_beta=true", []),
    ],
)
def test_services_by_everything(grid, query, expected):
    a_vo("dteam", supported_by=[grid.ce])
    a_service_group(grid.other, name="GROUP")
    assert names(Robot().get(f"/services?{query}"), "hostname") == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("site=ALPHA", ["at alpha"]),
        ("scope=Local", ["at alpha", "at beta"]),
        ("country=CH", ["at alpha"]),
        ("certification=Uncertified", ["at beta"]),
        ("service_type=SE", []),
        ("vo=dteam", ["at alpha"]),
        ("search=beta", ["at beta"]),
        ("state=cancelled", []),
    ],
)
def test_downtimes_by_everything(grid, query, expected):
    a_vo("dteam", supported_by=[grid.ce])
    a_downtime(grid.ce, description="at alpha")
    a_downtime(grid.other, description="at beta")
    found = sorted(names(Robot().get(f"/downtimes?{query}"), "description"))
    assert found == expected


def test_endpoints_and_groups_and_scopes(grid):
    group = a_service_group(grid.ce, name="GROUP", scopes=["EGI"])
    assert names(Robot().get("/endpoints?site=ALPHA")) == ["https"]
    assert names(Robot().get(f"/endpoints?service={grid.ce.key}")) == []
    assert names(Robot().get("/service-groups?scope=EGI")) == ["GROUP"]
    assert names(Robot().get(f"/service-groups?service={grid.ce.key}")) == ["GROUP"]
    assert names(Robot().get(f"/service-groups?service={grid.se.key}")) == []
    assert Robot().get(f"/service-groups/{group.key}").json()["services"][0]["key"] == grid.ce.key
    assert names(Robot().get("/scopes?is_reserved=false")) == ["EGI", "Local"]


_LISTS = [
    "/federations", "/regions", "/sites", "/services", "/endpoints", "/service-types", "/scopes", "/service-groups",
    "/downtimes", "/downtime-recurrences", "/certification-changes", "/credentials", "/roles", "/role-requests",
    "/import-runs", "/feeds/site_list", "/vos", "/vo-support",
]  # fmt: skip


@pytest.mark.parametrize("path", _LISTS)
def test_a_list_takes_at_most_12_queries_whatever_its_length(grid, path):
    for number in range(5):
        service = a_service(of=a_site(name=f"S{number}"))
        a_downtime(service)
        a_service_group(service)
        a_vo("dteam", supported_by=[service])
    robot = Robot("root")
    with CaptureQueriesContext(connection) as queries:
        assert robot.get(path).status_code == 200
    assert len(queries) <= 12, [each["sql"] for each in queries]


@pytest.mark.parametrize("path", [path for path in _LISTS if not path.startswith("/feeds")])
@pytest.mark.parametrize(
    "query", ["sort=colour", "limit=0", "limit=1001", "limit=x", "offset=-1", "sort=name%00", "sort=" + "a" * 300]
)
def test_bad_paging_is_refused(grid, path, query):
    answer = Robot("root").get(f"{path}?{query}")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    ["scope=%00", "scope_match=some", "property=%00", "property=" + "x" * 5000, "changed_since=yesterday",
     "changed_since=2026-01-01T00:00:00", "changed_since=2026-01-01", "changed_since=9999-01-01T00:00:00Z",
     "certification=certified", "closed=perhaps", "changed_since=2026-03-29T02:30:00[Europe/Rome]",
     "changed_since=2026-01-01T00:00:00Z&sort=name"],
)  # fmt: skip
def test_bad_filters_are_refused(grid, query):
    answer = Robot().get(f"/sites?{query}")
    assert answer.status_code == 422, answer.content
    assert answer["Content-Type"] == "application/problem+json"


def _since(moment):
    return quote(moment.isoformat())


def test_a_mirror_sees_every_change_and_what_was_closed(grid):
    start = timezone.now()
    assert names(Robot().get(f"/sites?changed_since={_since(start)}")) == []
    edit_site(SYSTEM, site=grid.beta, changes={"tier": "3"}, reason="x", now=start)
    close_service(SYSTEM, service=grid.ce, reason="x", now=start)
    assert names(Robot().get(f"/sites?changed_since={_since(start)}")) == ["BETA"]
    [closed] = Robot().get(f"/services?changed_since={_since(start)}").json()["items"]
    assert (closed["key"], closed["valid_until"] is not None) == (grid.ce.key, True)


def test_a_service_whose_endpoint_changed_has_changed(grid):
    start = timezone.now()
    edit_endpoint(SYSTEM, endpoint=grid.se.endpoints.get(), changes={"name": "dav"}, reason="x", now=start)
    assert names(Robot().get(f"/services?changed_since={_since(start)}"), "key") == [grid.se.key]


def test_the_instant_of_a_change_belongs_to_what_changed_since(grid):
    newest = grid.alpha.history.latest("history_date").history_date
    assert "ALPHA" in names(Robot().get(f"/sites?changed_since={_since(newest)}"))
    later = newest + timedelta(microseconds=1)
    assert "ALPHA" not in names(Robot().get(f"/sites?changed_since={_since(later)}"))


def test_what_is_written_while_a_mirror_pages_is_not_missed(grid):
    """The set only grows, and its order is by age: what comes in between moves others further on, never back."""
    start = timezone.now()
    sites = [a_site(name=f"S{number}") for number in range(6)]
    for site in sites[1:]:
        edit_site(SYSTEM, site=site, changes={"tier": "1"}, reason="x", now=start)
    first = Robot().get(f"/sites?changed_since={_since(start)}&limit=3").json()
    edit_site(SYSTEM, site=grid.alpha, changes={"tier": "1"}, reason="x", now=start)
    seen = [each["key"] for each in first["items"]]
    following = first["next"].removeprefix("/api/v1")
    while following:
        page = Robot().get(following).json()
        seen += [each["key"] for each in page["items"]]
        following = (page["next"] or "").removeprefix("/api/v1")
    assert {site.key for site in sites} <= set(seen)
    # what changed at an earlier place in that order is found by the next turn, which begins before this one
    again = Robot().get(f"/sites?changed_since={quote(first['next_changed_since'])}")
    assert grid.alpha.key in names(again, "key")


def test_a_mirror_rebuilds_the_list_from_the_changes(grid):
    """Applying what changed since, in turns, gives what the list says."""
    mirror: dict[str, dict[str, object]] = {}
    since = ERA.isoformat()
    for step in range(4):
        if step:
            edit_site(SYSTEM, site=grid.beta, changes={"tier": str(step)}, reason="x", now=timezone.now())
            rename_site(SYSTEM, site=grid.alpha, name=f"ALPHA-{step}", reason="x", now=timezone.now())
        page = Robot().get(f"/sites?changed_since={quote(since)}&limit=1000").json()
        mirror |= {each["key"]: each for each in page["items"]}
        since = page["next_changed_since"]
        stands = {each["key"]: each for each in Robot().get("/sites").json()["items"]}
        assert {key: each for key, each in mirror.items() if each["valid_until"] is None} == stands


def test_as_of_gives_the_lists_of_yesterday(grid):
    now = timezone.now()
    yesterday = now - timedelta(days=1)
    for model in (Site, Service):
        model.history.model.objects.update(history_date=now - timedelta(days=2))
    before = Robot().get(f"/sites/{grid.alpha.key}").json()
    edit_site(SYSTEM, site=grid.alpha, changes={"tier": "1"}, reason="x", now=now)
    rename_site(SYSTEM, site=grid.alpha, name="RENAMED", reason="x", now=now)
    close_service(SYSTEM, service=grid.ce, reason="x", now=now)
    past = f"as_of={_since(yesterday)}"
    assert names(Robot().get("/sites")) == ["BETA", "RENAMED"]
    assert names(Robot().get(f"/sites?{past}")) == ["ALPHA", "BETA"]
    then = Robot().get(f"/sites/{grid.alpha.key}?{past}").json()
    assert then == before
    assert names(Robot().get(f"/services?site=ALPHA&{past}"), "hostname") == [grid.ce.hostname, grid.se.hostname]
    assert names(Robot().get("/services?site=RENAMED"), "hostname") == [grid.se.hostname]
    assert Robot("root").patch(f"/sites/{grid.alpha.key}?{past}", {"reason": "x", "tier": "9"}).status_code == 409


def test_the_lean_lists_say_what_gocdbs_do(grid):
    assert [each["name"] for each in Robot().get("/feeds/site_list").json()] == ["ALPHA", "BETA"]
    assert [each["key"] for each in Robot().get("/feeds/site_list?roc=NGI_SI").json()] == [grid.beta.key]
    assert [each["name"] for each in Robot().get("/feeds/site_list?certification_status=Certified").json()] == ["ALPHA"]
    without = Robot().get("/feeds/site_list?exclude_certification_status=Certified").json()
    assert [each["name"] for each in without] == ["BETA"]
    assert [each["name"] for each in Robot().get("/feeds/roc_list").json()] == ["NGI_CH", "NGI_SI"]
    assert Robot().get("/feeds/site_count_per_country").json() == [{"country": "Switzerland", "count": 1}]
    assert Robot().get("/feeds/subgrid_list").json() == []
    assert [each["name"] for each in Robot().get("/feeds/service_types").json()] == ["CE", "SE"]
