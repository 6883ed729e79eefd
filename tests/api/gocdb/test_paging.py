"""Pages: only when they are asked for, each with what a client needs to reach the next, to the very end."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import override_settings
from lxml import etree

from gridkeeper.api.gocdb.methods import METHODS
from gridkeeper.registry.models import Service, Site
from tests.api.gocdb.asking import PRIVATE, ask, names
from tests.builders import ERA, a_downtime, a_service, a_service_type, a_site, an_ngi

pytestmark = pytest.mark.django_db


def follow(client, url, rel="next"):
    """The pages from an address on, along one kind of link, until there is none; a page is its root."""
    while url:
        parts = urlsplit(url)
        root = etree.fromstring(client.get(f"{parts.path}?{parts.query}").getvalue())
        yield root
        url = next((link.get("href") for link in root[0].findall("link") if link.get("rel") == rel), None)


@pytest.fixture
def sites():
    ngi = an_ngi()
    Site.objects.bulk_create(Site(name=f"S-{n:03}", ngi=ngi, valid_from=ERA) for n in range(250))
    return list(Site.objects.order_by("pk"))


def test_without_a_cursor_there_is_no_meta(client, sites):
    root = ask(client, "get_site_list")

    assert root.find("meta") is None
    assert len(root) == 250


def test_a_page_has_meta_first_with_absolute_links(client, sites):
    meta, *items = ask(client, "get_site_list", scope="", sitename="S-%", next_cursor=0)
    links = [(link.get("rel"), link.get("href")) for link in meta.findall("link")]
    base = "http://testserver/gocdbpi/public/?method=get_site_list&scope=&sitename=S-%25"

    assert meta.tag == "meta"
    assert [child.tag for child in meta] == ["link"] * 4 + ["count", "max_page_size"]
    assert (meta.findtext("count"), meta.findtext("max_page_size"), len(items)) == ("100", "100", 100)
    assert links == [
        ("self", f"{base}&next_cursor=0"),
        ("next", f"{base}&next_cursor={sites[99].pk}"),
        ("prev", f"{base}&prev_cursor={sites[0].pk}"),
        ("start", f"{base}&next_cursor=0"),
    ]


def test_following_next_reaches_everything_once_and_ends_on_an_empty_page(client, sites):
    pages = list(follow(client, "/gocdbpi/public/?method=get_site_list&scope=&next_cursor=0"))

    assert [page[0].findtext("count") for page in pages] == ["100", "100", "50", "0"]
    assert [item.get("NAME") for page in pages for item in page[1:]] == [site.name for site in sites]
    assert [link.get("rel") for link in pages[-1][0].findall("link")] == ["self", "start"]


def test_following_prev_goes_back_in_ascending_pages(client, sites):
    pages = list(follow(client, f"/gocdbpi/public/?method=get_site_list&prev_cursor={sites[-1].pk}", "prev"))

    assert [page[0].findtext("count") for page in pages] == ["100", "100", "49", "0"]
    assert [[item.get("NAME") for item in page[1:]] for page in pages] == [
        [site.name for site in part] for part in (sites[149:249], sites[49:149], sites[:49], [])
    ]


def test_the_cursor_is_a_parameter_of_its_own(client, sites):
    meta = ask(client, "get_site_list", next_cursor=0)[0]
    href = meta.find("link[@rel='next']").get("href")

    assert parse_qs(urlsplit(href).query)["next_cursor"] == [str(sites[99].pk)]


def test_what_is_added_while_a_client_pages_is_reached(client, sites):
    url = "/gocdbpi/public/?method=get_site_list&scope=&next_cursor=0"
    walk = follow(client, url)
    seen = [item.get("NAME") for item in next(walk)[1:]]
    a_site(name="LATE", ngi=sites[0].ngi)
    seen += [item.get("NAME") for page in walk for item in page[1:]]

    assert len(seen) == len(set(seen)) == 251
    assert seen[-1] == "LATE"


def test_a_page_of_downtimes_never_cuts_one_and_counts_its_items(client):
    services = [a_service() for _ in range(3)]
    for _ in range(101):
        a_downtime(*services)

    pages = list(follow(client, "/gocdbpi/public/?method=get_downtime&scope=&next_cursor=0"))
    nested = list(follow(client, "/gocdbpi/public/?method=get_downtime_nested_services&scope=&next_cursor=0"))

    assert [(page[0].findtext("count"), len(page) - 1) for page in pages] == [("300", 300), ("3", 3), ("0", 0)]
    assert [(page[0].findtext("count"), len(page) - 1) for page in nested] == [("100", 100), ("1", 1), ("0", 0)]


def test_every_method_pages_to_its_end(officer, full):
    for method in METHODS:
        more = "&interval=36500" if method == "get_downtime_to_broadcast" else ""
        whole = ask(officer, method, PRIVATE, **({"interval": 36500} if more else {}))
        first, last = follow(officer, f"{PRIVATE}?method={method}{more}&next_cursor=0")

        assert [etree.tostring(item) for item in first[1:]] == [etree.tostring(item) for item in whole], method
        assert len(whole) == int(first[0].findtext("count")) > 0, method
        assert last[0].findtext("count") == "0", method


def test_links_bear_the_address_that_others_reach_us_by(client, sites, settings):
    config = settings.GRIDKEEPER.model_copy(update={"base_url": "https://grid.example.org/"})
    with override_settings(GRIDKEEPER=config):
        meta = ask(client, "get_site_list", next_cursor=0)[0]
        (service, *_) = ask(client, "get_roc_list")

    assert meta[0].get("href").startswith("https://grid.example.org/gocdbpi/public/?method=get_site_list")
    assert service.tag == "ROC"


def test_hostile_parameters_come_back_as_parameters(client):
    meta = ask(client, "get_site_list", sitename="a&b=\"<c>'#é", next_cursor=0)[0]

    assert parse_qs(urlsplit(meta[0].get("href")).query)["sitename"] == ["a&b=\"<c>'#é"]


def test_a_page_costs_few_queries_whatever_it_holds(client, django_assert_max_num_queries):
    site, kind = a_site(), a_service_type()
    Service.objects.bulk_create(
        Service(site=site, service_type=kind, hostname=f"h{n}", valid_from=ERA) for n in range(150)
    )
    for service in Service.objects.all()[:20]:
        a_downtime(service)
    for method in ("get_service", "get_downtime", "get_site_list"):
        with django_assert_max_num_queries(6):
            ask(client, method, next_cursor=0)
    assert len(names(ask(client, "get_service", next_cursor=0), "HOSTNAME")) == 100
