"""The map: what is seen, what stands together, and what the page says of it."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.portal.map_rules import NARROWEST, WIDEST, WORLD, View, clustered, fitting
from tests.builders import a_downtime, a_federation, a_service, a_site, a_vo, an_ngi

LONGITUDES = st.floats(-180, 180)
LATITUDES = st.floats(-90, 90)
VIEWS = st.builds(View, LONGITUDES, LATITUDES, st.floats(0.01, 1000)).map(View.within_world)
POINTS = st.lists(st.tuples(LONGITUDES, LATITUDES), max_size=30)


@given(VIEWS)
def test_a_view_shows_nothing_beyond_the_world(view):
    assert NARROWEST <= view.width <= WIDEST
    assert view.longitude - view.width / 2 >= -180.000001
    assert view.longitude + view.width / 2 <= 180.000001
    assert view.latitude - view.height / 2 >= -90.000001
    assert view.latitude + view.height / 2 <= 90.000001


@given(POINTS)
def test_what_is_fitted_is_seen(points):
    view = fitting(points)
    assert all(-1e-6 <= each <= 100 + 1e-6 for point in points for each in view.percent(*point))


@given(POINTS, VIEWS)
def test_each_point_that_is_seen_stands_in_one_cluster(points, view):
    numbered = [(longitude, latitude, index) for index, (longitude, latitude) in enumerate(points)]
    members = [index for cluster in clustered(numbered, view) for index in cluster.members]
    assert sorted(members) == [index for index, point in enumerate(points) if view.shows(*point)]


def test_points_part_when_the_reader_comes_nearer():
    points = [(0.0, 0.0, "a"), (2.0, 0.0, "b")]
    assert [cluster.members for cluster in clustered(points, WORLD)] == [("a", "b")]
    near = fitting([(0, 0), (2, 0)])
    assert [cluster.members for cluster in clustered(points, near)] == [("a",), ("b",)]


def test_what_lies_at_one_place_cannot_be_told_apart():
    (cluster,) = clustered([(1.0, 1.0, "a"), (1.0, 1.001, "b")], WORLD)
    assert cluster.is_one_place


def marks(page: str) -> list[tuple[str, str, str]]:
    """Status, address and title of each mark."""
    found = re.findall(r'<a class="pin status-(\w+)[^"]*" href="([^"]*)".*?<title>(.*?)</title>', page, re.DOTALL)
    return [(status, url.replace("&amp;", "&"), title) for status, url, title in found]


@pytest.fixture
def grid(db):
    a_federation(name="A grid")
    north, south = an_ngi(name="North"), an_ngi(name="South")
    first = a_site(name="FIRST", ngi=north, latitude=50.0, longitude=14.0)
    near = a_site(name="NEAR", ngi=north, latitude=50.5, longitude=14.5, certification="Suspended")
    far = a_site(name="FAR", ngi=south, latitude=-33.9, longitude=18.4)
    hidden = a_site(name="NOWHERE", ngi=south)
    services = {site.name: a_service(of=site) for site in (first, near, far, hidden)}
    a_vo("atlas", supported_by=[services["FAR"]])
    now = timezone.now()
    a_downtime(services["FAR"], start=now - timedelta(hours=1), end=now + timedelta(hours=2))
    return services


def test_sites_that_lie_near_stand_together_and_lead_nearer(client, grid):
    page = client.get("/map/").content.decode()
    together, alone = sorted(marks(page), key=lambda mark: "FAR" in mark[2])
    assert together[2].startswith("2 sites: 1 MISSING, 1 EXCLUDED\nFIRST: MISSING\nNEAR: EXCLUDED")
    assert together[0] == "missing"
    assert alone[0] == "downtime"
    assert alone[1] == f"/sites/{grid['FAR'].site.key}/"
    assert "Outage until" in alone[2]
    nearer = client.get(together[1]).content.decode()
    assert {title.partition(":")[0] for _, _, title in marks(nearer)} == {"FIRST", "NEAR"}


def test_the_table_says_the_same_and_more(client, grid):
    page = client.get("/map/").content.decode()
    for name in ("FIRST", "NEAR", "FAR", "NOWHERE"):
        assert f">{name}</a>" in page
    assert "1 without a known position" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"vo": "atlas"}, {"FAR"}),
        ({"vo": ""}, {"FIRST", "NEAR", "FAR", "NOWHERE"}),
        ({"region": "North"}, {"FIRST", "NEAR"}),
        ({"region": "North", "certification": "Certified"}, {"FIRST"}),
        ({"region": "South", "vo": "atlas"}, {"FAR"}),
    ],
)
def test_filters_choose(client, grid, query, expected):
    page = client.get("/map/", query).content.decode()
    assert {name for name in ("FIRST", "NEAR", "FAR", "NOWHERE") if f">{name}</a>" in page} == expected


@pytest.mark.parametrize(
    "query", [{"view": "here"}, {"view": "1,2"}, {"view": "nan,0,10"}, {"vo": "x"}, {"region": "x"}]
)
def test_a_bad_parameter_is_refused_by_name_and_the_map_still_stands(client, grid, query):
    response = client.get("/map/", query)
    assert response.status_code == 400
    page = response.content.decode()
    assert f'role="alert">{next(iter(query))}: ' in page
    assert marks(page)


def test_htmx_gets_the_picture_alone(client, grid):
    part = client.get("/map/", headers={"hx-request": "true"}).content.decode()
    assert part.startswith('<div class="map-frame"')
    assert "<table" not in part


def test_the_past_shows_the_sites_of_then(client, grid):
    then = timezone.now()
    site = grid["FIRST"].site
    site.name, site.latitude = "MOVED", 10.0
    site.save()
    page = client.get("/map/", {"as_of": then.isoformat()}).content.decode()
    assert "FIRST" in page
    assert "MOVED" not in page
    assert "Of the past the map shows downtimes" in page
    assert "as_of=" in marks(page)[0][1] or "/sites/" in marks(page)[0][1]


def test_hostile_names_are_shown_as_text(client, db):
    a_site(name="<script>alert(1)</script>", latitude=1.0, longitude=1.0)
    page = client.get("/map/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_an_empty_map_says_what_to_do(client, db):
    page = client.get("/map/").content.decode()
    assert "No site to show" in page


def test_the_number_of_queries_does_not_depend_on_the_number_of_sites(client, db, django_assert_max_num_queries):
    for number in range(30):
        a_service(of=a_site(latitude=float(number), longitude=float(number)))
    with django_assert_max_num_queries(14):
        client.get("/map/")
