"""Good sites over HTTP: reading, choosing, listing, and who may not."""

import pytest

from gridkeeper.core.status import Status
from gridkeeper.people.models import User
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.models import ListEntry
from tests.builders import a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def lhcb():
    from django.utils import timezone

    now = timezone.now()
    service = a_service(of=a_site(name="SITE-A"), hostname="ce.a.org")
    vo = a_vo("lhcb", supported_by=[service])
    in_profile(vo, a_test("CE-js"))
    in_profile(vo, a_test("CE-ca"), critical=False)
    submit([a_result(service, executed_at=now)], now=now)
    submit([a_result(service, "CE-ca", status=Status.CRITICAL, executed_at=now)], now=now)
    return vo


@pytest.fixture
def manager(client, lhcb):
    client.force_login(a_user("carol", vo=lhcb))
    return client


def _post(client, path, body):
    return client.post(f"/api/v1{path}", body, content_type="application/json")


def test_the_list_as_json_and_as_text(client, lhcb):
    found = client.get("/api/v1/good-sites", {"vo": "lhcb"}).json()
    assert (found["good"], found["sites"][0]["site"], found["sites"][0]["is_good"]) == (1, "SITE-A", True)
    text = client.get("/api/v1/good-sites", {"vo": "lhcb", "format": "text"})
    assert (text.headers["Content-Type"], text.content) == ("text/plain; charset=utf-8", b"SITE-A  good\n")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"vo": "lhbc"}, 404, "known are lhcb"),
        ({}, 422, "wrong"),
        ({"vo": "lhcb", "at": "2999-01-01T00:00:00Z"}, 422, "future"),
        ({"vo": "lhcb", "at": "2026-01-01T00:00:00"}, 422, "wrong"),
        ({"vo": "lhcb", "format": "xml"}, 422, "wrong"),
    ],
)
def test_a_wrong_question_gets_a_problem(client, lhcb, query, status, words):
    answer = client.get("/api/v1/good-sites", query)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert words in answer.json()["detail"]


def test_a_manager_previews_then_chooses_critical_tests(manager):
    body = {"changes": [{"service_type": "CE", "test": "CE-ca", "is_critical": True}], "reason": "new CA"}
    effect = _post(manager, "/good-sites/lhcb/tests/preview", body).json()
    assert (effect["good_before"], effect["good_after"], effect["leaving"]) == (1, 0, ["SITE-A"])
    chosen = _post(manager, "/good-sites/lhcb/tests", body).json()
    assert {line["test"]: line["is_critical"] for line in chosen["tests"]} == {"CE-ca": True, "CE-js": True}
    assert manager.get("/api/v1/good-sites", {"vo": "lhcb"}).json()["good"] == 0


def test_a_manager_lists_a_site_and_takes_it_off_again(manager):
    body = {"site": "SITE-A", "kind": "black", "reason": "being moved"}
    made = _post(manager, "/good-sites/lhcb/lists", body)
    assert (made.status_code, made.json()["author"]) == (201, "carol")
    again = _post(manager, "/good-sites/lhcb/lists", body)
    assert again.status_code == 422
    assert "remove that entry first" in again.json()["detail"]
    number = made.json()["id"]
    assert manager.get("/api/v1/good-sites/lhcb/lists").json()["count"] == 1
    removed = _post(manager, f"/good-sites/lhcb/lists/{number}/remove", {"reason": "moved"})
    assert removed.json()["removed_at"]
    assert manager.get("/api/v1/good-sites/lhcb/lists").json()["count"] == 0
    assert manager.get("/api/v1/good-sites/lhcb/lists", {"past": True}).json()["count"] == 1


_CHANGES = [
    ("/good-sites/lhcb/tests", {"changes": [{"service_type": "CE", "test": "CE-ca", "is_critical": True}]}),
    ("/good-sites/lhcb/lists", {"site": "SITE-A", "kind": "black", "reason": "x"}),
    ("/good-sites/lhcb/lists/{entry}/remove", {"reason": "x"}),
]


@pytest.mark.parametrize(("path", "body"), _CHANGES)
@pytest.mark.parametrize(
    ("who", "status"), [("anonymous", 401), ("without the role", 403), ("manager", 2), ("admin", 2)]
)
def test_only_managers_and_administrators_change(client, lhcb, path, body, who, status):
    from django.utils import timezone

    entry = ListEntry.objects.create(vo=lhcb, site=a_site(), kind="white", reason="x", created_at=timezone.now())
    users = {
        "without the role": lambda: a_user("alice", vo=a_vo("atlas")),
        "manager": lambda: a_user("carol", vo=lhcb),
        "admin": lambda: User.objects.create_superuser("admin"),
    }
    if who in users:
        client.force_login(users[who]())
    answer = _post(client, path.format(entry=entry.pk), body)
    assert answer.status_code == status or answer.status_code // 100 == status
