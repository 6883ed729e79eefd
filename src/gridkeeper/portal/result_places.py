"""What each place said of a test that runs from several, and how that became one status: for the page of a result."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.models import PlaceStatus, Test, Worker, WorkerState
from gridkeeper.probes.place_rules import PlaceRule, PlaceRuleError, parse_rule
from gridkeeper.probes.places import places_of
from gridkeeper.probes.quorum import is_good, votes_needed

#: A place that is asked to confirm begins when the one before it has ended; two may follow the first.
_TIMEOUTS = 2
#: Of results of tests that are not in the catalogue.
_USUAL_TIMEOUT_S, _USUAL_VALIDITY_S = 60, 86_400


@dataclass(frozen=True, slots=True)
class PlaceSaid:
    """What one place said last. is_earlier: in a round before that of the result; doubt: why it does not count."""

    worker: str
    status: Status
    executed_at: datetime
    summary: str
    is_earlier: bool
    is_otherwise: bool
    doubt: str


@dataclass(frozen=True, slots=True)
class Places:
    """All places of a result. sentence: how their words became its status."""

    said: tuple[PlaceSaid, ...]
    sentence: str


def places_for(key: SeriesKey, test: Test | None, status: Status, executed_at: datetime) -> Places | None:
    """The places of a series' newest result; None where none but one said anything that is still valid."""
    oldest = executed_at - timedelta(seconds=test.validity_s if test else _USUAL_VALIDITY_S)
    rows = [row for row in places_of(key) if row.executed_at >= oldest]
    if not rows:
        return None
    doubts = _doubts([row.worker for row in rows])
    limit = timedelta(seconds=_TIMEOUTS * (test.timeout_s if test else _USUAL_TIMEOUT_S))
    said = [_said(row, status, doubts, is_earlier=abs(row.executed_at - executed_at) > limit) for row in rows]
    here = [one.status for one in said if not one.is_earlier]
    order = sorted(said, key=lambda one: (one.is_earlier, not one.doubt, not one.is_otherwise, one.worker))
    return Places(tuple(order), sentence_of(here, status, _rule(test)))


def sentence_of(statuses: Sequence[Status], status: Status, rule: PlaceRule) -> str:
    """How the places' statuses of one round became one.

    >>> sentence_of([Status.OK, Status.OK, Status.CRITICAL], Status.OK, PlaceRule())
    'Of 3 places 2 say OK and 1 says CRITICAL. A failure counts once 2 agree, so together they say OK.'
    >>> sentence_of([Status.OK, Status.OK], Status.OK, PlaceRule())
    'All 2 places say OK.'
    """
    if len(statuses) < 2:
        return "The newest run came from one place; the others were asked in earlier rounds."
    counts = Counter(statuses).most_common()
    if len(counts) == 1 and counts[0][0] == status:
        return f"All {len(statuses)} places say {status.name}."
    parts = [f"{number} {'say' if number > 1 else 'says'} {each.name}" for each, number in counts]
    votes = votes_needed(len(statuses), rule.quorum)
    told = f"Of {len(statuses)} places {', '.join(parts[:-1])}{' and ' if len(parts) > 1 else ''}{parts[-1]}."
    agree = f"{votes} agree" if votes > 1 else "one says so"
    return f"{told} A failure counts once {agree}, so together they say {status.name}."


def _said(row: PlaceStatus, status: Status, doubts: dict[str, str], *, is_earlier: bool) -> PlaceSaid:
    doubt = doubts.get(row.worker, "")
    if not row.is_counted and not doubt:
        doubt = "it was in doubt when it said so"
    own = Status(row.status)
    is_otherwise = not is_earlier and is_good(own) != is_good(status)
    return PlaceSaid(row.worker, own, row.executed_at, row.summary, is_earlier, is_otherwise, doubt)


def _doubts(workers: Sequence[str]) -> dict[str, str]:
    """Why the results of those in doubt do not count now."""
    found = Worker.objects.filter(name__in=workers, state=WorkerState.SUSPECT)
    return {
        name: reason or "its own network seems broken" for name, reason in found.values_list("name", "state_reason")
    }


def _rule(test: Test | None) -> PlaceRule:
    """The test's rule of today; the engine has logged one that cannot be read, and takes one place instead."""
    try:
        return parse_rule(test.places if test else {})
    except PlaceRuleError:
        return PlaceRule()
