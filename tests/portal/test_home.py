"""Home: the judgement in one line, sums, what broke, downtimes, regions; for the VO that the reader looks at."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.availability.compute import compute_days
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def services():
    """FIRST works, SECOND fails, THIRD fails in a downtime; a test for every VO, as ops is the operations VO."""
    region = an_ngi(name="North")
    names = ("FIRST", "SECOND", "THIRD")
    found = [a_service(of=a_site(name=name, ngi=region), hostname=f"{name.lower()}.example.org") for name in names]
    in_profile(a_vo("ops", supported_by=found), a_test("CE-js"))
    a_downtime(
        found[2], start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1), description="Cooling is replaced"
    )
    bad = {"status": Status.CRITICAL, "summary": "CRITICAL: <b>no route</b>"}
    submit([a_result(found[0], executed_at=NOW)], now=NOW)
    submit([a_result(each, executed_at=NOW - timedelta(minutes=5), **bad) for each in found[1:]], now=NOW)
    return found


def test_it_judges_in_one_line(client, services):
    page = client.get("/").content.decode()
    assert "<b>1</b> of <b>3</b> sites are good for ops</a>; <b>1</b> newly bad in the last hour" in page


def test_it_names_what_broke_without_repeating_the_status_and_without_markup(client, services):
    home = client.get("/").context["home"]
    page = client.get("/").content.decode()
    assert [item.service.site.name for item in home.broken] == ["SECOND"]
    assert "&lt;b&gt;no route&lt;/b&gt;" in page
    assert "<b>no route</b>" not in page


def test_a_site_that_breaks_in_many_tests_is_one_line(client, services):
    more = [a_result(services[1], f"CE-{name}", executed_at=NOW, status=Status.CRITICAL) for name in ("csh", "ver")]
    submit(more, now=NOW)
    (item,) = client.get("/").context["home"].broken
    assert (item.service.site.name, item.row.metric, item.others) == ("SECOND", "CE-csh", 2)


def test_a_site_in_downtime_stands_under_the_downtimes_alone(client, services):
    response = client.get("/")
    assert [item.site.name for item in response.context["home"].worst] == ["SECOND"]
    assert "Cooling is replaced" in response.content.decode()


def test_sums_say_what_came_to_a_status_in_the_last_hour(client, services):
    sums = {item.status: (item.count, item.recent) for item in client.get("/").context["home"].sums}
    assert sums == {Status.CRITICAL: (1, 1), Status.OK: (1, 1), Status.DOWNTIME: (1, None)}


def test_a_downtime_of_the_next_two_days_is_announced(client, services):
    start = NOW + timedelta(hours=30)
    a_downtime(services[0], start=start, end=start + timedelta(hours=2), description="New batch system")
    assert [item.description for item in client.get("/").context["home"].coming] == ["New batch system"]


def test_regions_have_their_hours_once_availability_is_computed(client, services):
    assert client.get("/").context["home"].regions[0].strip == []
    compute_days([NOW.date() - timedelta(days=1), NOW.date()], NOW)
    region = client.get("/").context["home"].regions[0]
    assert (region.name, region.good, region.total) == ("North", 1, 3)
    assert 0 < len(region.strip) <= 24


def test_htmx_gets_the_part_that_the_page_holds(client, services):
    part = client.get("/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "sites are good for ops" in part


def test_an_empty_installation_says_what_to_do(client):
    assert "gridkeeper import osg" in client.get("/").content.decode()


@pytest.mark.parametrize("count", [2, 30])
def test_it_takes_few_queries_however_many_sites(client, django_assert_max_num_queries, count):
    services = [a_service() for _ in range(count)]
    in_profile(a_vo("ops", supported_by=services), a_test("CE-js"))
    submit([a_result(each, executed_at=NOW, status=Status.CRITICAL) for each in services], now=NOW)
    with django_assert_max_num_queries(25):
        assert client.get("/").status_code == 200
