"""ETag, 304, HEAD, gzip; the past; answers that are streamed and do not fill the memory."""

import gc
import gzip
import tracemalloc
from datetime import timedelta

import pytest
from django.utils import timezone
from lxml import etree

from gridkeeper.api.gocdb.methods import METHODS
from gridkeeper.people.actor import Actor, recording
from gridkeeper.registry.models import DowntimeService, NgiMembership, Service
from tests.api.gocdb.asking import PRIVATE, address, ask, names, refused
from tests.builders import ERA, NOW, a_downtime, a_scope, a_service, a_service_type, a_site, an_endpoint

pytestmark = pytest.mark.django_db


def etag(client, method, at="/gocdbpi/public/", **parameters):
    answer = client.get(address(method, at, **parameters))
    answer.getvalue()
    return answer["ETag"]


def test_an_answer_that_has_not_changed_is_a_304_without_a_body(officer, full):
    for method in METHODS:
        url = address(method, PRIVATE)
        before = officer.get(url)
        before.getvalue()
        again = officer.get(url, headers={"if-none-match": before["ETag"]})

        assert (again.status_code, again.content) == (304, b""), method
        assert again["ETag"] == before["ETag"]


def test_a_304_costs_no_reading_of_the_answer(client, full, django_assert_num_queries):
    tag = etag(client, "get_service")
    with django_assert_num_queries(2):  # where the tables stand, and the default scope
        assert client.get(address("get_service"), headers={"if-none-match": tag}).status_code == 304


CHANGES = {
    "a service": ("get_service", lambda full: save(full.service, url="https://other.example.org")),
    "its site": ("get_service", lambda full: save(full.site, name="BETA")),
    "its region": ("get_service", lambda full: save(full.ngi, name="NGI_IT")),
    "its type": ("get_service", lambda full: save(full.kind, name="HTCondor-CE")),
    "its endpoint": ("get_service", lambda full: save(full.endpoint, url="https://other.example.org")),
    "a new endpoint": ("get_service", lambda full: an_endpoint(of=full.service)),
    "the default scope": ("get_service", lambda full: save(a_scope("EGI"), is_default=False)),
    "a downtime": ("get_downtime", lambda full: save(full.downtime, end=NOW)),
    "a cancellation": ("get_downtime", lambda full: save(full.downtime, cancelled_at=NOW)),
    "a part of it": ("get_downtime", lambda full: save(full.affected, end=full.downtime.start + timedelta(hours=1))),
    "a group": ("get_service_group", lambda full: save(full.group, email="new@example.org")),
    "a person": ("get_user", lambda full: save(full.person, telephone="+41 4")),
    "a role": ("get_site_contacts", lambda full: full.person.registry_roles.all().delete()),
    "a federation": ("get_user", lambda full: NgiMembership.objects.all().delete()),
}


def save(thing, **values):
    for name, value in values.items():
        setattr(thing, name, value)
    thing.save()


@pytest.mark.parametrize("change", CHANGES)
def test_the_etag_changes_with(officer, full, change):
    method, make = CHANGES[change]
    before = etag(officer, method, PRIVATE)
    make(full)

    assert etag(officer, method, PRIVATE) != before


def test_the_etag_stays_when_something_else_changes(client, full):
    before = etag(client, "get_service")
    save(full.downtime, end=NOW)

    assert etag(client, "get_service") == before


def test_the_etag_of_what_runs_now_changes_by_the_clock_alone(client):
    """A downtime that begins or ends changes nothing in the registry, and yet the answer."""
    now = timezone.now()
    downtime = a_downtime(a_service(), a_service(), start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    running = etag(client, "get_downtime", ongoing_only="yes")
    assert etag(client, "get_downtime", ongoing_only="yes") == running
    # As if time had passed: no audit record is written.
    DowntimeService.objects.filter(pk=downtime.affected.first().pk).update(end=now - timedelta(minutes=1))

    assert etag(client, "get_downtime", ongoing_only="yes") != running


def test_etags_differ_by_question(client, full):
    found = {
        etag(client, "get_service"),
        etag(client, "get_service", scope=""),
        etag(client, "get_service", next_cursor=0),
    }

    assert len(found) == 3


def test_last_modified_is_told_once_it_is_settled(client, full):
    recent = client.get(address("get_service"))
    recent.getvalue()
    assert "Last-Modified" not in recent
    long_ago = timezone.now() - timedelta(hours=2)
    for model in (type(full.site), type(full.service), type(full.ngi), type(full.endpoint), type(full.kind)):
        model.history.update(history_date=long_ago)
    type(a_scope("EGI")).history.update(history_date=long_ago)
    settled = client.get(address("get_service"))
    settled.getvalue()
    stamp = settled["Last-Modified"]

    assert client.get(address("get_service"), headers={"if-modified-since": stamp}).status_code == 304
    save(full.service, url="https://other.example.org")
    changed = client.get(address("get_service"), headers={"if-modified-since": stamp})
    assert changed.status_code == 200
    assert changed.getvalue()


def test_head_tells_what_get_would_without_making_it(officer, full, django_assert_max_num_queries):
    url = address("get_service")
    got = officer.get(url)
    got.getvalue()
    with django_assert_max_num_queries(4):
        head = officer.head(url)

    assert (head.status_code, b"".join(head)) == (200, b"")
    assert {name: head[name] for name in ("ETag", "Content-Type", "Cache-Control")} == {
        name: got[name] for name in ("ETag", "Content-Type", "Cache-Control")
    }
    assert officer.head(url, headers={"if-none-match": got["ETag"]}).status_code == 304
    assert officer.head(address("get_nothing")).status_code == 404


@pytest.mark.parametrize("more", [{}, {"next_cursor": 0}])
def test_answers_are_compressed_for_who_takes_it(client, full, more):
    plain = client.get(address("get_service", **more)).getvalue()
    packed = client.get(address("get_service", **more), headers={"accept-encoding": "gzip"})

    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.getvalue()) == plain
    assert packed["ETag"].startswith('W/"')
    unchanged = client.get(
        address("get_service", **more), headers={"accept-encoding": "gzip", "if-none-match": packed["ETag"]}
    )
    assert unchanged.status_code == 304


