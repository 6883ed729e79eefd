"""Changing critical tests and lists: who may, what is kept, what is refused, what a preview says."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import ProfileEntry
from gridkeeper.selection.actions import (
    add_to_list,
    remove_from_list,
    set_critical,
    set_critical_tests,
)
from gridkeeper.selection.errors import UnknownSubjectError
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.preview import preview_critical_tests, preview_entry
from gridkeeper.selection.profiles import profile_at
from gridkeeper.selection.rules import Entry, ListWord
from gridkeeper.selection.wishes import CriticalChange
from tests.builders import NOW, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def lhcb():
    return a_vo("lhcb")


@pytest.fixture
def manager(lhcb):
    return Actor(user=a_user("carol", vo=lhcb))


def _add(actor, vo, **fields):
    defaults = {"site": fields.pop("site", None) or a_site(), "kind": "black", "reason": "too slow", "now": NOW}
    return add_to_list(actor, vo=vo, **defaults | fields)


def test_a_manager_lists_a_site_and_it_is_recorded_who_and_why(lhcb, manager):
    entry = _add(manager, lhcb, expires_at=NOW + HOUR)
    assert (entry.author.username, entry.reason, entry.expires_at) == ("carol", "too slow", NOW + HOUR)
    record = entry.history.get()
    assert (record.history_user.username, record.history_change_reason) == ("carol", "too slow")


@pytest.mark.parametrize("cast", ["anonymous", "nobody in particular", "manager of another VO", "site administrator"])
def test_others_may_neither_list_nor_choose(lhcb, cast):
    user = {
        "anonymous": lambda: None,
        "nobody in particular": lambda: a_user("alice"),
        "manager of another VO": lambda: a_user("alice", vo=a_vo("atlas")),
        "site administrator": lambda: a_user("alice", site=a_site()),
    }[cast]()
    actor = Actor(user=user)
    with pytest.raises(NotPermittedError):
        _add(actor, lhcb)
    with pytest.raises(NotPermittedError):
        set_critical(actor, vo=lhcb, service_type="CE", test="x", is_critical=True, now=NOW)
    entry = _add(Actor.system(), lhcb)
    with pytest.raises(NotPermittedError):
        remove_from_list(actor, entry=entry, reason="x", now=NOW)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"reason": "  "}, "reason", "Give the reason"),
        ({"reason": "x" * 301}, "reason", "300 are kept"),
        ({"kind": "grey"}, "kind", "use white or black"),
        ({"expires_at": NOW}, "expires_at", "expired already"),
    ],
)
def test_a_list_entry_is_refused_by_field(lhcb, manager, fields, field, words):
    with pytest.raises(ValidationError) as refused:
        _add(manager, lhcb, **fields)
    assert words in refused.value.message_dict[field][0]
    assert not ListEntry.objects.exists()


def test_a_site_stands_on_one_list_at_a_time_but_an_expired_entry_makes_room(lhcb, manager):
    site = a_site()
    first = _add(manager, lhcb, site=site, expires_at=NOW + HOUR)
    with pytest.raises(ValidationError, match="remove that entry first"):
        _add(manager, lhcb, site=site, kind="white")
    second = _add(manager, lhcb, site=site, kind="white", now=NOW + 2 * HOUR)
    first.refresh_from_db()
    assert (first.removed_at, second.removed_at) == (NOW + HOUR, None)


def test_a_removed_entry_stays_with_its_end_and_is_removed_once(lhcb, manager):
    entry = _add(manager, lhcb)
    with pytest.raises(ValidationError, match="Give the reason"):
        remove_from_list(manager, entry=entry, reason=" ", now=NOW + HOUR)
    assert remove_from_list(manager, entry=entry, reason="fixed", now=NOW + HOUR)
    assert not remove_from_list(manager, entry=entry, reason="fixed", now=NOW + 2 * HOUR)
    entry.refresh_from_db()
    assert entry.removed_at == NOW + HOUR
    assert entry.history.first().history_change_reason == "fixed"


def test_choosing_what_is_chosen_already_changes_nothing(lhcb, manager):
    in_profile(lhcb, a_test("CE-js"))
    changes = [CriticalChange("CE", "CE-js", is_critical=True)]
    assert set_critical_tests(manager, vo=lhcb, changes=changes, now=NOW) == 0
    assert ProfileEntry.objects.count() == 1


def test_a_test_that_the_profile_lacks_is_added_to_it(lhcb, manager):
    in_profile(lhcb, a_test("CE-js"))
    a_test("CE-ca")
    set_critical(manager, vo=lhcb, service_type="CE", test="CE-ca", is_critical=True, reason="new CA", now=NOW)
    profile = profile_at("lhcb", NOW)
    assert {test.name for test in profile.critical_tests("CE")} == {"CE-js", "CE-ca"}
    added = ProfileEntry.objects.get(test__name="CE-ca")
    assert (added.author.username, added.history.get().history_change_reason) == ("carol", "new CA")


def test_the_first_change_of_a_vo_without_a_profile_takes_over_the_operations_vos(lhcb, manager):
    ops = a_vo("ops")
    in_profile(ops, a_test("CE-js"))
    in_profile(ops, a_test("CE-ca"))
    set_critical(manager, vo=lhcb, service_type="CE", test="CE-ca", is_critical=False, now=NOW)
    profile = profile_at("lhcb", NOW)
    assert not profile.is_borrowed
    assert [(line.test.name, line.is_critical) for line in profile.lines] == [("CE-ca", False), ("CE-js", True)]
    assert len(profile_at("ops", NOW).critical_tests("CE")) == 2


@pytest.mark.parametrize(("kind", "test"), [("CE", "no-such"), ("NO-SUCH", "CE-js")])
def test_an_unknown_test_or_type_is_named(lhcb, manager, kind, test):
    in_profile(lhcb, a_test("CE-js"))
    with pytest.raises(UnknownSubjectError, match="there is no"):
        set_critical(manager, vo=lhcb, service_type=kind, test=test, is_critical=True, now=NOW)


@pytest.fixture
def two_sites(lhcb):
    """FAIR passes CE-js and fails CE-ca; POOR the other way round. CE-js is critical."""
    fair, poor = a_service(of=a_site(name="FAIR")), a_service(of=a_site(name="POOR"))
    a_vo("lhcb", supported_by=[fair, poor])
    in_profile(lhcb, a_test("CE-js"))
    in_profile(lhcb, a_test("CE-ca"), critical=False)
    said = {(fair, "CE-js"): Status.OK, (fair, "CE-ca"): Status.CRITICAL}
    said |= {(poor, "CE-js"): Status.CRITICAL, (poor, "CE-ca"): Status.OK}
    submit([a_result(service, metric, status=status) for (service, metric), status in said.items()], now=NOW)


@pytest.mark.usefixtures("two_sites")
def test_a_preview_says_who_would_leave_and_enter_and_changes_nothing(lhcb):
    changes = [CriticalChange("CE", "CE-js", is_critical=False), CriticalChange("CE", "CE-ca", is_critical=True)]
    effect = preview_critical_tests(lhcb, changes, NOW)
    assert [verdict.site.name for verdict in effect.leaving] == ["FAIR"]
    assert [verdict.site.name for verdict in effect.entering] == ["POOR"]
    assert effect.sentence == "1 sites are good now, 1 would be: 1 would leave (FAIR), 1 would enter (POOR)"
    assert not ProfileEntry.objects.exclude(valid_until=None).exists()


@pytest.mark.usefixtures("two_sites")
def test_the_change_does_what_its_preview_said(lhcb, manager):
    changes = [CriticalChange("CE", "CE-ca", is_critical=True)]
    effect = preview_critical_tests(lhcb, changes, NOW)
    set_critical_tests(manager, vo=lhcb, changes=changes, now=NOW)
    after = preview_critical_tests(lhcb, [], NOW).before
    assert [verdict.is_good for verdict in after.verdicts] == [verdict.is_good for verdict in effect.after.verdicts]


@pytest.mark.usefixtures("two_sites")
def test_a_list_entry_is_previewed_too(lhcb):
    poor = ListEntry.site.field.related_model.objects.get(name="POOR")
    effect = preview_entry(lhcb, poor, Entry(ListWord.WHITE, "x", "carol", NOW), NOW)
    assert [verdict.site.name for verdict in effect.entering] == ["POOR"]
    assert preview_entry(lhcb, poor, None, NOW).sentence.endswith("no site would change sides")
