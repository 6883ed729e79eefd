"""One change of many services: all or none, previewed, within what the person may edit."""

import re

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.models import Service
from gridkeeper.registry.object_bulk import edit_services
from tests.builders import NOW, a_scope, a_service, a_site, a_user

pytestmark = pytest.mark.django_db
WHY = {"reason": "as agreed", "now": NOW}
ADDRESS = "/registry/services/edit/"


@pytest.fixture
def site():
    a_scope("EGI")
    site = a_site(name="ROMA1")
    for number in range(3):
        a_service(of=site, hostname=f"h{number}.example.org")
    return site


@pytest.fixture
def alice(site) -> Actor:
    return Actor(user=a_user("alice", site=site))


def test_all_are_changed_and_recorded(site, alice):
    services = list(site.services.all())
    done = edit_services(alice, services=services, changes={"notifications": True}, add_scopes=["EGI"], **WHY)
    assert len(done) == 3
    for service in site.services.all():
        assert (service.notifications, service.scopes) == (True, ["EGI"])
        assert service.history.first().history_user == alice.user
    edit_services(alice, services=services, changes={}, remove_scopes=["EGI"], **WHY)
    assert [service.scopes for service in site.services.all()] == [[], [], []]


def test_none_is_changed_where_one_may_not_be_and_the_refusal_names_it(site, alice):
    Service.objects.filter(hostname="h0.example.org").update(in_production=False)
    services = list(site.services.select_related("site", "service_type"))
    with pytest.raises(ValidationError) as raised:
        edit_services(alice, services=services, changes={"is_monitored": False}, **WHY)
    assert len(raised.value.messages) == 2
    assert "h1.example.org of ROMA1: A service in production must be monitored" in raised.value.messages[0]
    assert not Service.objects.filter(is_monitored=False).exists()


@pytest.mark.parametrize("changes", [{}, {"hostname": "x"}])
def test_it_rejects_changes(site, alice, changes):
    with pytest.raises(ValidationError):
        edit_services(alice, services=list(site.services.all()), changes=changes, **WHY)


def test_a_foreign_service_stops_all(site, alice):
    services = [*site.services.all(), a_service()]
    with pytest.raises(NotPermittedError):
        edit_services(alice, services=services, changes={"notifications": True}, **WHY)
    assert not Service.objects.filter(notifications=True).exists()


def test_the_page_offers_what_the_list_shows_and_the_person_may_edit(client, site, alice):
    foreign = a_service(hostname="foreign.example.org")
    assert client.get(ADDRESS).status_code == 302
    client.force_login(a_user("dave"), backend="gridkeeper.people.sign_in.PasswordBackend")
    assert client.get(ADDRESS).status_code == 403
    assert ADDRESS not in client.get("/registry/services/").content.decode()
    client.force_login(alice.user, backend="gridkeeper.people.sign_in.PasswordBackend")
    assert f"{ADDRESS}?q=h1" in client.get("/registry/services/?q=h1").content.decode()
    text = client.get(f"{ADDRESS}?q=example").content.decode()
    assert "h1.example.org" in text
    assert foreign.hostname not in text
    assert "h2.example.org" not in client.get(f"{ADDRESS}?q=h1").content.decode()


def test_the_page_counts_what_follows_before_it_acts(client, site, alice):
    client.force_login(alice.user, backend="gridkeeper.people.sign_in.PasswordBackend")
    keys = list(site.services.values_list("key", flat=True))[:2]
    inputs = {"services": keys, "is_monitored": "off", "in_production": "off", "add_scopes": ["EGI"], "reason": "rest"}
    asked = client.post(ADDRESS, inputs).content.decode()
    assert "2 services are changed." in asked
    assert "For 2 of them: its tests stop" in asked
    assert "2 services gain the scope EGI." in asked
    assert Service.objects.filter(is_monitored=True).count() == 3
    digest = re.search(r'name="confirmed" value="(\w+)"', asked).group(1)
    assert client.post(ADDRESS, inputs | {"confirmed": digest}).status_code == 302
    assert Service.objects.filter(is_monitored=False, in_production=False).count() == 2
    assert client.post(ADDRESS, {"services": keys, "reason": "nothing"}).status_code == 422
