"""What several places say together of one service. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridkeeper.core.status import Status

#: From good to bad. A place that does not know is worse than one that warns, and says less than one that saw a failure.
_BADNESS = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.CRITICAL)
_GOOD = frozenset({Status.OK, Status.WARNING})
#: Most places that are asked where the rule wants one, and what it says needs to be confirmed.
_MOST_ASKED = 3


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one place said."""

    worker: str
    status: Status
    summary: str = ""


def is_good(status: Status) -> bool:
    return status in _GOOD


def votes_needed(places: int, quorum: int = 0) -> int:
    """How many must agree that it is bad. quorum: of the rule; 0: more than half.

    >>> [votes_needed(n) for n in (1, 2, 3, 4)], votes_needed(2, 3)
    ([1, 2, 2, 3], 2)
    """
    return min(quorum or places // 2 + 1, max(1, places))


def verdict(statuses: Sequence[Status], quorum: int = 0) -> Status:
    """The worst status that enough places see, or a worse one: of three places the middle one.

    >>> verdict([Status.OK, Status.CRITICAL]).name, verdict([Status.OK, Status.CRITICAL, Status.CRITICAL]).name
    ('OK', 'CRITICAL')
    """
    worst_first = sorted(statuses, key=_BADNESS.index, reverse=True)
    return worst_first[votes_needed(len(statuses), quorum) - 1]


def wants_another(statuses: Sequence[Status], count: int, *, was_bad: bool) -> bool:
    """Whether one more place is to be asked before the status may turn bad.

    A test from one place is confirmed by a second where it begins to fail, and decided by a third where these two
    disagree. What was bad already needs no confirmation. count: places of the rule; with several, they decide.
    """
    if count > 1 or len(statuses) >= _MOST_ASKED or was_bad:
        return False
    bad = sum(not is_good(status) for status in statuses)
    return bad > 0 and (len(statuses) == 1 or bad < len(statuses))


def alone(opinions: Sequence[Opinion], status: Status) -> list[str]:
    """Workers that saw a failure where the places together see none."""
    if not is_good(status) or len(opinions) < 2:
        return []
    return [one.worker for one in opinions if not is_good(one.status)]
