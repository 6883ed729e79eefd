from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.core.windows import NaiveTimeError, Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.actions import cancel_downtime, declare_downtime, end_downtime_now
from gridkeeper.registry.models import Downtime, Service
from gridkeeper.registry.signals import downtimes_changed
from tests.builders import NOW, a_downtime, a_service, a_site, a_user, an_ngi

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def windows():
    """The windows that listeners to downtimes_changed are told."""
    told = []

    def listen(*, window, **_):
        told.append(window)

    downtimes_changed.connect(listen)
    yield told
    downtimes_changed.disconnect(listen)


@pytest.fixture
def service() -> Service:
    return a_service()


@pytest.fixture
def alice(service) -> Actor:
    return Actor(user=a_user("alice", site=service.site))


def declared(actor, *services, **inputs):
    usual = {
        "severity": "OUTAGE",
        "start": NOW + HOUR,
        "end": NOW + 2 * HOUR,
        "description": " Power works ",
        "now": NOW,
    }
    return declare_downtime(actor, services=services, **usual | inputs)


def test_a_declared_downtime_is_classified_recorded_and_told(alice, service, windows):
    downtime = declared(alice, service, start=NOW + 25 * HOUR, end=NOW + 26 * HOUR)
    assert downtime.classification == "SCHEDULED"
    assert (downtime.declared_by, downtime.declared_at) == (alice.user, NOW)
    assert downtime.description == "Power works"
    assert list(downtime.services.all()) == [service]
    assert downtime.history.get().history_user == alice.user
    assert windows == [Window(NOW + 25 * HOUR, NOW + 26 * HOUR)]


def test_a_late_downtime_is_unscheduled(alice, service):
    assert declared(alice, service).classification == "UNSCHEDULED"


def test_times_of_any_zone_mean_their_instant(alice, service):
    rome = timezone(HOUR)
    downtime = declared(alice, service, start=(NOW + HOUR).astimezone(rome))
    downtime.refresh_from_db()
    assert downtime.start == NOW + HOUR
    with pytest.raises(NaiveTimeError):
        declared(alice, service, start=datetime(2026, 3, 10, 13))


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"end": NOW + HOUR}, "end"),
        ({"start": NOW - 49 * HOUR}, "start"),
        ({"description": ""}, "description"),
        ({"severity": "SCHEDULED"}, "severity"),
    ],
)
def test_it_rejects_a_downtime(alice, service, windows, wrong, field):
    with pytest.raises(ValidationError) as raised:
        declared(alice, service, **wrong)
    assert field in raised.value.message_dict
    assert not Downtime.objects.exists()
    assert windows == []


def test_it_rejects_a_downtime_of_nothing_of_a_closed_or_of_a_doubled_service(alice, service):
    closed = a_service(of=service.site, valid_until=NOW)
    for services in ([], [closed], [service, service]):
        with pytest.raises(ValidationError) as raised:
            declared(alice, *services)
        assert "services" in raised.value.message_dict


def test_one_foreign_service_among_mine_is_refused_whole(alice, service):
    with pytest.raises(NotPermittedError):
        declared(alice, service, a_service())
    assert not Downtime.objects.exists()


def test_a_region_declares_for_several_sites():
    ngi = an_ngi()
    services = [a_service(of=a_site(ngi=ngi)) for _ in range(3)]
    assert declared(Actor(user=a_user("bob", ngi=ngi)), *services).services.count() == 3


@pytest.mark.parametrize("actor", [Actor(), Actor(source="api", scopes=frozenset())])
def test_a_stranger_is_refused_before_anything_is_checked(actor, service):
    for services in ([], [service]):
        with pytest.raises(NotPermittedError):
            declared(actor, *services)


def test_ending_now_leaves_a_minute_and_tells_the_rest(alice, service, windows):
    downtime = a_downtime(service, start=NOW - HOUR, end=NOW + HOUR)
    end_downtime_now(alice, downtime=downtime, reason="done early", now=NOW)
    downtime.refresh_from_db()
    minute = timedelta(seconds=60)
    assert downtime.end == NOW + minute
    assert windows == [Window(NOW + minute, NOW + HOUR)]
    assert downtime.history.first().history_change_reason == "done early"


@pytest.mark.parametrize(
    ("start", "end", "cancelled_at"),
    [
        (NOW + HOUR, NOW + 2 * HOUR, None),
        (NOW - 2 * HOUR, NOW, None),
        (NOW - HOUR, NOW + timedelta(seconds=59), None),
        (NOW - HOUR, NOW + HOUR, NOW - 2 * HOUR),
    ],
)
def test_only_a_running_downtime_can_be_ended(alice, service, start, end, cancelled_at):
    downtime = a_downtime(service, start=start, end=end, cancelled_at=cancelled_at)
    with pytest.raises(ValidationError, match=r"Only a running downtime|It was cancelled"):
        end_downtime_now(alice, downtime=downtime, reason="done", now=NOW)
    downtime.refresh_from_db()
    assert downtime.end == end


def test_a_cancelled_downtime_stays_readable(alice, service, windows):
    downtime = a_downtime(service, start=NOW + HOUR, end=NOW + 2 * HOUR)
    cancel_downtime(alice, downtime=downtime, reason="not needed", now=NOW)
    downtime.refresh_from_db()
    assert downtime.cancelled_at == NOW
    assert windows == [Window(NOW + HOUR, NOW + 2 * HOUR)]


@pytest.mark.parametrize("start", [NOW, NOW - HOUR, NOW - 3 * HOUR])
def test_only_a_coming_downtime_can_be_cancelled(alice, service, start):
    downtime = a_downtime(service, start=start, end=start + 2 * HOUR)
    with pytest.raises(ValidationError, match="has not started"):
        cancel_downtime(alice, downtime=downtime, reason="oops", now=NOW)


def test_the_second_of_two_who_cancel_is_told(alice, service):
    downtime = a_downtime(service, start=NOW + HOUR, end=NOW + 2 * HOUR)
    cancel_downtime(alice, downtime=downtime, reason="first", now=NOW)
    with pytest.raises(ValidationError):
        cancel_downtime(alice, downtime=downtime, reason="second", now=NOW)
    assert downtime.history.filter(history_type="~").count() == 1


@pytest.mark.parametrize("act", [end_downtime_now, cancel_downtime])
def test_strangers_change_no_downtime_and_reasons_are_asked(act, alice, service):
    downtime = a_downtime(service, start=NOW - HOUR if act is end_downtime_now else NOW + HOUR, end=NOW + 2 * HOUR)
    for actor in (Actor(), Actor(user=a_user("nobody")), Actor(user=a_user("dave", site=a_site()))):
        with pytest.raises(NotPermittedError):
            act(actor, downtime=downtime, reason="because", now=NOW)
    with pytest.raises(ValidationError) as raised:
        act(alice, downtime=downtime, reason="", now=NOW)
    assert "reason" in raised.value.message_dict


def test_utc_is_what_the_text_of_a_downtime_says():
    assert str(a_downtime(start=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))) == "Outage 2026-01-02 03:04 UTC"
