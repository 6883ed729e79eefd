import pytest

from tests.builders import ERA, a_service, a_site, a_vo

pytestmark = pytest.mark.django_db

API = "/api/v1"


@pytest.fixture
def vos():
    service = a_service(of=a_site(name="ALPHA"), type="CE", hostname="ce.example.org")
    a_vo("atlas", supported_by=[service, a_service(type="SE", hostname="se.example.org")])
    a_vo("lhcb", supported_by=[service])
    return service


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [("atlas", 2), ("lhcb", 1)]),
        ("?search=LHC", [("lhcb", 1)]),
        ("?sort=services", [("lhcb", 1), ("atlas", 2)]),
    ],
)
def test_vos_count_the_services_that_support_them(client, vos, query, expected):
    items = client.get(f"{API}/vos{query}").json()["items"]
    assert [(item["name"], item["services"]) for item in items] == expected


def test_one_vo_by_its_name(client, vos):
    assert client.get(f"{API}/vos/atlas").json()["services"] == 2
    assert client.get(f"{API}/vos/none").status_code == 404


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", 3),
        ("?vo=atlas", 2),
        ("?site=ALPHA", 2),
        ("?site=ALPHA&vo=lhcb&service_type=CE", 1),
        ("?service_type=SE", 1),
        ("?vo=none", 0),
    ],
)
def test_support_is_filtered(client, vos, query, expected):
    assert client.get(f"{API}/vo-support{query}").json()["count"] == expected


def test_support_that_ended_is_shown_only_when_asked_for(client, vos):
    vos.vo_support.update(valid_until=ERA)
    assert client.get(f"{API}/vo-support").json()["count"] == 1
    assert client.get(f"{API}/vo-support?closed=true").json()["count"] == 3
    assert client.get(f"{API}/vos/lhcb").json()["services"] == 0


def test_support_names_vo_service_and_site(client, vos):
    item = client.get(f"{API}/vo-support?vo=lhcb").json()["items"][0]
    assert (item["vo"], item["service"]["hostname"], item["service"]["site"]["name"]) == (
        "lhcb",
        "ce.example.org",
        "ALPHA",
    )


def test_lists_take_two_queries(client, vos, django_assert_num_queries):
    for path in ("/vos", "/vo-support"):
        with django_assert_num_queries(2):
            client.get(API + path)
