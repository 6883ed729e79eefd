"""Requests, decisions, expiry, confirmation and delegation of roles."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.registry import actions
from gridkeeper.registry.models import RequestState, RoleGrant, RoleRequest, Site
from gridkeeper.registry.role_actions import (
    confirm_roles,
    decide_request,
    delegate_role,
    expire_roles,
    grant_role,
    request_role,
    revoke_role,
    withdraw_request,
)
from gridkeeper.registry.role_queries import (
    confirmations_due,
    decisions,
    explain,
    last_manager_warning,
    requests_to_decide,
    who_grants,
)
from gridkeeper.registry.roles import ROLES
from gridkeeper.registry.signals import happened
from gridkeeper.registry.tasks import PERIODIC
from tests.builders import NOW, a_federation, a_service_group, a_site, a_user, an_ngi

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
ADMIN, MANAGER = "Site Administrator", "Site Operations Manager"


@pytest.fixture
def site() -> Site:
    return a_site(name="ROMA1")


@pytest.fixture
def manager(site) -> Actor:
    user = a_user("manager")
    RoleGrant.objects.create(user=user, role=MANAGER, site=site, granted_at=NOW - DAY)
    return Actor(user=user)


@pytest.fixture
def bob() -> Actor:
    return Actor(user=a_user("bob"))


@pytest.fixture
def events():
    heard: list[Any] = []

    def hear(sender: Any, event: Any, **_: Any) -> None:
        heard.append(event.kind)

    happened.connect(hear)
    yield heard
    happened.disconnect(hear)


def a_request(bob: Actor, site: Site, role: str = ADMIN, now: datetime = NOW) -> RoleRequest:
    return request_role(bob, role=role, on=site, message="I run the cluster", now=now)


def test_a_request_that_is_granted_gives_the_role(site, manager, bob, events):
    asked = a_request(bob, site)
    assert not is_permitted(bob, "registry.edit_site", site)
    assert list(requests_to_decide(manager)) == [asked]
    decided = decide_request(manager, request=asked, is_granted=True, reason="colleague", now=NOW)
    assert is_permitted(bob, "registry.edit_site", site)
    assert (decided.state, decided.decided_by, decided.decision) == (RequestState.GRANTED, manager.user, "colleague")
    assert decided.grant == RoleGrant.objects.get(user=bob.user)
    assert list(decisions(manager)) == [asked]
    assert events == ["role.requested", "role.granted"]


def test_a_request_that_is_rejected_gives_nothing_and_may_be_made_again(site, manager, bob, events):
    asked = a_request(bob, site)
    decide_request(manager, request=asked, is_granted=False, reason="who are you?", now=NOW)
    assert not RoleGrant.objects.filter(user=bob.user).exists()
    with pytest.raises(ValidationError, match="rejected already"):
        decide_request(manager, request=asked, is_granted=True, reason="oh, you", now=NOW)
    assert a_request(bob, site).state == RequestState.PENDING
    assert events == ["role.requested", "role.rejected", "role.requested"]


def test_a_request_that_is_withdrawn_waits_for_nobody(site, manager, bob):
    asked = a_request(bob, site)
    with pytest.raises(NotPermittedError):
        withdraw_request(manager, request=asked, now=NOW)
    assert withdraw_request(bob, request=asked, now=NOW).state == RequestState.WITHDRAWN
    assert not requests_to_decide(manager).exists()
    with pytest.raises(ValidationError, match="withdrawn already"):
        decide_request(manager, request=asked, is_granted=True, reason="too late", now=NOW)


def test_the_same_role_is_asked_for_once(site, bob):
    a_request(bob, site)
    with pytest.raises(ValidationError, match="asked for that role already"):
        a_request(bob, site)
    assert a_request(bob, site, role=MANAGER).role == MANAGER


def test_nobody_asks_for_a_role_that_they_hold_or_that_is_of_another_level(site, bob):
    RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site)
    with pytest.raises(ValidationError, match="hold Site Administrator of ROMA1 already"):
        a_request(bob, site)
    with pytest.raises(ValidationError, match="cannot be held there"):
        a_request(bob, site, role="NGI Operations Manager")
    with pytest.raises(ValidationError, match="Emperor"):
        a_request(bob, site, role="Emperor")


@pytest.mark.parametrize("actor", [Actor(), Actor.system(), Actor(user=User(username="off", is_active=False))])
def test_only_people_with_an_open_account_ask(site, actor):
    with pytest.raises(NotPermittedError):
        a_request(actor, site)


@pytest.mark.parametrize("fields", [{"certification": "Closed"}, {"valid_until": NOW}])
def test_nobody_needs_a_role_on_what_is_closed(bob, fields):
    with pytest.raises(ValidationError, match="is closed"):
        a_request(bob, a_site(**fields))


def test_a_token_asks_only_with_the_scope_and_within_its_limits(site, bob):
    for scopes, limits in ((frozenset({"probes"}), frozenset()), (frozenset({"*"}), frozenset({"site:other"}))):
        with pytest.raises(NotPermittedError):
            a_request(Actor(user=bob.user, scopes=scopes, limits=limits), site)
    token = Actor(user=bob.user, scopes=frozenset({"registry"}), limits=frozenset({f"site:{site.key}"}))
    assert a_request(token, site).user == bob.user


def test_nobody_decides_on_themselves_but_an_operator_of_the_installation(site, manager):
    asked = request_role(manager, role=ADMIN, on=site, message="", now=NOW)
    assert not requests_to_decide(manager).exists()
    with pytest.raises(NotPermittedError, match="their own request"):
        decide_request(manager, request=asked, is_granted=True, reason="me", now=NOW)
    with pytest.raises(NotPermittedError, match="to themselves"):
        grant_role(manager, user=manager.user, role=ADMIN, on=site, reason="me", now=NOW)
    root = Actor(user=User.objects.create_superuser("root"))
    mine = request_role(root, role=ADMIN, on=site, message="", now=NOW)
    assert decide_request(root, request=mine, is_granted=True, reason="tests", now=NOW).state == RequestState.GRANTED


def test_an_administrator_of_the_site_decides_nothing(site, bob):
    alice = Actor(user=a_user("alice", site=site))
    asked = a_request(bob, site)
    assert not requests_to_decide(alice).exists()
    with pytest.raises(NotPermittedError):
        decide_request(alice, request=asked, is_granted=True, reason="friend", now=NOW)


@pytest.mark.parametrize("role", [name for name in ROLES if ROLES[name].level in ("ngi", "federation")])
def test_requests_wait_for_whoever_may_grant_and_nobody_else(site, bob, role):
    level = ROLES[role].level
    holder = Actor(user=a_user("holder"))
    RoleGrant.objects.create(
        user=holder.user, role=role, **{level: {"ngi": site.ngi, "federation": a_federation()}[level]}
    )
    group = a_service_group()
    for on, wanted in (
        (site, ADMIN), (a_site(), ADMIN), (site.ngi, "Regional Staff (ROD)"), (an_ngi(), "Regional Staff (ROD)"),
        (a_federation(), "COD Staff"), (group, "Service Group Administrator"),
    ):  # fmt: skip
        asked = request_role(bob, role=wanted, on=on, message="", now=NOW)
        assert (asked in requests_to_decide(holder)) is is_permitted(holder, "registry.grant_role", on), (role, on)


def test_a_role_that_is_revoked_takes_its_request_and_its_delegations_with_it(site, manager, bob, events):
    asked = a_request(bob, site)
    decide_request(manager, request=asked, is_granted=True, reason="colleague", now=NOW)
    grant = RoleGrant.objects.get(user=bob.user)
    carol = Actor(user=a_user("carol"))
    delegate(bob, grant, carol)
    revoke_role(bob, grant=grant, reason="another job", now=NOW)
    asked.refresh_from_db()
    assert (asked.state, asked.decision, asked.grant) == (RequestState.REVOKED, "another job", None)
    assert not RoleGrant.objects.filter(user__in=[bob.user, carol.user]).exists()
    assert events == ["role.requested", "role.granted", "role.delegated", "role.revoked", "role.revoked"]


def test_a_grant_answers_a_request_that_waits(site, manager, bob):
    asked = a_request(bob, site)
    grant = grant_role(manager, user=bob.user, role=ADMIN, on=site, reason="told me", now=NOW)
    asked.refresh_from_db()
    assert (asked.state, asked.grant) == (RequestState.GRANTED, grant)


def test_every_step_leaves_its_audit_record(site, manager, bob):
    asked = a_request(bob, site)
    decide_request(manager, request=asked, is_granted=True, reason="colleague", now=NOW)
    revoke_role(manager, grant=RoleGrant.objects.get(user=bob.user), reason="left", now=NOW)
    told = [(row.state, row.history_actor, row.history_change_reason) for row in asked.history.order_by("history_id")]
    assert told == [
        ("pending", "bob", "I run the cluster"), ("granted", "manager", "colleague"), ("revoked", "manager", "left"),
    ]  # fmt: skip
    grants = RoleGrant.history.filter(user=bob.user).order_by("history_id")
    assert [(row.history_type, row.history_change_reason) for row in grants] == [("+", "colleague"), ("-", "left")]


# expiry


def test_a_role_ends_by_the_clock_and_the_job_makes_it_visible(site, manager, bob, events):
    asked = a_request(bob, site)
    decide_request(manager, request=asked, is_granted=True, reason="a project", now=NOW, expires_at=NOW + DAY)
    grants = RoleGrant.objects.filter(user=bob.user)
    assert grants.in_force(NOW + DAY - timedelta(seconds=1)).exists()
    assert not grants.in_force(NOW + DAY).exists()
    assert expire_roles(NOW) == 0
    assert expire_roles(NOW + DAY) == 1
    assert expire_roles(NOW + DAY) == 0
    asked.refresh_from_db()
    assert (asked.state, grants.count()) == (RequestState.REVOKED, 0)
    assert events[-1] == "role.expired"


def test_no_role_is_granted_that_is_over_already(site, manager, bob):
    with pytest.raises(ValidationError, match="is over"):
        grant_role(manager, user=bob.user, role=ADMIN, on=site, reason="late", now=NOW, expires_at=NOW)


def test_a_role_that_is_over_is_granted_again_before_the_job_ran(site, manager, bob):
    given = {"user": bob.user, "role": ADMIN, "on": site, "reason": "again"}
    grant_role(manager, **given, now=NOW, expires_at=NOW + DAY)
    again = grant_role(manager, **given, now=NOW + 2 * DAY)
    assert list(RoleGrant.objects.filter(user=bob.user)) == [again]


def test_the_job_runs_by_itself():
    job = next(each for each in PERIODIC if each.name == "registry: expired roles")
    RoleGrant.objects.create(user=a_user("bob"), role=ADMIN, site=a_site(), expires_at=NOW)
    job.run(NOW)
    assert not RoleGrant.objects.exists()


# yearly confirmation


def test_a_role_is_due_a_year_after_somebody_last_said_that_it_is_right(site, manager, bob):
    granted = NOW - timedelta(days=365)
    grant = RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site, granted_at=granted)
    # the list begins 30 days ahead
    assert list(confirmations_due(manager, granted + timedelta(days=334))) == []
    assert list(confirmations_due(manager, granted + timedelta(days=335))) == [grant]
    confirm_roles(manager, grants=[grant], now=NOW)
    assert not confirmations_due(manager, NOW + timedelta(days=334)).exists()
    assert RoleGrant.objects.in_force(NOW + timedelta(days=4000)).filter(user=bob.user).exists()
    assert grant.history.latest().history_actor == "manager"


def test_a_role_of_which_nobody_knows_since_when_is_due_at_once(site, manager, bob):
    grant = RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site)
    assert list(confirmations_due(manager, NOW)) == [grant]


def test_nobody_confirms_their_own_role_nor_one_that_they_may_not_grant(site, manager, bob):
    own = RoleGrant.objects.get(user=manager.user)
    with pytest.raises(NotPermittedError, match="their own role"):
        confirm_roles(manager, grants=[own], now=NOW)
    with pytest.raises(NotPermittedError):
        confirm_roles(bob, grants=[own], now=NOW)
    assert own not in confirmations_due(manager, NOW + timedelta(days=400))


def test_one_role_that_ended_meanwhile_stops_the_whole_confirmation(site, manager, bob):
    stays = RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site)
    ended = RoleGrant.objects.create(user=bob.user, role=MANAGER, site=site, expires_at=NOW)
    with pytest.raises(ValidationError, match="has ended"):
        confirm_roles(manager, grants=[stays, ended], now=NOW)
    stays.refresh_from_db()
    assert stays.confirmed_at is None


# delegation


def delegate(actor: Actor, grant: RoleGrant, to: Actor, **given: Any) -> RoleGrant:
    defaults = {"starts_at": NOW, "expires_at": NOW + 14 * DAY, "reason": "holidays", "now": NOW}
    return delegate_role(actor, grant=grant, to=to.user, **defaults | given)


@pytest.fixture
def own(manager) -> RoleGrant:
    return RoleGrant.objects.get(user=manager.user)


def test_a_delegated_role_counts_from_its_start_to_its_end(manager, bob, own):
    lent = delegate(manager, own, bob, starts_at=NOW + DAY, expires_at=NOW + 3 * DAY)
    held = RoleGrant.objects.filter(pk=lent.pk)
    counts = [held.in_force(NOW + days * DAY).exists() for days in (0, 1, 2, 3)]
    assert counts == [False, True, True, False]


def test_a_delegated_role_ends_with_the_role_that_it_comes_from(manager, bob, own):
    lent = delegate(manager, own, bob)
    held = RoleGrant.objects.filter(pk=lent.pk)
    assert held.in_force(NOW).exists()
    own.delete()  # as an import does, which knows nothing of delegations
    assert not held.in_force(NOW).exists()
    assert expire_roles(NOW) == 1
    assert not held.exists()


def test_a_delegated_role_is_not_delegated_on(manager, bob, own):
    lent = delegate(manager, own, bob)
    carol = Actor(user=a_user("carol"))
    with pytest.raises((NotPermittedError, ValidationError)):
        delegate(bob, lent, carol)
    RoleGrant.objects.create(user=bob.user, role=ADMIN, site=own.site)
    with pytest.raises(ValidationError, match="was delegated to you"):
        delegate(bob, lent, carol)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"expires_at": NOW + 61 * DAY}, "At most 60 days"),
        ({"starts_at": NOW - DAY}, "is over"),
        ({"expires_at": NOW}, "ends before it begins"),
        ({"starts_at": NOW + 2 * DAY, "expires_at": NOW + DAY}, "ends before it begins"),
    ],
)
def test_a_delegation_is_for_a_short_time_to_come(manager, bob, own, given, problem):
    with pytest.raises(ValidationError, match=problem):
        delegate(manager, own, bob, **given)


def test_a_delegation_is_not_longer_than_the_role(manager, bob, own):
    now = timezone.now()  # the permission to delegate asks the clock
    RoleGrant.objects.filter(pk=own.pk).update(expires_at=now + DAY)
    with pytest.raises(ValidationError, match="Your own role ends"):
        delegate(manager, own, bob, now=now, starts_at=now, expires_at=now + 2 * DAY)


def test_nobody_delegates_to_themselves_nor_a_role_of_somebody_else(manager, bob, own, site):
    with pytest.raises(ValidationError, match="somebody else"):
        delegate(manager, own, manager)
    RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site)
    with pytest.raises(NotPermittedError, match="only its holder"):
        delegate(bob, own, Actor(user=a_user("carol")))


def test_a_role_of_ones_own_takes_the_place_of_a_delegated_one(manager, bob, own, site):
    lent = delegate(manager, own, bob)
    chief = Actor(user=User.objects.create_superuser("root"))
    given = grant_role(chief, user=bob.user, role=MANAGER, on=site, reason="successor", now=NOW)
    assert list(RoleGrant.objects.filter(user=bob.user)) == [given]
    assert given.pk != lent.pk
    own.delete()
    assert RoleGrant.objects.in_force(NOW).filter(pk=given.pk).exists()


def test_a_delegation_is_ended_by_either_side(manager, bob, own):
    for who in (manager, bob):
        revoke_role(who, grant=delegate(manager, own, bob), reason="back early", now=NOW)
    assert not RoleGrant.objects.filter(user=bob.user).exists()


# the last one


def test_the_last_who_may_grant_is_warned(site, own, bob):
    assert "last person of ROMA1" in last_manager_warning(own, NOW)
    assert str(site.ngi) in last_manager_warning(own, NOW)
    assert last_manager_warning(RoleGrant.objects.create(user=bob.user, role=ADMIN, site=site), NOW) == ""
    RoleGrant.objects.create(user=bob.user, role="Site Security Officer", site=site)
    assert last_manager_warning(own, NOW) == ""


def test_who_grants_names_people_on_the_object_and_above(site, manager):
    chief = a_user("chief")
    RoleGrant.objects.create(user=chief, role="NGI Operations Manager", ngi=site.ngi)
    RoleGrant.objects.create(user=a_user("gone"), role="NGI Operations Manager", ngi=site.ngi, expires_at=NOW)
    RoleGrant.objects.create(user=a_user("cod"), role="COD Staff", federation=site.ngi.federation)
    assert {person.username for person in who_grants(site, NOW)} == {"manager", "chief"}
    assert {person.username for person in who_grants(site.ngi, NOW)} == {"chief", "cod"}


# why


def test_an_explanation_names_what_is_held_what_would_do_and_whom_to_ask(site, manager, bob):
    RoleGrant.objects.create(user=bob.user, role="Regional Staff (ROD)", ngi=site.ngi, expires_at=NOW - DAY)
    found = explain(bob.user, "edit_site", site, NOW)
    assert not found.is_allowed
    assert found.can_ask
    at_site, at_region, at_federation = found.places
    assert ADMIN in at_site.roles
    assert [person.username for person in at_site.askable] == ["manager"]
    assert at_region.held[0].note == "expired 2026-03-09 12:00 UTC"
    assert at_federation.roles == []


def test_an_explanation_says_what_no_role_changes(site):
    gone = a_user("gone", site=site)
    gone.is_active = False
    gone.save()
    found = explain(gone, "edit_site", site, NOW)
    assert (found.is_allowed, found.can_ask) == (False, False)
    assert "account is closed" in found.reasons[0]
    root = User.objects.create_superuser("root")
    assert "operator" in explain(root, "change_certification", site, NOW).reasons[0]


def test_actions_keep_their_former_address():
    assert actions.grant_role is grant_role
    assert actions.revoke_role is revoke_role
