"""Random people ask for, decide, delegate and revoke roles at random; an oracle states the rules once more.

Whatever was refused has left every row and every audit record as it was; whatever changed has its record, with who.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.models import RequestState, RoleGrant, RoleRequest
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
from tests.builders import a_site, a_user, an_ngi

DAY = timedelta(days=1)
PEOPLE = ("alice", "bob", "carol", "manager", "root")
PLACES = ("ALPHA", "BETA", "NORTH")
ADMIN, OFFICER, STAFF, CHIEF = (
    "Site Administrator", "Site Security Officer", "Regional Staff (ROD)", "NGI Operations Manager",
)  # fmt: skip
ROLES_OF = {"ALPHA": {ADMIN, OFFICER}, "BETA": {ADMIN, OFFICER}, "NORTH": {STAFF, CHIEF}}
#: (state before, state after) of a request.
STEPS = {
    (None, "pending"), ("pending", "granted"), ("pending", "rejected"), ("pending", "withdrawn"),
    ("granted", "revoked"),
}  # fmt: skip
people, places = st.sampled_from(PEOPLE), st.sampled_from(PLACES)
roles = st.sampled_from([ADMIN, OFFICER, STAFF, CHIEF])
picks = st.integers(0, 50)


def _refusal(action: Callable[[], Any]) -> Exception | None:
    try:
        action()
    except (NotPermittedError, ValidationError) as error:
        return error
    return None


class Roles(RuleBasedStateMachine):
    """A region with two sites. The clock is the real one: permissions ask it themselves."""

    @initialize()
    def begin(self) -> None:
        from gridkeeper.registry.models import Federation, Ngi, Site

        for model in (RoleRequest, RoleGrant, RoleRequest.history.model, RoleGrant.history.model, Site, Ngi, User):
            model.objects.all().delete()
        Federation.objects.all().delete()
        north = an_ngi(name="NORTH")
        self.places: dict[str, Any] = {"NORTH": north} | {n: a_site(name=n, ngi=north) for n in ("ALPHA", "BETA")}
        self.people = {name: a_user(name) for name in PEOPLE[:-1]}
        self.people["root"] = User.objects.create_superuser("root")
        RoleGrant.objects.create(user=self.people["manager"], role=CHIEF, ngi=north, granted_at=timezone.now())
        self.now: datetime = timezone.now()

    def actor(self, name: str) -> Actor:
        return Actor(user=self.people[name])

    def rows(self) -> Any:
        return (
            sorted(RoleGrant.objects.values_list("pk", "user", "role", "starts_at", "expires_at", "confirmed_at")),
            sorted(RoleRequest.objects.values_list("pk", "state", "decision")),
            RoleGrant.history.count(),
            RoleRequest.history.count(),
        )

    def may_grant(self, name: str, place: str) -> bool:
        """The oracle: an officer of the site, the chief of the region, an operator of the installation."""
        held = set()
        for grant in RoleGrant.objects.in_force(self.now).filter(user=self.people[name]):
            held.add((grant.role, str(grant.on)))
        enough = {(CHIEF, "NORTH")} | ({(OFFICER, place)} if place != "NORTH" else set())
        return name == "root" or bool(held & enough)

    def attempt(self, name: str, action: Callable[[], Any], *, is_permitted: bool) -> bool:
        before = self.rows()
        refusal = _refusal(action)
        if refusal is not None:
            assert self.rows() == before, "what is refused changes nothing"
            assert isinstance(refusal, ValidationError) or not is_permitted, refusal
            return False
        assert is_permitted, f"{name} was not to do that"
        after = self.rows()
        for records, count in ((RoleGrant.history, after[2] - before[2]), (RoleRequest.history, after[3] - before[3])):
            for record in records.order_by("-history_id")[:count]:
                assert record.history_actor == name
        if after[:2] != before[:2]:
            assert after[2:] != before[2:], "every change has its record"
        return True

    def pick(self, rows: Any, number: int) -> Any:
        found = list(rows.order_by("pk"))
        return found[number % len(found)] if found else None

    @rule(name=people, role=roles, place=places)
    def ask(self, name: str, role: str, place: str) -> None:
        on = self.places[place]
        is_done = self.attempt(
            name,
            lambda: request_role(self.actor(name), role=role, on=on, message="please", now=self.now),
            is_permitted=True,
        )
        assert not is_done or role in ROLES_OF[place]

    @rule(name=people, number=picks, is_granted=st.booleans(), days=st.none() | st.integers(1, 5))
    def decide(self, name: str, number: int, is_granted: bool, days: int | None) -> None:
        asked = self.pick(RoleRequest.objects.all(), number)
        if asked is None:
            return
        may = self.may_grant(name, str(asked.on)) and (name == "root" or asked.user.username != name)
        expires_at = None if days is None else self.now + days * DAY
        is_done = self.attempt(
            name,
            lambda: decide_request(
                self.actor(name),
                request=asked,
                is_granted=is_granted,
                reason="decided",
                now=self.now,
                expires_at=expires_at,
            ),
            is_permitted=may,
        )
        assert not is_done or asked.state == RequestState.PENDING

    @rule(name=people, number=picks)
    def withdraw(self, name: str, number: int) -> None:
        asked = self.pick(RoleRequest.objects.all(), number)
        if asked is not None:
            self.attempt(
                name,
                lambda: withdraw_request(self.actor(name), request=asked, now=self.now),
                is_permitted=asked.user.username == name,
            )

    @rule(name=people, whom=people, role=roles, place=places)
    def give(self, name: str, whom: str, role: str, place: str) -> None:
        may = self.may_grant(name, place) and (name == "root" or whom != name)
        self.attempt(
            name,
            lambda: grant_role(
                self.actor(name),
                user=self.people[whom],
                role=role,
                on=self.places[place],
                reason="given",
                now=self.now,
            ),
            is_permitted=may,
        )

    @rule(name=people, number=picks)
    def take(self, name: str, number: int) -> None:
        grant = self.pick(RoleGrant.objects.all(), number)
        if grant is not None:
            own = {grant.user.username, grant.delegated_by.username if grant.delegated_by else ""}
            may = name in own or self.may_grant(name, str(grant.on))
            self.attempt(
                name,
                lambda: revoke_role(self.actor(name), grant=grant, reason="taken", now=self.now),
                is_permitted=may,
            )

    @rule(name=people, whom=people, number=picks, begins=st.integers(0, 3), days=st.integers(-1, 70))
    def lend(self, name: str, whom: str, number: int, begins: int, days: int) -> None:
        grant = self.pick(RoleGrant.objects.all(), number)
        if grant is None:
            return
        starts_at = self.now + begins * DAY
        place = {"site": grant.site} if grant.site else {"ngi": grant.ngi}
        own = RoleGrant.objects.in_force(self.now).filter(user=self.people[name], delegated_by=None, **place)
        self.attempt(
            name,
            lambda: delegate_role(
                self.actor(name),
                grant=grant,
                to=self.people[whom],
                starts_at=starts_at,
                expires_at=starts_at + days * DAY,
                reason="holidays",
                now=self.now,
            ),
            is_permitted=grant.user.username == name and (name == "root" or own.exists()),
        )

    @rule(name=people, number=picks)
    def confirm(self, name: str, number: int) -> None:
        grant = self.pick(RoleGrant.objects.all(), number)
        if grant is not None:
            may = self.may_grant(name, str(grant.on)) and (name == "root" or grant.user.username != name)
            self.attempt(name, lambda: confirm_roles(self.actor(name), grants=[grant], now=self.now), is_permitted=may)

    @rule()
    def expire(self) -> None:
        before = set(RoleGrant.objects.values_list("pk", flat=True))
        kept = set(RoleGrant.objects.filter(starts_at=None).in_force(self.now).values_list("pk", flat=True))
        expire_roles(self.now)
        after = set(RoleGrant.objects.values_list("pk", flat=True))
        assert kept <= after <= before
        assert not RoleGrant.objects.filter(expires_at__lte=self.now).exists()
        for record in RoleGrant.history.order_by("-history_id")[: len(before - after)]:
            assert (record.history_type, record.history_actor) == ("-", "system")

    @invariant()
    def requests_go_only_as_the_rules_say(self) -> None:
        for asked in RoleRequest.objects.all():
            told = list(asked.history.order_by("history_id").values_list("state", flat=True))
            assert all(step in STEPS for step in zip([None, *told], told, strict=False)), told
            assert told[-1] == asked.state
            assert (asked.grant is not None) is (asked.state == "granted")
            if asked.grant is not None:
                assert (asked.grant.user, asked.grant.role, asked.grant.on) == (asked.user, asked.role, asked.on)

    @invariant()
    def roles_are_what_they_may_be(self) -> None:
        for grant in RoleGrant.objects.select_related("user", "delegated_by"):
            assert grant.role in ROLES_OF[str(grant.on)]
            if grant.delegated_by is not None:
                assert grant.delegated_by != grant.user
                assert timedelta(0) < grant.expires_at - grant.starts_at <= 60 * DAY
                origin = RoleGrant.objects.filter(
                    user=grant.delegated_by, role=grant.role, site=grant.site, ngi=grant.ngi, delegated_by=None
                )
                assert origin.exists(), "a delegation goes with its origin"


@pytest.mark.django_db
def test_no_role_nor_request_leaves_the_rules():
    budget = settings(
        max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )  # fmt: skip
    run_state_machine_as_test(Roles, settings=budget)
