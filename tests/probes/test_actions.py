"""Who may have a test run now: by the action, the API and the page."""

import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.actions import request_run, set_test_enabled
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus, RunRequest
from tests.builders import NOW, a_result, a_service, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def grid():
    """A service of alice's site in bob's region, which carol's VO uses; mallory has an account and no role."""

    class Grid:
        service = a_service(hostname="ce.example.org")
        test = a_test("CE-js", kind="native", command="tcp", is_per_vo=True)

    vo = a_vo("lhcb", supported_by=[Grid.service])
    in_profile(vo, Grid.test)
    a_user("alice", site=Grid.service.site)
    a_user("bob", ngi=Grid.service.site.ngi)
    a_user("carol", vo=vo)
    a_user("mallory")
    a_user("oscar", site=a_service().site)
    User.objects.create_superuser("admin", password="admin")
    submit([a_result(Grid.service, "CE-js", "lhcb")], now=NOW)
    return Grid


MAY = ("alice", "bob", "carol", "admin")
MAY_NOT = ("mallory", "oscar")


@pytest.mark.parametrize("name", MAY)
def test_they_may_have_a_test_run_and_it_is_audited(grid, name):
    user = User.objects.get(username=name)
    request = request_run(Actor(user=user), service=grid.service, test=grid.test, vo="lhcb", now=NOW)
    assert request.requested_by == user
    assert [row.history_user for row in request.history.all()] == [user]


@pytest.mark.parametrize("name", [*MAY_NOT, None])
def test_they_may_not(grid, name):
    user = User.objects.get(username=name) if name else None
    with pytest.raises(NotPermittedError):
        request_run(Actor(user=user), service=grid.service, test=grid.test, vo="lhcb", now=NOW)
    assert not RunRequest.objects.exists()


@pytest.mark.parametrize(("name", "status"), [*((n, 202) for n in MAY), *((n, 403) for n in MAY_NOT), (None, 401)])
def test_the_api_says_so_too(client, grid, name, status):
    if name:
        client.force_login(User.objects.get(username=name))
    body = {"service": grid.service.key, "test": "CE-js", "vo": "lhcb"}
    answer = client.post("/api/v1/runs", body, content_type="application/json")
    assert answer.status_code == status
    if status == 202:
        assert client.get(f"/api/v1/runs/{answer.json()['id']}").json()["done_at"] is None


@pytest.mark.parametrize(("name", "status"), [*((n, 302) for n in MAY), *((n, 403) for n in MAY_NOT), (None, 403)])
def test_the_button_of_the_page_says_so_too(client, grid, name, status):
    if name:
        client.force_login(User.objects.get(username=name))
    series = LatestStatus.objects.get().series
    assert client.post(f"/results/{series}/run/").status_code == status
    assert RunRequest.objects.count() == (status == 302)


def test_a_run_is_shown_to_whoever_asked_and_to_nobody_without_a_role(client, grid):
    alice = User.objects.get(username="alice")
    request = request_run(Actor(user=alice), service=grid.service, test=grid.test, vo="lhcb", now=NOW)
    client.force_login(User.objects.get(username="mallory"))
    assert client.get(f"/api/v1/runs/{request.pk}").status_code == 404
    client.force_login(alice)
    assert client.get(f"/api/v1/runs/{request.pk}").status_code == 200


def test_asking_twice_is_one_run(grid):
    actor = Actor.system("cli")
    first = request_run(actor, service=grid.service, test=grid.test, vo="lhcb", now=NOW)
    assert request_run(actor, service=grid.service, test=grid.test, vo="lhcb", now=NOW) == first


@pytest.mark.parametrize(
    ("fields", "vo", "words"),
    [
        ({"kind": "passive"}, "", "reported by others"),
        ({"kind": "native", "is_enabled": False}, "", "switched off"),
        ({"kind": "native", "is_per_vo": True}, "", "name one"),
    ],
)
def test_what_cannot_run_is_refused_with_the_reason(client, grid, fields, vo, words):
    test = a_test("other", **fields)
    client.force_login(User.objects.get(username="admin"))
    body = {"service": grid.service.key, "test": test.name, "vo": vo}
    answer = client.post("/api/v1/runs", body, content_type="application/json")
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_only_a_superuser_switches_a_test_off_and_gives_the_reason(grid):
    alice, admin = (Actor(user=User.objects.get(username=name)) for name in ("alice", "admin"))
    with pytest.raises(NotPermittedError):
        set_test_enabled(alice, test=grid.test, is_enabled=False, reason="noisy")
    assert not set_test_enabled(admin, test=grid.test, is_enabled=False, reason="noisy").is_enabled
    assert grid.test.history.first().history_change_reason == "noisy"
