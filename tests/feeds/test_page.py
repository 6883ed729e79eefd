"""The page of feeds: an address made of filters, which then works."""

import re

import pytest

from tests.builders import a_service, a_site, a_vo, an_ngi

pytestmark = pytest.mark.django_db


def built(page: str) -> str:
    return re.search(r'id="built">([^<]*)<', page)[1].replace("&amp;", "&")


def test_every_feed_is_listed_with_its_address(client):
    page = client.get("/feeds/").content.decode()
    for name in ("downtimes.ics", "recurrences.ics", "changes.atom", "sites.geojson", "sites.kml", "targets.json"):
        assert f"http://testserver/feeds/{name}" in page


def test_the_address_of_the_chosen_filters_works(client):
    a_vo("atlas", supported_by=[a_service(of=a_site(name="A & B", ngi=an_ngi(name="North")))])
    query = {"feed": "targets.json", "region": "North", "site": "A & B", "vo": "atlas", "severity": "OUTAGE"}
    page = client.get("/feeds/", query).content.decode()
    assert built(page) == "http://testserver/feeds/targets.json?region=North&site=A+%26+B&vo=atlas"
    assert "no filter by Severity" in page
    assert len(client.get(built(page)).json()) == 1


def test_an_unknown_feed_is_refused(client):
    response = client.get("/feeds/", {"feed": "weather"})
    assert response.status_code == 400
    assert "feed: " in response.content.decode()


def test_a_site_names_its_calendar_and_its_changes(client):
    site = a_site(name="FIRST")
    page = client.get(f"/sites/{site.key}/").content.decode()
    found = re.findall(r'<link rel="alternate" type="([^"]*)"[^>]*href="([^"]*)"', page)
    assert [kind for kind, _ in found] == ["text/calendar", "application/atom+xml"]
    assert all(client.get(url).status_code == 200 for _, url in found)


def test_addresses_name_the_host_that_others_reach(client, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"base_url": "https://grid.example.org/"})
    assert built(client.get("/feeds/").content.decode()) == "https://grid.example.org/feeds/downtimes.ics"
