"""A downtime's life in a browser: declared, extended, partly ended, changed, cancelled; and the calendar."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from gridkeeper.registry.models import Downtime, DowntimeRecurrence, Service, Site
from tests.builders import a_downtime, a_federation, a_service, a_site, a_user, an_endpoint, an_ngi

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PRAGUE = ZoneInfo("Europe/Prague")  # the reader's zone


@pytest.fixture
def site(transactional_db) -> Site:
    """Four services; alice looks after them."""
    made = a_site(name="ALPHA-GRID", ngi=an_ngi(name="NORTH", federation=a_federation(name="Test federation")))
    a_user("alice", site=made)
    for kind, name in (("CE", "ce1"), ("CE", "ce2"), ("SRM", "se"), ("Site-BDII", "bdii")):
        a_service(of=made, type=kind, hostname=f"{name}.alpha.example.org")
    an_endpoint(of=Service.objects.get(hostname="se.alpha.example.org"), name="webdav", url="https://se.alpha/")
    return made


@pytest.fixture(params=[1400, 390])
def alice(request, page: Page, live_server, site) -> Page:
    """Signed in, at both widths."""
    page.set_viewport_size({"width": request.param, "height": 900})
    page.goto(f"{live_server.url}/accounts/login/?next=/registry/downtimes/now/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Downtimes now and next")
    return page


def wall(moment: datetime) -> str:
    return f"{moment.astimezone(PRAGUE):%Y-%m-%dT%H:%M}"


def picture(page: Page, name: str) -> None:
    """A picture of the page where SCREENSHOTS names a folder; it must not be wider than the screen in any case."""
    wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider <= 0, f"{name} is {wider} px wider than the screen"
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{page.viewport_size['width']}.png", full_page=True)


def test_a_downtime_is_declared_extended_partly_ended_and_ended(alice: Page, live_server, site):
    now = timezone.now().replace(second=0, microsecond=0)
    alice.goto(f"{live_server.url}/registry/downtimes/declare/")
    alice.get_by_label("Start", exact=True).fill(wall(now - HOUR))
    alice.get_by_label("End", exact=True).fill(wall(now + 4 * HOUR))
    expect(alice.locator("#times")).to_contain_text(f"{now - HOUR:%H:%M} to")
    alice.get_by_label("Description").fill("Power works & <b>cables</b>")
    for name in ("CE ce1", "CE ce2", "SRM se"):
        alice.get_by_role("checkbox", name=name).check()
    alice.get_by_role("button", name="See what follows").click()
    effects = alice.get_by_role("region", name="What follows")
    expect(effects).to_contain_text("UNSCHEDULED because it starts in the past")
    expect(effects).to_contain_text("All 2 CE of ALPHA-GRID are then out")
    picture(alice, "declare")
    assert not Downtime.objects.exists()
    effects.get_by_role("button", name="Declare this downtime").click()
    expect(alice.get_by_role("status")).to_contain_text("The downtime is declared")
    expect(alice.locator(".downtime-description")).to_have_text("Power works & <b>cables</b>")

    alice.get_by_role("link", name="Extend").click()
    alice.get_by_role("checkbox", name="SRM se").uncheck()
    alice.get_by_label("New end").fill(wall(now + 8 * HOUR))
    alice.get_by_label("Reason").fill("spare parts are late")
    picture(alice, "extend")
    alice.get_by_role("button", name="Extend it").click()
    expect(alice.get_by_role("region", name="What continues what")).to_contain_text("extended by")
    tail = Downtime.objects.get(follow_kind="extension")
    assert (tail.start, tail.end, tail.services.count()) == (now + 4 * HOUR, now + 8 * HOUR, 2)

    alice.get_by_role("link", name="End part of it").click()
    alice.get_by_role("checkbox", name="SRM se").check()
    alice.get_by_label("Back at").fill(wall(now + 2 * HOUR))
    alice.get_by_label("Reason").fill("storage is back")
    alice.get_by_role("button", name="These are back").click()
    expect(alice.locator(".part-end")).to_contain_text(f"{(now + 2 * HOUR).astimezone(PRAGUE):%H:%M}")
    picture(alice, "downtime")

    alice.get_by_role("link", name="End it now").click()
    expect(alice.get_by_role("main")).to_contain_text("1 downtime that continue it will be cancelled too")
    alice.get_by_label("Reason").fill("done")
    alice.get_by_role("button", name="End it now").click()
    confirm = alice.get_by_role("button", name="Confirm")
    if confirm.count():
        confirm.click()
    expect(alice.get_by_role("status")).to_contain_text("The downtime ends at")
    tail.refresh_from_db()
    assert tail.cancelled_at is not None


def test_a_downtime_is_edited_becomes_an_outage_and_is_cancelled(alice: Page, live_server, site):
    now = timezone.now().replace(second=0, microsecond=0)
    services = site.services.all()
    downtime = a_downtime(*services, severity="WARNING", start=now + 50 * HOUR, end=now + 60 * HOUR)
    alice.goto(f"{live_server.url}/registry/downtimes/{downtime.key}/edit/")
    alice.get_by_label("End", exact=True).fill(wall(now + 70 * HOUR))
    alice.get_by_label("Reason").fill("takes longer")
    alice.get_by_role("button", name="Save changes").click()
    expect(alice.get_by_role("alert").first).to_contain_text("never longer")
    expect(alice.get_by_label("End", exact=True)).to_have_value(wall(now + 70 * HOUR))
    alice.get_by_label("End", exact=True).fill(wall(now + 58 * HOUR))
    picture(alice, "edit")
    alice.get_by_role("button", name="Save changes").click()
    expect(alice.get_by_role("status")).to_contain_text("The downtime is saved; it is scheduled")

    alice.get_by_role("link", name="Change the severity").click()
    alice.get_by_label("From").fill(wall(now + 54 * HOUR))
    alice.get_by_label("Reason").fill("power will be off")
    alice.get_by_role("button", name="Begin the next phase").click()
    expect(alice.get_by_role("region", name="What continues what")).to_contain_text("then")
    assert Downtime.objects.get(follow_kind="phase").severity == "OUTAGE"

    alice.get_by_role("link", name="Cancel it").click()
    alice.get_by_label("Reason").fill("the electrician is ill")
    alice.get_by_role("button", name="Cancel this downtime").click()
    confirm = alice.get_by_role("button", name="Confirm")
    if confirm.count():
        confirm.click()
    expect(alice.locator(".marks")).to_contain_text("cancelled")
    assert not Downtime.objects.filter(cancelled_at=None).exists()


def test_a_downtime_that_repeats(alice: Page, live_server, site):
    start = (timezone.now() + 3 * DAY).replace(hour=9, minute=0, second=0, microsecond=0)
    alice.goto(f"{live_server.url}/registry/downtimes/declare/")
    alice.get_by_label("At risk", exact=True).check()
    alice.get_by_label("Times are of").select_option("UTC")
    alice.get_by_label("Start", exact=True).fill(f"{start:%Y-%m-%dT%H:%M}")
    alice.get_by_label("End", exact=True).fill(f"{start + HOUR:%Y-%m-%dT%H:%M}")
    alice.get_by_label("Description").fill("Weekly reboot")
    alice.get_by_role("checkbox", name="ALPHA-GRID").check()
    alice.get_by_text("Repeat it").click()
    alice.get_by_label("Repeat", exact=True).select_option("weekly")
    alice.get_by_role("button", name="See what follows").click()
    expect(alice.get_by_role("region", name="What follows")).to_contain_text("It repeats")
    alice.get_by_role("button", name="Declare these downtimes").click()
    expect(alice.get_by_role("heading", level=1)).to_have_text("Recurring downtime")
    picture(alice, "recurrence")
    recurrence = DowntimeRecurrence.objects.get()
    assert [each.start for each in recurrence.downtimes.order_by("start")][:2] == [start, start + 7 * DAY]
    alice.get_by_role("link", name="End it").click()
    alice.get_by_label("Reason").fill("automated")
    alice.get_by_role("button", name="End it").click()
    expect(alice.locator(".marks")).to_contain_text("ended")
    assert not recurrence.downtimes.filter(cancelled_at=None).exists()


def test_the_calendar_is_paged_narrowed_and_walked_by_keys(alice: Page, live_server, site):
    # over midnight, and the night in which clocks change
    start = datetime(2027, 3, 27, 22, 30, tzinfo=ZoneInfo("UTC"))
    a_downtime(*site.services.all(), start=start, end=start + 4 * HOUR, description="Night works")
    a_downtime(start=start, end=start + HOUR, severity="WARNING", description="Elsewhere")
    calendar = f"{live_server.url}/registry/downtimes/calendar/"
    alice.goto(f"{calendar}?view=month&date=2027-02-10")
    expect(alice.get_by_role("heading", name="February 2027")).to_be_visible()
    alice.keyboard.press("ArrowRight")
    expect(alice.get_by_role("heading", name="March 2027")).to_be_visible()
    expect(alice.get_by_text("23 h")).to_be_visible()
    expect(alice.locator(".cal-item")).to_have_count(2)
    picture(alice, "calendar-month")
    alice.keyboard.press("j")
    expect(alice.locator(".cal-item").first).to_be_focused()
    alice.get_by_role("combobox", name="Site", exact=True).fill("ALPHA-GRID")
    alice.get_by_role("button", name="Show").click()
    expect(alice.locator(".cal-item")).to_have_count(1)
    alice.get_by_role("link", name="Timeline").click()
    alice.goto(f"{calendar}?view=timeline&date=2027-03-25&site=ALPHA-GRID")
    expect(alice.locator(".cal-stripe")).to_have_count(1)
    picture(alice, "calendar-timeline")
    alice.goto(f"{calendar}?view=week&date=2027-03-27")
    expect(alice.get_by_text("Night works")).to_be_visible()
    picture(alice, "calendar-week")
    alice.emulate_media(media="print")
    expect(alice.locator(".cal-filter")).to_be_hidden()
    expect(alice.get_by_text("Night works")).to_be_visible()


def test_a_file_of_downtimes_is_tried_and_declared(alice: Page, live_server, site, tmp_path):
    begin = timezone.now() + 3 * DAY
    file = tmp_path / "downtimes.csv"
    times = f"{begin:%Y-%m-%dT%H:%MZ},{begin + HOUR:%Y-%m-%dT%H:%MZ}"
    file.write_text(
        f"site,services,severity,start,end,description\nALPHA-GRID,,OUTAGE,{times},Works\nNOWHERE,,OUTAGE,{times},Works\n"
    )
    alice.goto(f"{live_server.url}/registry/downtimes/import/")
    alice.get_by_label("CSV file").set_input_files(file)
    alice.get_by_role("button", name="Try it").click()
    expect(alice.get_by_role("status")).to_contain_text("1 would be declared, 1 rejected")
    expect(alice.get_by_role("status")).to_contain_text("No site 'NOWHERE'")
    picture(alice, "import")
    assert not Downtime.objects.exists()
    alice.get_by_label("CSV file").set_input_files(file)
    alice.get_by_role("button", name="Declare them").click()
    expect(alice.get_by_role("status")).to_contain_text("1 declared, 1 rejected")
    assert Downtime.objects.get().services.count() == 4