def test_answers_with_people_are_private(officer, reader, full):
    for client, method in ((officer, "get_user"), (reader, "get_site")):
        answer = client.get(address(method, PRIVATE))
        answer.getvalue()
        assert answer["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie"} <= set(answer["Vary"].replace(" ", "").split(","))


def test_ten_thousand_services_are_streamed_in_flat_memory(client):
    site, kind = a_site(), a_service_type()
    Service.objects.bulk_create(
        Service(site=site, service_type=kind, hostname=f"h{n}.example.org", description="x" * 500, valid_from=ERA)
        for n in range(10_000)
    )
    client.get(address("get_service", hostname="h1.example.org")).getvalue()  # what is loaded once does not count
    answer = client.get(address("get_service"))
    tracemalloc.start()
    size = sum(len(part) for part in answer)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert answer.streaming
    assert size > 5_000_000
    assert peak < size / 2


@pytest.fixture
def moved():
    """A service that had another address yesterday; it was renamed, and closed with its site, since."""
    with recording(Actor.system()):
        service = a_service(of=a_site(name="OLD"), hostname="old.example.org", url="https://old.example.org")
        downtime = a_downtime(service, start=ERA, end=ERA + timedelta(days=1), declared_at=ERA)
    yesterday = timezone.now()
    with recording(Actor.system()):
        save(service.site, name="NEW", certification="Closed")
        save(service, url="https://new.example.org")
        save(downtime, cancelled_at=timezone.now())
    return yesterday.isoformat()


def test_as_of_answers_as_it_was(client, moved):
    (service,) = ask(client, "get_service", as_of=moved)

    assert (service.findtext("SITENAME"), service.findtext("URL")) == ("OLD", "https://old.example.org")
    assert [site.get("NAME") for site in ask(client, "get_site_list", as_of=moved)] == ["OLD"]
    assert names(ask(client, "get_downtime", as_of=moved), "HOSTED_BY") == ["OLD"]
    assert len(ask(client, "get_service")) == len(ask(client, "get_downtime")) == 0
    assert [site.get("NAME") for site in ask(client, "get_site_list")] == ["NEW"]


def test_pages_and_people_travel_as_well(officer, moved):
    meta, site = ask(officer, "get_site_list", as_of=moved, next_cursor=0)

    assert site.get("NAME") == "OLD"
    assert "as_of=" in meta[0].get("href")
    assert [each.get("NAME") for each in ask(officer, "get_site_contacts", PRIVATE, as_of=moved)] == ["OLD"]


def test_the_past_has_etags_of_its_own(client, moved):
    assert etag(client, "get_site_list", as_of=moved) != etag(client, "get_site_list")
    answer = client.get(
        address("get_site_list", as_of=moved), headers={"if-none-match": etag(client, "get_site_list", as_of=moved)}
    )
    assert answer.status_code == 304


def test_a_reader_that_leaves_early_leaves_the_present_to_the_next(client, moved):
    answer = client.get(address("get_site_list", as_of=moved))
    next(iter(answer))
    # Not close(): with PostgreSQL that would take the test's own connection along.
    del answer
    gc.collect()

    assert [site.get("NAME") for site in ask(client, "get_site_list")] == ["NEW"]


@pytest.mark.parametrize("moment", ["yesterday-ish", "2999-01-01T00:00Z", "2026-13-01"])
def test_an_instant_that_is_none_is_refused_in_gocdbs_words(client, moment):
    status, text = refused(client, "get_site_list", as_of=moment)

    assert status == 400
    assert "as_of" in text


def test_the_longest_interval_before_the_earliest_instant_is_no_error(client):
    assert len(ask(client, "get_downtime_to_broadcast", interval=36500, as_of="2000-01-01T00:00Z")) == 0
    assert len(ask(client, "get_downtime", all_lastmonth="", as_of="2000-01-01T00:00Z")) == 0


def test_documents_are_well_formed_when_empty(officer):
    for method in METHODS:
        body = officer.get(address(method, PRIVATE)).getvalue()
        assert etree.fromstring(body).tag == "results"
