"""The list page, tried on the registry's lists: what holds for one holds for all."""

import csv
import io
import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.read_only import forget, read_only
from gridkeeper.registry.models import Downtime, DowntimeService, Ngi, Service, ServiceType, Site
from gridkeeper.web.exports import cell, csv_lines, json_lines, plain
from tests.builders import ERA, NOW, a_downtime, a_federation, a_service, a_site, an_ngi

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
HOSTILE = '<script>alert("x")</script>'


def names_in(response) -> list[str]:
    """The text of the first link of each row."""
    text = response.content.decode()
    return re.findall(r"<tr data-row[^>]*>\s*<td[^>]*><a [^>]*>([^<]*)</a>", text)


def downloaded(response) -> str:
    return b"".join(response.streaming_content).decode()


def some_sites(count: int) -> list:
    ngi = an_ngi(name="Italy")
    return [a_site(ngi=ngi, name=f"SITE-{number:04}", country="Italy") for number in range(count)]


@pytest.mark.parametrize("path", ["regions", "sites", "services", "service-types", "downtimes"])
def test_an_empty_list_says_what_to_do(client, path):
    text = client.get(f"/registry/{path}/").content.decode()
    assert "empty-title" in text
    assert "<table" not in text.split("list-filters")[1].split("<footer")[0]


def test_search_asks_every_word_in_any_field_and_case(client):
    a_site(name="CERN-PROD", country="Switzerland")
    a_site(name="CERN-TEST", country="France")
    assert names_in(client.get("/registry/sites/?q=cern switz")) == ["CERN-PROD"]


@pytest.mark.parametrize("path", ["regions", "sites", "services", "service-types", "downtimes"])
def test_hostile_search_is_shown_as_text(client, path):
    response = client.get(f"/registry/{path}/", {"q": HOSTILE})
    assert response.status_code == 200
    assert HOSTILE not in response.content.decode()
    assert "&lt;script&gt;" in response.content.decode()


@pytest.mark.parametrize("query", ["q=%00", "q=" + "x" * 201, "region=%00", "region=" + "x" * 201])
def test_a_malformed_filter_is_refused_with_a_message(client, query):
    a_site()
    response = client.get(f"/registry/sites/?{query}")
    assert response.status_code == 422
    assert "alert-danger" in response.content.decode()
    assert names_in(response) == []
    assert client.get(f"/registry/sites/?{query}&format=csv").status_code == 400


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=99999999999999999999", "per_page=7", "sort=nothing", "sort=-"]
)
def test_paging_and_sorting_by_nonsense_fall_back(client, query):
    a_site(name="ONE")
    assert names_in(client.get(f"/registry/sites/?{query}")) == ["ONE"]


def test_facets_count_what_the_other_filters_leave(client):
    italy, france = an_ngi(name="Italy"), an_ngi(name="France")
    a_site(ngi=italy, certification="Certified")
    a_site(ngi=italy, certification="Suspended")
    a_site(ngi=france, certification="Certified")
    facets = {facet.name: facet for facet in client.get("/registry/sites/?region=Italy").context["facets"]}
    # its own filter does not count: both regions stay to be chosen
    assert {option.value: option.count for option in facets["region"].options} == {"Italy": 2, "France": 1}
    assert {option.value: option.count for option in facets["certification"].options} == {
        "Certified": 1,
        "Suspended": 1,
    }
    assert [option.is_on for option in facets["region"].options] == [True, False]


def test_two_values_of_a_facet_are_either_and_two_facets_both(client):
    italy, france, spain = (an_ngi(name=name) for name in ("Italy", "France", "Spain"))
    a_site(ngi=italy, name="A")
    a_site(ngi=france, name="B", certification="Suspended")
    a_site(ngi=spain, name="C")
    assert names_in(client.get("/registry/sites/?region=Italy&region=France")) == ["A", "B"]
    assert names_in(client.get("/registry/sites/?region=Italy&region=France&certification=Suspended")) == ["B"]


def test_chips_take_one_filter_away_and_leave_the_rest(client):
    a_site(ngi=an_ngi(name="Italy"), name="A")
    chips = client.get("/registry/sites/?q=a&region=Italy&certification=Certified&page=1").context["chips"]
    urls = {chip.label: chip.url for chip in chips}
    assert urls["Region"] == "?q=a&certification=Certified"
    assert urls["Search"] == "?region=Italy&certification=Certified"


def test_an_unknown_value_of_a_facet_shows_nothing_and_can_be_taken_away(client):
    a_site()
    response = client.get("/registry/sites/?region=Atlantis")
    assert "Nothing matches" in response.content.decode()
    assert [chip.value for chip in response.context["chips"]] == ["Atlantis"]


def test_pages_hold_every_row_once(client):
    some_sites(120)
    found = [name for page in (1, 2, 3) for name in names_in(client.get(f"/registry/sites/?sort=ngi&page={page}"))]
    assert sorted(found) == [f"SITE-{number:04}" for number in range(120)]
    text = client.get("/registry/sites/?page=3").content.decode()
    assert "101–120 of" in text
    assert len(names_in(client.get("/registry/sites/?per_page=100"))) == 100


def test_sorting_goes_both_ways_and_by_numbers_of_other_tables(client):
    few, many = a_site(name="FEW"), a_site(name="MANY")
    for _ in range(3):
        a_service(of=many)
    a_service(of=few)
    assert names_in(client.get("/registry/sites/?sort=service_count")) == ["FEW", "MANY"]
    assert names_in(client.get("/registry/sites/?sort=-service_count")) == ["MANY", "FEW"]
    assert 'aria-sort="descending"' in client.get("/registry/sites/?sort=-service_count").content.decode()


