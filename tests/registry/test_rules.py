from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.windows import Window
from gridkeeper.registry.filters import downtime_cases
from gridkeeper.registry.models import Certification, Classification
from gridkeeper.registry.rules import (
    CERTIFICATION_STEPS,
    DowntimeState,
    certification_problem,
    classify,
    downtime_problems,
    effects_of,
    monitoring_problem,
    reason_problem,
    state_of,
)
from tests.builders import NOW

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (24 * HOUR + SECOND, Classification.SCHEDULED),
        (24 * HOUR, Classification.UNSCHEDULED),  # "more than 24 h" is strict
        (HOUR, Classification.UNSCHEDULED),
        (-HOUR, Classification.UNSCHEDULED),
    ],
)
def test_a_downtime_is_scheduled_if_declared_more_than_a_day_ahead(ahead, expected):
    assert classify(NOW, NOW + ahead) is expected


def test_a_federation_may_ask_for_longer_notice():
    assert classify(NOW, NOW + 30 * HOUR, notice=48 * HOUR) is Classification.UNSCHEDULED


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


GOOD = {"start": NOW, "end": NOW + HOUR, "description": "Works", "service_count": 1, "now": NOW}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"end": NOW}, "end"),
        ({"end": NOW - HOUR}, "end"),
        ({"start": NOW - 48 * HOUR - SECOND}, "start"),
        ({"description": ""}, "description"),
        ({"description": "  \n"}, "description"),
        ({"description": "x" * 4001}, "description"),
        ({"service_count": 0}, "services"),
    ],
)
def test_it_rejects_a_downtime_with(wrong, field):
    assert list(downtime_problems(**GOOD | wrong)) == [field]


@pytest.mark.parametrize(
    "fine", [{}, {"start": NOW - 48 * HOUR}, {"description": "x" * 4000}, {"end": NOW + 1000 * HOUR}]
)
def test_it_accepts_a_downtime_at_the_limits(fine):
    assert downtime_problems(**GOOD | fine) == {}


ALLOWED = {
    ("Candidate", "Uncertified"), ("Candidate", "Closed"),
    ("Uncertified", "Certified"), ("Uncertified", "Candidate"), ("Uncertified", "Closed"),
    ("Certified", "Suspended"), ("Certified", "Uncertified"), ("Certified", "Closed"),
    ("Suspended", "Uncertified"), ("Suspended", "Closed"),
}  # fmt: skip


@pytest.mark.parametrize("old", Certification)
@pytest.mark.parametrize("new", Certification)
def test_certification_takes_only_the_steps_of_the_whitelist(old, new):
    assert (certification_problem(old, new) == "") == ((old.value, new.value) in ALLOWED)


def test_a_suspended_site_cannot_be_certified_directly():
    message = certification_problem(Certification.SUSPENDED, Certification.CERTIFIED)
    assert message == "Suspended cannot become Certified; it may become Uncertified or Closed."


@given(st.lists(st.sampled_from(Certification), max_size=12))
def test_no_walk_leaves_closed(steps):
    at = Certification.CLOSED
    for step in steps:
        at = step if step in CERTIFICATION_STEPS[at] else at
    assert at is Certification.CLOSED


@pytest.mark.parametrize(
    ("in_production", "is_monitored", "has_exception", "is_fine"),
    [
        (True, True, False, True),
        (True, False, False, False),
        (True, False, True, True),
        (False, False, False, True),
        (False, True, False, True),
    ],
)
def test_production_demands_monitoring_unless_the_type_is_excepted(in_production, is_monitored, has_exception, is_fine):
    problem = monitoring_problem(in_production=in_production, is_monitored=is_monitored, has_exception=has_exception)
    assert (problem == "") is is_fine


@pytest.mark.parametrize(
    ("reason", "is_fine"), [("x", True), ("x" * 300, True), ("", False), (" ", False), ("x" * 301, False)]
)
def test_every_change_asks_for_a_reason(reason, is_fine):
    assert (reason_problem(reason) == "") is is_fine


@pytest.mark.parametrize(
    ("start", "names", "sentence"),
    [
        (NOW + 2 * HOUR, ["A", "A"], "2 services of 1 site; UNSCHEDULED because it starts in less than 24 hours"),
        (NOW + 30 * HOUR, ["A"], "1 service of 1 site; SCHEDULED because it starts in more than 24 hours"),
        (NOW - HOUR, ["A", "B"], "2 services of 2 sites; UNSCHEDULED because it starts in the past"),
    ],
)
def test_effects_are_told_before_the_deed(start, names, sentence):
    assert effects_of(start, start + HOUR, site_names=names, now=NOW).sentence == sentence
