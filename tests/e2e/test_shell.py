"""The shell in a browser: sign-in, keys, search, theme, the menu of a phone, error pages."""

import pytest
from playwright.sync_api import Page, expect

from tests.builders import a_service, a_site, a_user

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


def test_sign_in_and_out(page: Page, live_server, transactional_db):
    a_user("alice")
    page.goto(f"{live_server.url}/registry/sites/")
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{live_server.url}/registry/sites/")
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_a_wrong_password_is_said_beside_the_form_and_keeps_the_name(page: Page, live_server, transactional_db):
    a_user("alice")
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("User name")).to_have_value("alice")


def test_a_pasted_host_name_goes_straight_to_its_service(page: Page, live_server, transactional_db):
    service = a_service(of=a_site(name="FIRST-GRID"), hostname="ce.first.example.org")
    page.goto(f"{live_server.url}/registry/sites/")
    page.keyboard.press("/")
    page.keyboard.type("ce.first.example.org")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{live_server.url}/services/{service.key}/")


def test_keys_list_themselves_and_move_through_rows(page: Page, live_server, transactional_db):
    for name in ("FIRST-GRID", "SECOND-GRID"):
        a_site(name=name)
    page.goto(f"{live_server.url}/registry/sites/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr.is-current")).to_contain_text("SECOND-GRID")
    page.keyboard.press("k")
    expect(page.locator("tr.is-current")).to_contain_text("FIRST-GRID")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("FIRST-GRID")


def test_the_theme_stays_as_chosen(page: Page, live_server, transactional_db):
    page.goto(f"{live_server.url}/registry/sites/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    for _ in range(2):
        page.get_by_role("button", name="Change theme").click()
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.reload()
    expect(root).to_have_attribute("data-bs-theme", "dark")


def test_times_are_in_the_reader_s_zone(page: Page, live_server, transactional_db):
    page.goto(f"{live_server.url}/registry/sites/")
    page.reload()
    expect(page.locator(".clock")).to_contain_text("Europe/Prague")


def test_a_phone_has_the_rail_as_a_menu(page: Page, live_server, transactional_db):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/registry/sites/")
    expect(page.locator("nav.rail")).to_be_hidden()
    page.locator("details.menu-toggle summary").click()
    page.locator("nav.menu-sheet").get_by_role("link", name="Services", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/registry/services/")


def test_an_unknown_address_says_what_to_do(browser, live_server, transactional_db):
    with browser.new_context() as reader:
        page = reader.new_page()
        page.goto(f"{live_server.url}/sites/nowhere/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Nothing is at this address")
        page.get_by_role("link", name="Start page").click()
        expect(page).to_have_url(f"{live_server.url}/")
