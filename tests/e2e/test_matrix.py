"""The matrix in a browser: live without losing the place, logs beside it, titles on hover, a phone's width."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.builders import a_result, a_service, a_site, a_vo
from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    """The usual federation and forty more sites, so that there is something to scroll."""
    grid = build_grid()
    more = [a_service(of=a_site(name=f"XTRA-{n:02}", ngi=grid.bad.ngi)) for n in range(40)]
    a_vo("ops", supported_by=more)
    return grid


def fail(grid: Grid) -> None:
    """The good site's CE-ver fails a moment later."""
    at = grid.now + timedelta(seconds=1)
    result = a_result(grid.good_ce, "CE-ver", status=Status.CRITICAL, summary="version is too old", executed_at=at)
    submit([result], now=at)


def refresh(page: Page) -> None:
    """What happens every quarter of a minute anyway."""
    with page.expect_response(lambda answer: "/matrix/live" in answer.url):
        page.evaluate("htmx.trigger('#matrix-live', 'refresh')")


def test_a_refresh_shows_what_changed_and_keeps_place_folds_and_focus(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    scroller = page.locator(".matrix-scroll")
    page.get_by_label("Show South").uncheck()
    page.get_by_label("Show South").check()
    page.get_by_label("Show North").uncheck()
    scroller.evaluate("element => element.scrollTo(0, 120)")
    focused = page.locator("tr", has_text="THIRD-GRID").get_by_role("link", name="O").first
    focused.focus()
    top = scroller.evaluate("element => element.scrollTop")
    fail(grid)
    refresh(page)
    row = page.locator("tr", has_text=grid.good.name)
    expect(row.locator("td.f")).to_have_text("!!!")
    expect(row).to_be_hidden()
    expect(page.locator("#matrix-summary")).to_contain_text("CT")
    assert scroller.evaluate("element => element.scrollTop") == top
    expect(focused).to_be_focused()


def test_a_change_of_the_registry_brings_the_table_anew_in_its_place(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    page.get_by_label("Show North").uncheck()
    scroller = page.locator(".matrix-scroll")
    scroller.evaluate("element => element.scrollTo(0, 120)")
    grid.bad.name = "SECOND-RENAMED"
    grid.bad.save()
    refresh(page)
    expect(page.get_by_role("link", name="SECOND-RENAMED")).to_have_count(1)
    expect(page.get_by_label("Show North")).not_to_be_checked()
    assert scroller.evaluate("element => element.scrollTop") == 120


def test_a_log_opens_beside_the_matrix_and_closes_to_where_one_was(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    cell = page.locator("tr", has_text=grid.bad.name).locator("td.x > a")
    cell.click()
    panel = page.get_by_label("Log of a result")
    expect(panel).to_contain_text("no slot free")
    assert page.url.endswith("/matrix/")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(cell).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("tr", has_text=grid.bad.name).locator("td.n > a").first).to_be_focused()


def test_hover_tells_result_age_and_first_line(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    cell = page.locator("tr", has_text=grid.bad.name).locator("td.x > a")
    cell.hover()
    expect(cell).to_have_attribute(
        "title", re.compile(r"CE-js: CRITICAL\nsince .* ago\nCRITICAL: no slot free", re.DOTALL)
    )


def test_it_fits_a_phone_with_site_and_status_in_sight(page: Page, live_server, grid):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/matrix/")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator(".matrix-scroll").evaluate("element => element.scrollTo(200, 0)")
    site = page.get_by_role("link", name=grid.bad.name, exact=True)
    box = site.bounding_box()
    assert box is not None
    assert 0 <= box["x"] < 120
