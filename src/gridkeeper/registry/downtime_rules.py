"""What may be declared and what may become of it: the rules of downtimes, each with its name (registry.md section 3).

Pure: no database, no clock. Actions raise what these functions refuse; pages show `RULES` beside their forms.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Classification, Severity

HOUR = timedelta(hours=1)
#: How long ahead a downtime must be declared to count as scheduled (registry.md section 3), unless its federation asks
#: for more (`Federation.notice_hours`).
NOTICE = 24 * HOUR
#: How far back the start of a new downtime may lie (registry.md section 3).
MAX_PAST = 48 * HOUR
#: A scheduled downtime takes no edit from so long before its start (registry.md section 3).
FROZEN = 24 * HOUR
#: A downtime that is ended early ends this much later, so that readers in between see it end (registry.md section 3).
END_DELAY = timedelta(seconds=60)
MAX_DESCRIPTION = 4000
#: What no database keeps: NUL, and halves of characters that are no text.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: Changes of severity that one declaration may foresee.
MAX_PHASES = 10


class Rule(StrEnum):
    """The name of a rule, as refusals bear it."""

    ORDER = "order of times"
    PAST = "two days back"
    SERVICES = "at least one service"
    OPEN = "open services"
    ENDPOINTS = "endpoints of its services"
    DESCRIPTION = "description"
    SEVERITY = "two severities"
    PART = "parts end inside"
    PHASES = "phases in order"
    FINISHED = "finished stays"
    CANCELLED = "cancelled stays"
    FROZEN = "frozen day"
    BEGUN = "begun stays"
    LONGER = "never longer"
    CHAIN = "chain"
    NOT_STARTED = "cancel before the start"
    RUNNING = "end what runs"
    EARLIER = "ends earlier"
    EXTENSION = "extension"


#: What each rule says; the help of the pages.
RULES: Mapping[Rule, str] = {
    Rule.ORDER: "A downtime ends after it starts.",
    Rule.PAST: "It starts at most 48 hours before it is declared.",
    Rule.SERVICES: "It affects at least one service, each once.",
    Rule.OPEN: "It affects no service that was closed.",
    Rule.ENDPOINTS: "Each affected endpoint belongs to an affected service.",
    Rule.DESCRIPTION: f"Its description has 1 to {MAX_DESCRIPTION} characters.",
    Rule.SEVERITY: "It is an outage or a warning (at risk).",
    Rule.PART: "A service that is back earlier is back after the start and before the end.",
    Rule.PHASES: f"Phases follow each other inside it, each of another severity; at most {MAX_PHASES}.",
    Rule.FINISHED: "Once it has finished nothing of it changes.",
    Rule.CANCELLED: "Once it is cancelled nothing of it changes.",
    Rule.FROZEN: "A scheduled one takes no edit from 24 hours before its start: others plan by it.",
    Rule.BEGUN: "Once it has begun its start, services and severity stay; end parts, or begin the next phase.",
    Rule.LONGER: "An edit makes neither it nor a part of it longer; extend it instead.",
    Rule.CHAIN: "What is continued by another downtime keeps its end, and what continues one keeps its start.",
    Rule.NOT_STARTED: "It is cancelled before it starts; afterwards it is ended.",
    Rule.RUNNING: "It is ended while it runs, with more than a minute left.",
    Rule.EARLIER: "An early end lies before the end that was declared.",
    Rule.EXTENSION: "An extension begins where its services would be back, and ends later.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One objection: which rule, at which field of the input ("" for the whole), and what to do."""

    rule: Rule
    field: str
    text: str

    @property
    def message(self) -> str:
        return f"{self.text} (Rule: {self.rule}.)"


class Phase(NamedTuple):
    """From that instant on the downtime is of that severity."""

    at: datetime
    severity: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A downtime as it is to be.

    ends: services that are back earlier, by any name of theirs
    phases: what its severity becomes on the way
    """

    start: datetime
    end: datetime
    severity: str
    description: str
    services: frozenset[int]
    ends: Mapping[int, datetime] = field(default_factory=dict)
    phases: Sequence[Phase] = ()

    def end_of(self, service: int) -> datetime:
        """When that service is back."""
        return self.ends.get(service, self.end)


def settled(plan: Plan) -> Plan:
    """The same promise said once: an end that is the downtime's is none of its own, and it ends with its last part."""
    last = max((plan.end_of(each) for each in plan.services), default=plan.end)
    end = min(plan.end, last)
    return replace(plan, end=end, ends={each: own for each, own in plan.ends.items() if own != end})


