"""From a month's figure to the log of the very result behind it; and what the figure would be otherwise."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    return build_grid()


def picture(page: Page, name: str) -> None:
    """At both widths and in both themes where SCREENSHOTS names a folder; never wider than the screen."""
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is {wider} px wider than the screen of {width}"
        for theme in ("light", "dark") if os.environ.get("SCREENSHOTS") else ():
            page.emulate_media(color_scheme=theme)
            page.wait_for_timeout(200)
            folder = Path(os.environ["SCREENSHOTS"])
            page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1400, "height": 900})


def test_a_months_figure_opens_down_to_the_log(page: Page, live_server, grid):
    today = grid.now.date()
    page.goto(f"{live_server.url}/availability/?month={today:%Y-%m}")
    page.get_by_role("main").get_by_role("link", name="SECOND-GRID").first.click()
    page.get_by_role("main").get_by_role("link", name=f"{today}").first.click()
    expect(page.get_by_role("heading", name=re.compile(r"^Why \d+\.\d\d %\?"))).to_be_visible()
    reason = page.locator(".loss-table").get_by_role(
        "link", name="CE-js failed on CE ce.second-grid.example.org for ops"
    )
    expect(reason).to_be_visible()
    picture(page, "day")

    page.get_by_label("Time (UTC)").fill(f"{grid.now:%H:%M:%S}")
    page.get_by_role("button", name="Show what held").click()
    standing = page.get_by_role("region", name=re.compile("^At "))
    decided = standing.get_by_role("row").filter(has_text="decided the site's status")
    expect(decided).to_contain_text(["CE-js"])
    picture(page, "instant")

    page.locator(".loss-table").get_by_role("link", name="CE-js failed").click()
    expect(page.locator("#output")).to_contain_text("match refused after 12 s")
    expect(page.locator(".verdict")).to_contain_text("It failed")


def test_a_month_says_what_cost_it_what_and_what_it_would_be(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/availability/?month={grid.now:%Y-%m}")
    page.get_by_role("link", name="Why this figure").click()
    page.get_by_role("region", name="Who cost it how much").get_by_role("link", name="South").click()
    picture(page, "shares")
    page.get_by_role("region", name="Who cost it how much").get_by_role("link", name="SECOND-GRID").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Why ")
    costs = page.get_by_role("region", name="What cost it how much")
    expect(costs.get_by_role("link", name="CE-js failed on CE ce.second-grid.example.org for ops")).to_be_visible()
    picture(page, "why")

    page.get_by_role("link", name="What if …").click()
    page.get_by_label("CE-js on CE").check()
    page.get_by_role("button", name="Compute it").click()
    outcome = page.get_by_role("region", name=re.compile("would have been"))
    expect(outcome.locator(".what-if-day")).not_to_have_count(0)
    expect(page.get_by_label("CE-js on CE")).to_be_checked()
    picture(page, "what-if")
