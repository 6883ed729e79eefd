"""The main pages in a browser: each answers its reader's first question, with no complaint from the browser."""

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from gridkeeper.core.identifiers import SeriesKey
from tests.e2e.federation import OUTPUT, Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    return build_grid()


def test_home_says_how_the_grid_is_and_leads_to_what_broke(page: Page, live_server, grid):
    page.goto(live_server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("How is the grid now?")
    expect(page.locator(".judgement")).to_contain_text("sites are good for ops")
    broken = page.locator("section", has_text="Newly broken")
    expect(broken).to_contain_text("SECOND-GRID")
    broken.get_by_role("link", name="CE-js", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("no slot free")


def test_the_matrix_shows_every_site_and_a_cell_leads_to_its_log(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/matrix/")
    for site in (grid.good, grid.bad, grid.resting):
        expect(page.get_by_role("main")).to_contain_text(site.name)
    expect(page.get_by_role("main")).to_contain_text("JS")
    row = page.locator("tr", has_text=grid.bad.name).first
    row.locator("a[title^=CRITICAL]").first.click()
    expect(page.get_by_text("no slot free").first).to_be_visible()


def test_a_log_shows_hostile_output_as_text_and_what_to_do(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/services/{grid.bad_ce.key}/")
    page.get_by_role("link", name="CE-js", exact=True).first.click()
    expect(page.locator("pre.log").first).to_contain_text("<script>alert(1)</script>")
    expect(page.get_by_role("main")).to_contain_text("Look at the batch system's log.")
    expect(page.locator(".chart canvas").first).to_be_visible()
    expect(page.locator("svg.strip").first).to_be_visible()


def test_output_wraps_and_is_copied(page: Page, context: BrowserContext, live_server, grid):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{live_server.url}/results/{SeriesKey(grid.bad_ce.hostname, 'CE', 'CE-js', '').series}/latest/")
    page.get_by_role("button", name="Wrap").click()
    expect(page.locator("#output")).to_have_css("white-space", "pre")
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == OUTPUT


def test_home_refreshes_without_moving_what_is_read(page: Page, live_server, grid):
    page.goto(live_server.url)
    page.wait_for_function("window.htmx")
    place = "document.querySelector('.home-side').getBoundingClientRect().toJSON()"
    before = page.evaluate(place)
    with page.expect_response(lambda answer: "vo=ops" in answer.url):
        page.evaluate("htmx.ajax('GET', document.getElementById('home').getAttribute('hx-get'), '#home')")
    page.wait_for_timeout(200)
    assert page.evaluate(place) == before
    assert "ago" in page.locator(".judgement time").inner_text()


def test_a_site_page_says_what_failed_and_since_when(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/sites/{grid.bad.key}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(grid.bad.name)
    expect(page.get_by_role("main")).to_contain_text("CE-js")
    for tab in page.locator(".tabs a").all()[1:]:
        answer = page.request.get(live_server.url + (tab.get_attribute("href") or ""))
        assert answer.ok, answer.url


def test_a_site_in_downtime_says_so(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/sites/{grid.resting.key}/")
    expect(page.get_by_role("main")).to_contain_text("In downtime")
    expect(page.get_by_role("main")).to_contain_text("Power works")


def test_availability_goes_from_the_month_to_a_site_and_its_chart(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/availability/")
    expect(page.get_by_role("main")).to_contain_text("SECOND-GRID")
    page.goto(f"{live_server.url}/availability/sites/{grid.bad.key}/")
    expect(page.locator(".chart canvas").first).to_be_visible()


def test_good_sites_names_the_test_that_excludes_a_site(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/good-sites/?vo=ops")
    row = page.locator("tr", has_text=grid.bad.name).first
    expect(row).to_contain_text("CE-js")


@pytest.mark.parametrize("width", [390, 1400])
def test_no_page_is_wider_than_the_screen(page: Page, live_server, grid, width):
    """What is wide scrolls in its own frame, so that the shell stays where it is."""
    page.set_viewport_size({"width": width, "height": 844})
    wide = {}
    for path in _all_pages(grid):
        page.goto(live_server.url + path)
        wide[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {path: extra for path, extra in wide.items() if extra > 0} == {}


def test_pages_read_without_javascript(browser: Browser, live_server, grid):
    with browser.new_context(java_script_enabled=False) as reader:
        page = reader.new_page()
        for path in _all_pages(grid):
            page.goto(live_server.url + path)
            expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert len(page.get_by_role("main").inner_text()) > 100, path


def test_every_page_has_one_title_of_its_own_and_one_main_heading(page: Page, live_server, grid):
    titles = []
    for path in _all_pages(grid):
        page.goto(live_server.url + path)
        titles.append(page.title())
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
    assert len(set(titles)) == len(titles)


def _all_pages(grid: Grid) -> list[str]:
    series = SeriesKey(grid.bad_ce.hostname, "CE", "CE-js", "").series
    return [
        "/", "/matrix/", f"/results/{series}/latest/", f"/sites/{grid.bad.key}/", f"/services/{grid.bad_ce.key}/",
        "/availability/", f"/availability/sites/{grid.bad.key}/", "/good-sites/", "/registry/sites/",
        "/registry/services/", "/registry/downtimes/", "/vos/", "/tests/", "/search?q=grid", "/accounts/login/",
    ]  # fmt: skip