@dataclass(frozen=True, slots=True)
class Standing:
    """A downtime as it stands, with what the rules of change ask about it.

    continued: its services that another one, which was not cancelled, continues; is_continuing: it follows one
    """

    plan: Plan
    classification: Classification
    is_cancelled: bool = False
    continued: frozenset[int] = frozenset()
    is_continuing: bool = False


def classify(declared_at: datetime, start: datetime, notice: timedelta = NOTICE) -> Classification:
    """SCHEDULED iff the downtime starts more than `notice` after it was declared, else UNSCHEDULED.

    >>> from datetime import UTC
    >>> classify(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)).value
    'UNSCHEDULED'
    """
    return Classification.SCHEDULED if start > declared_at + notice else Classification.UNSCHEDULED


def classification_reason(declared_at: datetime, start: datetime, notice: timedelta = NOTICE) -> str:
    """Why it is classified so, in words: "it starts in less than 24 hours"."""
    hours = int(notice / HOUR)
    if classify(declared_at, start, notice) is Classification.SCHEDULED:
        return f"it starts in more than {hours} hours"
    return f"it starts in less than {hours} hours" if start > declared_at else "it starts in the past"


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


def plan_refusals(plan: Plan, now: datetime) -> list[Refusal]:
    """What is wrong with a new downtime; empty where nothing is."""
    found = _shape_refusals(plan)
    if plan.start < now - MAX_PAST:
        text = "The start lies more than 48 hours back; a downtime cannot be declared that late."
        found.append(Refusal(Rule.PAST, "start", text))
    return found + _phase_refusals(plan)


def _shape_refusals(plan: Plan) -> list[Refusal]:
    """What holds at any time, for new and for edited ones."""
    found = []
    if plan.start >= plan.end:
        found.append(Refusal(Rule.ORDER, "end", "The end must lie after the start; choose a later end."))
    if not 1 <= len(plan.description.strip()) <= MAX_DESCRIPTION or _UNSTORABLE.search(plan.description):
        text = f"Say what is done and why, in 1 to {MAX_DESCRIPTION} characters; none of them NUL or half a character."
        found.append(Refusal(Rule.DESCRIPTION, "description", text))
    if not plan.services:
        found.append(Refusal(Rule.SERVICES, "services", "Choose at least one service."))
    if plan.severity not in Severity.values:
        text = f"{plan.severity!r} is not a severity; use {' or '.join(Severity.values)}."
        found.append(Refusal(Rule.SEVERITY, "severity", text))
    return found + part_refusals(plan)


def part_refusals(plan: Plan) -> list[Refusal]:
    """Whether the services that are back earlier are so inside the downtime."""
    if set(plan.ends) - plan.services:
        return [Refusal(Rule.PART, "ends", "A service has an end of its own but is not among those affected.")]
    if all(plan.start < end <= plan.end for end in plan.ends.values()):
        return []
    return [Refusal(Rule.PART, "ends", "A service is back after the downtime starts and not after it ends.")]


def _phase_refusals(plan: Plan) -> list[Refusal]:
    if not plan.phases:
        return []
    if len(plan.phases) > MAX_PHASES:
        return [Refusal(Rule.PHASES, "phases", f"At most {MAX_PHASES} changes of severity; declare a further one.")]
    if strangers := sorted({phase.severity for phase in plan.phases} - set(Severity.values)):
        text = f"{', '.join(strangers)} is not a severity; use {' or '.join(Severity.values)}."
        return [Refusal(Rule.SEVERITY, "phases", text)]
    times = [plan.start, *(phase.at for phase in plan.phases), plan.end]
    if any(one >= next_one for one, next_one in pairwise(times)):
        text = "Each phase begins after the one before it, and before the downtime ends."
        return [Refusal(Rule.PHASES, "phases", text)]
    severities = [plan.severity, *(phase.severity for phase in plan.phases)]
    if any(one == next_one for one, next_one in pairwise(severities)):
        return [Refusal(Rule.PHASES, "phases", "A phase has another severity than the one before it.")]
    return []


