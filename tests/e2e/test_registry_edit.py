"""People edit the registry in the browser: two at one form, a new service, a service group; wide and small screens."""

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gridkeeper.people.models import User
from gridkeeper.registry.models import RoleGrant, Service, ServiceGroup, Site
from tests.builders import a_scope, a_service, a_service_type, a_site, a_user, an_ngi

WIDTHS = pytest.mark.parametrize("width", [1400, 390])


@pytest.fixture
def site(transactional_db) -> Site:
    a_scope("EGI", is_default=True)
    a_service_type("SRM")
    site = a_site(name="FIRST-GRID", ngi=an_ngi(name="North", scopes=["EGI"]), scopes=["EGI"])
    a_service(of=site, hostname="ce.first.example.org")
    a_user("alice", site=site)
    a_user("bob", site=site)
    return site


@pytest.fixture
def context(browser: Browser, live_server, site, width: int):
    """Alice, at a screen of that width."""
    reader = _reader(browser, live_server.url, "alice", width)
    yield reader
    reader.close()


def _reader(browser: Browser, url: str, name: str, width: int) -> BrowserContext:
    reader = browser.new_context(viewport={"width": width, "height": 900})
    reader.set_default_timeout(15_000)
    client = Client()
    client.force_login(User.objects.get(username=name), backend="gridkeeper.people.sign_in.PasswordBackend")
    reader.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])
    return reader


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@WIDTHS
def test_a_site_is_edited_after_a_preview(page: Page, live_server, site, width):
    page.goto(f"{live_server.url}/sites/{site.key}/details/")
    page.locator("#tab").get_by_role("link", name="Edit", exact=True).first.click()
    page.get_by_label("Country").fill("Italy")
    page.get_by_label("Time zone").fill("Europe/Rome")
    page.get_by_label("Infrastructure").select_option("Test")
    page.get_by_label("Reason").fill("it moves to the test infrastructure")
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("status", name="What would follow")
    expect(preview).to_contain_text("Clients that ask feeds for Production sites lose it and its 1 service.")
    assert _fits(page)
    assert Site.objects.get().infrastructure == "Production"
    preview.get_by_role("button", name="Confirm: save changes").click()
    expect(page.get_by_text("FIRST-GRID is saved.")).to_be_visible()
    site.refresh_from_db()
    assert (site.infrastructure, site.country_code, site.timezone) == ("Test", "IT", "Europe/Rome")


@WIDTHS
def test_two_people_at_one_form(context: BrowserContext, browser: Browser, live_server, site, width):
    page = context.new_page()  # the usual page would complain of the refusal, which is what is looked at here
    address = f"{live_server.url}/registry/sites/{site.key}/edit/"
    page.goto(address)
    page.get_by_label("Tier").fill("2")
    page.get_by_label("Reason").fill("we were promoted")
    bob = _reader(browser, live_server.url, "bob", width)
    his = bob.new_page()
    his.goto(address)
    his.get_by_label("Tier").fill("1")
    his.get_by_label("Organisation").fill("INFN")
    his.get_by_label("Reason").fill("as the treaty says")
    his.get_by_role("button", name="Save changes").click()
    expect(his.get_by_text("FIRST-GRID is saved.")).to_be_visible()
    bob.close()

    with page.expect_response(lambda answer: answer.request.method == "POST") as refused:
        page.get_by_role("button", name="Save changes").click()
    assert refused.value.status == 422
    conflict = page.get_by_role("region", name="What changed meanwhile")
    expect(conflict).to_contain_text("bob changed it")
    expect(conflict).to_contain_text("as the treaty says")
    expect(page.get_by_label("Tier")).to_have_value("2")
    expect(page.get_by_label("Organisation")).to_have_value("INFN")
    assert _fits(page)
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("FIRST-GRID is saved.")).to_be_visible()
    site.refresh_from_db()
    assert (site.tier, site.organisation) == ("2", "INFN")


@WIDTHS
def test_a_service_is_added_and_taken_out_of_monitoring(page: Page, live_server, site, width):
    page.goto(f"{live_server.url}/sites/{site.key}/services/")
    page.get_by_role("link", name="Add a service").click()
    page.get_by_label("Service type").fill("SRM")
    page.get_by_label("Hostname").fill("se.first.example.org")
    page.get_by_label("URL", exact=True).fill("srm://se.first.example.org:8444/srm/managerv2")
    page.get_by_label("Reason").fill("new storage")
    assert _fits(page)
    page.get_by_role("button", name="Add the service").click()
    expect(page.get_by_text("SRM se.first.example.org is added.")).to_be_visible()
    service = Service.objects.get(hostname="se.first.example.org")
    page.goto(f"{live_server.url}/registry/services/{service.key}/")
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Monitored").uncheck()
    page.get_by_label("In production").uncheck()
    page.get_by_label("Reason").fill("not ready yet")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("status", name="What would follow")).to_contain_text("Its tests stop, it leaves the matrix")
    page.get_by_role("button", name="Confirm: save changes").click()
    expect(page.get_by_text("is saved.")).to_be_visible()
    service.refresh_from_db()
    assert (service.is_monitored, service.in_production, service.scopes) == (False, False, ["EGI"])


@WIDTHS
def test_a_service_group_is_made_and_filled(page: Page, live_server, site, width):
    page.goto(f"{live_server.url}/registry/service-groups/")
    page.get_by_role("link", name="Add a service group").click()
    page.get_by_label("Name").fill("PILOT")
    page.get_by_label("Reason").fill("for the pilots")
    page.get_by_role("button", name="Add the service group").click()
    expect(page.get_by_text("PILOT is added; now add its services.")).to_be_visible()
    page.get_by_role("link", name="Add services").click()
    page.get_by_placeholder("Host, type or site").fill("first ce")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    page.get_by_label("CE ce.first.example.org (FIRST-GRID)").check()
    page.get_by_label("Reason").fill("ours")
    assert _fits(page)
    page.get_by_role("button", name="Add the ticked services").click()
    expect(page.get_by_role("link", name="ce.first.example.org")).to_be_visible()
    group = ServiceGroup.objects.get()
    assert [member.service.hostname for member in group.members.all()] == ["ce.first.example.org"]
    assert RoleGrant.objects.get(service_group=group).user.username == "alice"
