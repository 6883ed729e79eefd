"""A recomputation in a browser: a site administrator sees what it would change and asks, staff approves, it is done."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from gridkeeper.availability import tasks
from gridkeeper.people.models import User
from tests.builders import a_user
from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    grid = build_grid()
    a_user("alice", site=grid.bad)
    User.objects.create_superuser("carol", password="carol-password")
    return grid


def signed_in(page: Page, url: str, name: str) -> None:
    client = Client()
    client.force_login(User.objects.get(username=name))
    page.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": url}])


def picture(page: Page, name: str) -> None:
    """It fits the screen at both widths; kept, in both schemes, where SCREENSHOTS names a folder."""
    for width in (1400, 390):
        page.set_viewport_size({"width": width, "height": 900})
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{name} is {wider} px wider than {width} px"
        for scheme in ("light", "dark") if (folder := os.environ.get("SCREENSHOTS")) else ():
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(str(folder)) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1400, "height": 900})


def test_from_the_request_to_the_approval_and_what_it_changed(page: Page, live_server, grid):
    url = f"{live_server.url}/availability/recomputations/"
    signed_in(page, live_server.url, "alice")
    page.goto(f"{url}new/?kind=status&level=site&groups=SECOND-GRID")
    start = grid.now - timedelta(hours=3)
    page.get_by_label("From (UTC)").fill(f"{start:%Y-%m-%dT%H:%M}")
    page.get_by_label("Until (UTC)").fill(f"{grid.now:%Y-%m-%dT%H:%M}")
    page.get_by_label("Status", exact=True).fill("OK")
    page.get_by_label("Reason").fill("The probe's proxy had expired.")
    page.get_by_role("button", name="Preview").click()
    foreseen = page.get_by_role("status", name="What would follow")
    expect(foreseen).to_contain_text("would change so")
    expect(foreseen.locator("tbody tr").first).to_contain_text("SECOND-GRID")
    picture(page, "recomputation-preview")
    foreseen.get_by_role("button", name="Ask for it").click()
    expect(page.get_by_role("main")).to_contain_text("It waits for the federation's staff")
    expect(page.get_by_role("main")).to_contain_text(f"{start:%Y-%m-%d %H:%M}:00 –")  # UTC, whatever the reader's zone
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)

    signed_in(page, live_server.url, "carol")
    page.goto(f"{url}?state=requested")
    picture(page, "recomputations")
    page.get_by_role("link", name="Force a status at a level").click()
    page.get_by_label("Reason").first.fill("The log of the worker says so too.")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("main")).to_contain_text("Approved")
    later = timezone.now() + timedelta(minutes=2)
    tasks.compute_today(later)
    tasks.compute_marked(later)
    page.reload()
    expect(page.get_by_role("main")).to_contain_text("Applied")
    expect(page.locator(".site-days tbody tr").first).to_contain_text("SECOND-GRID")
    picture(page, "recomputation")
    page.goto(f"{live_server.url}/availability/computations/")
    expect(page.locator("tbody tr").first).to_contain_text("computed")
    picture(page, "computations")
