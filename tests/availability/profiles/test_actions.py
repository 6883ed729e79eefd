"""Profiles are created, get versions that hold from a day on, and are closed; what cannot be judged by is refused."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.availability.models import DayMark, Profile, ProfileVersion
from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.profiles.actions import close, create, save_version
from gridkeeper.availability.profiles.changes import differences
from gridkeeper.availability.profiles.in_force import InForce, ProfileMissingError
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from tests.builders import NOW, a_site, a_user, a_vo

pytestmark = pytest.mark.django_db
CONSOLE = Actor.system("cli")
DAY = date(2026, 3, 1)
COMPUTE = {"functions": [{"name": "compute", "services": {"CREAM-CE": "OR", "ARC-CE": "OR"}}]}


def made(kind="report", name="critical", document=None, valid_from=DAY, **fields):
    fields = {"reason": "wanted", "now": NOW} | fields
    return create(CONSOLE, kind=kind, name=name, document=document or {}, valid_from=valid_from, **fields)


def problems(call, *arguments, **fields):
    with pytest.raises(ValidationError) as caught:
        call(*arguments, **fields)
    return " ".join(caught.value.messages)


def test_a_day_is_judged_by_the_greatest_number_that_holds_already():
    profile = made(document={"title": "one"}).profile
    save = {"profile": profile, "reason": "better", "now": NOW}
    save_version(CONSOLE, document={"title": "two"}, valid_from=date(2026, 3, 5), **save)
    save_version(CONSOLE, document={"title": "three"}, valid_from=date(2026, 3, 3), **save)
    titles = {day: InForce.on(date(2026, 3, day)).report("critical").document.title for day in (1, 2, 3, 4, 5, 9)}
    assert titles == {1: "one", 2: "one", 3: "three", 4: "three", 5: "three", 9: "three"}
    with pytest.raises(ProfileMissingError, match="no report 'critical' on 2026-02-28"):
        InForce.on(date(2026, 2, 28)).report("critical")


def test_a_vo_has_a_report_of_its_name_until_somebody_defines_it():
    a_vo("atlas")
    assert [(each.name, each.version, each.vo) for each in InForce.on(DAY).reports()] == [("atlas", 0, "atlas")]
    made(name="atlas", document={"vo": "atlas", "title": "ATLAS critical"})
    assert [(each.name, each.version, each.document.title) for each in InForce.on(DAY).reports()] == [
        ("atlas", 1, "ATLAS critical")
    ]


def test_a_named_profile_holds_before_its_first_version_and_a_report_does_not():
    made("aggregation", "functions", COMPUTE, valid_from=date(2026, 3, 9))
    made(document={"aggregation": "functions"})
    in_force = InForce.on(DAY)
    assert in_force.aggregation(in_force.report("critical")).label == "functions@1"


def test_the_days_that_a_version_touches_are_marked():
    for day in (27, 28):
        DayMark.objects.create(day=date(2026, 2, day), reason="computed", marked_at=NOW - timedelta(days=9))
    for day in (1, 2):
        DayMark.objects.create(day=date(2026, 3, day), reason="computed", marked_at=NOW - timedelta(days=8))
    made(valid_from=date(2026, 2, 28))
    marked = DayMark.objects.filter(marked_at=NOW)
    assert [(str(mark.day), mark.reason) for mark in marked] == [
        (day, "report critical version 1") for day in ("2026-02-28", "2026-03-01", "2026-03-02")
    ]


@pytest.mark.parametrize(
    ("kind", "document", "said"),
    [
        ("aggregation", {"functions": []}, "functions: is empty"),
        ("aggregation", {"functions": [{"name": "a", "services": {"CE": "XOR"}}]}, ""),
        ("report", {"vo": "nobody"}, "vo: there is no VO 'nobody'"),
        ("report", {"aggregation": "no"}, "aggregation: there is no aggregation profile 'no'; there are: none yet"),
        ("report", {"targets": {"availability": 101}}, "targets.availability: 101 is more than 100"),
        ("report", {"group_kind": "service_group"}, "many regions"),
        ("report", {"colour": "red"}, "colour: is no field of this document"),
        ("thresholds", {"rules": [{"metric": "m", "thresholds": "nonsense"}]}, "rules[0]"),
        ("operations", {"states": ["OK"], "operations": {"AND": [["OK", "OK"]]}}, "operations.AND[0][2]: is missing"),
        ("gadget", {}, "'gadget' is no kind of profile"),
    ],
)
def test_it_refuses_what_nothing_can_be_judged_by(kind, document, said):
    if not said:
        made(kind, document=document)  # alone it is fine; only a report brings it together with operations
        assert "no operation 'XOR'" in problems(made, name="r", document={"aggregation": "critical"})
        return
    assert said in problems(made, kind, document=document)


def test_operations_that_are_not_associative_are_refused_with_the_triple():
    document = DEFAULT_OPERATIONS.document()
    rows = document["operations"]["OR"]
    document["operations"]["OR"] = [
        ["CRITICAL", "OK", "CRITICAL"] if set(row[:2]) == {"OK", "CRITICAL"} else row for row in rows
    ]
    said = problems(made, "operations", document=document)
    assert "is not associative: (" in said


def test_a_profile_in_use_cannot_lose_an_operation_nor_be_closed():
    document = DEFAULT_OPERATIONS.document()
    operations = made("operations", "ours", document).profile
    made("aggregation", "functions", COMPUTE)
    made(document={"operations": "ours", "aggregation": "functions"})
    del document["operations"]["OR"]
    save = {"profile": operations, "valid_from": DAY, "reason": "x", "now": NOW}
    assert "no operation 'OR' in the operations of report critical" in problems(
        save_version, CONSOLE, document=document, **save
    )
    assert "critical would be judged by nothing" in problems(close, CONSOLE, profile=operations, reason="x", now=NOW)
    close(CONSOLE, profile=Profile.objects.get(kind="report"), reason="over", now=NOW)
    assert InForce.on(NOW.date()).reports()
    assert not InForce.on(NOW.date() + timedelta(days=1)).reports()
    close(CONSOLE, profile=operations, reason="unused", now=NOW)


def test_of_two_who_edit_one_version_the_second_is_told():
    profile = made(document={"title": "one"}).profile
    save = {"profile": profile, "valid_from": DAY, "reason": "x", "now": NOW, "seen": 1}
    save_version(CONSOLE, document={"title": "two"}, **save)
    assert "Somebody was faster" in problems(save_version, CONSOLE, document={"title": "mine"}, **save)
    assert "what the version before says" in problems(
        save_version, CONSOLE, document={"title": "two"}, **save | {"seen": 2}
    )
    assert ProfileVersion.objects.count() == 2


def test_only_the_federations_staff_may():
    site = a_site()
    nobody = Actor(user=a_user("bob", site=site))
    with pytest.raises(NotPermittedError):
        create(nobody, kind="report", name="r", document={}, valid_from=DAY, reason="x", now=NOW)
    profile = made().profile
    with pytest.raises(NotPermittedError):
        save_version(nobody, profile=profile, document={}, valid_from=DAY, reason="x", now=NOW)
    with pytest.raises(NotPermittedError):
        close(nobody, profile=profile, reason="x", now=NOW)


def test_a_difference_is_told_value_by_value():
    old = {"functions": [{"name": "compute", "operation": "OR", "services": {"CE": "OR"}}], "states": ["OK"]}
    new = {"functions": [{"name": "compute", "operation": "AND", "services": {"ARC": "OR"}}], "states": ["OK", "BAD"]}
    assert [(each.path, each.old, each.new) for each in differences(old, new)] == [
        ("functions compute operation", "OR", "AND"),
        ("functions compute services ARC", "", "OR"),
        ("functions compute services CE", "OR", ""),
        ("states", "OK", "OK, BAD"),
    ]
