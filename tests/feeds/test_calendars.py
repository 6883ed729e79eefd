"""iCalendar: parsed again with the icalendar package, in every zone and with whatever people write."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from gridkeeper.feeds.answers import writable
from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, DowntimeService
from gridkeeper.registry.recurrences import declare_recurrence, recurrence_of
from tests.builders import (
    ERA,
    a_downtime,
    a_federation,
    a_scope,
    a_service,
    a_site,
    a_user,
    a_vo,
    an_ngi,
)

pytestmark = pytest.mark.django_db
URL = "/feeds/downtimes.ics"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def events(client: Client, url: str = URL, **query: Any) -> list[Event]:
    response = client.get(url, query)
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    return list(Calendar.from_ical(response.content).walk("VEVENT"))


def calendar(client: Client, url: str = URL, **query: Any) -> Calendar:
    return Calendar.from_ical(client.get(url, query).content)


def soon(*services, **fields):
    now = timezone.now().replace(microsecond=0)
    return a_downtime(*services, **{"start": now + DAY, "end": now + DAY + 2 * HOUR, "declared_at": now - DAY} | fields)


def test_an_event_says_when_where_what_and_whose_word_it_is(client):
    service = a_service(of=a_site(name="FIRST"), hostname="ce.first.org")
    downtime = soon(service, description="New disks")
    (event,) = events(client)
    assert (event.start, event.end) == (downtime.start, downtime.end)
    assert event["dtstart"].to_ical().endswith(b"Z")
    assert (event["summary"], event["status"]) == ("Outage: FIRST (CE ce.first.org)", "CONFIRMED")
    assert event["categories"].to_ical().decode().split(",") == ["OUTAGE", "SCHEDULED", "CE"]
    assert event["url"] == f"http://testserver/registry/downtimes/{downtime.key}/"
    assert event["description"].startswith("New disks\n")
    assert int(event["sequence"]) == 0


def test_an_empty_calendar_is_valid_and_states_its_scope(client):
    a_federation(name="A grid")
    found = calendar(client, scope="EGI")
    assert found.walk("VEVENT") == []
    assert str(found["x-wr-caldesc"]).startswith("Downtimes of A grid, scope EGI; chosen: scope EGI.")
    assert found["x-wr-caldesc"] == found["description"]
    assert found["prodid"]
    assert found["version"] == "2.0"


def test_without_a_filter_it_is_of_all_scopes(client):
    assert "all scopes; chosen: everything" in str(calendar(client)["x-wr-caldesc"])


def test_the_uid_stays_and_the_sequence_grows_with_each_change(client):
    downtime = soon(a_service(), a_service())
    before = events(client)[0]
    downtime.end += HOUR
    downtime.save()
    DowntimeService.objects.filter(downtime=downtime)[0].delete()
    after = events(client)[0]
    assert after["uid"] == before["uid"]
    assert (int(before["sequence"]), int(after["sequence"])) == (0, 2)
    assert after["last-modified"].dt >= before["last-modified"].dt


def test_the_uid_does_not_depend_on_the_host(client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    soon()
    here = Calendar.from_ical(client.get(URL).content).walk("VEVENT")[0]["uid"]
    there = Calendar.from_ical(client.get(URL, headers={"host": "other.example.org"}).content).walk("VEVENT")[0]["uid"]
    assert here == there


def test_a_cancelled_downtime_stays_and_says_so(client):
    soon(cancelled_at=timezone.now())
    (event,) = events(client)
    assert event["status"] == "CANCELLED"
    assert "Cancelled " in event["description"]


def test_one_event_a_service_ends_when_that_service_is_back(client):
    first, second = a_service(hostname="a.org"), a_service(hostname="b.org")
    downtime = soon(first, second)
    DowntimeService.objects.filter(service=first).update(end=downtime.start + HOUR)
    found = {str(event["summary"]).split()[-1]: event for event in events(client, per="service")}
    assert found["a.org)"].end == downtime.start + HOUR
    assert found["b.org)"].end == downtime.end
    assert len({event["uid"] for event in found.values()} | {events(client)[0]["uid"]}) == 3


def test_the_event_of_a_site_ends_when_the_last_of_its_services_is_back(client):
    first, second = a_service(), a_service()
    downtime = soon(first, second)
    DowntimeService.objects.filter(service=first).update(end=downtime.start + HOUR)
    assert events(client, site=first.site.name)[0].end == downtime.start + HOUR
    assert events(client)[0].end == downtime.end


def test_what_continues_another_names_it(client):
    first = soon(a_service())
    soon(a_service(), follows=first, follow_kind="extension", start=first.end, end=first.end + HOUR)
    before, after = events(client)
    assert str(after["related-to"]) == str(before["uid"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"site": "FIRST"}, {"FIRST"}),
        ({"site": "FIRST,SECOND"}, {"FIRST", "SECOND"}),
        ({"region": "North"}, {"FIRST"}),
        ({"vo": "atlas"}, {"SECOND"}),
        ({"service_type": "SRM"}, {"SECOND"}),
        ({"service": "ce.first.org"}, {"FIRST"}),
        ({"scope": "EGI"}, {"FIRST", "SECOND"}),
        ({"scope": "EGI,Local"}, {"FIRST", "SECOND"}),
        ({"scope": "EGI,Local", "scope_match": "all"}, {"SECOND"}),
        ({"scope": ""}, {"FIRST", "SECOND", "THIRD"}),
        ({"certification": "Suspended"}, {"THIRD"}),
        ({"infrastructure": "test"}, {"THIRD"}),
        ({"severity": "WARNING"}, {"THIRD"}),
        ({"severity": "outage", "region": "South"}, {"SECOND"}),
        ({"until": "2020-01-01", "from": "2019-01-01"}, set()),
    ],
)
def test_filters_choose(client, query, expected):
    north, south = an_ngi(name="North"), an_ngi(name="South")
    first = a_service(of=a_site(name="FIRST", ngi=north), hostname="ce.first.org", scopes=["EGI"])
    second = a_service(of=a_site(name="SECOND", ngi=south), type="SRM", scopes=["EGI", "Local"])
    third = a_service(
        of=a_site(name="THIRD", ngi=south, certification="Suspended", infrastructure="Test"), type="MyProxy"
    )
    a_vo("atlas", supported_by=[second])
    soon(first)
    soon(second)
    soon(third, severity="WARNING")
    assert {str(event["location"]) for event in events(client, **query)} == expected


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"site": "NOWHERE"}, "site"),
        ({"region": "x"}, "region"),
        ({"vo": "x"}, "vo"),
        ({"service_type": "x"}, "service_type"),
        ({"service": "x"}, "service"),
        ({"scope_match": "some"}, "scope_match"),
        ({"certification": "Good"}, "certification"),
        ({"infrastructure": "Moon"}, "infrastructure"),
        ({"severity": "BAD"}, "severity"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-03-29T02:30:00"}, "from"),
        ({"until": "2020-01-01"}, "until"),
        ({"per": "site"}, "per"),
        ({"sites": "FIRST"}, "sites"),
        ({"site": "a\0b"}, "site"),
        ({"site": "x" * 300}, "site"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(client, query, name):
    response = client.get(URL, query)
    assert response.status_code == 400
    assert response.content.decode().startswith(f"{name}: ")


@given(description=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=300))
@example("BEGIN:VEVENT\r\nSUMMARY:forged\r\nEND:VEVENT")
@example("a;b,c\\n\\;\\,d:e\"f'\n\n ")
@example("\r")
@example("\u2028\u2029\x85\x1c\x0b\x0c\ufeff")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_people_write_arrives_as_it_was_written(client, description):
    Downtime.objects.all().delete()
    soon(a_service(), description=description)
    (event,) = events(client)
    # Line ends are all the same to iCalendar (RFC 5545, section 3.3.11).
    expected = writable(description.replace("\r\n", "\n").replace("\r", "\n"))
    assert str(event["description"]).startswith(expected + "\n\n")


@pytest.mark.parametrize("zone", ["Europe/Prague", "America/Chicago", "Australia/Lord_Howe"])
def test_times_are_the_same_instants_across_a_change_of_the_clock(client, zone):
    # 29 March 2026 in Prague: 02:30 does not exist; 25 October: 02:30 exists twice.
    for day in (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)):
        a_downtime(a_service(), start=day, end=day + 4 * HOUR, declared_at=ERA)
    client.cookies["tz"] = zone
    found = [(each.start, each.end) for each in events(client, **{"from": "2026-01-01", "until": "2027-01-01"})]
    assert [(start.isoformat(), (end - start).total_seconds()) for start, end in found] == [
        ("2026-03-29T00:00:00+00:00", 14_400.0),
        ("2026-10-25T00:00:00+00:00", 14_400.0),
    ]


def test_a_reader_who_has_it_gets_304_until_it_changes(client):
    downtime = soon()
    first = client.get(URL)
    assert first["Last-Modified"]
    assert client.get(URL, headers={"if-none-match": first["ETag"]}).status_code == 304
    assert client.get(URL, headers={"if-modified-since": first["Last-Modified"]}).status_code == 304
    downtime.description = "Other words"
    downtime.save()
    assert client.get(URL, headers={"if-none-match": first["ETag"]}).status_code == 200


def test_it_is_compressed_for_whom_can_read_that(client):
    soon(description="words " * 200)
    assert client.get(URL, headers={"accept-encoding": "gzip"})["Content-Encoding"] == "gzip"


def test_as_of_gives_the_calendar_of_then(client):
    downtime = soon(description="As it was said")
    then = timezone.now()
    downtime.description, downtime.cancelled_at = "As it is said", timezone.now()
    downtime.save()
    (event,) = events(client, as_of=then.isoformat())
    assert event["description"].startswith("As it was said")
    assert (event["status"], int(event["sequence"])) == ("CONFIRMED", 0)
    assert events(client)[0]["status"] == "CANCELLED"


# Rules of what recurs


def a_rule(**fields):
    now = timezone.now().replace(microsecond=0)
    defaults = {
        "rule": "FREQ=WEEKLY", "first_start": now, "timezone": "Europe/Prague", "duration_seconds": 7200,
        "severity": "OUTAGE", "description": "Weekly works", "declared_at": now,
    }  # fmt: skip
    recurrence = DowntimeRecurrence.objects.create(**defaults | fields)
    recurrence.services.add(a_service())
    return recurrence


def expansion(event: Event, until: datetime) -> list[datetime]:
    """What an independent reader makes of the event: dateutil, by the wall clock of its zone."""
    zone = event.start.tzinfo
    rule = event["rrule"]
    words = {key: value for key, value in rule.items() if key != "UNTIL"}
    text = ";".join(f"{key}={','.join(str(each) for each in value)}" for key, value in words.items())
    if "UNTIL" in rule:
        last = rule["UNTIL"][0].astimezone(zone).replace(tzinfo=None)
        text += f";UNTIL={last:%Y%m%dT%H%M%S}"
    first = event.start.replace(tzinfo=None)
    excluded = event.get("exdate", [])
    excluded = excluded if isinstance(excluded, list) else [excluded]
    gone = {each.dt.astimezone(UTC) for some in excluded for each in some.dts}
    starts = (
        each.replace(tzinfo=zone).astimezone(UTC) for each in rrulestr(text, dtstart=first).xafter(first, inc=True)
    )
    found = []
    for start in starts:
        if start >= until:
            break
        if start not in gone:
            found.append(start)
        if "UNTIL" not in rule and "COUNT" not in rule and len(found) > 500:
            break
    return found


@pytest.mark.parametrize("zone", ["Europe/Prague", "America/New_York", "UTC"])
@pytest.mark.parametrize(
    "rule", ["FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=5", "FREQ=MONTHLY;BYDAY=1TU", "FREQ=DAILY;INTERVAL=9"]
)
def test_the_rule_expands_to_the_downtimes_that_were_made_of_it(client, zone, rule):
    local = ZoneInfo(zone)
    # The horizon reaches over the change of the clock in autumn, or in spring.
    now = datetime(2026, 10, 1, 9, tzinfo=UTC)
    first = datetime(2026, 10, 6, 2, 30, tzinfo=local)
    recurrence = declare_recurrence(
        Actor.system(), services=[a_service(of=a_site(name="FIRST"))], rule=rule, first_start=first, timezone=zone,
        duration=timedelta(hours=3), severity="OUTAGE", description="Regular works", now=now,
    )  # fmt: skip
    made = sorted(Downtime.objects.filter(recurrence=recurrence).values_list("start", flat=True))
    assert len(made) > 1
    (event,) = events(client, "/feeds/recurrences.ics")
    assert expansion(event, max(made) + timedelta(seconds=1)) == made
    assert event["duration"].dt == timedelta(hours=3)
    occurrences = events(client, **{"from": "2026-10-01", "until": "2027-03-01"})
    assert [each.start for each in occurrences] == made
    assert {each.end - each.start for each in occurrences} == {timedelta(hours=3)}


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("20261030T022959", "20261029T013000Z"),  # by the wall clock of Prague, in winter
        ("20261030T023000", "20261030T013000Z"),
        ("20261030T013000Z", "20261030T013000Z"),
        ("20261030", "20261030T013000Z"),
    ],
)
def test_the_end_of_a_rule_is_told_in_utc_and_means_the_same_occurrences(client, until, expected):
    first = datetime(2026, 10, 20, 2, 30, tzinfo=ZoneInfo("Europe/Prague"))
    recurrence = a_rule(rule=f"FREQ=DAILY;UNTIL={until}", first_start=first)
    (event,) = events(client, "/feeds/recurrences.ics")
    starts = expansion(event, datetime(2027, 1, 1, tzinfo=UTC))
    assert event["rrule"]["UNTIL"][0].utcoffset() == timedelta(0)
    assert starts == [window.start for window in recurrence_of(recurrence).windows()]
    assert f"{starts[-1]:%Y%m%dT%H%M%SZ}" == expected


def test_a_rule_that_cannot_be_followed_is_left_out(client):
    a_rule(timezone="Mars/Olympus")
    assert events(client, "/feeds/recurrences.ics") == []


def test_the_zone_of_a_rule_stands_in_the_calendar(client):
    a_rule()
    a_rule(timezone="UTC")
    zones = calendar(client, "/feeds/recurrences.ics").walk("VTIMEZONE")
    assert [str(zone["tzid"]) for zone in zones] == ["Europe/Prague"]


def test_an_occurrence_that_was_cancelled_is_excepted(client):
    start = datetime(2026, 3, 24, 9, tzinfo=UTC)
    recurrence = a_rule(first_start=start)
    a_downtime(a_service(), recurrence=recurrence, start=start + 7 * DAY, end=start + 8 * DAY, cancelled_at=start)
    (event,) = events(client, "/feeds/recurrences.ics")
    assert event["exdate"].dts[0].dt.astimezone(UTC) == start + 7 * DAY


@pytest.mark.parametrize("rule", ["FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=9", "FREQ=WEEKLY;UNTIL=20260601T000000Z"])
def test_a_rule_that_was_ended_ends_at_its_last_occurrence(client, rule):
    start = datetime(2026, 3, 20, 9, tzinfo=UTC)
    a_rule(rule=rule, first_start=start, ended_at=start + 21 * DAY)
    (event,) = events(client, "/feeds/recurrences.ics")
    assert "COUNT" not in event["rrule"]
    # 29 March changes the clock, so the fourth occurrence comes an hour earlier by instants, and before the end.
    assert event["rrule"]["UNTIL"][0] == start + 21 * DAY - HOUR
    assert len(expansion(event, start + 99 * DAY)) == 4


# A person's own calendar


def make_address(client: Client) -> str:
    page = client.post("/feeds/my/")
    assert page.status_code == 200
    assert page["Cache-Control"] == "no-store"
    text = page.content.decode()
    return text.split('id="secret">http://testserver', 1)[1].split("<", 1)[0]


@pytest.fixture
def alice(client) -> Client:
    site = a_site(name="MINE")
    client.force_login(a_user("alice", site=site))
    soon(a_service(of=site))
    soon(a_service(of=a_site(name="OTHER")))
    return client


def test_a_secret_address_shows_the_persons_own_sites_to_whoever_knows_it(alice):
    found = events(Client(), make_address(alice))
    assert {str(event["location"]) for event in found} == {"MINE"}


def test_a_new_address_stops_the_one_before_and_stop_stops_it(alice):
    first, second = make_address(alice), make_address(alice)
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    alice.post("/feeds/my/", {"stop": "1"})
    assert Client().get(second).status_code == 404


def test_a_person_without_a_role_has_an_empty_calendar(client):
    client.force_login(a_user("bob"))
    soon()
    assert events(Client(), make_address(client)) == []


def test_a_token_that_may_do_more_is_refused_in_an_address(alice):
    from gridkeeper.people.models import User
    from gridkeeper.people.tokens import create_token

    user = User.objects.get(username="alice")
    _, secret = create_token(
        Actor(user=user), user=user, name="all", scopes=["feeds", "registry"], expires_at=None, now=timezone.now()
    )
    assert Client().get(f"/feeds/my/{secret}/downtimes.ics").status_code == 404
    assert Client().get("/feeds/my/gk_wrong/downtimes.ics").status_code == 404


def test_only_a_signed_in_person_makes_an_address(client):
    assert client.post("/feeds/my/")["Location"].startswith("/accounts/login/")
    assert client.get("/feeds/my/").status_code in {302, 405}


def test_the_answer_is_kept_by_no_cache_and_named_to_no_other_site(alice):
    response = Client().get(make_address(alice))
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Referrer-Policy"] == "no-referrer"
    assert "Access-Control-Allow-Origin" not in response


def test_where_reading_asks_for_sign_in_a_token_opens_feeds_and_nothing_else_does(client, settings):
    from gridkeeper.people.tokens import create_token

    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"public_reading": False})
    user = a_user("carol")
    _, secret = create_token(
        Actor(user=user), user=user, name="prometheus", scopes=["feeds"], expires_at=None, now=timezone.now()
    )
    for path in (URL, "/feeds/targets.json", "/rgsummary/xml"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers={"authorization": "Bearer gk_wrong"}).status_code == 401
        assert client.get(path, headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert client.get("/feeds/")["Location"].startswith("/accounts/login/")


def test_scopes_are_compared_as_words(client):
    a_scope("EG")
    soon(a_service(scopes=["EGI"]))
    assert events(client, scope="EG") == []
