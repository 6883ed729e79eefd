"""The page of the workers, and who may do what about one."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes import places
from gridkeeper.probes.models import EngineReport, PlaceStatus, Worker, WorkerState
from gridkeeper.probes.wire import VERSION, Beat
from gridkeeper.probes.worker_actions import forget_worker_key, set_worker_enabled
from tests.builders import NOW, a_site, a_test, a_user, an_ngi

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


def a_beat(name: str = "w1", **fields) -> Beat:
    defaults = {"version": VERSION, "worker": name, "boot": "b", "number": 1, "public_key": "key", "capacity": 200}
    return Beat(**defaults | fields)


def a_worker(name: str = "w1", *, at=None, **fields) -> Worker:
    places.save_seen([places.Seen(a_beat(name, **fields), at or timezone.now())])
    return Worker.objects.get(name=name)


def _page(client) -> str:
    return client.get("/tests/workers/").content.decode()


def test_an_installation_without_workers_says_how_to_have_some(client, settings):
    assert "All tests run in the scheduler itself" in _page(client)
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"bus_url": "nats://127.0.0.1"})
    assert "No worker has registered yet" in _page(client)


def test_a_worker_whose_network_broke_stands_first_and_says_why(client):
    a_worker("w1", region="NGI_A", vos=["lhcb"], labels={"os": "el9"})
    a_worker("w2")
    places.save_states([("w2", WorkerState.SUSPECT, f"its own network seems broken {HOSTILE}")], NOW)
    text = _page(client)
    assert text.index("its own network seems broken") < text.index("<b>w1</b>")
    assert "in doubt" in text
    assert "NGI_A" in text
    assert "os: el9" in text
    assert HOSTILE not in text
    assert "What happened" in text


def test_a_clock_that_is_off_is_said_and_changes_nothing_else(client):
    a_worker("w1", at=NOW, clock_s=NOW.timestamp() - 7200)
    assert "Its clock is off by -7200 s" in _page(client)
    assert Worker.objects.get().last_seen_at == NOW


def test_being_seen_leaves_no_record_and_what_changes_does():
    a_worker("w1", region="NGI_A")
    a_worker("w1", region="NGI_A", number=2, done=7)
    assert Worker.history.count() == 1
    a_worker("w1", region="NGI_B", number=3)
    assert Worker.history.count() == 2
    assert EngineReport.objects.get().figures["done"] == 0


def test_a_state_is_kept_with_its_time_and_reason_once():
    a_worker("w1", at=NOW)
    later = NOW + timedelta(minutes=5)
    for reason in ("silent", "silent", "still silent"):
        places.save_states([("w1", WorkerState.LOST, reason)], later)
        later += timedelta(minutes=1)
    worker = Worker.objects.get()
    assert (worker.state, worker.state_since, worker.state_reason) == (
        "lost",
        NOW + timedelta(minutes=5),
        "still silent",
    )
    assert Worker.history.count() == 3
    places.save_states([("unknown", WorkerState.LOST, "")], NOW)


def test_the_newest_opinion_of_each_place_stays():
    for status in (Status.OK, Status.CRITICAL):
        places.save_opinions([places.PlaceOpinion(7, one, status, NOW, "text\0", True) for one in ("w1", "w2", "w1")])
    assert [(row.worker, row.status) for row in PlaceStatus.objects.order_by("worker")] == [("w1", 2), ("w2", 2)]


def test_rules_and_regions_are_read_from_tests_and_sites():
    a_test("two", places={"count": 2})
    a_test("broken", places={"count": "many"})
    a_test("plain")
    a_site(name="SITE", ngi=an_ngi(name="NGI_X"))
    assert {name: rule.count for name, rule in places.place_rules().items()} == {"two": 2}
    assert places.regions_of_sites()["SITE"] == "NGI_X"


@pytest.mark.parametrize("path", ["switch", "forget-key"])
def test_only_superusers_act(client, path):
    a_worker("w1")
    address = f"/tests/workers/w1/{path}/"
    assert "Retire" not in _page(client)
    assert client.get(address).status_code == 302
    client.force_login(a_user("alice"))
    assert client.get(address).status_code == 403
    assert client.post(address, {"reason": "x"}).status_code == 403
    client.force_login(User.objects.create_superuser(username="root", password="root-password"))
    assert "Retire" in _page(client)
    assert client.post(address, {"reason": ""}).status_code == 422
    assert client.post(address, {"reason": "it moves"}).status_code == 302
    worker = Worker.objects.get()
    assert (worker.is_enabled, worker.public_key) == ((False, "key") if path == "switch" else (True, ""))
    assert Worker.history.first().history_change_reason == "it moves"


def test_a_key_that_was_forgotten_makes_room_for_the_next():
    worker = a_worker("w1")
    places.save_states([("w1", WorkerState.SUSPECT, "another key")], NOW)
    forget_worker_key(Actor.system(), worker=worker, reason="new disk", now=NOW)
    assert Worker.objects.get().state == WorkerState.OK
    a_worker("w1", public_key="new")
    assert Worker.objects.get().public_key == "new"
    a_worker("w1", public_key="stranger")
    assert Worker.objects.get().public_key == "new"


def test_the_actions_ask_for_permission_and_reason():
    worker = a_worker("w1")
    with pytest.raises(NotPermittedError):
        set_worker_enabled(Actor(user=a_user("bob")), worker=worker, is_enabled=False, reason="x")
    with pytest.raises(NotPermittedError):
        forget_worker_key(Actor(user=a_user("carol")), worker=worker, reason="x", now=NOW)
    with pytest.raises(ValidationError):
        set_worker_enabled(Actor.system(), worker=worker, is_enabled=False, reason=" ")
    with pytest.raises(ValidationError):
        forget_worker_key(Actor.system(), worker=worker, reason=" ", now=NOW)


def test_the_page_takes_few_queries(client, django_assert_max_num_queries):
    for number in range(20):
        a_worker(f"w{number}")
    client.get("/tests/workers/")
    with django_assert_max_num_queries(6):
        client.get("/tests/workers/")
