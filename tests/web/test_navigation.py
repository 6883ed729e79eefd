"""The rail, the switch of VOs, and what the shell remembers of a reader."""

import pytest

from gridkeeper.web import navigation
from tests.builders import a_user, a_vo

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries(monkeypatch):
    """A rail of its own for a test."""
    monkeypatch.setattr(navigation, "_entries", set())


def test_the_rail_follows_the_loop_and_marks_where_we_are(client):
    groups = navigation.links(client.get("/registry/sites/").wsgi_request)
    assert [group for group, _, _ in groups] == ["Now", "Registry", "Tests", "Availability", "Good sites"]
    assert [link.url for _, _, links in groups for link in links if link.is_here] == ["/registry/sites/"]


def test_a_page_below_an_entry_is_part_of_it(client):
    a_vo("ops")
    groups = navigation.links(client.get("/vos/ops/").wsgi_request)
    assert [link.label for _, _, links in groups for link in links if link.is_here] == ["VOs"]


def test_an_entry_without_a_page_is_left_out(rf, entries):
    navigation.add("Now", "Map", "portal:no_such_page")
    assert navigation.links(rf.get("/")) == []


def test_a_group_that_the_rail_does_not_have_is_refused(entries):
    with pytest.raises(ValueError, match="no group 'Elsewhere'"):
        navigation.add("Elsewhere", "Map", "portal:home")


def test_an_entry_with_a_permission_is_shown_to_those_who_have_it(rf, entries, admin_user):
    navigation.add("Now", "Home", "portal:home", permission="registry.no_such_permission")
    request = rf.get("/")
    request.user = a_user("alice")
    assert navigation.links(request) == []
    request.user = admin_user
    assert len(navigation.links(request)) == 1


def test_the_switch_names_the_vos_and_keeps_what_else_the_address_says(client):
    for name in ("ops", "lhcb"):
        a_vo(name)
    page = client.get("/matrix/?type=CE&vo=lhcb").content.decode()
    assert "<option selected>lhcb</option><option>ops</option>" in page
    assert '<input type="hidden" name="type" value="CE">' in page


def test_a_vo_once_chosen_is_remembered_and_stands_in_the_links(client):
    for name in ("ops", "lhcb"):
        a_vo(name)
    client.get("/?vo=lhcb")
    response = client.get("/")
    assert response.context["vo"] == "lhcb"
    assert "/matrix/?vo=lhcb" in response.content.decode()
    client.get("/?vo=ops")
    assert client.get("/").context["vo"] == "ops"


@pytest.mark.parametrize("hostile", ["x;path=/", "a b", "é", "x" * 101, "%0d%0aSet-Cookie: y"])
def test_what_names_no_vo_is_neither_remembered_nor_shown(client, hostile):
    a_vo("ops")
    response = client.get("/", {"vo": hostile})
    assert response.context["vo"] == "ops"
    assert "vo" not in client.cookies


def test_a_refresh_of_another_window_changes_no_memory(client):
    for name in ("ops", "lhcb"):
        a_vo(name)
    client.get("/?vo=lhcb", headers={"HX-Request": "true"})
    assert "vo" not in client.cookies


def test_one_vo_needs_no_switch(client):
    a_vo("ops")
    assert "shell-vo" not in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("cookie", "zone"), [("Europe/Prague", "Europe/Prague"), ("No/Where", "UTC"), ("../etc", "UTC")]
)
def test_the_zone_of_the_browser_is_used_where_it_is_one(client, cookie, zone):
    client.cookies["tz"] = cookie
    assert client.get("/search").context["zone_name"] == zone


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("", "auto"), ('"><b>', "auto")])
def test_the_theme_is_one_of_three(client, cookie, theme):
    client.cookies["theme"] = cookie
    assert client.get("/search").context["theme"] == theme


def test_reading_can_be_closed(client, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"public_reading": False})
    response = client.get("/matrix/?vo=ops")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/matrix/%3Fvo%3Dops"
    assert client.get("/accounts/login/").status_code == 200
