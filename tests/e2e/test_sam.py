"""SAM's view, the tests by site and a node's history in a browser: filters, sums, logs beside them, a phone's width."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    return build_grid()


def test_the_codes_are_switches_with_sums(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/sam/")
    table = page.locator("#sam-table")
    expect(table).to_contain_text(grid.bad.name)
    page.get_by_label("Show CRIT").uncheck()
    expect(table).not_to_contain_text(grid.bad.name)
    expect(table).to_contain_text(grid.good.name)
    expect(page.get_by_label("Show CRIT")).not_to_be_checked()
    page.locator("tr", has_text="under maintenance").get_by_role("link", name="1").click()
    expect(table).to_contain_text(grid.resting.name)
    expect(table).not_to_contain_text(grid.good.name)


def test_a_log_opens_beside_the_view_and_keys_go_from_cell_to_cell(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/sam/")
    cell = page.locator("tr", has_text=grid.bad.name).get_by_role("link", name="crit", exact=True)
    cell.click()
    expect(page.get_by_label("Log of a result")).to_contain_text("no slot free")
    page.keyboard.press("Escape")
    expect(cell).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("tr", has_text=grid.bad.name).get_by_role("link", name="(na)").first).to_be_focused()


def test_from_the_view_to_the_tests_by_site_and_a_nodes_history(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/sam/?vo=ops")
    page.get_by_role("link", name="By site").click()
    expect(page.get_by_role("heading", name="Tests of ops, site by site")).to_be_visible()
    page.get_by_role("link", name=grid.bad_ce.hostname).click()
    expect(page.get_by_role("heading", name=f"History of {grid.bad_ce.hostname}")).to_be_visible()
    expect(page.locator(".node-history tbody tr")).to_have_count(3)
    page.get_by_role("link", name="7 days").click()
    page.locator("section", has_text="Changes").locator("tbody a").first.click()
    expect(page.get_by_text("no slot free").first).to_be_visible()


@pytest.mark.parametrize("path", ["sam/", "tests/", "compare/", "node/ce.second-grid.example.org/"])
def test_they_fit_a_phone(page: Page, live_server, grid, path):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/matrix/{path}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
