"""The search over everything."""

import pytest

from tests.builders import a_service, a_site, a_test, a_vo, an_ngi

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def grid():
    site = a_site(name="FIRST-GRID", ngi=an_ngi(name="NGI_GRID"))
    a_site(name="SECOND-GRID")
    a_test("CE-grid-js", title="Job submission")
    a_vo("gridders")
    return a_service(of=site, hostname="ce.first-grid.example.org")


def labels(response) -> dict[str, list[str]]:
    return {label: [name for _, name, _ in items] for label, items in response.context["groups"]}


def test_it_finds_every_kind_by_a_part_of_the_name(client):
    found = labels(client.get("/search?q=GRID"))
    assert found["Sites"] == ["FIRST-GRID", "SECOND-GRID"]
    assert found["Tests"] == ["CE-grid-js"]
    assert found["VOs"] == ["gridders"]
    assert found["Regions"] == ["NGI_GRID"]
    assert len(found["Services"]) == 1


@pytest.mark.parametrize("text", ["ce.first-grid.example.org", " CE.First-Grid.example.org "])
def test_a_pasted_host_name_goes_to_its_service(client, grid, text):
    assert client.get("/search", {"q": text}).url == f"/services/{grid.key}/"


def test_a_host_of_two_services_is_listed(client, grid):
    a_service(of=grid.site, type="SE", hostname=grid.hostname)
    assert len(labels(client.get("/search", {"q": grid.hostname}))["Services"]) == 2


def test_an_exact_site_goes_to_its_page(client, grid):
    assert client.get("/search?q=first-grid").url == f"/sites/{grid.site.key}/"


@pytest.mark.parametrize("text", ["", "   ", "nothing like that", "<script>", "\x00", "'; --", "%", "é" * 5000])
def test_what_finds_nothing_says_what_to_do(client, text):
    response = client.get("/search", {"q": text})
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()
    assert "empty-state" in response.content.decode()
