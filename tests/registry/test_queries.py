from datetime import timedelta

import pytest

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import CertificationChange, Downtime, Ngi, Site
from gridkeeper.registry.queries import (
    counts,
    downtimes_at,
    downtimes_between,
    downtimes_next,
    ngis_with_counts,
    outage_windows,
    services_at,
    services_in_downtime,
    site_in_downtime,
    sites_in_downtime,
    sites_with_certification_at,
    with_counts,
    with_state,
)
from tests.builders import NOW, a_downtime, a_service, a_site, an_ngi

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_services_offered_are_of_certified_sites_and_in_production():
    offered = a_service()
    a_service(of=a_site(certification="Uncertified"))
    a_service(of=a_site(certification="Closed"))
    a_service(in_production=False)
    a_service(valid_until=NOW)
    a_service(valid_from=NOW + HOUR)
    silent = a_service(is_monitored=False)
    assert set(services_at(NOW)) == {offered, silent}
    assert set(services_at(NOW, only_monitored=True)) == {offered}


def test_services_of_yesterday_are_those_of_sites_certified_yesterday():
    site = a_site(certification="Suspended")
    service = a_service(of=site)
    CertificationChange.objects.create(site=site, changed_at=NOW - HOUR, old="Certified", new="Suspended")
    assert list(services_at(NOW)) == []
    assert list(services_at(NOW - DAY)) == [service]


@pytest.mark.parametrize(
    ("moment", "expected"),
    [(NOW - 3 * DAY, "Candidate"), (NOW - 2 * DAY, "Uncertified"), (NOW - HOUR, "Uncertified"), (NOW, "Certified")],
)
def test_the_certification_of_an_instant_is_what_the_next_change_ended(moment, expected):
    site = a_site(certification="Certified")
    for changed_at, old, new in ((NOW - 2 * DAY, "Candidate", "Uncertified"), (NOW, "Uncertified", "Certified")):
        CertificationChange.objects.create(site=site, changed_at=changed_at, old=old, new=new)
    assert sites_with_certification_at(moment).get().certification_then == expected


def test_where_the_log_knows_no_earlier_value_the_present_one_is_taken():
    site = a_site(certification="Certified")
    CertificationChange.objects.create(site=site, changed_at=NOW, old="", new="Certified")
    assert sites_with_certification_at(NOW - DAY).get().certification_then == "Certified"


def test_downtimes_at_an_instant_are_half_open_and_not_cancelled():
    service = a_service()
    downtime = a_downtime(service, start=NOW, end=NOW + HOUR)
    a_downtime(service, start=NOW, end=NOW + HOUR, cancelled_at=NOW - HOUR)
    assert list(downtimes_at(NOW - timedelta(microseconds=1))) == []
    assert list(downtimes_at(NOW)) == [downtime]
    assert list(downtimes_at(NOW + HOUR)) == []
    assert list(downtimes_at(NOW, site=service.site)) == list(downtimes_at(NOW, service=service)) == [downtime]
    assert list(downtimes_at(NOW, site=a_site())) == list(downtimes_at(NOW, severity="WARNING")) == []


def test_downtimes_between_overlap_and_come_by_start():
    late, early = a_downtime(start=NOW + HOUR, end=NOW + 2 * HOUR), a_downtime(start=NOW - HOUR, end=NOW + HOUR)
    a_downtime(start=NOW - 2 * HOUR, end=NOW)  # touches, does not overlap
    a_downtime(start=NOW + 3 * HOUR, end=NOW + 4 * HOUR)
    assert list(downtimes_between(NOW, NOW + 3 * HOUR)) == [early, late]
    assert list(downtimes_next(NOW, until=NOW + 2 * HOUR)) == [late]


def test_downtimes_bring_their_services_in_three_queries(django_assert_num_queries):
    for _ in range(5):
        a_downtime(a_service(), a_service())
    with django_assert_num_queries(3):
        names = [
            each.site.ngi.name + each.service_type.name for down in downtimes_at(NOW) for each in down.services.all()
        ]
    assert len(names) == 10


def test_a_service_in_two_downtimes_shows_the_one_that_ends_last():
    service = a_service()
    a_downtime(service, end=NOW + HOUR)
    longer = a_downtime(service, end=NOW + 2 * HOUR)
    a_downtime(service, end=NOW + 3 * HOUR, severity="WARNING")
    assert services_in_downtime(NOW) == {service.pk: longer}
    assert services_in_downtime(NOW, services=[]) == {}


def test_a_site_is_in_downtime_when_all_its_services_are():
    site = a_site()
    first, second = a_service(of=site), a_service(of=site)
    one = a_downtime(first, end=NOW + HOUR)
    assert site_in_downtime(site, NOW) is None
    assert sites_in_downtime(NOW) == {site.pk: [one]}
    a_downtime(second, end=NOW + 2 * HOUR)
    assert site_in_downtime(site, NOW) == one
    assert site_in_downtime(a_site(), NOW) is None


def test_counts_do_not_multiply():
    ngi = an_ngi()
    site = a_site(ngi=ngi)
    services = [a_service(of=site) for _ in range(3)]
    a_downtime(*services)
    a_downtime(*services)
    a_downtime(*services, start=NOW + HOUR, end=NOW + 2 * HOUR)
    a_service(of=site, valid_until=NOW)
    a_site(ngi=ngi, certification="Uncertified")
    row = with_counts(Site.objects.filter(pk=site.pk), NOW).get()
    assert (row.service_count, row.downtime_count) == (3, 2)
    region = ngis_with_counts(Ngi.objects.filter(pk=ngi.pk), NOW).get()
    assert (region.site_count, region.certified_count, region.service_count, region.downtime_count) == (2, 1, 3, 2)
    total = counts(NOW)
    assert (total.regions, total.sites, total.certified_sites, total.services, total.downtimes_now) == (1, 2, 1, 3, 2)


def test_state_in_the_database_is_the_state_of_the_rule():
    a_downtime(description="now")
    a_downtime(description="next", start=NOW + HOUR, end=NOW + 2 * HOUR)
    a_downtime(description="past", start=NOW - HOUR, end=NOW)
    a_downtime(description="cancelled", start=NOW + HOUR, end=NOW + 2 * HOUR, cancelled_at=NOW)
    assert all(row.state == row.description for row in with_state(Downtime.objects.all(), NOW))


def test_a_service_that_is_back_early_is_in_no_downtime_from_then_on():
    early, late = a_service(), a_service()
    downtime = a_downtime(early, late, start=NOW - HOUR, end=NOW + 2 * HOUR)
    downtime.affected.filter(service=early).update(end=NOW)
    assert services_in_downtime(NOW - timedelta(seconds=1)).keys() == {early.pk, late.pk}
    assert services_in_downtime(NOW).keys() == {late.pk}
    assert list(downtimes_at(NOW, service=early)) == list(downtimes_at(NOW, site=early.site)) == []
    assert list(downtimes_at(NOW, service=late)) == [downtime]
    window = Window(NOW - 2 * HOUR, NOW + 3 * HOUR)
    assert outage_windows([early, late], window) == {
        early.pk: [Window(NOW - HOUR, NOW)],
        late.pk: [Window(NOW - HOUR, NOW + 2 * HOUR)],
    }