def test_htmx_gets_the_part_alone_from_the_same_template(client):
    a_site(name="ONE")
    page, part = client.get("/registry/sites/"), client.get("/registry/sites/", headers=HTMX)
    assert "<html" in page.content.decode()
    assert "<html" not in part.content.decode()
    assert part.content.decode().strip() in page.content.decode()
    assert "HX-Request" in part["Vary"]
    restored = client.get("/registry/sites/", headers=HTMX | {"HX-History-Restore-Request": "true"})
    assert "<html" in restored.content.decode()


def test_the_search_form_carries_the_rest_of_the_state(client):
    a_site(ngi=an_ngi(name="Italy"))
    text = client.get("/registry/sites/?region=Italy&sort=-name&page=1").content.decode()
    assert '<input type="hidden" form="list-form" name="region" value="Italy">' in text
    assert '<input type="hidden" form="list-form" name="sort" value="-name">' in text
    assert 'name="page"' not in text


def test_exports_hold_exactly_what_is_filtered_in_its_order(client):
    some_sites(60)
    a_site(name="ELSEWHERE")
    query = "region=Italy&sort=-name&page=2"
    rows = list(csv.DictReader(io.StringIO(downloaded(client.get(f"/registry/sites/?{query}&format=csv")))))
    assert [row["name"] for row in rows] == [f"SITE-{number:04}" for number in reversed(range(60))]
    items = json.loads(downloaded(client.get(f"/registry/sites/?{query}&format=json")))
    assert [item["name"] for item in items] == [row["name"] for row in rows]
    assert items[0]["services"] == 0


def test_an_export_of_nothing_is_empty_not_broken(client):
    assert json.loads(downloaded(client.get("/registry/sites/?format=json"))) == []
    assert downloaded(client.get("/registry/sites/?format=csv")).startswith("key,name,")


def test_an_export_in_an_unknown_format_says_which_there_are(client):
    response = client.get("/registry/sites/?format=xml")
    assert response.status_code == 400
    assert "use csv or json" in response.content.decode()


def test_exports_give_times_in_utc_whatever_the_readers_zone(client):
    a_downtime(start=datetime(2026, 7, 1, 12, tzinfo=UTC), end=datetime(2026, 7, 1, 13, tzinfo=UTC))
    client.cookies["tz"] = "Asia/Tokyo"
    item = json.loads(downloaded(client.get("/registry/downtimes/?format=json")))[0]
    assert item["start"] == "2026-07-01T12:00:00Z"
    assert item["services"][0].startswith("CE@")


def test_exports_neutralise_formulas(client):
    a_site(name='=HYPERLINK("http://evil.example")')
    rows = list(csv.DictReader(io.StringIO(downloaded(client.get("/registry/sites/?format=csv")))))
    assert rows[0]["name"].startswith("'=")


@given(st.text(max_size=30))
def test_no_cell_begins_as_a_formula(text):
    assert not str(cell(text)).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.lists(st.tuples(st.text(), st.integers() | st.floats(allow_nan=False) | st.none()), max_size=5))
def test_json_export_is_json_whatever_it_holds(rows):
    text = "".join(json_lines(["a", "b"], rows))
    assert json.loads(text) == [{"a": a, "b": b} for a, b in rows]


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="\r\n\0")), st.booleans()), max_size=5))
def test_csv_export_reads_back(rows):
    lines = list(csv.reader(io.StringIO("".join(csv_lines(["a", "b"], rows)), newline="")))
    assert len(lines) == len(rows) + 1
    assert [line[0].removeprefix("'") for line in lines[1:]] == [a.removeprefix("'") for a, _ in rows]


def test_plain_values_of_other_kinds_are_text():
    assert plain(datetime(2026, 1, 1, tzinfo=UTC).date()) == "2026-01-01"
    assert plain({1, 2}.__class__) == "<class 'set'>"


@pytest.mark.parametrize(
    ("path", "most"),
    [("regions", 5), ("sites", 9), ("services", 8), ("downtimes", 11), ("service-types", 4)],
)
@pytest.mark.parametrize("count", [10, 1000])
def test_a_list_asks_as_few_queries_at_1000_rows_as_at_10(client, django_assert_max_num_queries, path, most, count):
    _fill(count)
    forget()
    read_only()  # every process asks again after two seconds: not during this
    with django_assert_max_num_queries(most):
        client.get(f"/registry/{path}/")


def _fill(count: int) -> None:
    """`count` regions, sites, services and downtimes, made in bulk: what is tested is reading them."""

    federation = a_federation()
    ngis = Ngi.objects.bulk_create(Ngi(name=f"R{n}", federation=federation, valid_from=ERA) for n in range(count))
    sites = Site.objects.bulk_create(Site(name=f"S{n}", ngi=ngi, valid_from=ERA) for n, ngi in enumerate(ngis))
    types = ServiceType.objects.bulk_create(ServiceType(name=f"T{n}") for n in range(count))
    services = Service.objects.bulk_create(
        Service(hostname=f"h{n}.example.org", site=site, service_type=kind, valid_from=ERA)
        for n, (site, kind) in enumerate(zip(sites, types, strict=True))
    )
    downtimes = Downtime.objects.bulk_create(
        Downtime(severity="OUTAGE", classification="SCHEDULED", description="x", start=ERA, end=NOW)
        for _ in range(count)
    )
    DowntimeService.objects.bulk_create(
        DowntimeService(downtime=each, service=service) for each, service in zip(downtimes, services, strict=True)
    )
