"""Atom: what changed, newest first, with names that stay."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from gridkeeper.feeds.answers import writable
from gridkeeper.people.actor import Actor, recording
from gridkeeper.registry.models import CertificationChange, Downtime
from tests.builders import a_downtime, a_federation, a_service, a_site, a_user, a_vo, an_ngi

pytestmark = pytest.mark.django_db
URL = "/feeds/changes.atom"
NS = {"a": "http://www.w3.org/2005/Atom"}


def feed(client: Client, **query: Any) -> etree._Element:
    response = client.get(URL, query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = etree.fromstring(response.content)
    assert_valid(root)
    return root


def assert_valid(root: etree._Element) -> None:
    """What RFC 4287 demands of a feed and of each entry: section 4.1.1 and 4.1.2."""
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    for element in (root, *root.findall("a:entry", NS)):
        for name in ("id", "title", "updated"):
            assert len(element.findall(f"a:{name}", NS)) == 1
        assert element.findtext("a:id", None, NS).startswith("urn:uuid:")
        assert timezone.datetime.fromisoformat(element.findtext("a:updated", None, NS)).tzinfo is not None
    assert root.find("a:author/a:name", NS) is not None
    ids = [each.text for each in root.findall("a:entry/a:id", NS)]
    assert len(ids) == len(set(ids))


def titles(root: etree._Element) -> list[str]:
    return [each.text for each in root.findall("a:entry/a:title", NS)]


def test_an_empty_feed_is_valid(client):
    a_federation(name="A grid")
    root = feed(client, kind="downtime")
    assert titles(root) == []
    assert root.findtext("a:updated", None, NS) == "2000-01-01T00:00:00.000000Z"


def test_a_downtime_is_told_with_what_it_affects_and_each_of_its_changes(client):
    downtime = a_downtime(a_service(of=a_site(name="FIRST"), hostname="ce.first.org"), description="New disks")
    downtime.cancelled_at = timezone.now()
    with recording(Actor.system(), "not today"):
        downtime.save()
    root = feed(client, kind="downtime")
    last, first = titles(root)
    assert first.startswith("Downtime declared: OUTAGE 2026-03-10 11:00 to 2026-03-10 13:00 UTC: FIRST CE ce.first.org")
    assert last.startswith("Downtime cancelled: ")
    contents = [each.text for each in root.findall("a:entry/a:content", NS)]
    assert "Why: not today" in contents[0]
    assert "New disks" in contents[1]


def test_a_certification_is_told_with_its_reason(client):
    site = a_site(name="FIRST")
    CertificationChange.objects.create(
        site=site, changed_at=timezone.now(), old="Certified", new="Suspended", reason="No answer", changed_by="alice"
    )
    root = feed(client, kind="certification")
    assert titles(root) == ["FIRST: Certified → Suspended"]
    assert root.findtext("a:entry/a:content", None, NS) == "No answer"
    assert root.find("a:entry/a:link", NS).get("href") == f"http://testserver/sites/{site.key}/"


def test_who_did_it_and_personal_data_are_for_readers_who_are_signed_in(client):
    site = a_site(name="FIRST", contact_email="old@example.org")
    site.contact_email = "new@example.org"
    user = a_user("alice")
    with recording(Actor(user=user), "moved"):
        site.save()
    stranger = etree.tostring(feed(client, kind="topology"), encoding="unicode")
    assert "alice" not in stranger
    assert "@example.org" not in stranger
    client.force_login(user)
    known = etree.tostring(feed(client, kind="topology"), encoding="unicode")
    assert "alice" in known
    assert "old@example.org → new@example.org" in known


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"FIRST", "SECOND"}),
        ({"site": "FIRST"}, {"FIRST"}),
        ({"region": "South"}, {"SECOND"}),
        ({"vo": "atlas"}, {"SECOND"}),
        ({"severity": "WARNING"}, {"SECOND"}),
        ({"until": "2020-01-02", "from": "2020-01-01"}, set()),
    ],
)
def test_filters_choose(client, query, expected):
    first = a_service(of=a_site(name="FIRST", ngi=an_ngi(name="North")))
    second = a_service(of=a_site(name="SECOND", ngi=an_ngi(name="South")))
    a_vo("atlas", supported_by=[second])
    a_downtime(first)
    a_downtime(second, severity="WARNING")
    found = " ".join(titles(feed(client, kind="downtime", **query)))
    assert {name for name in ("FIRST", "SECOND") if name in found} == expected


def test_an_unknown_kind_is_refused_by_name(client):
    response = client.get(URL, {"kind": "weather"})
    assert (response.status_code, response.content[:6]) == (400, b"kind: ")


def test_as_of_tells_nothing_of_what_came_later(client):
    a_downtime(a_service())
    then = timezone.now()
    a_downtime(a_service())
    assert len(titles(feed(client, kind="downtime", as_of=then.isoformat()))) == 1


def test_ids_stay_when_more_is_told(client):
    a_downtime(a_service())
    before = feed(client).findtext("a:entry[last()]/a:id", None, NS)
    a_downtime(a_service())
    assert before in {each.text for each in feed(client).findall("a:entry/a:id", NS)}


def test_it_is_short_however_much_happened(client):
    service = a_service()
    for _ in range(205):
        a_downtime(service)
    assert len(titles(feed(client))) == 200


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200))
@example("]]><script>alert(1)</script>&amp;<!--")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_write_arrives_as_it_was_written(client, text):
    Downtime.objects.all().delete()
    Downtime.history.all().delete()
    a_downtime(a_service(), description=text)
    content = feed(client, kind="downtime").findtext("a:entry/a:content", None, NS)
    assert content.replace("\r\n", "\n") == writable(text)


def test_a_reader_who_has_it_gets_304(client):
    a_downtime(a_service())
    response = client.get(URL)
    assert client.get(URL, headers={"if-none-match": response["ETag"]}).status_code == 304


def test_the_self_link_is_the_address_that_was_asked(client):
    root = feed(client, kind="topology", site=a_site(name="FIRST").name)
    assert root.find("a:link[@rel='self']", NS).get("href") == f"http://testserver{URL}?kind=topology&site=FIRST"


def test_a_month_is_told_where_nothing_is_asked(client):
    site = a_site(name="FIRST")
    now = timezone.now()
    for days in (29, 31):
        CertificationChange.objects.create(
            site=site, changed_at=now - timedelta(days=days), old="Uncertified", new="Certified"
        )
    assert len(titles(feed(client, kind="certification"))) == 1
