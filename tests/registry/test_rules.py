import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.registry.models import Certification
from gridkeeper.registry.rules import (
    CERTIFICATION_STEPS,
    certification_problem,
    monitoring_problem,
    reason_problem,
)

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
