"""The pages of policy, proposals and changes: what managers do there, and who may not."""

import pytest
from django.utils import timezone
from lxml import etree

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection import actions, proposals
from gridkeeper.selection.changes import note_changes
from gridkeeper.selection.models import ListEntry, Proposal, SelectionPolicy
from gridkeeper.selection.wishes import PolicyChange, Wish
from tests.builders import a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db


@pytest.fixture
def grid():
    """FAIR passes, POOR fails; carol and dave manage lhcb, and must agree."""
    now = timezone.now()
    fair, poor = a_site(name="FAIR"), a_site(name="POOR")
    services = [a_service(of=fair, hostname="ce.fair.org"), a_service(of=poor, hostname="ce.poor.org")]
    vo = a_vo("lhcb", supported_by=services)
    in_profile(vo, a_test("CE-js"))
    in_profile(vo, a_test("CE-ca"), critical=False)
    submit([a_result(services[0], executed_at=now)], now=now)
    submit([a_result(services[1], status=Status.CRITICAL, executed_at=now)], now=now)
    for name in ("carol", "dave"):
        a_user(name, vo=vo)
    actions.set_policy(Actor.system(), vo=vo, change=PolicyChange(True, 0), reason="two", now=now)
    return vo


def text_of(answer):
    return answer.content.decode()


def as_(client, name):
    client.force_login(ListEntry.author.field.related_model.objects.get(username=name))
    return client


def test_what_one_manager_wants_another_makes(client, grid):
    entry = {"site": "FAIR", "kind": "black", "reason": "being moved", "expires_at": "", "step": "save"}
    asked = text_of(as_(client, "carol").post("/good-sites/lists/?vo=lhcb", entry, follow=True))
    assert "It is made when another manager of lhcb agrees" in asked
    assert "FAIR goes on the black list: being moved" in asked
    assert "1 sites are good now, 0 would be: 1 would leave (FAIR)" in asked
    assert "Approve and make it" not in asked
    number = Proposal.objects.get().pk
    assert client.post(f"/good-sites/proposals/{number}/approve/").status_code == 403
    assert not ListEntry.objects.exists()
    seen = text_of(as_(client, "dave").get("/good-sites/proposals/", {"vo": "lhcb"}))
    assert "Approve and make it" in seen
    made = text_of(client.post(f"/good-sites/proposals/{number}/approve/", {"decision": "fine"}, follow=True))
    assert "Approved and made" in made
    assert ListEntry.objects.get().author.username == "carol"
    again = text_of(client.post(f"/good-sites/proposals/{number}/reject/", {"decision": "no"}, follow=True))
    assert "Somebody decided on it before" in again


def test_taking_off_and_critical_tests_are_proposed_too(client, grid):
    fair = ListEntry.site.field.related_model.objects.get(name="FAIR")
    entry = actions.add_to_list(Actor.system(), vo=grid, site=fair, kind="black", reason="x", now=timezone.now())
    carol = as_(client, "carol")
    what_if = text_of(carol.get("/good-sites/lists/", {"vo": "lhcb", "without": entry.pk}))
    assert "Without the entry of FAIR" in what_if
    assert "1 would enter (FAIR)" in what_if
    carol.post(f"/good-sites/lists/{entry.pk}/remove/", {"reason": "moved"})
    boxes = {"critical": ["CE/CE-js", "CE/CE-ca"], "reason": "the new CA is out", "step": "save"}
    page = text_of(carol.post("/good-sites/tests/?vo=lhcb", boxes, follow=True))
    assert "FAIR comes off the black list" in page
    assert "CE-ca on CE becomes critical" in page
    number = Proposal.objects.order_by("pk").first().pk
    assert "Withdrawn" in text_of(carol.post(f"/good-sites/proposals/{number}/withdraw/", follow=True))
    assert "Say why not" in text_of(
        as_(client, "dave").post(f"/good-sites/proposals/{number + 1}/reject/", {"decision": ""}, follow=True)
    )


def test_the_policy_is_previewed_and_changed(client, grid):
    dave = as_(client, "dave")
    fields = {"freshest_s": "1", "reason": "fresh"}
    seen = text_of(dave.post("/good-sites/policy/?vo=lhcb", {"freshest_s": "0", "step": "preview", "reason": ""}))
    assert "no site would change sides" in seen
    assert "Proposed" in text_of(dave.post("/good-sites/policy/?vo=lhcb", fields | {"step": "save"}, follow=True))
    as_(client, "carol").post(f"/good-sites/proposals/{Proposal.objects.get().pk}/approve/")
    policy = SelectionPolicy.objects.get()
    assert (policy.needs_approval, policy.freshest_s) == (False, 1)
    assert client.post("/good-sites/policy/?vo=lhcb", fields | {"freshest_s": "-1"}).status_code == 422


