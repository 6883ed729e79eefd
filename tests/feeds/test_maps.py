"""GeoJSON, KML and targets: the structure that readers need, and the statuses."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from lxml import etree

from gridkeeper.core.status import Status
from gridkeeper.feeds.answers import writable
from gridkeeper.probes.ingest import submit
from gridkeeper.registry.models import Service, Site
from tests.builders import a_downtime, a_result, a_scope, a_service, a_site, a_vo, an_ngi

pytestmark = pytest.mark.django_db
KML = {"k": "http://www.opengis.net/kml/2.2"}
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)


def geojson(client: Client, **query: Any) -> dict[str, dict[str, Any]]:
    """Name of the site -> its feature."""
    response = client.get("/feeds/sites.geojson", query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/geo+json"
    found = json.loads(response.content)
    assert found["type"] == "FeatureCollection"
    for feature in found["features"]:
        assert feature.keys() == {"type", "id", "geometry", "properties"}
        assert feature["type"] == "Feature"
    return {feature["properties"]["name"]: feature for feature in found["features"]}


def kml(client: Client, **query: Any) -> etree._Element:
    response = client.get("/feeds/sites.kml", query)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/vnd.google-earth.kml+xml"
    root = etree.fromstring(response.content)
    document = root.find("k:Document", KML)
    # Every style that is used is there, and every placemark stands in a folder.
    styles = {f"#{each.get('id')}" for each in document.findall("k:Style", KML)}
    assert {each.text for each in root.iter("{*}styleUrl")} <= styles
    assert len(root.findall(".//k:Placemark", KML)) == len(document.findall("k:Folder/k:Placemark", KML))
    for place in root.findall(".//k:Placemark", KML):
        order = ["name", "description", "styleUrl", "ExtendedData", "Point"]
        names = [etree.QName(child).localname for child in place]
        assert names == [name for name in order if name in names]  # the schema's sequence
    return root


def targets(client: Client, **query: Any) -> list[dict[str, Any]]:
    response = client.get("/feeds/targets.json", query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "application/json"
    found = json.loads(response.content)
    assert all(group.keys() == {"targets", "labels"} for group in found)
    assert all(isinstance(value, str) for group in found for value in group["labels"].values())
    return found


@pytest.mark.parametrize("name", ["sites.geojson", "sites.kml", "targets.json"])
def test_empty_feeds_are_valid(client, name):
    a_site(certification="Closed")
    assert client.get(f"/feeds/{name}").status_code == 200
    assert geojson(client) == {}
    assert kml(client).findall(".//k:Placemark", KML) == []
    assert targets(client) == []


def test_a_site_stands_where_it_lies_longitude_first(client):
    a_site(name="FIRST", latitude=46.2, longitude=6.1)
    a_site(name="NOWHERE")
    found = geojson(client)
    assert found["FIRST"]["geometry"] == {"type": "Point", "coordinates": [6.1, 46.2]}
    assert found["NOWHERE"]["geometry"] is None
    points = {
        place.findtext("k:name", None, KML): place.findtext("k:Point/k:coordinates", None, KML)
        for place in kml(client).iter("{*}Placemark")
    }
    assert points == {"FIRST": "6.1,46.2,0", "NOWHERE": None}


def test_each_vo_has_its_own_status(client):
    site = a_site(name="FIRST")
    service = a_service(of=site)
    a_vo("atlas", supported_by=[service])
    a_vo("cms", supported_by=[service])
    now = timezone.now()
    submit(
        [
            a_result(service, "CE-js", "atlas", executed_at=now),
            a_result(service, "CE-js", "cms", executed_at=now, status=Status.CRITICAL),
        ],
        now=now,
    )
    properties = geojson(client)["FIRST"]["properties"]
    assert properties["status_by_vo"] == {"atlas": "OK", "cms": "CRITICAL"}
    assert properties["status"] == "CRITICAL"
    assert geojson(client, vo="atlas")["FIRST"]["properties"]["status_by_vo"] == {"atlas": "OK"}


def test_services_of_one_type_stand_in_for_each_other_and_types_need_each_other(client):
    site = a_site(name="FIRST")
    first, second, storage = a_service(of=site), a_service(of=site), a_service(of=site, type="SRM")
    now = timezone.now()

    def observe(*statuses: Status) -> str:
        rows = zip((first, second, storage), statuses, strict=True)
        later = timezone.now()
        submit([a_result(each, "m", executed_at=later, status=status) for each, status in rows], now=later)
        return geojson(client)["FIRST"]["properties"]["status"]

    assert observe(Status.CRITICAL, Status.OK, Status.OK) == "OK"
    assert observe(Status.CRITICAL, Status.OK, Status.CRITICAL) == "CRITICAL"
    a_downtime(storage, start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    assert geojson(client)["FIRST"]["properties"]["status"] == "DOWNTIME"


def test_a_site_that_is_not_certified_is_excluded_and_a_closed_one_is_left_out(client):
    a_service(of=a_site(name="NEW", certification="Candidate"))
    a_service(of=a_site(name="GONE", certification="Closed"))
    assert {name: each["properties"]["status"] for name, each in geojson(client).items()} == {"NEW": "EXCLUDED"}
    assert set(geojson(client, certification="Closed")) == {"GONE"}


def test_a_downtime_that_runs_is_told_until_the_site_is_back(client):
    site = a_site(name="FIRST")
    first, second = a_service(of=site), a_service()
    now = timezone.now().replace(microsecond=0)
    downtime = a_downtime(first, second, start=now - timedelta(hours=1), end=now + timedelta(hours=5))
    downtime.affected.filter(service=first).update(end=now + timedelta(hours=1))
    (told,) = geojson(client)["FIRST"]["properties"]["downtimes"]
    assert told["until"] == (now + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert told["severity"] == "OUTAGE"


def test_the_past_shows_sites_as_they_were_and_no_results_of_today(client):
    site = a_site(name="BEFORE", latitude=1.0, longitude=2.0)
    service = a_service(of=site)
    then = timezone.now()
    site.name = "AFTER"
    site.save()
    submit([a_result(service, executed_at=timezone.now())], now=timezone.now())
    found = geojson(client, as_of=then.isoformat())
    assert set(found) == {"BEFORE"}
    assert found["BEFORE"]["properties"]["has_results"] is False
    assert found["BEFORE"]["properties"]["status"] == "MISSING"
    assert geojson(client)["AFTER"]["properties"]["status"] == "OK"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {"FIRST", "SECOND"}),
        ({"site": "FIRST"}, {"FIRST"}),
        ({"region": "South"}, {"SECOND"}),
        ({"vo": "atlas"}, {"SECOND"}),
        ({"service_type": "SRM"}, {"SECOND"}),
        ({"scope": "EGI"}, {"FIRST"}),
        ({"infrastructure": "Test"}, {"SECOND"}),
        ({"certification": "Certified"}, {"FIRST", "SECOND"}),
    ],
)
def test_filters_choose_alike_in_all(client, query, expected):
    a_scope("EGI")
    first = a_site(name="FIRST", ngi=an_ngi(name="North"), scopes=["EGI"])
    second = a_site(name="SECOND", ngi=an_ngi(name="South"), infrastructure="Test")
    a_service(of=first, scopes=["EGI"])
    a_vo("atlas", supported_by=[a_service(of=second, type="SRM")])
    assert set(geojson(client, **query)) == expected
    assert {each.findtext("k:name", None, KML) for each in kml(client, **query).iter("{*}Placemark")} == expected
    assert {group["labels"]["__meta_gridkeeper_site"] for group in targets(client, **query)} == expected


@given(name=ANY_TEXT)
@example("<b>&amp;]]>")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_write_arrives_as_it_was_written(client, name):
    Service.objects.all().delete()
    Site.objects.all().delete()
    service = a_service(of=a_site(name=name, latitude=1.0, longitude=2.0), url=name)
    assert set(geojson(client)) == {name}
    assert targets(client)[0]["labels"]["__meta_gridkeeper_url"] == service.url
    place = kml(client).find(".//k:Placemark", KML)
    assert place.findtext("k:name", None, KML).replace("\r\n", "\n") == writable(name)


def test_the_balloon_of_a_globe_viewer_holds_no_markup_of_others(client):
    now = timezone.now()
    service = a_service(of=a_site(latitude=1.0, longitude=2.0))
    a_downtime(service, start=now - timedelta(hours=1), end=now + timedelta(hours=1), description="<script>x</script>")
    text = kml(client).findtext(".//k:Placemark/k:description", None, KML)
    assert "<script>" not in text
    assert "&lt;script&gt;x" in text


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("", "ce.example.org"),
        ("https://ce.example.org/x", "ce.example.org:443"),
        ("https://other.example.org:8443/x", "other.example.org:8443"),
        ("ce.example.org:9619", "ce.example.org:9619"),
        ("ldap://bdii.example.org:2170/o=grid", "bdii.example.org:2170"),
        ("https://[2001:db8::1]:5000/", "[2001:db8::1]:5000"),
        ("https://ce.example.org:99999/", "ce.example.org"),
        ("what is this", "ce.example.org"),
    ],
)
def test_a_target_is_host_and_port_of_the_url(client, url, target):
    a_service(hostname="ce.example.org", url=url)
    assert targets(client)[0]["targets"] == [target]


def test_targets_are_in_production_and_monitored_unless_others_are_asked_for(client):
    a_service(hostname="a.org")
    a_service(hostname="b.org", is_monitored=False)
    a_service(hostname="c.org", in_production=False)

    def hosts(**query: str) -> list[str]:
        return sorted(group["targets"][0] for group in targets(client, **query))

    assert hosts() == ["a.org"]
    assert hosts(monitored="any") == ["a.org", "b.org"]
    assert hosts(monitored="no") == ["b.org"]
    assert hosts(production="any", monitored="any") == ["a.org", "b.org", "c.org"]
    response = client.get("/feeds/targets.json", {"monitored": "perhaps"})
    assert (response.status_code, response.content[:10]) == (400, b"monitored:")


def test_lists_are_labels_that_a_pattern_can_match(client):
    service = a_service(scopes=["EGI", "Local"])
    a_vo("atlas", supported_by=[service])
    a_vo("cms", supported_by=[service])
    (group,) = targets(client)
    assert group["labels"]["__meta_gridkeeper_vos"] == ",atlas,cms,"
    assert group["labels"]["__meta_gridkeeper_scopes"] == ",EGI,Local,"


@pytest.mark.parametrize("name", ["sites.geojson", "sites.kml", "targets.json"])
def test_a_reader_who_has_it_gets_304_until_it_changes(client, name):
    site = a_site()
    a_service(of=site)
    url = f"/feeds/{name}"
    first = client.get(url)
    assert client.get(url, headers={"if-none-match": first["ETag"]}).status_code == 304
    site.name = "OTHER"
    site.save()
    assert client.get(url, headers={"if-none-match": first["ETag"]}).status_code == 200


@pytest.mark.parametrize("name", ["sites.geojson", "sites.kml", "targets.json"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_sites(client, name, django_assert_max_num_queries):
    for _ in range(20):
        service = a_service(of=a_site(latitude=1.0, longitude=2.0))
        a_vo("atlas", supported_by=[service])
    with django_assert_max_num_queries(25):
        client.get(f"/feeds/{name}")