def over_refusals(standing: Standing, now: datetime) -> list[Refusal]:
    """What is over takes no change of any kind: cancelled or finished."""
    if standing.is_cancelled:
        return [Refusal(Rule.CANCELLED, "", "It was cancelled and stays as it is; declare a new downtime.")]
    if now >= standing.plan.end:
        return [Refusal(Rule.FINISHED, "", "It has finished and stays as it is; declare a new downtime.")]
    return []


def is_frozen(standing: Standing, now: datetime) -> bool:
    """True from a day before the start of a scheduled downtime on."""
    return standing.classification is Classification.SCHEDULED and now >= standing.plan.start - FROZEN


def edit_refusals(standing: Standing, plan: Plan, now: datetime) -> list[Refusal]:
    """What is wrong with making the downtime so; empty where nothing is."""
    if over := over_refusals(standing, now):
        return over
    if is_frozen(standing, now):
        text = (
            "It is scheduled and starts in less than 24 hours, or has begun, so it cannot be edited; "
            "cancel it before it starts, or end, extend or change the severity of it."
        )
        return [Refusal(Rule.FROZEN, "", text)]
    was, found = standing.plan, _shape_refusals(plan)
    if now >= was.start:
        found += _begun_refusals(was, plan, now)
    elif plan.start < now and plan.start != was.start:
        found.append(Refusal(Rule.PAST, "start", "It has not begun yet, so its start cannot be moved into the past."))
    return found + _length_refusals(was, plan) + _chain_refusals(standing, plan)


def _chain_refusals(standing: Standing, plan: Plan) -> list[Refusal]:
    """What continues, or is continued, keeps what the other builds on."""
    was, found = standing.plan, []
    if (standing.is_continuing or standing.continued) and plan.severity != was.severity:
        text = "It is one of several that continue each other; change the severity from an instant on instead."
        found.append(Refusal(Rule.CHAIN, "severity", text))
    if standing.is_continuing and plan.start != was.start:
        text = "It begins where the downtime that it continues ends; keep its start."
        found.append(Refusal(Rule.CHAIN, "start", text))
    if standing.is_continuing and plan.services - was.services:
        text = "It continues another downtime; declare one of its own for further services."
        found.append(Refusal(Rule.CHAIN, "services", text))
    moved = {each for each in standing.continued if each not in plan.services or plan.end_of(each) != was.end_of(each)}
    if moved or (standing.continued and plan.end != was.end):
        text = "Another downtime continues it from its end; cancel that one first."
        found.append(Refusal(Rule.CHAIN, "end", text))
    return found


def _begun_refusals(was: Plan, plan: Plan, now: datetime) -> list[Refusal]:
    found = []
    if plan.start != was.start:
        found.append(Refusal(Rule.BEGUN, "start", "It has begun; its start stays."))
    if plan.services != was.services:
        text = "It has begun; end the parts that are back, or declare a downtime of further services."
        found.append(Refusal(Rule.BEGUN, "services", text))
    if plan.severity != was.severity:
        text = "It has begun; change the severity from an instant on instead, as its next phase."
        found.append(Refusal(Rule.BEGUN, "severity", text))
    ends = [plan.end, *plan.ends.values()]
    if any(end < now + END_DELAY and end not in (was.end, *was.ends.values()) for end in ends):
        found.append(Refusal(Rule.BEGUN, "end", "It runs; the earliest end is a minute from now."))
    return found


def _length_refusals(was: Plan, plan: Plan) -> list[Refusal]:
    """Neither the whole nor a service that stays in it may last longer than was promised."""
    if plan.end - plan.start > was.end - was.start:
        return [Refusal(Rule.LONGER, "end", "It would last longer than was declared; extend it instead.")]
    kept = plan.services & was.services
    if any(plan.end_of(each) - plan.start > was.end_of(each) - was.start for each in kept):
        return [Refusal(Rule.LONGER, "ends", "A service would be out longer than was declared; extend it instead.")]
    return []