def test_a_proposal_whose_site_is_gone_says_so(client, grid):
    site = a_site(name="GONE")
    wish = {"site": "GONE", "kind": "white", "reason": "x", "expires_at": "", "step": "save"}
    as_(client, "carol").post("/good-sites/lists/?vo=lhcb", wish)
    site.valid_until = timezone.now()
    site.save()
    dave = as_(client, "dave")
    page = text_of(dave.post(f"/good-sites/proposals/{Proposal.objects.get().pk}/approve/", follow=True))
    assert "there is no site with the key" in page
    assert Proposal.objects.get().state == "open"


def test_only_the_newest_proposals_show_their_effect_unasked(client, grid):
    carol = Actor(user=ListEntry.author.field.related_model.objects.get(username="carol"))
    for seconds in range(60, 65):
        wish = Wish(policy=PolicyChange(True, seconds))
        proposals.ask(carol, vo=grid, wish=wish, reason="x", now=timezone.now())
    page = text_of(client.get("/good-sites/proposals/", {"vo": "lhcb"}))
    assert page.count("sites are good now") == 3
    assert page.count("What it would do</a>") == 2
    oldest = Proposal.objects.order_by("pk").first()
    asked = text_of(client.get("/good-sites/proposals/", {"vo": "lhcb", "effect": oldest.pk}))
    assert asked.count("sites are good now") == 4


@pytest.mark.parametrize("path", ["/good-sites/policy/?vo=lhcb", "/good-sites/proposals/1/approve/"])
@pytest.mark.parametrize(("who", "status"), [("anonymous", 302), ("without the role", 403)])
def test_others_decide_nothing(client, grid, path, who, status):
    carol = Actor(user=ListEntry.author.field.related_model.objects.get(username="carol"))
    asked = proposals.ask(carol, vo=grid, wish=Wish(policy=PolicyChange(False, 0)), reason="x", now=timezone.now())
    if who != "anonymous":
        client.force_login(a_user("alice", vo=a_vo("atlas")))
    answer = client.post(path.replace("1", str(asked.pk)), {"freshest_s": "0", "reason": "x", "step": "save"})
    assert answer.status_code == status
    assert status != 302 or "login" in answer.url
    asked.refresh_from_db()
    assert asked.state == "open"
    assert SelectionPolicy.objects.get().needs_approval


@pytest.mark.parametrize("page", ["policy", "proposals", "changes"])
def test_each_page_reads_without_a_vo_and_for_a_stranger(client, page):
    assert "No VO yet" in text_of(client.get(f"/good-sites/{page}/"))
    a_vo("lhcb")
    assert client.get(f"/good-sites/{page}/", {"vo": "lhcb"}).status_code == 200
    assert client.get(f"/good-sites/{page}/", {"vo": "lhbc"}).status_code == 404


def test_changes_are_a_table_and_an_atom_feed(client, grid):
    now = timezone.now()
    note_changes(now)
    page = text_of(client.get("/good-sites/changes/", {"vo": "lhcb", "q": "poor"}))
    assert "CE-js on ce.poor.org is CRITICAL" in page
    assert "FAIR" not in page
    assert "CE ce.fair.org" in text_of(client.get("/good-sites/changes/", {"vo": "lhcb", "services": "1"}))
    answer = client.get("/feeds/good-sites.atom", {"vo": "lhcb"})
    root = etree.fromstring(answer.content)
    titles = root.findall("{*}entry/{*}title")
    assert [title.text for title in titles] == ["POOR is good no longer for lhcb", "FAIR is good for lhcb"]
    assert (
        client.get("/feeds/good-sites.atom", {"vo": "lhcb"}, headers={"if-none-match": answer["ETag"]}).status_code
        == 304
    )
    only = etree.fromstring(client.get("/feeds/good-sites.atom", {"site": "FAIR"}).content)
    assert len(only.findall("{*}entry")) == 1
    assert client.get("/feeds/good-sites.atom", {"vo": "lhbc"}).status_code == 400
