"""Scopes: who tags what, reserved ones and their cascade, minimum counts."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.models import Federation, Ngi, Scope, Service, Site
from gridkeeper.registry.object_actions import add_site
from gridkeeper.registry.scope_actions import (
    add_scope,
    bearers,
    bearers_below,
    close_scope,
    edit_scope,
    set_scopes,
)
from gridkeeper.registry.scope_rules import ScopeChange, scope_problem
from gridkeeper.registry.signals import happened
from tests.builders import NOW, a_federation, a_scope, a_service, a_service_group, a_site, a_user, an_ngi

WHY = {"reason": "as agreed", "now": NOW}
OPERATOR = Actor.system()


@pytest.fixture
def site(db) -> Site:
    for name in ("EGI", "Local"):
        a_scope(name)
    for name in ("tier1", "elixir"):
        a_scope(name, is_reserved=True)
    return a_site(ngi=an_ngi(name="Italy", scopes=["EGI", "tier1"]), name="ROMA1", scopes=["EGI"])


@pytest.fixture
def alice(site) -> Actor:
    return Actor(user=a_user("alice", site=site))


@pytest.fixture
def told():
    events = []

    def listen(event, **_):
        events.append(event)

    happened.connect(listen)
    yield events
    happened.disconnect(listen)


def test_a_site_chooses_among_the_optional_scopes(site, alice, told):
    set_scopes(alice, subject=site, scopes=["Local", "EGI", "Local"], **WHY)
    site.refresh_from_db()
    assert site.scopes == ["EGI", "Local"]
    assert site.history.first().history_user == alice.user
    assert [(event.kind, event.detail["added"]) for event in told] == [("scopes.changed", ["Local"])]
    set_scopes(alice, subject=site, scopes=["EGI", "Local"], **WHY)
    assert len(told) == 1  # nothing changed


def test_an_unknown_scope_is_refused_and_the_known_are_named(site, alice):
    with pytest.raises(ValidationError, match="There is no scope EIG; the operator adds scopes"):
        set_scopes(alice, subject=site, scopes=["EIG"], **WHY)


def test_an_unknown_scope_that_was_imported_may_stay(site, alice):
    Site.objects.update(scopes=["Old", "EGI"])
    assert set_scopes(alice, subject=site, scopes=["Old", "Local"], **WHY).scopes == ["Local", "Old"]


def test_only_the_operator_grants_and_takes_a_reserved_scope(site, alice):
    with pytest.raises(NotPermittedError, match="grant reserved scope"):
        set_scopes(alice, subject=site, scopes=["EGI", "tier1"], **WHY)
    set_scopes(OPERATOR, subject=site, scopes=["EGI", "tier1"], **WHY)
    with pytest.raises(NotPermittedError, match="grant reserved scope"):
        set_scopes(alice, subject=site, scopes=["EGI"], **WHY)
    site.refresh_from_db()
    assert set_scopes(alice, subject=site, scopes=["Local", "tier1"], **WHY).scopes == ["Local", "tier1"]


def test_even_the_operator_grants_it_from_above_to_below(site):
    with pytest.raises(ValidationError, match="elixir is reserved, and Italy does not bear it"):
        set_scopes(OPERATOR, subject=site, scopes=["EGI", "elixir"], **WHY)
    with pytest.raises(ValidationError, match="ROMA1 does not bear it"):
        set_scopes(OPERATOR, subject=a_service(of=site), scopes=["tier1"], **WHY)


def test_what_a_region_loses_all_below_it_lose(site, told):
    service = a_service(of=site, scopes=["EGI", "tier1"])
    other = a_site(ngi=site.ngi, scopes=["EGI"])
    Site.objects.filter(pk=site.pk).update(scopes=["EGI", "tier1"])
    assert bearers_below(site.ngi, "tier1") == [site, service]
    set_scopes(OPERATOR, subject=site.ngi, scopes=["EGI"], **WHY)
    for each in (site, service, other, site.ngi):
        each.refresh_from_db()
        assert each.scopes == ["EGI"]
    assert set(told[0].detail["also_taken_from"]) == {site.key, service.key}
    assert service.history.first().history_change_reason == "as agreed"


def test_what_is_optional_does_not_cascade(site):
    set_scopes(OPERATOR, subject=site.ngi, scopes=["tier1"], **WHY)
    site.refresh_from_db()
    assert site.scopes == ["EGI"]


def test_the_federation_asks_for_a_least_number(site, alice):
    Federation.objects.update(minimum_scopes={"site": 1, "service": 1})
    with pytest.raises(ValidationError, match="At least 1 scope is asked for here; 0 would be left"):
        set_scopes(alice, subject=site, scopes=[], **WHY)
    with pytest.raises(ValidationError, match="choose one"):
        add_site(OPERATOR, ngi=site.ngi, values={"name": "NEW"}, scopes=[], **WHY)


def test_a_further_federation_may_ask_for_more(site, alice):
    strict = a_federation(name="Strict", minimum_scopes={"site": 1})
    assert set_scopes(alice, subject=site, scopes=[], **WHY).scopes == []
    site.ngi.memberships.create(federation=strict, valid_from=NOW)
    set_scopes(alice, subject=site, scopes=["EGI"], **WHY)
    with pytest.raises(ValidationError, match="At least 1"):
        set_scopes(alice, subject=site, scopes=[], **WHY)


def test_a_cascade_that_would_leave_a_child_with_too_few_is_refused_as_a_whole(site):
    Federation.objects.update(minimum_scopes={"service": 1})
    service = a_service(of=site, scopes=["tier1"])
    Site.objects.filter(pk=site.pk).update(scopes=["tier1"])
    with pytest.raises(ValidationError, match="would keep fewer than 1 scopes"):
        set_scopes(OPERATOR, subject=site.ngi, scopes=[], **WHY)
    assert "tier1" in Ngi.objects.get(pk=site.ngi_id).scopes
    assert Service.objects.get(pk=service.pk).scopes == ["tier1"]


def test_scopes_are_kept_by_the_operator(site, alice):
    with pytest.raises(NotPermittedError):
        add_scope(alice, values={"name": "Mine"}, **WHY)
    scope = add_scope(OPERATOR, values={"name": "SKA", "is_default": True}, **WHY)
    for values, message in (
        ({"name": "SKA"}, "A scope of that name exists"),
        ({"name": "a,b"}, "no comma"),
        ({"name": "Other", "is_default": True}, "There is a default scope already"),
    ):
        with pytest.raises(ValidationError, match=message):
            add_scope(OPERATOR, values=values, **WHY)
    with pytest.raises(ValidationError, match="cannot be edited"):
        edit_scope(OPERATOR, scope=scope, changes={"name": "SKAO"}, **WHY)
    assert not edit_scope(OPERATOR, scope=scope, changes={"is_default": False}, **WHY).is_default


def test_a_scope_that_is_borne_is_not_closed(site):
    a_service_group(scopes=["EGI"])
    scope = Scope.objects.get(name="EGI")
    assert bearers(scope) == {"ngi": 1, "site": 1, "service_group": 1}
    with pytest.raises(ValidationError, match="1 region, 1 site, 1 service group; take it from them first"):
        close_scope(OPERATOR, scope=scope, **WHY)
    local = close_scope(OPERATOR, scope=Scope.objects.get(name="Local"), **WHY)
    assert local.valid_until == NOW
    assert a_scope("Local").pk != local.pk  # the name is free again


def test_a_scope_becomes_reserved_only_where_the_cascade_holds(site):
    service = a_service(of=a_site(name="BARE"), scopes=["Local"])
    local = Scope.objects.get(name="Local")
    with pytest.raises(ValidationError, match="1 objects bear it while"):
        edit_scope(OPERATOR, scope=local, changes={"is_reserved": True}, **WHY)
    Service.objects.filter(pk=service.pk).update(scopes=[])
    assert edit_scope(OPERATOR, scope=local, changes={"is_reserved": True}, **WHY).is_reserved


@pytest.mark.parametrize(
    ("added", "removed", "after", "of_parent", "minimum", "begins"),
    [
        (("a",), (), ["a"], [], 0, ""),
        (("r",), (), ["r"], [], 0, "r is reserved"),
        (("r",), (), ["r"], ["r"], 0, ""),
        (("r",), (), ["r"], None, 0, ""),
        (("x",), (), ["x"], None, 0, "There is no scope x"),
        ((), ("a",), [], None, 1, "At least 1 scope is"),
        ((), ("a",), ["b"], None, 2, "At least 2 scopes are"),
        (("a",), (), ["a"], None, 2, ""),  # on the way to enough
    ],
)
def test_scope_problem(added, removed, after, of_parent, minimum, begins):
    found = scope_problem(
        ScopeChange(added, removed), after, known={"a", "b", "r"}, reserved={"r"}, of_parent=of_parent,
        parent_name="P", minimum=minimum,
    )  # fmt: skip
    assert found.startswith(begins)
    assert bool(found) == bool(begins)


OPTIONAL, RESERVED = ("a", "b"), ("r", "s")
_STEPS = st.lists(
    st.tuples(st.integers(0, 4), st.sets(st.sampled_from(OPTIONAL + RESERVED)), st.booleans()), min_size=1, max_size=12
)


class CascadeTest(TestCase):
    """Whatever people try in whatever order: no child bears a reserved scope that its parent lacks, none too few."""

    @settings(max_examples=40, deadline=None)
    @given(_STEPS)
    def test_the_cascade_holds(self, steps):
        for name in OPTIONAL + RESERVED:
            a_scope(name, is_reserved=name in RESERVED)
        a_federation(name="F", minimum_scopes={"service": 1})
        ngi = an_ngi(federation=Federation.objects.get(name="F"), scopes=["a"])
        one, two = a_site(ngi=ngi), a_site(ngi=ngi)
        inside = [a_service(of=one, scopes=["a"]), a_service(of=two, scopes=["b"])]
        subjects = [ngi, one, two, *inside]
        admin = Actor(user=a_user("admin", site=one))
        for position, wanted, is_operator in steps:
            subject = subjects[position]
            before = set(type(subject).objects.get(pk=subject.pk).scopes)
            actor = OPERATOR if is_operator else admin
            try:
                set_scopes(actor, subject=subject, scopes=wanted, **WHY)
            except (ValidationError, NotPermittedError):
                after = set(type(subject).objects.get(pk=subject.pk).scopes)
                assert after == before
            else:
                assert is_operator or not (before ^ wanted) & set(RESERVED)
            self._check()

    def _check(self):
        for site in Site.objects.select_related("ngi"):
            assert set(site.scopes) & set(RESERVED) <= set(site.ngi.scopes)
        for service in Service.objects.select_related("site"):
            assert set(service.scopes) & set(RESERVED) <= set(service.site.scopes)
            assert service.scopes
