"""The pages of a site and of a service: who can use it, what fails and since when, and the way to each log."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.availability.compute import compute_days
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import CauseRule
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def site():
    return a_site(name="FIRST", official_name="University of <b>First</b>")


@pytest.fixture
def service(site):
    """A CE whose job submission failed an hour ago; the version has no result because of it, ssh is well."""
    found = a_service(of=site, hostname="ce.example.org")
    for name in ("CE-js", "CE-ver", "CE-ssh"):
        in_profile(a_vo("ops", supported_by=[found]), a_test(name))
    at = NOW - timedelta(hours=1)
    submit(
        [
            a_result(found, "CE-js", executed_at=at, status=Status.CRITICAL, summary="CRITICAL: no slot"),
            a_result(found, "CE-ver", executed_at=at, status=Status.UNKNOWN, cause="CE-js"),
            a_result(found, "CE-ssh", executed_at=at),
        ],
        now=NOW,
    )
    return found


def test_it_says_for_each_vo_whether_the_site_is_good_and_why(client, site, service):
    (vo, verdict), *others = client.get(f"/sites/{site.key}/").context["verdicts"]
    assert (vo, verdict.is_good, others) == ("ops", False, [])
    assert "CE-js on ce.example.org is CRITICAL" in client.get(f"/sites/{site.key}/").content.decode()


def test_it_tells_causes_from_consequences(client, site, service):
    response = client.get(f"/sites/{site.key}/")
    (item,) = response.context["items"]
    assert [row.metric for row in item.causes] == ["CE-js"]
    assert [(cause, [row.metric for row in rows]) for cause, rows in item.consequences] == [("CE-js", ["CE-ver"])]
    assert "1 test without a result because CE-js failed" in response.content.decode()
    assert "&lt;b&gt;First" in response.content.decode()


def test_it_says_of_which_failure_another_is_a_consequence(client, site, service):
    bdii = a_service(of=site, type="Site-BDII", hostname="bdii.example.org")
    test = a_test("BDII-tcp")
    CauseRule.objects.create(cause=test, reach="site", accepted_at=NOW - timedelta(days=1))
    since = NOW - timedelta(hours=2)
    submit([a_result(bdii, "BDII-tcp", executed_at=since, status=Status.CRITICAL, summary="refused")], now=NOW)
    for address in (f"/sites/{site.key}/", service.get_absolute_url()):
        page = client.get(address).content.decode()
        assert re.search(r"Failed because <a [^>]*>BDII-tcp</a> fails on Site-BDII bdii.example.org", page)
    page = client.get(f"/sites/{site.key}/").content.decode()
    assert "2 other failures follow from it" in page
    assert [len(item.strips) for item in client.get(f"/sites/{site.key}/").context["items"]] == [1, 0]


def test_causes_of_the_past_are_those_of_its_rules(client, site, service):
    page = client.get(f"/sites/{site.key}/?as_of={NOW:%Y-%m-%dT%H:%M:%SZ}").content.decode()
    assert re.search(r"Failed because <a [^>]*>CE-js</a> fails on CE ce.example.org", page)


def test_what_fails_has_a_strip_of_its_day(client, site, service):
    (item,) = client.get(f"/sites/{site.key}/").context["items"]
    (strip,) = item.strips.values()
    assert [segment["status"] for segment in strip] == [Status.MISSING, Status.CRITICAL]


def test_downtimes_now_and_next_are_said(client, site, service):
    a_downtime(service, start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1), description="Power works")
    a_downtime(service, start=NOW + timedelta(days=2), end=NOW + timedelta(days=3), description="New batch system")
    page = client.get(f"/sites/{site.key}/").content.decode()
    assert "In downtime" in page
    assert "Power works" in page
    assert "New batch system" in page


def test_a_month_of_availability_stands_beside_its_target(client, site, service):
    assert "Nothing has been computed" in client.get(f"/sites/{site.key}/").content.decode()
    compute_days([NOW.date() - timedelta(days=1), NOW.date()], NOW)
    response = client.get(f"/sites/{site.key}/")
    assert len(response.context["month"]["days"]) >= 1
    assert "targets 80 % and 85 %" in response.content.decode()


def test_every_tab_answers(client, site, service):
    for tab in client.get(f"/sites/{site.key}/").context["tabs"]:
        assert client.get(f"/sites/{site.key}/{tab}/").status_code == 200
    assert client.get(f"/sites/{site.key}/nothing/").status_code == 404


@pytest.mark.parametrize(("who", "is_shown"), [("", False), ("charlie", False), ("alice", True)])
def test_who_may_change_is_offered_it(client, site, service, who, is_shown):
    if who:
        client.force_login(a_user(who, site=site if is_shown else None))
    for path in (f"/sites/{site.key}/", f"/services/{service.key}/"):
        assert ("Declare a downtime" in client.get(path).content.decode()) is is_shown


def test_a_site_without_services_says_what_next(client, site):
    assert "No service yet" in client.get(f"/sites/{site.key}/").content.decode()


def test_a_service_lists_its_tests_worst_first(client, service):
    response = client.get(f"/services/{service.key}/")
    assert [row.metric for row in response.context["item"].rows] == ["CE-js", "CE-ver", "CE-ssh"]


@pytest.mark.parametrize("path", ["/sites/none/", "/services/none/", "/sites/%00/"])
def test_what_does_not_exist_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("count", [1, 12])
def test_it_takes_few_queries_however_many_services(client, site, count, django_assert_max_num_queries):
    services = [a_service(of=site) for _ in range(count)]
    in_profile(a_vo("ops", supported_by=services), a_test("CE-js"))
    submit([a_result(each, executed_at=NOW, status=Status.CRITICAL) for each in services], now=NOW)
    with django_assert_max_num_queries(36):
        client.get(f"/sites/{site.key}/")
