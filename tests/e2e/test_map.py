"""The map in a browser: look, come nearer, open a site; on a telephone, in the dark, and without JavaScript."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

POSITIONS = {"FIRST-GRID": (50.1, 14.4), "SECOND-GRID": (46.2, 6.1), "THIRD-GRID": (-33.9, 18.4)}


@pytest.fixture
def grid(transactional_db) -> Grid:
    grid = build_grid()
    for site in (grid.good, grid.bad, grid.resting):
        site.latitude, site.longitude = POSITIONS[site.name]
        site.save()
    return grid


def test_a_reader_sees_what_is_wrong_comes_nearer_and_opens_the_site(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/map/")
    cluster = page.locator(".pin.is-many")
    expect(cluster).to_have_count(1)
    expect(cluster).to_have_class("pin status-critical is-many")
    expect(cluster.locator("text")).to_have_text("2")
    expect(page.locator(".pin.status-downtime")).to_have_count(1)
    cluster.click()
    expect(page.locator(".pin.is-many")).to_have_count(0)
    assert "view=" in page.url
    expect(page.locator(".pin.status-ok")).to_have_count(1)
    page.locator(".pin.status-critical").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SECOND-GRID")


def moved(page: Page, before: str) -> str:
    """What the map shows once it shows something else than before; the address says the same."""
    frame = page.locator("[data-map]")
    expect(frame).not_to_have_attribute("data-map", before)
    shown = frame.get_attribute("data-map") or ""
    expect(page).to_have_url(re.compile(r"view="))
    return shown


def width_of(shown: str) -> float:
    return float(shown.split(",")[2])


def test_steps_the_wheel_and_dragging_move_the_view_and_the_address(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/map/")
    page.wait_for_function("window.htmx")
    first = page.locator("[data-map]").get_attribute("data-map")
    page.get_by_role("link", name="Nearer").click()
    second = moved(page, first)
    assert width_of(second) < width_of(first)
    box = page.locator(".map-svg").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    third = moved(page, second)
    assert width_of(third) < width_of(second)
    page.mouse.move(box["x"] + 80, box["y"] + 80)
    page.mouse.down()
    page.mouse.move(box["x"] + 280, box["y"] + 120, steps=4)
    page.mouse.up()
    fourth = moved(page, third)
    # Dragged to the right, so what lies west is seen.
    assert float(fourth.split(",")[0]) < float(third.split(",")[0])


def test_a_filter_stays_in_the_address_and_shows_its_sites(page: Page, live_server, grid):
    page.goto(f"{live_server.url}/map/")
    page.get_by_label("Region").select_option("South")
    page.wait_for_url("**region=South**")
    expect(page.locator(".map-table tbody tr")).to_have_count(2)
    expect(page.get_by_role("main")).not_to_contain_text("FIRST-GRID")


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (1400, "dark"), (390, "light"), (390, "dark")])
def test_it_fits_each_screen_without_javascript(browser: Browser, live_server, grid, width, scheme):
    reader = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=False
    )
    page = reader.new_page()
    page.goto(f"{live_server.url}/map/")
    picture = page.locator(".map-svg").bounding_box()
    assert picture["width"] <= width
    for pin in page.locator(".pin").all():
        box = pin.bounding_box()
        # Large enough for a finger's eye and within the picture.
        assert box["width"] >= 15
        assert picture["x"] - 20 <= box["x"] <= picture["x"] + picture["width"]
    page.locator(".pin.is-many").click()
    page.wait_for_url("**view=**")
    expect(page.locator(".pin.status-critical")).to_have_count(1)
    reader.close()
