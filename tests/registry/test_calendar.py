"""The calendar: every downtime on each of its days, no two in one place, days as the reader's clock has them."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.windows import Window
from gridkeeper.registry.calendar import MONTH_LANES, period_of
from gridkeeper.registry.calendar_layout import (
    Bar,
    day_window,
    days_window,
    hidden_by_day,
    local_days,
    next_month,
    place_days,
    place_stripes,
    rows_of_cells,
    weeks_of_month,
)
from tests.builders import a_downtime, a_service, a_site, a_vo, an_ngi

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")
#: Clocks change at midnight, by half an hour, not at all, and on the other half of the earth.
ZONES = ["UTC", "Europe/Rome", "America/Santiago", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"]

zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
days = st.dates(date(2025, 1, 1), date(2027, 12, 31))
instants = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))
windows = st.builds(
    lambda start, minutes: Window(start, start + timedelta(minutes=minutes)), instants, st.integers(1, 60 * 24 * 20)
)


@given(windows, zones)
def test_a_window_is_on_each_day_that_it_shares_an_instant_with(window, zone):
    first, last = local_days(window, zone)
    number = (last - first).days + 1
    assert all(day_window(first + n * DAY, zone).is_overlapping(window) for n in range(number))
    for outside in (first - DAY, last + DAY):
        assert not day_window(outside, zone).is_overlapping(window)


@given(st.lists(windows, max_size=25), days, st.sampled_from([7, 14]), zones)
def test_every_window_stands_on_each_of_its_days_and_none_on_another(some, first, number, zone):
    bars = place_days(some, first, number, zone)
    whole = days_window(first, number, zone)
    assert {bar.number for bar in bars} == {n for n, window in enumerate(some) if window.is_overlapping(whole)}
    for bar in bars:
        for column in range(number):
            on_it = day_window(first + column * DAY, zone).is_overlapping(some[bar.number])
            assert (column in bar.columns) == on_it
        assert bar.is_cut_before == (local_days(some[bar.number], zone)[0] < first)


@given(st.lists(windows, max_size=25), days, zones)
def test_no_two_bars_lie_in_one_place(some, first, zone):
    taken = set()
    for bar in place_days(some, first, 7, zone):
        for column in bar.columns:
            assert (bar.lane, column) not in taken
            taken.add((bar.lane, column))


@given(st.lists(windows, max_size=25), days, zones, st.integers(1, 8))
def test_the_rows_of_the_table_hold_every_bar_or_count_it(some, first, zone, lanes):
    bars = place_days(some, first, 7, zone)
    rows = list(rows_of_cells(bars, 7, lanes))
    shown = [cell for row in rows for cell in row if isinstance(cell, Bar)]
    assert all(sum(cell.span if isinstance(cell, Bar) else cell for cell in row) == 7 for row in rows)
    assert len(rows) <= lanes
    hidden = hidden_by_day(bars, 7, lanes)
    for column in range(7):
        on_it = sum(column in bar.columns for bar in bars)
        assert sum(column in bar.columns for bar in shown) + hidden[column] == on_it


@given(st.lists(windows, max_size=25), windows)
def test_stripes_lie_where_their_windows_do_and_never_over_each_other(some, whole):
    stripes = place_stripes(some, whole)
    assert {stripe.number for stripe in stripes} == {n for n, window in enumerate(some) if window.is_overlapping(whole)}
    assert all(0 <= stripe.begin < stripe.end <= 1 for stripe in stripes)
    for one in stripes:
        for other in stripes:
            if one.number < other.number and one.lane == other.lane:
                assert one.end <= other.begin or other.end <= one.begin


@given(days)
def test_the_weeks_of_a_month_show_all_its_days_from_a_monday(day):
    mondays = weeks_of_month(day)
    assert all(monday.weekday() == 0 for monday in mondays)
    shown = {monday + n * DAY for monday in mondays for n in range(7)}
    month = {day.replace(day=1) + n * DAY for n in range(31) if (day.replace(day=1) + n * DAY).month == day.month}
    assert month <= shown
    assert next_month(day) == max(month) + DAY


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 3, 30), 24)]
)  # fmt: skip
def test_a_day_is_as_long_as_the_clock_makes_it(day, hours):
    assert day_window(day, ROME).duration == hours * HOUR


def test_what_ends_at_midnight_is_not_on_the_next_day():
    # 23:00 UTC is midnight in Rome
    window = Window(datetime(2026, 3, 10, 12, tzinfo=UTC), datetime(2026, 3, 10, 23, tzinfo=UTC))
    assert local_days(window, ROME) == (date(2026, 3, 10), date(2026, 3, 10))


@given(days, st.sampled_from(["month", "week", "timeline"]))
def test_paging_leads_there_and_back(day, view):
    period = period_of(view, day)
    for neighbour, back in ((period.after, "before"), (period.before, "after")):
        assert period_of(view, getattr(period_of(view, neighbour), back)) == period


CALENDAR = "/registry/downtimes/calendar/"


def page(client: Client, query: str = "", zone: str = "Europe/Rome") -> str:
    client.cookies["tz"] = zone
    answer = client.get(f"{CALENDAR}?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def grid(db):
    """A downtime in each region: from 2026-03-28 23:30 in Rome until 03-29 03:30, an hour later by the clock."""
    north, south = an_ngi(name="NORTH"), an_ngi(name="SOUTH")
    ce = a_service(of=a_site(name="ALPHA", ngi=north), hostname="ce.alpha.example.org")
    srm = a_service(of=a_site(name="GAMMA", ngi=south), type="SRM")
    start = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
    a_downtime(ce, start=start, end=start + 3 * HOUR, description="first")
    a_downtime(srm, start=start, end=start + 3 * HOUR, severity="WARNING", description="second")
    a_downtime(srm, start=start, end=start + 3 * HOUR, cancelled_at=start - DAY, description="third")
    a_vo("atlas", supported_by=[ce])
    return ce, srm


@pytest.mark.parametrize("view", ["month", "week", "timeline"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome", "Pacific/Kiritimati"])
def test_a_downtime_stands_in_each_view(client, grid, view, zone):
    text = page(client, f"view={view}&date=2026-03-28", zone)
    assert "ALPHA" in text
    assert "GAMMA" in text
    assert zone in text


def test_days_of_other_lengths_are_marked(client, grid):
    assert "23 h" in page(client, "view=week&date=2026-03-29")
    assert "25 h" in page(client, "view=month&date=2026-10")
    assert "23 h" not in page(client, "view=week&date=2026-03-29", "UTC")


def test_a_downtime_over_midnight_is_on_the_readers_days(client, grid):
    # in Rome on the 28th and 29th (23:30 to 02:30), in Auckland on the 29th alone (11:30 to 14:30)
    assert 'colspan="2"><a class="cal-item' in page(client, "view=month&date=2026-03-28")
    assert 'colspan="2"><a class="cal-item' not in page(client, "view=month&date=2026-03-28", "Pacific/Auckland")


@pytest.mark.parametrize(
    ("query", "first", "second"),
    [
        ("region=NORTH", True, False),
        ("site=GAMMA", False, True),
        ("service_type=CE", True, False),
        ("severity=WARNING", False, True),
        ("vo=atlas", True, False),
        ("region=NORTH&severity=WARNING", False, False),
        ("site=NOWHERE", False, False),
    ],
)
def test_it_is_narrowed_by(client, grid, query, first, second):
    text = page(client, f"view=week&date=2026-03-28&{query}")
    assert ("</span> ALPHA" in text, "</span> GAMMA" in text) == (first, second)
    assert f"/feeds/downtimes.ics?{query.replace('&', '&amp;')}" in text
    if not (first or second):
        assert "Nothing is declared in this time" in text


def test_cancelled_ones_are_shown_on_request(client, grid):
    assert "third" not in page(client, "view=week&date=2026-03-28")
    text = page(client, "view=week&date=2026-03-28&cancelled=yes")
    assert "is-cancelled" in text
    assert "third" in text


@pytest.mark.parametrize(
    "query",
    ["view=century", "date=yesterday", "date=9999-12-31", "date=0001-01-01", "date=2026-13", "view=week&date=%00",
     "region=%00", "site=" + "x" * 5000],
)  # fmt: skip
def test_a_strange_address_shows_a_calendar_all_the_same(client, grid, query):
    page(client, query)


def test_what_does_not_fit_a_month_is_counted_and_stands_in_the_week(client, grid):
    start = datetime(2026, 5, 12, 8, tzinfo=UTC)
    for number in range(MONTH_LANES + 3):
        a_downtime(grid[0], start=start, end=start + HOUR, description=f"works {number}")
    assert "3 more" in page(client, "view=month&date=2026-05-01")
    week = page(client, "view=week&date=2026-05-12")
    assert all(f"works {number}" in week for number in range(MONTH_LANES + 3))


@pytest.mark.parametrize("view", ["month", "week", "timeline"])
def test_the_number_of_queries_does_not_grow(client, grid, view, django_assert_max_num_queries):
    for number in range(30):
        start = datetime(2026, 3, 1, tzinfo=UTC) + number * DAY
        a_downtime(a_service(of=a_site(name=f"S{number}")), start=start, end=start + HOUR)
    with django_assert_max_num_queries(14):
        page(client, f"view={view}&date=2026-03-10")


def test_what_is_down_now_and_next(client, db):
    now = datetime.now(UTC)
    service, back = a_service(of=a_site(name="ALPHA")), a_service()
    running = a_downtime(service, back, start=now - HOUR, end=now + HOUR, description="running one")
    running.affected.filter(service=back).update(end=now - HOUR / 2)
    a_downtime(service, start=now + DAY, end=now + 2 * DAY, description="coming one")
    a_downtime(service, start=now + DAY, end=now + 2 * DAY, description="called off", cancelled_at=now)
    a_downtime(service, start=now + 30 * DAY, end=now + 31 * DAY, description="far one")
    text = client.get("/registry/downtimes/now/").content.decode()
    assert "of 1 service " in text  # the other one is back
    assert ("running one" in text, "coming one" in text, "called off" in text, "far one" in text) == (
        True,
        True,
        True,
        False,
    )
    assert "<b>1</b> to come" in text
    empty = client.get("/registry/downtimes/now/?site=NOWHERE").content.decode()
    assert "Nothing is down" in empty
    assert "Nothing is planned" in empty
