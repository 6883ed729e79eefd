"""Freedom of choice in a browser: what would change before it is saved, two managers who must agree, the changes."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.actions import set_policy
from gridkeeper.selection.changes import note_changes
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.wishes import PolicyChange
from gridkeeper.vos.models import Vo
from tests.builders import a_result, a_user
from tests.e2e.federation import Grid, build_grid

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def grid(transactional_db) -> Grid:
    """Two managers of ops; its changes are judged an hour ago and now."""
    grid = build_grid()
    vo = Vo.objects.get(name="ops")
    for name in ("carol", "dave"):
        a_user(name, vo=vo)
    note_changes(grid.now - timedelta(hours=2))
    note_changes(grid.now)
    return grid


def sign_in(page: Page, url: str, name: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{url}/accounts/login/")
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(f"{name}-password")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.locator(".account-name")).to_have_text(name)


def test_a_change_of_critical_tests_shows_who_would_enter_before_it_is_saved(page: Page, live_server, grid):
    sign_in(page, live_server.url, "carol")
    page.goto(f"{live_server.url}/good-sites/tests/?vo=ops")
    for name in ("CE-js", "CE-ver", "CE-csh"):
        box = page.get_by_label(f"{name} is critical on CE")
        expect(box).to_be_checked()
        if name != "CE-ver":
            box.uncheck()
    page.get_by_label("CE-ver is critical on CE").uncheck()
    page.locator("#id_reason").fill("they are being rewritten")
    page.get_by_role("button", name="See what it would do").click()
    effect = page.locator("#effect")
    expect(effect).to_contain_text("1 sites are good now, 0 would be: 1 would leave (FIRST-GRID)")
    page.get_by_label("CE-js is critical on CE").check()
    page.get_by_role("button", name="See what it would do").click()
    expect(effect).to_contain_text("no site would change sides")
    page.get_by_role("button", name="Save these changes").click()
    expect(page.get_by_text("2 changed for ops")).to_be_visible()
    page.goto(f"{live_server.url}/good-sites/tests/?vo=ops")
    expect(page.get_by_label("CE-ver is critical on CE")).not_to_be_checked()


def test_two_managers_put_a_site_on_a_list(page: Page, live_server, grid):
    vo = Vo.objects.get(name="ops")
    set_policy(Actor.system(), vo=vo, change=PolicyChange(True, 0), reason="two", now=grid.now)
    sign_in(page, live_server.url, "carol")
    page.goto(f"{live_server.url}/good-sites/lists/?vo=ops")
    page.locator("#id_site").fill("SECOND-GRID")
    page.get_by_label("White list: always in").check()
    page.locator("#id_reason").fill("they repair it with us")
    page.get_by_role("button", name="See what it would do").click()
    expect(page.locator("#effect")).to_contain_text("1 would enter (SECOND-GRID)")
    page.get_by_role("button", name="Put it on the list").click()
    expect(page.get_by_text("It is made when another manager of ops agrees")).to_be_visible()
    expect(page.get_by_role("button", name="Approve and make it")).to_have_count(0)
    assert not ListEntry.objects.exists()
    sign_in(page, live_server.url, "dave")
    page.goto(f"{live_server.url}/good-sites/proposals/?vo=ops")
    proposal = page.get_by_role("article")
    expect(proposal).to_contain_text("SECOND-GRID goes on the white list: they repair it with us")
    expect(proposal).to_contain_text("1 would enter (SECOND-GRID)")
    proposal.get_by_label("Your word on it").fill("fine")
    proposal.get_by_role("button", name="Approve and make it").click()
    expect(page.get_by_text("Approved and made")).to_be_visible()
    page.goto(f"{live_server.url}/good-sites/?vo=ops&show=in")
    row = page.locator("tr", has_text="SECOND-GRID")
    expect(row).to_contain_text("on the white list of the VO")


def test_the_changes_say_when_and_why_and_read_on_a_phone(page: Page, live_server, grid):
    at = grid.now + timedelta(seconds=1)
    submit([a_result(grid.good_ce, "CE-js", status=Status.CRITICAL, executed_at=at, summary="refused")], now=at)
    note_changes(at)
    page.goto(f"{live_server.url}/good-sites/changes/?vo=ops")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("FIRST-GRID")
    expect(row).to_contain_text("CE-js on ce.first-grid.example.org is CRITICAL")
    page.get_by_label("Single services too").check()
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr").filter(has_text="CE ce.first-grid.example.org").first).to_be_visible()
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("changes/", "proposals/", "policy/", "lists/", "tests/", ""):
        page.goto(f"{live_server.url}/good-sites/{path}?vo=ops")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
