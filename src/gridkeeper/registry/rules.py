"""Decisions of the registry: pure functions; no database, no clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Certification, Classification

#: How long ahead a downtime must be declared to count as scheduled (registry.md section 3); a policy per federation.
NOTICE = timedelta(hours=24)


def classify(declared_at: datetime, start: datetime, notice: timedelta = NOTICE) -> Classification:
    """SCHEDULED iff the downtime starts more than `notice` after it was declared, else UNSCHEDULED.

    >>> from datetime import UTC
    >>> classify(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)).value
    'UNSCHEDULED'
    """
    return Classification.SCHEDULED if start > declared_at + notice else Classification.UNSCHEDULED


class DowntimeState(StrEnum):
    """Where a downtime stands at an instant."""

    NOW = "now"
    NEXT = "next"
    PAST = "past"
    CANCELLED = "cancelled"


def state_of(window: Window, *, is_cancelled: bool, at: datetime) -> DowntimeState:
    """The state at that instant. Windows are half-open: a downtime that ends now is past."""
    if is_cancelled:
        return DowntimeState.CANCELLED
    if at < window.start:
        return DowntimeState.NEXT
    return DowntimeState.NOW if at in window else DowntimeState.PAST


@dataclass(frozen=True, slots=True)
class Effects:
    """What a downtime would do, for its preview."""

    services: int
    sites: tuple[str, ...]
    classification: Classification
    reason: str
    duration: timedelta

    @property
    def sentence(self) -> str:
        """ "2 services of 1 site; UNSCHEDULED because it starts in less than 24 hours"."""
        services = f"{self.services} service{'' if self.services == 1 else 's'}"
        sites = f"{len(self.sites)} site{'' if len(self.sites) == 1 else 's'}"
        return f"{services} of {sites}; {self.classification.value} because {self.reason}"


def effects_of(start: datetime, end: datetime, *, site_names: Sequence[str], now: datetime) -> Effects:
    """site_names: the site of each affected service, one entry a service."""
    classification = classify(now, start)
    hours = int(NOTICE.total_seconds() // 3600)
    reason = f"it starts in more than {hours} hours"
    if classification is Classification.UNSCHEDULED:
        reason = f"it starts in less than {hours} hours" if start > now else "it starts in the past"
    return Effects(len(site_names), tuple(sorted(set(site_names))), classification, reason, end - start)


#: How far back the start of a new downtime may lie (registry.md section 3).
MAX_PAST = timedelta(hours=48)
#: A downtime that is ended early ends this much later, so that readers in between see it end (registry.md section 3).
END_DELAY = timedelta(seconds=60)
MAX_DESCRIPTION = 4000
MAX_REASON = 300


def downtime_problems(
    start: datetime, end: datetime, *, description: str, service_count: int, now: datetime
) -> dict[str, str]:
    """What is wrong with a new downtime: field -> message; empty where nothing is (registry.md section 3)."""
    problems = {}
    if start >= end:
        problems["end"] = "The end must lie after the start; choose a later end."
    if start < now - MAX_PAST:
        problems["start"] = "The start lies more than 48 hours back; a downtime cannot be declared that late."
    if not 1 <= len(description.strip()) <= MAX_DESCRIPTION:
        problems["description"] = f"Say what is done and why, in 1 to {MAX_DESCRIPTION} characters."
    if service_count < 1:
        problems["services"] = "Choose at least one service."
    return problems


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
