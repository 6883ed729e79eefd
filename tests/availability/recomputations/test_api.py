"""Recomputations, publications and computations over HTTP."""

import hashlib
import json

import pytest

from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import DayMark
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from tests.availability.days import DAY as D
from tests.availability.days import at
from tests.builders import a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

API = "/api/v1/availability"
BODY = {
    "kind": "status", "start": "2026-03-10T06:00:00Z", "end": "2026-03-10T12:00:00Z", "reason": "the probe was ill",
    "document": {"level": "site", "groups": ["INFN-T1"], "status": "OK"},
}  # fmt: skip


@pytest.fixture
def call(installation, client):
    """Calls as a user, with a token of theirs; the day is computed and its site was MISSING."""
    service = a_service(of=a_site(name="INFN-T1"))
    in_profile(a_vo("dteam", supported_by=[service]), a_test("CE-js"))
    compute_days([D], at(30 * 3600))
    DayMark.objects.exclude(day=D).delete()
    people = {"alice": a_user("alice", site=service.site), "carol": User.objects.create_superuser("carol")}
    now = at(0)
    secrets = {
        name: create_token(Actor.system(), user=user, name="t", scopes=["*"], expires_at=None, now=now)[1]
        for name, user in people.items()
    }

    def send(who, method, path, body=None):
        headers = {"authorization": f"Bearer {secrets[who]}"}
        return client.generic(method, f"{API}{path}", _json(body), content_type="application/json", headers=headers)

    return send


def _json(body):
    return json.dumps(body or {})


def test_it_is_foreseen_asked_for_decided_and_listed(call) -> None:
    foreseen = call("alice", "POST", "/recomputations/preview", BODY).json()
    assert (foreseen["site_days"], foreseen["changes"][0]["after"]["availability"]) == (1, "100.00000")
    made = call("alice", "POST", "/recomputations", BODY)
    assert (made.status_code, made.json()["author"]) == (201, "alice")
    one = f"/recomputations/{made.json()['key']}"
    assert call("alice", "POST", f"{one}/approve", {"reason": "mine"}).status_code == 403
    assert call("carol", "POST", f"{one}/approve", {"reason": "so"}).json()["state"] == "approved"
    assert call("carol", "PATCH", one, {"reason": "last", "position": 3}).json()["position"] == 3
    assert call("carol", "POST", f"{one}/revert", {"reason": "no"}).json()["state"] == "reverted"
    assert call("carol", "POST", f"{one}/reject", {"reason": "no"}).status_code == 409
    assert [row["state"] for row in call("alice", "GET", "/recomputations").json()["items"]] == ["reverted"]


@pytest.mark.parametrize(
    "change",
    [{"start": "2026-03-10T06:00:00"}, {"start": "0001-01-01T00:00:00+23:00"}, {"end": "9999-12-31T23:59:59-23:00"},
     {"document": {"level": ["x"]}}, {"document": {"\x00": {}}}, {"kind": "other"}, {"reports": ["no-such"]},
     {"document": {"level": "site", "groups": ["INFN-T1"], "status": "FINE"}}],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(call, change) -> None:
    answer = call("alice", "POST", "/recomputations", BODY | change)
    assert answer.status_code == 422, answer.content


def test_a_month_is_published_and_read_byte_for_byte(call) -> None:
    body = {"report": "dteam", "month": "2026-03"}
    assert call("alice", "POST", "/published", body).status_code == 403
    made = call("carol", "POST", "/published", body).json()
    document = call("alice", "GET", "/published/dteam/2026-03/1")
    assert hashlib.sha256(document.content).hexdigest() == made["checksum"] == document["X-Checksum-Sha256"]
    assert "Nothing has changed" in call("carol", "POST", "/published", body).content.decode()
    assert call("carol", "POST", "/published", {"report": "dteam", "month": "2026-13"}).status_code == 422
    assert call("carol", "POST", "/published", {"report": "other", "month": "2026-03"}).status_code == 422
    assert call("carol", "GET", "/published/dteam/2026-03/2").status_code == 404
    assert [row["version"] for row in call("alice", "GET", "/published").json()["items"]] == [1]


def test_computations_say_what_made_the_figures_and_can_be_made_again(call) -> None:
    (row,) = call("alice", "GET", f"/computations?from={D}&to={D}&report=dteam").json()["items"]
    assert (row["state"], row["inputs"]["report"], len(row["checksum"])) == ("done", "dteam", 64)
    assert call("alice", "POST", f"/computations/{D}/again").status_code == 403
    assert call("carol", "POST", f"/computations/{D}/again").status_code == 202
    assert call("carol", "POST", "/computations/9999-12-31/again").status_code == 422
    assert [row["state"] for row in call("alice", "GET", "/computations").json()["items"]] == ["pending"]
