"""Time travel of the matrix in a browser: the slider, logs of the past, causes, two moments compared."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import CauseRule
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile
from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    """The usual federation, whose failing site fails since an hour, and some sites more to scroll."""
    grid = build_grid()
    a_vo("ops", supported_by=[a_service(of=a_site(name=f"XTRA-{n:02}", ngi=grid.bad.ngi)) for n in range(30)])
    return grid


def row_of(page: Page, grid: Grid):
    return page.locator("tr", has_text=grid.bad.name)


def test_the_slider_shows_the_matrix_as_it_stood_and_keeps_the_place(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    expect(row_of(page, grid).locator("td.x")).to_have_text("X")
    page.locator(".matrix-scroll").evaluate("element => element.scrollTo(0, 60)")
    slider = page.get_by_label("Time that the page shows")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile("as_of="))
    expect(page.locator(".as-of-banner")).to_be_visible()
    expect(row_of(page, grid).locator("td.x")).to_have_count(0)
    expect(row_of(page, grid).locator("td.o").first).to_have_text("O")
    expect(slider).to_be_focused()
    expect(slider).to_have_value("-12")
    assert page.locator(".matrix-scroll").evaluate("element => element.scrollTop") == 60
    slider.press("End")
    expect(page.locator(".as-of-banner")).to_have_count(0)
    expect(row_of(page, grid).locator("td.x")).to_have_text("X")


def test_a_log_of_the_past_opens_beside_the_matrix_of_the_past(page: Page, live_server, grid):
    at = grid.now + timedelta(seconds=1)
    submit([a_result(grid.bad_ce, "CE-js", status=Status.OK, summary="mended", executed_at=at)], now=at)
    then = (grid.now - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    page.goto(f"{live_server.url}/matrix/?as_of={then}")
    cell = row_of(page, grid).locator("td.x > a")
    expect(cell).to_have_attribute("title", re.compile("no slot free"))
    cell.click()
    expect(page.get_by_label("Log of a result")).to_contain_text("no slot free")
    expect(page.get_by_label("Log of a result")).not_to_contain_text("mended")


def test_without_scripts_links_go_through_time(context, live_server, grid):
    plain = context.browser.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(f"{live_server.url}/matrix/")
    expect(page.locator("#time-range")).to_be_hidden()
    page.get_by_role("link", name="One step back").click()
    expect(page.locator(".as-of-banner")).to_be_visible()
    page.get_by_role("link", name="Now", exact=True).click()
    expect(page.locator(".as-of-banner")).to_have_count(0)
    plain.close()


def test_causes_stand_apart_from_their_consequences(page: Page, live_server, grid):
    bdii = a_service(of=grid.bad, type="Site-BDII", hostname="bdii.second.example.org")
    vo = a_vo("ops", supported_by=[bdii])
    test = a_test("BDII-fresh")
    in_profile(vo, test, type="Site-BDII")
    CauseRule.objects.create(cause=test, reach="site", accepted_at=grid.now)
    began = grid.now - timedelta(hours=2)
    submit([a_result(bdii, "BDII-fresh", status=Status.CRITICAL, summary="stale", executed_at=began)], now=grid.now)
    page.goto(f"{live_server.url}/matrix/?type=all")
    consequence, cause = row_of(page, grid).locator("td.y > a"), page.locator("td.f.r > a")
    expect(consequence).to_have_text("(X)")
    expect(cause).to_have_attribute("title", re.compile(r"3 other failures follow from it"))
    shades = [
        link.locator("..").evaluate("cell => getComputedStyle(cell).backgroundColor") for link in (consequence, cause)
    ]
    assert shades[0] != shades[1]
    consequence.click()
    panel = page.get_by_label("Log of a result")
    expect(panel).to_contain_text("Failed because BDII-fresh fails on Site-BDII bdii.second.example.org: stale")
    panel.get_by_role("link", name="BDII-fresh").click()
    expect(page.get_by_text("3 other failures follow from this one.")).to_be_visible()


def test_two_moments_are_compared_from_the_matrix(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/?as_of=3h")
    page.get_by_role("link", name="Two moments").click()
    expect(page.get_by_role("heading", name="Two moments compared")).to_be_visible()
    expect(page.locator(".compare tbody")).to_contain_text("Worse than before")
    expect(row_of(page, grid)).to_contain_text("OK → JS")
    page.get_by_label("From").fill("1min")
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Nothing changed")).to_be_visible()
