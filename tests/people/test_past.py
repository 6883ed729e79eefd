"""Time travel: every query inside as_of(moment) sees the audited tables as they stood then."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.utils import timezone
from simple_history.utils import bulk_update_with_history

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.audit import FOREVER
from gridkeeper.people.past import PastIsReadOnlyError, as_of, moment_travelled_to
from gridkeeper.registry.models import CertificationChange, Downtime, Ngi, Service, Site
from tests.builders import ERA, NOW, a_downtime, a_service, a_site, an_ngi

pytestmark = pytest.mark.django_db


def test_the_past_has_the_values_of_then_and_the_present_those_of_now():
    site = a_site(name="OLD-NAME", country="Italy")
    before = timezone.now()
    site.name, site.country = "NEW-NAME", "France"
    site.save()
    with as_of(before):
        assert moment_travelled_to() == before
        assert Site.objects.filter(country="Italy").get().name == "OLD-NAME"
        assert not Site.objects.filter(name="NEW-NAME").exists()
    assert moment_travelled_to() is None
    assert Site.objects.get().name == "NEW-NAME"


def test_joins_see_the_same_instant():
    first, second = an_ngi(name="NGI_A"), an_ngi(name="NGI_B")
    service = a_service(of=a_site(ngi=first))
    before = timezone.now()
    service.site.ngi = second
    service.site.save()
    with as_of(before):
        assert Service.objects.filter(site__ngi__name="NGI_A").select_related("site__ngi").get().site.ngi == first
    assert Service.objects.get().site.ngi_id == second.pk


def test_what_was_closed_since_is_open_and_what_was_made_since_is_not_there():
    site = a_site()
    before = timezone.now()
    site.valid_until = timezone.now()
    site.save()
    a_site(valid_from=timezone.now())
    with as_of(before):
        assert list(Site.objects.current()) == [site]


def test_an_object_is_there_from_when_it_says_not_from_when_it_was_imported():
    site = a_site(valid_until=NOW)
    with as_of(NOW - timedelta(days=1)):
        assert Site.objects.current().get() == site
    with as_of(ERA - timedelta(seconds=1)):
        assert not Site.objects.exists()


def test_certification_is_that_of_the_instant():
    site = a_site(certification="Suspended")
    CertificationChange.objects.create(site=site, changed_at=NOW, old="Certified", new="Suspended")
    with as_of(NOW - timedelta(days=1)):
        assert Site.objects.get().certification == "Certified"
        assert not CertificationChange.objects.exists()
    with as_of(NOW):
        assert Site.objects.get().certification == "Suspended"


def test_what_was_deleted_since_is_there():
    downtime = a_downtime(declared_at=NOW)
    before = timezone.now()
    downtime.affected.all().delete()
    with as_of(before):
        assert Downtime.objects.get().affected.count() == 1
    assert downtime.affected.count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_past_cannot_be_written_to():
    site = a_site()
    with as_of(timezone.now()), pytest.raises(PastIsReadOnlyError, match="registry_site"):
        site.save()
    with as_of(timezone.now()), pytest.raises(PastIsReadOnlyError):
        Ngi.objects.update(name="other")
    with as_of(timezone.now()), pytest.raises(PastIsReadOnlyError), as_of(NOW):
        pass


def test_an_error_inside_leaves_the_present_as_it_was():
    a_site()
    with pytest.raises(ZeroDivisionError), as_of(datetime(2019, 1, 1, tzinfo=UTC)):
        1 / 0  # noqa: B018
    assert Site.objects.count() == 1


def test_a_record_holds_until_the_next_one_also_where_many_are_written_at_once():
    first, second = a_site(), a_site()
    for site in (first, second):
        site.description = "bulk"
    bulk_update_with_history([first, second], Site, ["description"])
    first.description = "single"
    first.save()
    for site in (first, second):
        records = list(site.history.order_by("history_id"))
        assert [record.history_until for record in records] == [
            *(record.history_date for record in records[1:]), FOREVER,
        ]  # fmt: skip


def test_what_a_source_names_without_a_date_was_there_before_what_it_holds():
    """An import says of no region since when it is one; its downtimes of last year have one all the same."""
    with recording(Actor.system("import")):
        imported = an_ngi(name="NGI_IMPORTED", valid_from=NOW)
        a_site(ngi=imported, valid_from=ERA)
    an_ngi(name="NGI_ADDED", valid_from=NOW)
    with as_of(NOW - timedelta(days=30)):
        moment = NOW - timedelta(days=30)
        assert [ngi.name for ngi in Ngi.objects.at(moment).filter(federation__isnull=False)] == ["NGI_IMPORTED"]
        assert Site.objects.filter(ngi__name="NGI_IMPORTED").exists()


def test_instants_visited_one_after_the_other_show_each_its_own():
    site = a_site(name="FIRST")
    instants = []
    for name in ("SECOND", "THIRD"):
        instants.append(timezone.now())
        site.name = name
        site.save()
    for instant, name in [*zip(instants, ("FIRST", "SECOND"), strict=True), (instants[0], "FIRST")]:
        with as_of(instant):
            assert list(Site.objects.values_list("name", flat=True)) == [name]
            assert Site.objects.get(pk=site.pk).certification_since == site.certification_since
    assert Site.objects.get().name == "THIRD"


def test_the_past_is_visited_for_each_row_of_a_question_of_the_present():
    before = [a_site(name=f"SITE-{number}") for number in range(3)]
    instant = timezone.now()
    Site.objects.update(name=Concat("name", Value("-NEW")))
    bulk_update_with_history(list(Site.objects.all()), Site, ["name"])
    seen = []
    for site in Site.objects.order_by("pk").iterator(chunk_size=1):
        with as_of(instant):
            seen.append(Site.objects.get(pk=site.pk).name)
    assert seen == [site.name for site in before]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL copies nothing")
def test_of_two_records_that_hold_after_a_clock_was_set_back_one_counts():
    site = a_site()
    for _ in range(2):
        site.save()
    first, second, third = Site.history.order_by("history_id")
    ends = ((first, -3, 2), (second, 2, -1), (third, -1, None))
    for record, begins, ends_at in ends:
        until = FOREVER if ends_at is None else NOW + timedelta(hours=ends_at)
        Site.history.filter(pk=record.pk).update(history_date=NOW + timedelta(hours=begins), history_until=until)
    with as_of(NOW):
        assert Site.objects.filter(pk=site.pk).count() == 1
