"""Who is told that a test fails or recovers, and that a site became good or bad for a VO."""

import json
from datetime import timedelta

import pytest

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.freshness import sweep
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import Flapping
from gridkeeper.selection.changes import note_changes
from gridkeeper.subscriptions.delivery import send_due
from gridkeeper.subscriptions.models import Delivery, Notice
from gridkeeper.subscriptions.rules import signature
from gridkeeper.subscriptions.watch import note_statuses
from tests.builders import NOW, a_downtime, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile
from tests.subscriptions.servers import webhook
from tests.subscriptions.test_notices import subscribed

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def service():
    found = a_service(of=a_site(name="FAIR"), hostname="ce.fair.org")
    vo = a_vo("lhcb", supported_by=[found])
    in_profile(vo, a_test("CE-js", validity_s=7200))
    return found


def say(service, status, at, **fields):
    submit([a_result(service, status=status, executed_at=at, summary="no slot free", **fields)], now=at)


def told():
    return [(notice.kind, notice.title) for notice in Notice.objects.order_by("pk")]


def test_a_failure_and_its_end_are_told_once_each(service):
    subscribed(a_user("alice"), f"site:{service.site.key}", kinds=["status"])
    subscribed(a_user("bob"), f"site:{a_site().key}", kinds=["status"])
    say(service, Status.OK, NOW + MINUTE)
    assert note_statuses(NOW + MINUTE) == 0  # that it works from the beginning is no news
    say(service, Status.CRITICAL, NOW + 2 * MINUTE)
    say(service, Status.CRITICAL, NOW + 3 * MINUTE)
    assert [note_statuses(NOW + 3 * MINUTE), note_statuses(NOW + 4 * MINUTE)] == [1, 0]
    say(service, Status.OK, NOW + 5 * MINUTE)
    assert [note_statuses(NOW + 5 * MINUTE), note_statuses(NOW + 6 * MINUTE)] == [1, 0]
    assert told() == [
        ("status.failed", "CE-js on ce.fair.org is CRITICAL (FAIR)"),
        ("status.recovered", "CE-js on ce.fair.org is OK (FAIR)"),
    ]
    assert {delivery.user.username for delivery in Delivery.objects.all()} == {"alice"}


def test_a_test_that_falls_silent_fails_too(service):
    subscribed(a_user("alice"), kinds=["status.failed"])
    say(service, Status.OK, NOW + MINUTE)
    sweep(NOW + 3 * HOUR)
    note_statuses(NOW + 3 * HOUR)
    assert told() == [("status.failed", "CE-js on ce.fair.org is MISSING (FAIR)")]


def _downtime(service):
    a_downtime(service)


def _flapping(service):
    Flapping.objects.create(series=SeriesKey("ce.fair.org", "CE", "CE-js", "").series, since=NOW, change_percent=60)


def _unmonitored(service):
    service.is_monitored = False
    service.save()


@pytest.mark.parametrize("rest", [_downtime, _flapping, _unmonitored])
def test_what_rests_tells_nobody(service, rest):
    subscribed(a_user("alice"), kinds=["status"])
    rest(service)
    say(service, Status.CRITICAL, NOW + MINUTE)
    assert note_statuses(NOW + 2 * MINUTE) == 0


def test_a_consequence_tells_nobody(service):
    subscribed(a_user("alice"), kinds=["status"])
    say(service, Status.UNKNOWN, NOW + MINUTE, cause="CE-lm")
    assert note_statuses(NOW + 2 * MINUTE) == 0


def test_what_was_before_the_subscription_is_no_news_and_unasked_costs_little(service, django_assert_max_num_queries):
    say(service, Status.CRITICAL, NOW - HOUR)
    with django_assert_max_num_queries(1):
        assert note_statuses(NOW) == 0
    subscribed(a_user("alice"), kinds=["status"])
    assert note_statuses(NOW + MINUTE) == 0


def test_a_site_that_leaves_is_told_to_those_of_its_vo(service, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})
    other = a_vo("cms", supported_by=[service])
    in_profile(other, a_test("CE-cms"))
    say(service, Status.OK, NOW)
    note_changes(NOW)
    subscribed(a_user("bob"), "vo:cms", kinds=["good_site"])
    with webhook() as hook:
        mine = subscribed(a_user("alice"), "vo:lhcb", kinds=["good_site"], channel="webhook", target=hook.url)
        say(service, Status.CRITICAL, NOW + MINUTE)
        note_changes(NOW + MINUTE)
        note_changes(NOW + 2 * MINUTE)
        assert send_due(NOW + 2 * MINUTE) == 1
        headers, body = hook.calls[0]
    found = json.loads(body)
    assert (found["event"], found["title"]) == ("good_site.out", "FAIR is good no longer for lhcb")
    assert found["detail"]["vo"] == "lhcb"
    assert "CE-js on ce.fair.org is CRITICAL" in found["detail"]["reason"]
    stamp = int((NOW + 2 * MINUTE).timestamp())
    assert headers["X-Gridkeeper-Signature"] == signature(mine.secret, stamp, body)
    assert not Delivery.objects.filter(user__username="bob").exists()
