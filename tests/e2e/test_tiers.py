"""The overview of Tier-0/1 sites in a browser: a manager looks, opens a site, a phone and a printer show the same."""

import pytest
from playwright.sync_api import Browser, Page, expect

from gridkeeper.registry.models import Site
from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    """FIRST-GRID is Tier-0, SECOND-GRID Tier-1, THIRD-GRID neither."""
    grid = build_grid()
    for site, tier in ((grid.good, "0"), (grid.bad, "1"), (grid.resting, "2")):
        Site.objects.filter(pk=site.pk).update(tier=tier)
    return grid


def test_a_manager_compares_tier_sites_and_opens_the_month_and_the_day_of_one(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/availability/tiers/")
    multiples = page.locator(".multiple")
    expect(multiples).to_have_count(2)
    expect(multiples.first).to_contain_text("FIRST-GRID")
    expect(multiples.first.locator(".bar-target")).to_have_count(1)
    expect(page.get_by_role("main")).not_to_contain_text("THIRD-GRID")
    # The picture of all together, and the table that says the same.
    expect(page.locator("[data-chart] canvas")).to_have_count(1)
    whole = page.locator(".month-table .month-sum .month-whole").first
    expect(page.locator(".month-table .month-site")).to_have_count(2)
    shown = whole.inner_text()
    page.get_by_label("Measure").get_by_role("link", name="Reliability").click()
    page.wait_for_url("**measure=reliability**")
    expect(page.get_by_role("heading", level=1)).to_contain_text("reliability")
    page.go_back()
    expect(page.locator(".month-table .month-sum .month-whole").first).to_have_text(shown)
    multiples.nth(1).get_by_role("link", name="SECOND-GRID").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("SECOND-GRID")
    expect(page.get_by_role("heading", name="Good and bad hours")).to_be_visible()
    page.locator(".month-table .month-sum td a").last.click()
    expect(page.get_by_role("heading", name="Timelines")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_figures_fit_a_phone_without_javascript(browser: Browser, live_server, grid, scheme):
    reader = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme, java_script_enabled=False)
    page = reader.new_page()
    for name in ("", "tiers/", "services/", "hours/", "trends/", "sla/", f"sites/{grid.bad.key}/"):
        answer = page.goto(f"{live_server.url}/availability/{name}")
        assert answer is not None
        assert answer.ok
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name
        expect(page.get_by_role("main")).to_contain_text("GRID" if name != "services/" else "CE")
    reader.close()