def cancel_refusals(standing: Standing, now: datetime) -> list[Refusal]:
    """Cancelling publishes that it will not take place; allowed within the frozen day too, until it starts."""
    if standing.is_cancelled:
        return over_refusals(standing, now)
    if now < standing.plan.start:
        return []
    text = "Only a downtime that has not started can be cancelled; end it now instead."
    return [Refusal(Rule.NOT_STARTED, "", text)]


def end_refusals(standing: Standing, now: datetime) -> list[Refusal]:
    """Ending it a minute from now."""
    if standing.is_cancelled:
        return over_refusals(standing, now)
    if standing.plan.start <= now < standing.plan.end - END_DELAY:
        return []
    text = "Only a running downtime can be ended, and this one is not running or about to end."
    return [Refusal(Rule.RUNNING, "", text)]


def early_end(at: datetime, now: datetime) -> datetime:
    """When a service is back of which it is said to be back at `at`: not sooner than a minute from now (END_DELAY)."""
    return max(at, now + END_DELAY)


def part_end_refusals(standing: Standing, services: Collection[int], at: datetime, now: datetime) -> list[Refusal]:
    """Some services being back at `at`, earlier than was declared."""
    plan = standing.plan
    if over := over_refusals(standing, now):
        return over
    if now < plan.start and is_frozen(standing, now):
        text = "It is scheduled and starts in less than 24 hours; end parts of it once it has begun."
        return [Refusal(Rule.FROZEN, "", text)]
    if not services or not set(services) <= plan.services:
        return [Refusal(Rule.SERVICES, "services", "Choose services that the downtime affects.")]
    if standing.continued & set(services):
        return [Refusal(Rule.CHAIN, "services", "Another downtime continues it; cancel or end that one first.")]
    at = early_end(at, now)
    if at <= plan.start:
        return [Refusal(Rule.PART, "at", "A service is back after the downtime starts; choose a later time.")]
    if any(at >= plan.end_of(each) for each in services):
        text = "That is not before the end that was declared; extend it instead, or choose an earlier time."
        return [Refusal(Rule.EARLIER, "at", text)]
    return []


def extension_refusals(standing: Standing, services: Collection[int], end: datetime, now: datetime) -> list[Refusal]:
    """A linked tail of those services until `end`."""
    if over := over_refusals(standing, now):
        return over
    if not services or not set(services) <= standing.plan.services:
        return [Refusal(Rule.SERVICES, "services", "Choose services that the downtime affects.")]
    if standing.continued & set(services):
        return [Refusal(Rule.CHAIN, "services", "Another downtime continues it already; extend the last one.")]
    ends = {standing.plan.end_of(each) for each in services}
    if len(ends) > 1:
        text = "These services are back at different times; extend those apart that end apart."
        return [Refusal(Rule.EXTENSION, "services", text)]
    if min(ends) <= now:
        return [Refusal(Rule.EXTENSION, "services", "A service is back already; declare a new downtime of it.")]
    if end <= min(ends):
        return [Refusal(Rule.EXTENSION, "end", "The new end must lie after the present one; choose a later end.")]
    return []


def phase_refusals(standing: Standing, severity: str, at: datetime, now: datetime) -> list[Refusal]:
    """The next phase: of another severity from `at` until the declared end."""
    plan = standing.plan
    if over := over_refusals(standing, now):
        return over
    if severity not in Severity.values:
        text = f"{severity!r} is not a severity; use {' or '.join(Severity.values)}."
        return [Refusal(Rule.SEVERITY, "severity", text)]
    if severity == plan.severity:
        return [Refusal(Rule.PHASES, "severity", "It has that severity already.")]
    if at < now:
        return [Refusal(Rule.PHASES, "at", "The next phase begins now or later; what has passed stays.")]
    if not plan.start < at < plan.end:
        return [Refusal(Rule.PHASES, "at", "The next phase begins after the downtime starts and before it ends.")]
    return []
