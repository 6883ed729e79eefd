"""The calendar feed holds exactly the downtimes that the calendar page shows, also where the clock changes."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from gridkeeper.registry.calendar import period_of
from gridkeeper.registry.calendar_layout import days_window
from gridkeeper.registry.models import Downtime
from tests.builders import a_downtime, a_service, a_site, a_vo, an_ngi

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def spread() -> None:
    """Downtimes around each midnight of a reader far east, far west and in the middle, and around changes of clocks."""
    north, south = a_site(name="NORTH", ngi=an_ngi(name="North")), a_site(name="SOUTH", ngi=an_ngi(name="South"))
    services = [a_service(of=north), a_service(of=south, type="SRM")]
    a_vo("atlas", supported_by=services[:1])
    edges = [
        datetime(2026, month, day, hour, tzinfo=UTC)
        for month, day in ((2, 22), (3, 1), (3, 28), (3, 29), (3, 30), (4, 5), (9, 27), (10, 24), (10, 25), (11, 1))
        for hour in (0, 1, 22, 23)
    ]
    for number, edge in enumerate(edges):
        severity = "OUTAGE" if number % 3 else "WARNING"
        cancelled = edge - HOUR if number % 7 == 0 else None
        a_downtime(
            services[number % 2], start=edge - HOUR, end=edge + (number % 4) * HOUR + timedelta(minutes=1),
            severity=severity, declared_at=edge - 48 * HOUR, cancelled_at=cancelled,
        )  # fmt: skip


SPRING, AUTUMN, SOUTHERN = date(2026, 3, 23), date(2026, 10, 19), date(2026, 3, 30)


@pytest.mark.parametrize(
    ("zone", "view", "day", "filters"),
    [
        ("UTC", "week", SPRING, {}),
        ("Europe/Rome", "week", SPRING, {}),
        ("Europe/Rome", "week", AUTUMN, {}),
        ("Europe/Rome", "timeline", SPRING, {}),
        ("America/Los_Angeles", "week", SPRING, {}),
        ("Pacific/Auckland", "week", SOUTHERN, {}),
        ("Pacific/Auckland", "timeline", SPRING, {}),
        ("Europe/Rome", "week", SPRING, {"region": "North"}),
        ("Europe/Rome", "week", SPRING, {"vo": "atlas", "severity": "OUTAGE"}),
        ("Europe/Rome", "week", SPRING, {"site": "SOUTH", "service_type": "SRM"}),
    ],
)
def test_feed_and_page_hold_the_same_downtimes(client, spread, zone, view, day, filters):
    client.cookies["tz"] = zone
    page = client.get(
        "/registry/downtimes/calendar/", {"view": view, "date": day.isoformat(), "cancelled": "yes"} | filters
    )
    shown = set(Downtime.objects.values_list("key", flat=True)) & set(
        re.findall(r'href="/registry/downtimes/([^/"?]+)/"', page.content.decode())
    )
    period = period_of(view, day)
    window = days_window(period.first, period.days, ZoneInfo(zone))
    feed = client.get(
        "/feeds/downtimes.ics", {"from": window.start.isoformat(), "until": window.end.isoformat()} | filters
    )
    events = Calendar.from_ical(feed.content).walk("VEVENT")
    told = {str(event["url"]).rstrip("/").rsplit("/", 1)[1]: event for event in events}
    assert shown
    assert set(told) == shown
    cancelled = {key for key, event in told.items() if event["status"] == "CANCELLED"}
    plain = client.get("/registry/downtimes/calendar/", {"view": view, "date": day.isoformat()} | filters)
    assert not any(f"/registry/downtimes/{key}/" in plain.content.decode() for key in cancelled)
