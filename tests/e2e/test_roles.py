"""A role asked for and granted in a browser, on a wide screen and on a phone; why somebody may not; the role map."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from gridkeeper.registry.models import RoleGrant, Site
from tests.builders import a_federation, a_site, a_user, an_ngi

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

SIZES = {"wide": (1400, 900), "phone": (390, 800)}


@pytest.fixture
def site(transactional_db) -> Site:
    """alice manages the site, bob holds nothing."""
    region = an_ngi(name="North", federation=a_federation(name="Test federation"))
    site = a_site(name="FIRST-GRID", ngi=region)
    alice, bob = a_user("alice"), a_user("bob")
    alice.first_name, alice.last_name = "Alice", "Rossi"
    bob.first_name, bob.last_name = "Bob", "<script>alert(1)</script>"
    alice.save()
    bob.save()
    RoleGrant.objects.create(user=alice, role="Site Operations Manager", site=site)
    return site


def sign_in(page: Page, base: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{base}/accounts/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(f"{name}-password")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator(".account-name")).to_have_text(name)


@pytest.fixture(params=SIZES)
def size(request, page: Page) -> str:
    width, height = SIZES[request.param]
    page.set_viewport_size({"width": width, "height": height})
    return str(request.param)


def fits(page: Page) -> bool:
    """True where nothing makes the page wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_bob_asks_for_a_role_and_alice_grants_it(page: Page, context: BrowserContext, live_server, site, size):
    sign_in(page, live_server.url, "bob")
    page.goto(f"{live_server.url}/sites/{site.key}/contacts/")
    page.get_by_role("link", name="Request a role").click()
    expect(page.get_by_role("main")).to_contain_text("Alice Rossi")
    page.get_by_label("Site Administrator").check()
    page.get_by_label("Why you need it").fill("I run the <b>storage</b>")
    page.get_by_role("button", name="Send the request").click()
    expect(page.get_by_role("status").first).to_contain_text("You have asked for Site Administrator of FIRST-GRID")
    expect(page.get_by_role("main")).to_contain_text("pending")
    assert fits(page)

    sign_in(page, live_server.url, "alice")
    page.goto(f"{live_server.url}/registry/roles/requests/")
    expect(page.get_by_role("main")).to_contain_text("I run the <b>storage</b>")
    expect(page.get_by_role("main")).to_contain_text("<script>alert(1)</script>")
    assert fits(page)
    page.get_by_role("link", name="Decide", exact=True).click()
    page.get_by_label("Grant the role").check()
    page.get_by_label("Reason").fill("runs our storage")
    assert fits(page)
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status").first).to_contain_text("is granted")
    expect(page.get_by_role("main")).to_contain_text("No request waits for you")

    sign_in(page, live_server.url, "bob")
    page.goto(f"{live_server.url}/registry/roles/mine/")
    expect(page.get_by_role("main")).to_contain_text("in force")
    expect(page.get_by_role("main")).to_contain_text("granted")
    page.goto(f"{live_server.url}/registry/sites/{site.key}/edit/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Edit the site")
    assert RoleGrant.objects.get(user__username="bob").role == "Site Administrator"


def test_bob_learns_why_he_may_not_and_whom_to_ask(page: Page, live_server, site, size):
    sign_in(page, live_server.url, "bob")
    page.goto(f"{live_server.url}/registry/roles/why/")
    page.get_by_label("Wants to").select_option("edit_site")
    page.get_by_label("On", exact=True).fill("FIRST-GRID")
    page.get_by_role("button", name="Explain").click()
    why = page.locator("#why")
    expect(why).to_contain_text("No: you may not edit the site's entry: FIRST-GRID.")
    expect(why).to_contain_text("Alice Rossi")
    assert fits(page)
    why.get_by_role("link", name="Request a role of FIRST-GRID").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Request a role: FIRST-GRID")


def test_the_last_manager_is_warned_before_she_leaves(page: Page, live_server, site, size):
    sign_in(page, live_server.url, "alice")
    page.goto(f"{live_server.url}/registry/roles/mine/")
    page.get_by_role("link", name="Give up").click()
    expect(page.get_by_role("main")).to_contain_text("the last person of FIRST-GRID who may grant roles on it")
    assert fits(page)


def test_the_map_is_read_on_any_screen(page: Page, live_server, site, size):
    page.goto(f"{live_server.url}/registry/roles/")
    section = page.locator("#site")
    expect(section).to_contain_text("Declare and change downtimes")
    expect(section).to_contain_text("Site Security Officer")
    assert "Change the certification" not in section.inner_text()
    assert fits(page)
