"""The pages of recomputations and computations: from a preview to a decision, by who may."""

import pytest

from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import Computation, DayMark, Recomputation
from gridkeeper.availability.recomputations import actions
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from tests.availability.days import DAY as D
from tests.availability.days import at
from tests.builders import a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.usefixtures("installation")

H = 3600
NOW = at(30 * H)
NEW = "/availability/recomputations/new/"


@pytest.fixture
def site(installation):
    """INFN-T1 had no results on the day: it is MISSING."""
    service = a_service(of=a_site(name="INFN-T1"))
    in_profile(a_vo("dteam", supported_by=[service]), a_test("CE-js"))
    compute_days([D], NOW)
    return service.site


@pytest.fixture
def alice(site):
    return a_user("alice", site=site)


def sent(**changes):
    given = {"kind": "status", "start": "2026-03-10T06:00", "end": "2026-03-10T12:00", "groups": "INFN-T1",
             "level": "site", "status": "OK", "reason": "the probe was ill"}  # fmt: skip
    return given | changes


def words(answer):
    return " ".join(answer.content.decode().split())


def test_a_preview_says_which_site_days_would_change_and_changes_nothing(client, alice) -> None:
    client.force_login(alice)
    page = words(client.post(NEW, sent(step="preview")))
    assert "1 site-day would change so:" in page
    assert "<strong>100.00000</strong>" in page
    assert Recomputation.objects.count() == 0


def test_from_the_request_to_the_decision(client, alice) -> None:
    client.force_login(alice)
    answer = client.post(NEW, sent(), follow=True)
    row = Recomputation.objects.get()
    assert row.preview["site_days"] == 1
    assert "It waits for the federation's staff" in words(answer)
    client.cookies["tz"] = "Europe/Prague"
    assert "2026-03-10 06:00:00 – 2026-03-10 12:00:00 UTC" in words(
        client.get(f"/availability/recomputations/{row.key}/")
    )
    step = f"/availability/recomputations/{row.key}/step/"
    assert client.post(step, {"verb": "approve", "reason": "mine"}).status_code == 403
    client.force_login(User.objects.create_superuser("carol"))
    assert "Approved" in words(client.post(step, {"verb": "approve", "reason": "the log says so"}, follow=True))
    assert "INFN-T1" in words(client.get("/availability/recomputations/?state=approved"))
    assert "cannot become" in words(client.post(step, {"verb": "reject", "reason": "no"}, follow=True))


def test_who_decides_may_look_what_a_request_without_a_preview_would_change(client, alice) -> None:
    wish = Wish(
        kind="status", start=at(6 * H), end=at(12 * H), reason="the probe was ill",
        document={"level": "site", "status": "OK", "groups": ["INFN-T1"]},
    )  # fmt: skip
    row = actions.request(Actor(user=alice), wish, now=NOW)
    page = f"/availability/recomputations/{row.key}/"
    client.force_login(alice)
    assert "It came without a preview. </p>" in words(client.get(page, {"look": "1"})).replace(".</p>", ". </p>")
    client.force_login(User.objects.create_superuser("carol"))
    assert "See what it would change" in words(client.get(page))
    looked = words(client.get(page, {"look": "1"}))
    assert "1 site-day, before → after, in per cent, as it would be now." in looked
    assert "<strong>100.00000</strong>" in looked
    assert Recomputation.objects.get().preview == {}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"groups": ""}, "Name at least one of groups."),
        ({"source": "w1"}, "What was chosen above does not use this"),
        ({"end": "2026-03-10T01:00"}, "before it begins"),
        ({"groups": "OTHER"}, "may not"),
        ({"start": "yesterday"}, "Enter a valid date/time"),
    ],
)
def test_it_says_what_is_wrong_with_a_request(client, alice, changes, text) -> None:
    client.force_login(alice)
    answer = client.post(NEW, sent(**changes))
    assert answer.status_code in (403, 422)
    assert text in words(answer)
    assert Recomputation.objects.count() == 0


@pytest.mark.parametrize(("report", "is_listed"), [("", True), ("dteam", True), ("atlas", False)])
def test_the_list_is_of_one_report_where_that_is_asked(client, alice, report, is_listed) -> None:
    client.force_login(alice)
    client.post(NEW, sent(reports=["dteam"]))
    key = Recomputation.objects.get().key
    assert (key in words(client.get("/availability/recomputations/", {"report": report}))) is is_listed


def test_strangers_may_look_and_are_sent_to_sign_in(client, site) -> None:
    wish = Wish(kind="groups", start=at(0), end=at(H), document={"groups": ["INFN-T1"]}, reason="so")
    row = actions.request(Actor.system(), wish, now=NOW)
    assert client.get(f"/availability/recomputations/{row.key}/").status_code == 200
    assert client.get(NEW).status_code == 302
    assert client.post(f"/availability/recomputations/{row.key}/step/", {"verb": "approve"}).status_code == 302
    assert client.get("/availability/recomputations/?state=lost").status_code == 404


def test_the_page_of_computations_shows_what_is_computed_pending_and_failed(client, site) -> None:
    assert "Every day is computed" in words(client.get("/availability/computations/"))
    Computation.objects.update(state="failed", error="OperationsError: no state X")
    page = words(client.get("/availability/computations/?state=failed"))
    assert "OperationsError: no state X" in page
    again = f"/availability/computations/{D}/again/"
    assert client.post(again).status_code == 302
    assert Computation.objects.get().state == "failed"
    client.force_login(User.objects.create_superuser("carol"))
    client.post(again)
    assert Computation.objects.get().state == "pending"
    assert DayMark.objects.get(day=D).reason == "asked for by carol"
    assert "1 day waits to be computed" in words(client.get("/availability/computations/?state=pending"))
    assert client.post("/availability/computations/2026-02-30/again/").status_code == 404
