"""Changes that need two: who may propose and decide, what is made, what a preview of everything says."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.ingest import submit
from gridkeeper.selection import actions, proposals
from gridkeeper.selection.errors import ApprovalNeededError, UnknownSubjectError, WishError
from gridkeeper.selection.judge import answer
from gridkeeper.selection.models import ListEntry, Proposal, SelectionPolicy
from gridkeeper.selection.preview import preview_wish
from gridkeeper.selection.profiles import profile_at
from gridkeeper.selection.wishes import CriticalChange, Listing, PolicyChange, Removal, Wish
from tests.builders import NOW, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
TWO = Wish(policy=PolicyChange(needs_approval=True, freshest_s=0))


class Grid:
    """lhcb with two managers who must agree, a site that is good and one that is not."""

    def __init__(self):
        self.fair, self.poor = a_site(name="FAIR"), a_site(name="POOR")
        services = [a_service(of=self.fair, hostname="ce.fair.org"), a_service(of=self.poor, hostname="ce.poor.org")]
        self.vo = a_vo("lhcb", supported_by=services)
        in_profile(self.vo, a_test("CE-js", validity_s=86_400))
        a_test("CE-ca")
        submit([a_result(services[0]), a_result(services[1], status=Status.CRITICAL)], now=NOW)
        self.carol, self.dave = (Actor(user=a_user(name, vo=self.vo)) for name in ("carol", "dave"))
        self.charlie = Actor(user=a_user("charlie", site=self.fair))
        actions.set_policy(
            Actor.system(), vo=self.vo, change=PolicyChange(needs_approval=True, freshest_s=0), reason="two", now=NOW
        )

    def ask(self, wish, actor=None, reason="too slow"):
        return proposals.ask(actor or self.carol, vo=self.vo, wish=wish, reason=reason, now=NOW)

    def is_critical(self, test):
        return bool(profile_at("lhcb", NOW).has_critical("CE", test))


@pytest.fixture
def grid():
    return Grid()


def blacklist(site, **fields):
    return Wish(add=(Listing(site.key, site.name, "black", "too slow", **fields),))


CA = Wish(critical=(CriticalChange("CE", "CE-ca", is_critical=True),))


def test_one_alone_changes_nothing(grid):
    asked = grid.ask(CA)
    assert asked is not None
    assert not grid.is_critical("CE-ca")
    for attempt in (
        lambda: actions.set_critical_tests(grid.carol, vo=grid.vo, changes=CA.critical, now=NOW),
        lambda: actions.add_to_list(grid.carol, vo=grid.vo, site=grid.fair, kind="black", reason="x", now=NOW),
        lambda: actions.set_policy(grid.carol, vo=grid.vo, change=PolicyChange(False, 0), reason="x", now=NOW),
        lambda: actions.set_critical_tests(grid.carol, vo=grid.vo, changes=CA.critical, proposal=asked, now=NOW),
    ):
        with pytest.raises(ApprovalNeededError, match="propose it instead"):
            attempt()


def test_a_second_manager_makes_it(grid):
    wish = Wish(critical=CA.critical, add=blacklist(grid.fair, expires_at=NOW + HOUR).add)
    asked = grid.ask(wish)
    proposals.approve(grid.dave, proposal=asked, decision="fine", now=NOW + HOUR / 2)
    assert grid.is_critical("CE-ca") or profile_at("lhcb", NOW + HOUR).has_critical("CE", "CE-ca")
    entry = ListEntry.objects.get()
    assert (entry.site.name, entry.author.username, entry.expires_at) == ("FAIR", "carol", NOW + HOUR)
    assert entry.history.get().history_user.username == "dave"
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by.username, asked.decision) == ("approved", "dave", "fine")


@pytest.mark.parametrize("name", ["carol", "charlie"])
def test_neither_the_author_nor_a_stranger_can_agree(grid, name):
    asked = grid.ask(CA)
    with pytest.raises(NotPermittedError):
        proposals.approve(getattr(grid, name), proposal=asked, now=NOW)
    asked.refresh_from_db()
    assert asked.state == "open"


def test_the_database_itself_refuses_one_who_agrees_with_themselves(grid):
    asked = grid.ask(CA)
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=asked.pk).update(state="approved", decided_by=grid.carol.user)


def test_a_stranger_proposes_nothing(grid):
    with pytest.raises(NotPermittedError):
        grid.ask(CA, actor=grid.charlie)


def test_what_was_decided_stays_decided(grid):
    asked = grid.ask(CA)
    proposals.reject(grid.dave, proposal=asked, decision="not now", now=NOW)
    with pytest.raises(ValidationError, match="decided on it before"):
        proposals.approve(grid.dave, proposal=asked, now=NOW)
    assert not grid.is_critical("CE-ca")
    again = grid.ask(CA)
    proposals.withdraw(grid.carol, proposal=again, now=NOW)
    with pytest.raises(NotPermittedError, match="reject it instead"):
        proposals.withdraw(grid.dave, proposal=grid.ask(CA), now=NOW)


def test_what_cannot_be_made_any_more_is_not_half_made(grid):
    asked = grid.ask(Wish(critical=CA.critical, add=blacklist(grid.fair).add))
    actions.add_to_list(Actor.system(), vo=grid.vo, site=grid.fair, kind="white", reason="first", now=NOW)
    with pytest.raises(ValidationError, match="stands on the white list"):
        proposals.approve(grid.dave, proposal=asked, now=NOW)
    asked.refresh_from_db()
    assert (asked.state, grid.is_critical("CE-ca")) == ("open", False)


@pytest.mark.parametrize(
    ("wish", "reason", "error"),
    [
        (Wish(), "x", ValidationError),
        (CA, " ", ValidationError),
        (CA, "x" * 301, ValidationError),
        (Wish(critical=(CriticalChange("CE", "CE-cx", True),)), "x", UnknownSubjectError),
        (Wish(add=(Listing("nokey", "X", "black", "x"),)), "x", UnknownSubjectError),
    ],
)
def test_nonsense_is_refused_when_it_is_asked_for(grid, wish, reason, error):
    with pytest.raises(error):
        grid.ask(wish, reason=reason)


def test_the_same_is_not_proposed_twice(grid):
    grid.ask(CA)
    with pytest.raises(ValidationError, match="proposed already"):
        grid.ask(CA, actor=grid.dave)


def test_the_rule_of_two_itself_is_lifted_by_two(grid):
    asked = grid.ask(Wish(policy=PolicyChange(needs_approval=False, freshest_s=3600)))
    proposals.approve(grid.dave, proposal=asked, now=NOW)
    assert SelectionPolicy.objects.get().needs_approval is False
    assert grid.ask(CA) is None
    assert grid.is_critical("CE-ca")


def test_a_wish_is_kept_and_read_back_whole(grid):
    wish = Wish(
        CA.critical, blacklist(grid.fair, expires_at=NOW).add, (Removal(3, grid.poor.key, "POOR", "white"),), TWO.policy
    )
    assert Wish.from_json(wish.as_json()) == wish
    assert wish.sentences == [
        "CE-ca on CE becomes critical",
        "FAIR goes on the black list until 2026-03-10 12:00 UTC: too slow",
        "POOR comes off the white list",
        "changes need a second manager; results hold as long as each test's validity says",
    ]
    with pytest.raises(WishError, match="propose anew"):
        Wish.from_json({"critical": [["CE"]]})


def test_what_if_answers_for_everything_at_once_and_saves_nothing(grid):
    white = Listing(grid.poor.key, "POOR", "white", "they are friends")
    effect = preview_wish(grid.vo, Wish(add=(white, *blacklist(grid.fair).add)), "carol", NOW)
    assert [verdict.site.name for verdict in effect.leaving] == ["FAIR"]
    assert [verdict.site.name for verdict in effect.entering] == ["POOR"]
    stale = preview_wish(grid.vo, Wish(policy=PolicyChange(False, 60)), "carol", NOW + HOUR)
    assert [verdict.reasons[0].kind for verdict in stale.leaving] == ["result too old"]
    assert not ListEntry.objects.exists()


def test_a_vos_own_limit_of_age_holds_from_when_it_was_set(grid):
    later = NOW + 2 * HOUR
    change = PolicyChange(needs_approval=True, freshest_s=3600)
    actions.set_policy(Actor.system(), vo=grid.vo, change=change, reason="fresh", now=later)
    assert [verdict.site.name for verdict in answer("lhcb", later - HOUR / 2).good] == ["FAIR"]
    assert answer("lhcb", later).good == []
    bad = PolicyChange(needs_approval=True, freshest_s=10**8)
    with pytest.raises(ValidationError, match="seconds"):
        actions.set_policy(Actor.system(), vo=grid.vo, change=bad, reason="x", now=later)


def test_an_answer_says_until_when_it_may_be_believed(grid):
    (fair,) = answer("lhcb", NOW).good
    assert fair.good_until == NOW + timedelta(days=1)
    assert answer("lhcb", fair.good_until).good != []
    assert answer("lhcb", fair.good_until + timedelta(microseconds=1)).good == []
