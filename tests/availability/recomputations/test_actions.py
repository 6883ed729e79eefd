"""Requests of recomputations: who may ask, who decides, what may follow what."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.availability.models import DayMark, RecomputationState
from gridkeeper.availability.recomputations import actions, queries
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.core.windows import DAY
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from tests.availability.days import DAY as D
from tests.availability.days import at
from tests.builders import a_site, a_user

pytestmark = pytest.mark.usefixtures("installation")

H = 3600
NOW = at(30 * H)
MIDNIGHT, SIX = at(0), at(6 * H)
SYSTEM = Actor.system("cli")


def a_wish(kind="groups", start=MIDNIGHT, end=SIX, reason="the network was out", reports=(), **document):
    return Wish(kind=kind, start=start, end=end, reason=reason, reports=reports, document=document)


def a_request(actor=SYSTEM, **fields):
    return actions.request(actor, a_wish(**({"groups": ["SITE"]} | fields)), now=NOW)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "other"}, "kind"),
        ({"groups": []}, "groups"),
        ({"groups": [3]}, "document"),
        ({"groups": ["A"], "colour": "red"}, "document"),
        ({"groups": ["A"], "reason": " "}, "reason"),
        ({"groups": ["A"], "end": at(0)}, "end"),
        ({"groups": ["A"], "end": at(400 * 86_400)}, "end"),
        ({"groups": ["A"], "start": NOW, "end": NOW + DAY}, "start"),
        ({"kind": "source"}, "source"),
        ({"kind": "results"}, "metrics"),
        ({"kind": "status", "level": "region", "status": "OK"}, "level"),
        ({"kind": "status", "level": "site", "status": "OK", "hosts": ["a"]}, "hosts"),
        ({"kind": "status", "level": "site", "status": "OK"}, "groups"),
        ({"kind": "status", "level": "site", "groups": ["A"]}, "status"),
        ({"kind": "status", "level": "site", "groups": ["A"], "status": "FINE"}, "status"),
    ],
)
def test_it_refuses_what_cannot_be_meant_and_names_the_field(fields, field) -> None:
    with pytest.raises(ValidationError) as refused:
        actions.request(SYSTEM, a_wish(**fields), now=NOW)
    assert field in refused.value.message_dict


def test_words_are_trimmed_and_said_once() -> None:
    assert a_request(groups=[" A", "A", ""]).document == {"groups": ["A"]}


def test_a_site_administrator_asks_for_the_own_site_and_decides_nothing() -> None:
    site = a_site(name="INFN-T1")
    alice, charlie = a_user("alice", site=site), a_user("charlie")
    asked = a_request(Actor(user=alice), groups=["INFN-T1"])
    assert asked.author == alice
    for who, groups in ((charlie, ["INFN-T1"]), (alice, ["INFN-T1", "OTHER"]), (None, ["INFN-T1"])):
        with pytest.raises(NotPermittedError):
            a_request(Actor(user=who), groups=groups)
    with pytest.raises(NotPermittedError):
        actions.approve(Actor(user=alice), asked, reason="mine", now=NOW)
    with pytest.raises(NotPermittedError):
        actions.withdraw(Actor(user=charlie), asked, reason="not mine", now=NOW)
    assert actions.withdraw(Actor(user=alice), asked, reason="a mistake", now=NOW).state == "withdrawn"


_R = RecomputationState
_VERBS = {_R.APPROVED: actions.approve, _R.REJECTED: actions.reject, _R.WITHDRAWN: actions.withdraw}
_VERBS[_R.REVERTED] = actions.revert


@pytest.mark.parametrize("before", list(_R))
@pytest.mark.parametrize("after", list(_VERBS))
def test_what_may_follow_what(before, after) -> None:
    asked = a_request()
    type(asked).objects.update(state=before)
    if after in actions.STEPS[before]:
        assert _VERBS[after](SYSTEM, asked, reason="so", now=NOW).state == after
    else:
        with pytest.raises(ValidationError, match="cannot become"):
            _VERBS[after](SYSTEM, asked, reason="so", now=NOW)


def test_approval_marks_the_days_that_have_figures_and_is_recorded() -> None:
    for day in (D - DAY, D, D + DAY):
        DayMark.objects.create(day=day, reason="x", marked_at=at(0), computed_at=at(1))
    asked = actions.approve(
        SYSTEM, actions.request(SYSTEM, a_wish(kind="source", source="worker-1"), now=NOW), reason="so", now=NOW
    )
    assert list(DayMark.objects.filter(marked_at=NOW).values_list("day", flat=True)) == [D, D + DAY]
    assert [row.history_change_reason for row in asked.history.all()] == ["so", "the network was out"]


def test_those_in_force_come_in_their_order() -> None:
    first, second = a_request(), a_request()
    for each in (first, second):
        actions.approve(SYSTEM, each, reason="so", now=NOW)
    actions.put(SYSTEM, first, position=5, reason="after the other", now=NOW)
    keys = [row.key for row in queries.in_force(a_wish().window)]
    assert keys == [second.key, first.key]
    assert queries.in_force(a_wish(start=NOW + timedelta(days=3), end=NOW + timedelta(days=4)).window) == []
