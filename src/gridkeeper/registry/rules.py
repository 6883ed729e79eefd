"""Decisions of the registry: pure functions; no database, no clock."""

from collections.abc import Mapping

from gridkeeper.registry.downtime_rules import END_DELAY, MAX_DESCRIPTION, NOTICE, DowntimeState, classify, state_of
from gridkeeper.registry.models import Certification

__all__ = [
    "CERTIFICATION_STEPS",
    "END_DELAY",
    "MAX_DESCRIPTION",
    "MAX_REASON",
    "NOTICE",
    "DowntimeState",
    "certification_problem",
    "classify",
    "monitoring_problem",
    "reason_problem",
    "state_of",
]

MAX_REASON = 300


def reason_problem(reason: str) -> str:
    """What is wrong with the reason of a change, or "".

    >>> reason_problem("works on the power supply")
    ''
    """
    if 1 <= len(reason.strip()) <= MAX_REASON:
        return ""
    return f"Say why, in 1 to {MAX_REASON} characters."


_CANDIDATE, _UNCERTIFIED, _CERTIFIED, _SUSPENDED, _CLOSED = Certification

#: Where a site's certification may go from where it stands (registry.md section 2). Closed is final.
CERTIFICATION_STEPS: Mapping[Certification, tuple[Certification, ...]] = {
    _CANDIDATE: (_UNCERTIFIED, _CLOSED),
    _UNCERTIFIED: (_CERTIFIED, _CANDIDATE, _CLOSED),
    _CERTIFIED: (_SUSPENDED, _UNCERTIFIED, _CLOSED),
    _SUSPENDED: (_UNCERTIFIED, _CLOSED),
    _CLOSED: (),
}


def certification_problem(old: Certification, new: Certification) -> str:
    """Why that step may not be taken, or "".

    >>> certification_problem(Certification.CLOSED, Certification.CERTIFIED)
    'A closed site stays closed; register it anew.'
    """
    allowed = CERTIFICATION_STEPS[old]
    if new in allowed:
        return ""
    if not allowed:
        return "A closed site stays closed; register it anew."
    return f"{old.value} cannot become {new.value}; it may become {' or '.join(step.value for step in allowed)}."


def monitoring_problem(*, in_production: bool, is_monitored: bool, has_exception: bool) -> str:
    """Why the two may not stand together, or "": what is in production is monitored, unless its type is excepted."""
    if in_production and not is_monitored and not has_exception:
        return "A service in production must be monitored; switch monitoring on or take it out of production."
    return ""
