"""Pauses: who may, what they hold back, how they end; by the action, the engine and the pages."""

import asyncio
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.conditions import Conditions, load_conditions
from gridkeeper.probes.instances import load_instances
from gridkeeper.probes.models import Pause
from gridkeeper.probes.pause_actions import LONGEST, end_pause, pause
from tests.builders import NOW, a_downtime, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=4)


@pytest.fixture
def grid():
    """Two sites with a service each and two tests; alice edits the first site, oscar the other."""

    class Grid:
        here, there = a_service(of=a_site(name="HERE"), hostname="ce.here.org"), a_service(of=a_site(name="THERE"))
        tests = [a_test(name, kind="native", command="tcp") for name in ("tcp", "ssh")]

    for test in Grid.tests:
        in_profile(a_vo(supported_by=[Grid.here, Grid.there]), test)
    a_user("alice", site=Grid.here.site)
    a_user("oscar", site=Grid.there.site)
    a_user("mallory")
    User.objects.create_superuser("admin", password="admin-password")
    return Grid


def actor(name):
    return Actor(user=User.objects.get(username=name))


def held(now=NOW):
    """(host, test) of what is held back."""
    conditions = load_conditions(now)
    found = load_instances().values()
    return {(one.place.site, one.test.name) for one in found if conditions.pause_of(one)}


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (lambda g: {"site": g.here.site}, {("HERE", "tcp"), ("HERE", "ssh")}),
        (lambda g: {"service": g.here, "test": g.tests[0]}, {("HERE", "tcp")}),
        (lambda g: {"test": g.tests[0]}, {("HERE", "tcp"), ("THERE", "tcp")}),
    ],
    ids=["site", "test of a service", "test"],
)
def test_what_is_left_empty_stands_for_all(grid, what, expected):
    pause(Actor.system(), reason="works", expires_at=LATER, now=NOW, **what(grid))
    assert held() == expected
    assert held(LATER) == set()


@pytest.mark.parametrize(("name", "may"), [("alice", True), ("admin", True), ("oscar", False), ("mallory", False)])
def test_whoever_may_edit_the_place_may_pause_its_tests_and_end_it(grid, name, may):
    for place in ({"site": grid.here.site}, {"service": grid.here}):
        if not may:
            with pytest.raises(NotPermittedError):
                pause(actor(name), reason="works", expires_at=LATER, now=NOW, **place)
            continue
        made = pause(actor(name), reason="works", expires_at=LATER, now=NOW, **place)
        ended = end_pause(actor(name), pause=made, reason="done", now=NOW + timedelta(minutes=1))
        assert (ended.ended_at, [row.history_user.username for row in made.history.all()]) == (
            NOW + timedelta(minutes=1), [name, name],
        )  # fmt: skip


def test_a_test_everywhere_is_paused_by_superusers(grid):
    with pytest.raises(NotPermittedError):
        pause(actor("alice"), test=grid.tests[0], reason="works", expires_at=LATER, now=NOW)
    assert pause(actor("admin"), test=grid.tests[0], reason="works", expires_at=LATER, now=NOW).pk


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"expires_at": NOW}, "expires_at"),
        ({"expires_at": NOW + LONGEST + timedelta(seconds=1)}, "expires_at"),
    ],
)
def test_it_refuses_what_has_no_reason_or_no_end(grid, change, field):
    given = {"site": grid.here.site, "reason": "works", "expires_at": LATER} | change
    with pytest.raises(ValidationError) as caught:
        pause(actor("alice"), now=NOW, **given)
    assert field in caught.value.message_dict or "Give the reason" in str(caught.value)


def test_it_refuses_a_service_of_another_site_and_nothing(grid):
    with pytest.raises(ValidationError, match="is not of"):
        pause(Actor.system(), service=grid.there, site=grid.here.site, reason="x", expires_at=LATER, now=NOW)
    with pytest.raises(ValidationError, match="Say what to pause"):
        pause(Actor.system(), reason="x", expires_at=LATER, now=NOW)


def test_what_a_pause_or_a_downtime_lets_go_is_known(grid):
    pause(Actor.system(), site=grid.here.site, reason="works", expires_at=LATER, now=NOW)
    a_downtime(grid.there)
    during, after = load_conditions(NOW), load_conditions(LATER)
    assert {one.place.site for one in after.freed(during, load_instances().values())} == {"HERE"}
    assert after.back(during) == {grid.there.pk}
    assert Conditions().freed(Conditions(), load_instances().values()) == []


def test_in_a_downtime_a_service_comes_after_all_others(grid):
    a_downtime(grid.there)
    conditions = load_conditions(NOW)
    by_site = {one.place.site: conditions.priority_of(one) for one in load_instances().values()}
    assert by_site["THERE"] < by_site["HERE"]


@pytest.mark.django_db(transaction=True)
def test_the_engine_runs_nothing_that_is_paused_and_says_so_to_who_asks(grid, settings):
    from gridkeeper.probes.models import EngineReport, LatestStatus, RunRequest
    from tests.probes.test_engine import _engine_until

    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})
    for test in grid.tests:
        test.interval_s = 1
        test.arguments = {"port": 1}
        test.save()
    now = timezone.now()
    pause(Actor.system(), site=grid.here.site, reason="new switch", expires_at=now + timedelta(hours=1), now=now)
    wanted = RunRequest.objects.create(service=grid.here, test=grid.tests[0], requested_at=now)
    asyncio.run(
        _engine_until(
            lambda: (
                LatestStatus.objects.exists()
                and RunRequest.objects.exclude(done_at=None).exists()
                and EngineReport.objects.exists()
            )
        )
    )
    wanted.refresh_from_db()
    assert wanted.outcome.startswith("not run: it is paused until ")
    assert wanted.outcome.endswith("new switch")
    assert set(LatestStatus.objects.values_list("hostname", flat=True)) == {grid.there.hostname}
    figures = EngineReport.objects.get().figures
    assert (figures["instances"], figures["pauses"]) == (4, 1)


def test_the_page_offers_pauses_to_who_is_signed_in_and_ends_them(client, grid):
    assert "Nothing is paused" in client.get("/tests/pauses/").content.decode()
    assert client.get("/tests/pauses/new/").status_code == 302
    client.login(username="alice", password="alice-password")
    given = {"site": "here", "hours": "2", "reason": "works <b>"}
    assert client.post("/tests/pauses/new/", given | {"site": "nowhere"}).status_code == 422
    assert "no site is named" in client.post("/tests/pauses/new/", given | {"site": "nowhere"}).content.decode()
    assert client.post("/tests/pauses/new/", given | {"site": "THERE"}).status_code == 403
    assert client.post("/tests/pauses/new/", {"hours": "2", "reason": "works"}).status_code == 422
    assert client.post("/tests/pauses/new/", given).url == "/tests/pauses/"
    made = Pause.objects.get()
    text = client.get("/tests/pauses/").content.decode()
    assert "works &lt;b&gt;" in text
    assert f"/tests/pauses/{made.pk}/end/" in text
    assert client.post(f"/tests/pauses/{made.pk}/end/", {"reason": "done"}).status_code == 302
    assert "before its time" in client.get("/tests/pauses/").content.decode()


def test_a_host_with_several_services_asks_which(client, grid):
    a_service(of=grid.here.site, hostname="ce.here.org", type="SRM")
    client.login(username="alice", password="alice-password")
    given = {"host": "ce.here.org", "hours": "2", "reason": "works"}
    assert "choose one" in client.post("/tests/pauses/new/", given).content.decode()
    assert client.post("/tests/pauses/new/", given | {"service_type": "SRM"}).status_code == 302
