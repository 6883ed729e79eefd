"""The rules of downtimes: tables with the sum in a comment, and laws."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.windows import Window
from gridkeeper.registry.downtime_preview import Effects, stretches_of
from gridkeeper.registry.downtime_rules import (
    RULES,
    Phase,
    Plan,
    Rule,
    Standing,
    cancel_refusals,
    classify,
    early_end,
    edit_refusals,
    end_refusals,
    extension_refusals,
    part_end_refusals,
    phase_refusals,
    plan_refusals,
    settled,
    state_of,
)
from gridkeeper.registry.filters import downtime_cases
from gridkeeper.registry.models import Classification
from gridkeeper.registry.rules import DowntimeState
from tests.builders import NOW

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SCHEDULED, UNSCHEDULED = Classification.SCHEDULED, Classification.UNSCHEDULED


def a_plan(**fields) -> Plan:
    defaults = {
        "start": NOW, "end": NOW + 4 * HOUR, "severity": "OUTAGE", "description": "Works",
        "services": frozenset({1, 2}),
    }  # fmt: skip
    return Plan(**defaults | fields)


def rules(refusals) -> list[Rule]:
    return [refusal.rule for refusal in refusals]


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (24 * HOUR + SECOND, SCHEDULED),
        (24 * HOUR, UNSCHEDULED),  # "more than 24 h" is strict
        (HOUR, UNSCHEDULED),
        (-HOUR, UNSCHEDULED),
    ],
)
def test_a_downtime_is_scheduled_if_declared_more_than_a_day_ahead(ahead, expected):
    assert classify(NOW, NOW + ahead) is expected


def test_a_federation_may_ask_for_longer_notice():
    assert classify(NOW, NOW + 30 * HOUR, notice=48 * HOUR) is UNSCHEDULED


@pytest.mark.parametrize(
    ("at", "is_cancelled", "expected"),
    [
        (NOW - SECOND, False, DowntimeState.NEXT),
        (NOW, False, DowntimeState.NOW),
        (NOW + HOUR - SECOND, False, DowntimeState.NOW),
        (NOW + HOUR, False, DowntimeState.PAST),  # half-open: the end is outside
        (NOW, True, DowntimeState.CANCELLED),
        (NOW + 2 * HOUR, True, DowntimeState.CANCELLED),
    ],
)
def test_the_state_of_a_downtime(at, is_cancelled, expected):
    assert state_of(Window(NOW, NOW + HOUR), is_cancelled=is_cancelled, at=at) is expected


def test_every_state_can_be_filtered_by():
    assert set(downtime_cases(NOW)) == {state.value for state in DowntimeState}


def test_every_rule_is_explained():
    assert set(RULES) == set(Rule)


@pytest.mark.parametrize(
    ("wrong", "field", "rule"),
    [
        ({"end": NOW}, "end", Rule.ORDER),
        ({"end": NOW - HOUR}, "end", Rule.ORDER),
        ({"start": NOW - 48 * HOUR - SECOND}, "start", Rule.PAST),
        ({"description": ""}, "description", Rule.DESCRIPTION),
        ({"description": "  \n"}, "description", Rule.DESCRIPTION),
        ({"description": "x" * 4001}, "description", Rule.DESCRIPTION),
        ({"services": frozenset()}, "services", Rule.SERVICES),
        ({"severity": "SCHEDULED"}, "severity", Rule.SEVERITY),
        ({"ends": {1: NOW}}, "ends", Rule.PART),
        ({"ends": {1: NOW + 5 * HOUR}}, "ends", Rule.PART),
        ({"ends": {3: NOW + HOUR}}, "ends", Rule.PART),
        ({"phases": [Phase(NOW, "WARNING")]}, "phases", Rule.PHASES),
        ({"phases": [Phase(NOW + 4 * HOUR, "WARNING")]}, "phases", Rule.PHASES),
        ({"phases": [Phase(NOW + HOUR, "OUTAGE")]}, "phases", Rule.PHASES),
        ({"phases": [Phase(NOW + HOUR, "DARK")]}, "phases", Rule.SEVERITY),
        ({"phases": [Phase(NOW + 2 * HOUR, "WARNING"), Phase(NOW + HOUR, "OUTAGE")]}, "phases", Rule.PHASES),
        ({"phases": [Phase(NOW + n * SECOND, ["OUTAGE", "WARNING"][n % 2]) for n in range(1, 12)]},
         "phases", Rule.PHASES),
    ],
)  # fmt: skip
def test_it_rejects_a_downtime_with(wrong, field, rule):
    (refusal,) = plan_refusals(a_plan(**wrong), NOW)
    assert (refusal.field, refusal.rule) == (field, rule)
    assert refusal.message.endswith(f"(Rule: {rule.value}.)")


@pytest.mark.parametrize(
    "fine",
    [
        {},
        {"start": NOW - 48 * HOUR},
        {"description": "x" * 4000},
        {"end": NOW + 1000 * HOUR},
        {"ends": {1: NOW + SECOND, 2: NOW + 4 * HOUR}},
        {"phases": [Phase(NOW + HOUR, "WARNING"), Phase(NOW + 2 * HOUR, "OUTAGE")]},
    ],
)
def test_it_accepts_a_downtime_at_the_limits(fine):
    assert plan_refusals(a_plan(**fine), NOW) == []


COMING = Standing(a_plan(start=NOW + 30 * HOUR, end=NOW + 34 * HOUR), SCHEDULED)
SOON = Standing(a_plan(start=NOW + 24 * HOUR, end=NOW + 28 * HOUR), SCHEDULED)
SUDDEN = Standing(a_plan(start=NOW + HOUR, end=NOW + 5 * HOUR), UNSCHEDULED)
RUNNING = Standing(a_plan(start=NOW - HOUR, end=NOW + 3 * HOUR), UNSCHEDULED)
FINISHED = Standing(a_plan(start=NOW - 4 * HOUR, end=NOW), UNSCHEDULED)
CANCELLED = replace(COMING, is_cancelled=True)


@pytest.mark.parametrize(
    ("standing", "changes", "expected"),
    [
        (COMING, {"description": "Other works"}, []),
        (COMING, {"end": NOW + 33 * HOUR}, []),  # 3 h instead of 4
        (COMING, {"start": NOW + 40 * HOUR, "end": NOW + 44 * HOUR}, []),  # moved, as long as before
        (COMING, {"end": NOW + 34 * HOUR + SECOND}, [Rule.LONGER]),
        (COMING, {"start": NOW - SECOND, "end": NOW + HOUR}, [Rule.PAST]),
        (COMING, {"services": frozenset({1, 2, 3})}, []),
        (COMING, {"services": frozenset()}, [Rule.SERVICES]),
        (COMING, {"severity": "WARNING"}, []),
        (SOON, {"description": "Other works"}, [Rule.FROZEN]),
        (SUDDEN, {"end": NOW + 4 * HOUR}, []),
        (RUNNING, {"description": "Other works"}, []),
        (RUNNING, {"end": NOW + 2 * HOUR}, []),
        (RUNNING, {"end": NOW + SECOND}, [Rule.BEGUN]),
        (RUNNING, {"start": NOW}, [Rule.BEGUN]),
        (RUNNING, {"severity": "WARNING"}, [Rule.BEGUN]),
        (RUNNING, {"services": frozenset({1})}, [Rule.BEGUN]),
        (FINISHED, {"description": "Other works"}, [Rule.FINISHED]),
        (CANCELLED, {"description": "Other works"}, [Rule.CANCELLED]),
        (replace(COMING, continued=frozenset({1})), {"end": NOW + 33 * HOUR}, [Rule.CHAIN]),
        (replace(COMING, continued=frozenset({1})), {"services": frozenset({2})}, [Rule.CHAIN]),
        (replace(COMING, is_continuing=True), {"start": NOW + 31 * HOUR}, [Rule.CHAIN]),
        (replace(COMING, is_continuing=True), {"end": NOW + 33 * HOUR}, []),
        (replace(COMING, is_continuing=True), {"severity": "WARNING"}, [Rule.CHAIN]),
    ],
)
def test_what_an_edit_may_do(standing, changes, expected):
    assert rules(edit_refusals(standing, replace(standing.plan, **changes), NOW)) == expected


def test_an_edit_gives_no_part_a_longer_time():
    standing = replace(COMING, plan=replace(COMING.plan, ends={1: NOW + 31 * HOUR}))
    longer = replace(standing.plan, ends={1: NOW + 32 * HOUR})
    assert rules(edit_refusals(standing, longer, NOW)) == [Rule.LONGER]
    assert rules(edit_refusals(standing, replace(standing.plan, ends={}), NOW)) == [Rule.LONGER]


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (COMING, []), (SOON, []), (SUDDEN, []), (RUNNING, [Rule.NOT_STARTED]), (FINISHED, [Rule.NOT_STARTED]),
        (CANCELLED, [Rule.CANCELLED]),
    ],
)  # fmt: skip
def test_it_is_cancelled_before_it_starts_in_the_frozen_day_too(standing, expected):
    assert rules(cancel_refusals(standing, NOW)) == expected


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (RUNNING, []),
        (COMING, [Rule.RUNNING]),
        (FINISHED, [Rule.RUNNING]),
        (replace(RUNNING, is_cancelled=True), [Rule.CANCELLED]),
        (replace(RUNNING, plan=replace(RUNNING.plan, end=NOW + 60 * SECOND)), [Rule.RUNNING]),
        (replace(RUNNING, plan=replace(RUNNING.plan, end=NOW + 61 * SECOND)), []),
    ],
)
def test_what_runs_is_ended(standing, expected):
    assert rules(end_refusals(standing, NOW)) == expected


@pytest.mark.parametrize(
    ("standing", "services", "at", "expected"),
    [
        (RUNNING, {1}, NOW + HOUR, []),
        (RUNNING, {1}, NOW - HOUR, []),  # becomes a minute from now
        (RUNNING, {1}, NOW + 3 * HOUR, [Rule.EARLIER]),
        (RUNNING, {3}, NOW + HOUR, [Rule.SERVICES]),
        (RUNNING, set(), NOW + HOUR, [Rule.SERVICES]),
        (replace(RUNNING, continued=frozenset({1})), {1}, NOW + HOUR, [Rule.CHAIN]),
        (replace(RUNNING, continued=frozenset({1})), {2}, NOW + HOUR, []),
        (COMING, {1}, NOW + 31 * HOUR, []),
        (COMING, {1}, NOW + 30 * HOUR, [Rule.PART]),
        (SOON, {1}, NOW + 25 * HOUR, [Rule.FROZEN]),
        (FINISHED, {1}, NOW + HOUR, [Rule.FINISHED]),
        (CANCELLED, {1}, NOW + HOUR, [Rule.CANCELLED]),
    ],
)
def test_parts_end_early(standing, services, at, expected):
    assert rules(part_end_refusals(standing, services, at, NOW)) == expected


@pytest.mark.parametrize(
    ("standing", "services", "end", "expected"),
    [
        (RUNNING, {1, 2}, NOW + 4 * HOUR, []),
        (RUNNING, {1}, NOW + 4 * HOUR, []),
        (SOON, {1}, NOW + 29 * HOUR, []),  # an extension leaves the promise as it is
        (RUNNING, {1}, NOW + 3 * HOUR, [Rule.EXTENSION]),
        (RUNNING, set(), NOW + 4 * HOUR, [Rule.SERVICES]),
        (replace(RUNNING, continued=frozenset({1})), {1}, NOW + 4 * HOUR, [Rule.CHAIN]),
        (replace(RUNNING, plan=replace(RUNNING.plan, ends={1: NOW})), {1}, NOW + 4 * HOUR, [Rule.EXTENSION]),
        (replace(RUNNING, plan=replace(RUNNING.plan, ends={1: NOW + HOUR})), {1, 2}, NOW + 4 * HOUR, [Rule.EXTENSION]),
        (replace(RUNNING, plan=replace(RUNNING.plan, ends={1: NOW + HOUR})), {1}, NOW + 2 * HOUR, []),
        (FINISHED, {1}, NOW + 4 * HOUR, [Rule.FINISHED]),
        (CANCELLED, {1}, NOW + 40 * HOUR, [Rule.CANCELLED]),
    ],
)
def test_what_may_be_extended(standing, services, end, expected):
    assert rules(extension_refusals(standing, services, end, NOW)) == expected


@pytest.mark.parametrize(
    ("standing", "severity", "at", "expected"),
    [
        (RUNNING, "WARNING", NOW, []),
        (RUNNING, "WARNING", NOW - SECOND, [Rule.PHASES]),
        (RUNNING, "WARNING", NOW + 3 * HOUR, [Rule.PHASES]),
        (RUNNING, "OUTAGE", NOW + HOUR, [Rule.PHASES]),
        (RUNNING, "DARK", NOW + HOUR, [Rule.SEVERITY]),
        (SOON, "WARNING", NOW + 25 * HOUR, []),
        (SOON, "WARNING", NOW + 24 * HOUR, [Rule.PHASES]),
        (FINISHED, "WARNING", NOW + HOUR, [Rule.FINISHED]),
        (CANCELLED, "WARNING", NOW + 31 * HOUR, [Rule.CANCELLED]),
    ],
)
def test_the_next_phase(standing, severity, at, expected):
    assert rules(phase_refusals(standing, severity, at, NOW)) == expected


_OFFSETS = st.integers(min_value=-72, max_value=72).map(lambda hours: NOW + hours * HOUR)


@st.composite
def _plans(draw) -> Plan:
    services = draw(st.frozensets(st.integers(1, 5), max_size=4))
    return a_plan(
        start=draw(_OFFSETS), end=draw(_OFFSETS), services=services,
        ends=draw(st.dictionaries(st.integers(1, 5), _OFFSETS, max_size=3)),
        phases=tuple(draw(st.lists(st.builds(Phase, _OFFSETS, st.sampled_from(["OUTAGE", "WARNING"])), max_size=3))),
    )  # fmt: skip


@given(_plans())
def test_an_accepted_downtime_is_whole(plan):
    plan = settled(plan)
    if plan_refusals(plan, NOW):
        return
    assert NOW - 48 * HOUR <= plan.start < plan.end
    assert plan.services
    assert all(plan.start < plan.end_of(each) <= plan.end for each in plan.services)
    assert max(plan.end_of(each) for each in plan.services) == plan.end
    times = [plan.start, *(phase.at for phase in plan.phases), plan.end]
    assert times == sorted(set(times))


@given(_plans(), _plans(), st.sampled_from(list(Classification)), _OFFSETS)
def test_no_edit_makes_a_downtime_longer_or_touches_what_is_over(was, plan, classification, now):
    was = settled(was)
    if plan_refusals(was, NOW) or edit_refusals(Standing(was, classification), plan, now):
        return
    assert now < was.end
    assert plan.end - plan.start <= was.end - was.start
    assert classification is UNSCHEDULED or now < was.start - 24 * HOUR
    if now >= was.start:
        assert (plan.start, plan.services, plan.severity) == (was.start, was.services, was.severity)


@given(_plans())
def test_settling_changes_no_services_end(plan):
    if not plan.services or any(end > plan.end for end in plan.ends.values()):
        return
    again = settled(plan)
    assert {each: again.end_of(each) for each in plan.services} == {each: plan.end_of(each) for each in plan.services}
    assert settled(again) == again


@given(_OFFSETS, _OFFSETS)
def test_an_early_end_leaves_readers_a_minute(at: datetime, now: datetime):
    assert early_end(at, now) >= now + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("start", "sites", "sentence"),
    [
        (NOW + 2 * HOUR, ("A",), "2 services of 1 site; UNSCHEDULED because it starts in less than 24 hours"),
        (NOW + 30 * HOUR, ("A",), "2 services of 1 site; SCHEDULED because it starts in more than 24 hours"),
        (NOW - HOUR, ("A", "B"), "2 services of 2 sites; UNSCHEDULED because it starts in the past"),
    ],
)
def test_effects_are_told_before_the_deed(start, sites, sentence):
    stretches = stretches_of(a_plan(start=start, end=start + HOUR), NOW)
    assert Effects(2, sites, stretches).sentence == sentence


@pytest.mark.parametrize(
    ("severity", "ahead", "words"),
    [
        ("OUTAGE", 30 * HOUR, "are excused"),
        ("OUTAGE", HOUR, "only a scheduled outage excuses"),
        ("WARNING", 30 * HOUR, "published as a warning"),
    ],
)
def test_the_effect_on_the_figures_is_said(severity, ahead, words):
    plan = a_plan(start=NOW + ahead, end=NOW + ahead + HOUR, severity=severity)
    assert words in stretches_of(plan, NOW)[0].availability
