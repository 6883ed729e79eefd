"""The pages of good sites: what they say, what managers can do there, and who may not."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.actions import add_to_list
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.profiles import profile_at
from tests.builders import a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def grid():
    """FAIR passes now and failed two hours ago; POOR fails; EMPTY has nothing for lhcb."""
    now = timezone.now()
    fair = a_service(of=a_site(name="FAIR"), hostname="ce.fair.org")
    poor = a_service(of=a_site(name="POOR"), hostname="ce.poor.org")
    a_site(name="EMPTY")
    vo = a_vo("lhcb", supported_by=[fair, poor])
    in_profile(vo, a_test("CE-js"))
    in_profile(vo, a_test("CE-ca"), critical=False)
    earlier = now - timedelta(hours=2)
    submit([a_result(fair, status=Status.CRITICAL, executed_at=earlier)], now=earlier)
    submit([a_result(poor, status=Status.OK, executed_at=earlier)], now=earlier)
    submit([a_result(fair, executed_at=now)], now=now)
    submit([a_result(poor, status=Status.CRITICAL, executed_at=now)], now=now)
    return vo


@pytest.fixture
def manager(client, grid):
    client.force_login(a_user("carol", vo=grid))
    return client


def text_of(answer):
    return answer.content.decode()


def test_it_says_who_is_out_and_why(client, grid):
    page = text_of(client.get("/good-sites/", {"vo": "lhcb"}))
    assert "<b>1</b> of 3 sites are good for lhcb" in page
    assert "CE-js on ce.poor.org is CRITICAL since" in page
    assert "EMPTY" not in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"FAIR", "POOR"}),
        ({"show": "in"}, {"FAIR"}),
        ({"show": "out"}, {"POOR"}),
        ({"show": "nothing"}, {"EMPTY"}),
        ({"show": "all"}, {"FAIR", "POOR", "EMPTY"}),
        ({"q": "ce.poor"}, {"POOR"}),
        ({"q": "no such"}, set()),
    ],
)
def test_filters_and_exports_show_the_same_sites(client, grid, query, shown):
    query = {"vo": "lhcb"} | query
    page = text_of(client.get("/good-sites/", query))
    assert {name for name in ("FAIR", "POOR", "EMPTY") if f">{name}</a>" in page} == shown
    found = client.get("/good-sites/", query | {"format": "json"}).json()
    assert {site["site"] for site in found["sites"]} == shown
    lines = client.get("/good-sites/", query | {"format": "csv"}).getvalue().decode().splitlines()
    assert {line.split(",")[0] for line in lines[1:]} == shown


def test_a_time_as_people_write_it_becomes_an_instant_in_the_address(client, grid):
    answer = client.get("/good-sites/", {"vo": "lhcb", "at": "1h"})
    assert answer.status_code == 302
    assert "at=20" in answer.url
    page = text_of(client.get(answer.url))
    assert "not now" in page
    assert "CE-js on ce.fair.org is CRITICAL since" in page
    assert "ce.poor.org is CRITICAL" not in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"vo": "lhbc"}, "there is no VO &#x27;lhbc&#x27;; known are lhcb"),
        ({"vo": "lhcb", "at": "soon"}, "is not a time"),
    ],
)
def test_a_wrong_question_is_answered_in_words(client, grid, query, words):
    answer = client.get("/good-sites/", query)
    assert answer.status_code == 400
    assert words in text_of(answer)


@pytest.mark.parametrize("path", ["/good-sites/", "/good-sites/tests/", "/good-sites/lists/"])
def test_each_page_has_an_empty_state(client, path):
    assert "No VO yet" in text_of(client.get(path))
    a_vo("lhcb")
    assert client.get(path, {"vo": "lhcb"}).status_code == 200


def test_a_vo_without_a_profile_is_told_whose_tests_hold(client, grid, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"operations_vo": "lhcb"})
    a_vo("biomed")
    assert "judged by the critical tests of lhcb" in text_of(
        client.get("/good-sites/", {"vo": "biomed", "show": "all"})
    )


def test_a_manager_sees_the_effect_before_saving_critical_tests(manager, grid):
    boxes = {"critical": ["CE/CE-js", "CE/CE-ca"], "reason": "the new CA is out"}
    seen = text_of(manager.post("/good-sites/tests/?vo=lhcb", boxes | {"step": "preview"}))
    assert "1 sites are good now, 0 would be" in seen
    assert "Save these changes" in seen
    assert profile_at("lhcb", timezone.now()).has_critical("CE", "CE-ca") is False
    saved = manager.post("/good-sites/tests/?vo=lhcb", boxes | {"step": "save"}, follow=True)
    assert "1 changed for lhcb" in text_of(saved)
    assert profile_at("lhcb", timezone.now()).has_critical("CE", "CE-ca") is True


def test_a_choice_without_a_reason_is_kept_in_the_form_and_not_saved(manager, grid):
    answer = manager.post("/good-sites/tests/?vo=lhcb", {"critical": ["CE/CE-ca"], "reason": "", "step": "save"})
    assert answer.status_code == 422
    assert 'value="CE/CE-ca" aria-label="CE-ca is critical on CE" checked' in text_of(answer)
    assert profile_at("lhcb", timezone.now()).has_critical("CE", "CE-ca") is False


def test_a_manager_lists_a_site_after_seeing_the_effect_and_takes_it_off(manager, grid):
    entry = {"site": "FAIR", "kind": "black", "reason": "being moved", "expires_at": ""}
    seen = manager.post("/good-sites/lists/?vo=lhcb", entry | {"step": "preview"})
    assert "1 would leave (FAIR)" in text_of(seen)
    assert not ListEntry.objects.exists()
    saved = manager.post("/good-sites/lists/?vo=lhcb", entry | {"step": "save"}, follow=True)
    assert "FAIR is on the black list of lhcb" in text_of(saved)
    number = ListEntry.objects.get().pk
    kept = manager.post(f"/good-sites/lists/{number}/remove/", {"reason": ""}, follow=True)
    assert "give the reason" in text_of(kept)
    gone = manager.post(f"/good-sites/lists/{number}/remove/", {"reason": "moved"}, follow=True)
    assert "FAIR is off the black list of lhcb" in text_of(gone)
    assert "Ended entries (1)" in text_of(gone)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"site": "NOWHERE"}, "No site has that name"),
        ({"reason": ""}, "required"),
        ({"expires_at": "2020-01-01T00:00"}, "expired already"),
        ({"site": "POOR"}, "stands on the white list of lhcb already"),
    ],
)
def test_a_wrong_entry_is_refused_beside_its_field(manager, grid, fields, words):
    poor = ListEntry.site.field.related_model.objects.get(name="POOR")
    add_to_list(Actor.system(), vo=grid, site=poor, kind="white", reason="x", now=timezone.now())
    entry = {"site": "FAIR", "kind": "black", "reason": "x", "expires_at": "", "step": "save"}
    answer = manager.post("/good-sites/lists/?vo=lhcb", entry | fields)
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert ListEntry.objects.count() == 1


_CHANGES = [
    ("/good-sites/tests/?vo=lhcb", {"critical": ["CE/CE-ca"], "reason": "x", "step": "save"}),
    ("/good-sites/lists/?vo=lhcb", {"site": "FAIR", "kind": "black", "reason": "x", "step": "save"}),
    ("/good-sites/lists/{entry}/remove/", {"reason": "x"}),
]


@pytest.mark.parametrize(("path", "body"), _CHANGES)
@pytest.mark.parametrize(("who", "status"), [("anonymous", 302), ("without the role", 403)])
def test_others_change_nothing(client, grid, path, body, who, status):
    entry = add_to_list(Actor.system(), vo=grid, site=a_site(), kind="white", reason="x", now=timezone.now())
    if who != "anonymous":
        client.force_login(a_user("alice", vo=a_vo("atlas")))
    answer = client.post(path.format(entry=entry.pk), body)
    assert answer.status_code == status
    assert status != 302 or "login" in answer.url
    entry.refresh_from_db()
    assert entry.removed_at is None
    assert ListEntry.objects.count() == 1
    assert profile_at("lhcb", timezone.now()).has_critical("CE", "CE-ca") is False


def test_hostile_words_are_shown_as_words(client, grid):
    add_to_list(
        Actor.system(), vo=grid, site=a_site(name="<b>X"), kind="black", reason="<script>alert(1)</script>",
        now=timezone.now(),
    )  # fmt: skip
    for path in ("/good-sites/", "/good-sites/lists/"):
        page = text_of(client.get(path, {"vo": "lhcb"}))
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
