"""Recurring downtimes: RFC 5545 on the wall clock, bounded, made once, ended without touching what has begun."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, Service
from gridkeeper.registry.recurrence_rules import RecurrenceError, parse_recurrence
from gridkeeper.registry.recurrences import HORIZON, declare_recurrence, end_recurrence, make_occurrences
from gridkeeper.registry.tasks import PERIODIC
from tests.builders import NOW, a_service, a_site, a_user

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")


def nine(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 9, tzinfo=ROME)


TUESDAY = nine(2026, 4, 7)


def starts(rule: str, first: datetime, number: int, zone: str = "Europe/Rome", duration: timedelta = HOUR) -> list[str]:
    """The first occurrences, in UTC."""
    parsed = parse_recurrence(rule, first_start=first, timezone=zone, duration=duration)
    windows = parsed.windows()
    return [f"{window.start:%Y-%m-%d %H:%M}" for window, _ in zip(windows, range(number), strict=False)]


def test_occurrences_keep_the_wall_clock_when_summer_begins_and_ends():
    # Rome: summer from 2026-03-29 01:00 UTC to 2026-10-25 01:00 UTC; 09:00 is 08:00 UTC before and 07:00 in it
    first = datetime(2026, 3, 24, 9, tzinfo=ROME)
    assert starts("FREQ=WEEKLY", first, 2) == ["2026-03-24 08:00", "2026-03-31 07:00"]
    autumn = datetime(2026, 10, 20, 9, tzinfo=ROME)
    assert starts("FREQ=WEEKLY", autumn, 2) == ["2026-10-20 07:00", "2026-10-27 08:00"]


def test_a_time_that_does_not_exist_is_an_hour_later():
    # RFC 5545 section 3.3.5: 02:30 with the offset before the gap (+01:00) is 01:30 UTC, which clocks show as 03:30
    first = datetime(2026, 3, 22, 2, 30, tzinfo=ROME)
    assert starts("FREQ=WEEKLY", first, 3) == ["2026-03-22 01:30", "2026-03-29 01:30", "2026-04-05 00:30"]


def test_a_time_that_exists_twice_is_the_first_of_the_two():
    # 02:30 on 2026-10-25 is 00:30 UTC (summer) and 01:30 UTC (winter)
    first = datetime(2026, 10, 18, 2, 30, tzinfo=ROME)
    assert starts("FREQ=WEEKLY", first, 3) == ["2026-10-18 00:30", "2026-10-25 00:30", "2026-11-01 01:30"]


def test_an_occurrence_lasts_its_real_time_over_a_change_of_clocks():
    parsed = parse_recurrence(
        "FREQ=YEARLY;COUNT=1",
        first_start=datetime(2026, 3, 29, 0, tzinfo=ROME),
        timezone="Europe/Rome",
        duration=6 * HOUR,
    )
    (window,) = parsed.windows()
    assert window.duration == 6 * HOUR
    assert window.end.astimezone(ROME).hour == 7


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=1TU", TUESDAY, ["2026-04-07", "2026-05-05", "2026-06-02"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", nine(2026, 4, 24), ["2026-04-24", "2026-05-29", "2026-06-26"]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", nine(2026, 3, 31), ["2026-03-31", "2026-05-31", "2026-07-31"]),
        ("FREQ=WEEKLY;INTERVAL=2", TUESDAY, ["2026-04-07", "2026-04-21", "2026-05-05"]),
        ("RRULE:FREQ=WEEKLY;COUNT=2", TUESDAY, ["2026-04-07", "2026-04-14"]),
        ("FREQ=WEEKLY;UNTIL=20260414", TUESDAY, ["2026-04-07", "2026-04-14"]),
        # 09:00 in Rome is 07:00 UTC: the second one starts at the last instant, or after it
        ("FREQ=WEEKLY;UNTIL=20260414T070000Z", TUESDAY, ["2026-04-07", "2026-04-14"]),
        ("FREQ=WEEKLY;UNTIL=20260414T065959Z", TUESDAY, ["2026-04-07"]),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", nine(2028, 2, 29), ["2028-02-29", "2032-02-29", "2036-02-29"]),
    ],
)  # fmt: skip
def test_rules_expand_as_rfc_5545_says(rule, first, expected):
    assert [text[:10] for text in starts(rule, first, 3)] == expected


@given(
    st.sampled_from(["FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=WEEKLY;INTERVAL=3", "FREQ=MONTHLY;BYDAY=2WE,-1MO",
                     "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=TU"]),
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda day: day.replace(second=0, microsecond=0)),
)  # fmt: skip
def test_the_calendar_of_the_far_future_is_that_of_today(rule, first):
    """Rules are followed 400-year cycles later; the dates must be those of the plain expansion."""
    plain = next(iter(rrulestr(rule, dtstart=first)))
    try:
        parsed = parse_recurrence(
            rule, first_start=plain.replace(tzinfo=UTC), timezone="UTC", duration=timedelta(minutes=5)
        )
    except RecurrenceError as error:
        assert error.field == "first_start"  # noqa: PT017  only where the first start moved
        return
    expected = [each.replace(tzinfo=UTC) for each, _ in zip(rrulestr(rule, dtstart=plain), range(20), strict=False)]
    assert [window.start for window, _ in zip(parsed.windows(), range(20), strict=False)] == expected


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ("FREQ=SECONDLY", "rule"),
        ("FREQ=MINUTELY", "rule"),
        ("FREQ=HOURLY", "rule"),
        ("FREQ=DAILY", "rule"),  # 365 a year
        ("FREQ=DAILY;INTERVAL=0", "rule"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE", "rule"),
        ("FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR", "rule"),
        ("FREQ=WEEKLY;BYHOUR=0,1,2,3", "rule"),
        ("FREQ=WEEKLY;BYSECOND=1", "rule"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "rule"),  # never
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "rule"),  # never
        ("FREQ=DAILY;INTERVAL=7;BYDAY=WE", "rule"),  # never: it steps over every Wednesday
        ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=9", "rule"),  # never
        ("FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=4", "rule"),  # never
        ("FREQ=WEEKLY;INTERVAL=99999999999999999999", "rule"),
        ("FREQ=WEEKLY;COUNT=2;UNTIL=20270101", "rule"),
        ("FREQ=WEEKLY;FREQ=WEEKLY", "rule"),
        ("FREQ=WEEKLY;UNTIL=tomorrow", "rule"),
        ("FREQ=WEEKLY;UNTIL=20261399", "rule"),
        ("FREQ=WEEKLY;UNTIL=20200101", "rule"),
        ("FREQ=WEEKLY;BYDAY=XX", "rule"),
        ("FREQ=WEEKLY;BYMONTH=13", "rule"),
        ("FREQ=WEEKLY\nDTSTART:20200101", "rule"),
        ("FREQ=WEEKLY;EXRULE=x", "rule"),
        ("FREQ", "rule"),
        ("", "rule"),
        ("x" * 501, "rule"),
        ("FREQ=WEEKLY;BYDAY=MO", "first_start"),  # the first start is a Tuesday
    ],
)
def test_it_rejects_a_rule(rule, field):
    with pytest.raises(RecurrenceError) as raised:
        parse_recurrence(rule, first_start=datetime(2026, 4, 7, 9, tzinfo=UTC), timezone="UTC", duration=HOUR)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "../../etc/passwd"}, "timezone"),
        ({"duration": timedelta(0)}, "duration"),
        ({"duration": timedelta(days=32)}, "duration"),
        ({"duration": timedelta(days=7, seconds=1)}, "duration"),  # into the next week's
    ],
)
def test_it_rejects_a_recurrence_with(wrong, field):
    usual = {"first_start": datetime(2026, 4, 7, 9, tzinfo=UTC), "timezone": "UTC", "duration": HOUR}
    with pytest.raises(RecurrenceError) as raised:
        parse_recurrence("FREQ=WEEKLY", **usual | wrong)
    assert raised.value.field == field


@pytest.fixture
def service(db) -> Service:
    return a_service()


@pytest.fixture
def alice(service) -> Actor:
    return Actor(user=a_user("alice", site=service.site))


def declared(actor, *services, **inputs) -> DowntimeRecurrence:
    usual = {
        "rule": "FREQ=WEEKLY", "first_start": NOW + HOUR, "timezone": "Europe/Rome", "duration": 2 * HOUR,
        "severity": "OUTAGE", "description": "Weekly reboot", "now": NOW,
    }  # fmt: skip
    return declare_recurrence(actor, services=services, **usual | inputs)


def test_a_rule_makes_downtimes_until_the_horizon_and_no_further(alice, service):
    recurrence = declared(alice, service)
    made = list(Downtime.objects.filter(recurrence=recurrence).order_by("start"))
    # every 7 days within 60: 0, 7, ... 56
    assert len(made) == 9
    assert made[-1].start < NOW + HORIZON
    # NOW is 2026-03-10 12:00 UTC; Rome's clocks go forward on the 29th
    assert [downtime.start.hour for downtime in made] == [13, 13, 13, 12, 12, 12, 12, 12, 12]
    # the first is told an hour ahead, the others days
    assert [downtime.classification for downtime in made] == ["UNSCHEDULED"] + ["SCHEDULED"] * 8
    assert all(downtime.end - downtime.start == 2 * HOUR for downtime in made)
    assert {downtime.declared_by for downtime in made} == {alice.user}
    assert all(downtime.history.count() == 1 for downtime in made)


def test_occurrences_are_made_once_and_go_on_as_time_passes(alice, service):
    declared(alice, service)
    assert make_occurrences(NOW) == 0
    assert make_occurrences(NOW + 8 * DAY) == 1
    assert make_occurrences(NOW + 8 * DAY) == 0
    begins = list(Downtime.objects.values_list("start", flat=True))
    assert len(begins) == len(set(begins)) == 10


def test_what_was_cancelled_is_not_made_again(alice, service):
    declared(alice, service)
    Downtime.objects.update(cancelled_at=NOW)
    assert make_occurrences(NOW + HOUR) == 0


def test_services_that_were_closed_are_left_out(alice, service):
    other = a_service(of=service.site)
    declared(alice, service, other)
    other.valid_until = NOW + DAY
    other.save()
    make_occurrences(NOW + 8 * DAY)
    assert list(Downtime.objects.order_by("-start")[0].services.all()) == [service]


def test_ending_it_cancels_what_has_not_begun(alice, service):
    recurrence = declared(alice, service)
    end_recurrence(alice, recurrence=recurrence, reason="automated now", now=NOW + 7 * DAY + 2 * HOUR)
    kept = Downtime.objects.filter(cancelled_at=None)
    assert kept.count() == 2
    assert all(downtime.start <= NOW + 7 * DAY + 2 * HOUR for downtime in kept)
    assert make_occurrences(NOW + 30 * DAY) == 0
    with pytest.raises(ValidationError, match="was ended"):
        end_recurrence(alice, recurrence=recurrence, reason="again", now=NOW + 8 * DAY)


def test_strangers_neither_declare_nor_end_one(alice, service):
    recurrence = declared(alice, service)
    stranger = Actor(user=a_user("dave", site=a_site()))
    with pytest.raises(NotPermittedError):
        declared(stranger, service)
    with pytest.raises(NotPermittedError):
        end_recurrence(stranger, recurrence=recurrence, reason="mine", now=NOW)
    with pytest.raises(ValidationError):
        end_recurrence(alice, recurrence=recurrence, reason="", now=NOW)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"rule": "FREQ=SECONDLY"}, "rule"),
        ({"first_start": NOW - 49 * HOUR}, "start"),
        ({"severity": "DARK"}, "severity"),
        ({"description": " "}, "description"),
    ],
)
def test_nothing_is_kept_of_a_refused_one(alice, service, wrong, field):
    with pytest.raises(ValidationError) as raised:
        declared(alice, service, **wrong)
    assert field in raised.value.message_dict
    assert not DowntimeRecurrence.objects.exists()
    assert not Downtime.objects.exists()


def test_one_broken_rule_keeps_no_other_from_being_made(alice, service):
    first = declared(alice, service)
    declared(alice, service, rule="FREQ=MONTHLY")
    DowntimeRecurrence.objects.filter(pk=first.pk).update(rule="FREQ=NEVER")
    assert make_occurrences(NOW + 31 * DAY) > 0


def test_the_tasks_role_makes_them(alice, service):
    declared(alice, service, first_start=NOW + HORIZON + HOUR)
    job = next(job for job in PERIODIC if job.name == "registry: recurring downtimes")
    job.run(NOW + DAY)
    assert Downtime.objects.count() == 1
