"""The one status algebra of the product, as literal tables.

Source: the default operations profile of ARGO, `shared/domain/availability.md` section 1.
"""

from collections.abc import Iterable
from enum import IntEnum
from functools import reduce


class Status(IntEnum):
    """What is known of a subject at an instant. The first four are Nagios exit codes."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3
    MISSING = 4
    DOWNTIME = 5
    EXCLUDED = 6

    @property
    def label(self) -> str:
        """The status as a word of a sentence ("downtime")."""
        return self.name.lower()


#: What a test may report (Nagios plugin guidelines, "Plugin Return Codes").
RESULT_STATUSES = (Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN)

#: Statuses that count as up, as unknown and as declared down in the figures (availability.md section 3).
UP = frozenset({Status.OK, Status.WARNING})
UNKNOWN_LIKE = frozenset({Status.UNKNOWN, Status.MISSING})

#: AND takes the last of these that occurs, OR the first. EXCLUDED is neutral and stands in neither.
AND_ORDER = (Status.OK, Status.WARNING, Status.UNKNOWN, Status.MISSING, Status.DOWNTIME, Status.CRITICAL)
OR_ORDER = (Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN, Status.DOWNTIME, Status.MISSING)

_O, _W, _C, _U, _M, _D, _X = Status

#: The truth tables as published; the other half follows from symmetry.
AND_TABLE: dict[tuple[Status, Status], Status] = {
    (_O, _O): _O, (_O, _W): _W, (_O, _U): _U, (_O, _M): _M, (_O, _C): _C, (_O, _D): _D,
    (_W, _W): _W, (_W, _U): _U, (_W, _M): _M, (_W, _C): _C, (_W, _D): _D,
    (_U, _U): _U, (_U, _M): _M, (_U, _C): _C, (_U, _D): _D,
    (_M, _M): _M, (_M, _C): _C, (_M, _D): _D,
    (_C, _C): _C, (_C, _D): _C,
    (_D, _D): _D,
    (_X, _X): _X, (_O, _X): _O, (_W, _X): _W, (_U, _X): _U, (_M, _X): _M, (_C, _X): _C, (_D, _X): _D,
}  # fmt: skip
OR_TABLE: dict[tuple[Status, Status], Status] = {
    (_O, _O): _O, (_O, _W): _O, (_O, _U): _O, (_O, _M): _O, (_O, _C): _O, (_O, _D): _O,
    (_W, _W): _W, (_W, _U): _W, (_W, _M): _W, (_W, _C): _W, (_W, _D): _W,
    (_U, _U): _U, (_U, _M): _U, (_U, _C): _C, (_U, _D): _U,
    (_M, _M): _M, (_M, _C): _C, (_M, _D): _D,
    (_C, _C): _C, (_C, _D): _C,
    (_D, _D): _D,
    (_X, _X): _X, (_O, _X): _O, (_W, _X): _W, (_U, _X): _U, (_M, _X): _M, (_C, _X): _C, (_D, _X): _D,
}  # fmt: skip


def _look_up(table: dict[tuple[Status, Status], Status], left: Status, right: Status) -> Status:
    return table[left, right] if (left, right) in table else table[right, left]


def combine_and(statuses: Iterable[Status]) -> Status:
    """The status of a subject that needs all of its parts.

    >>> combine_and([Status.OK, Status.DOWNTIME, Status.WARNING]).name
    'DOWNTIME'

    Nothing to combine is EXCLUDED, the neutral element.
    """
    return reduce(lambda left, right: _look_up(AND_TABLE, left, right), statuses, Status.EXCLUDED)


def combine_or(statuses: Iterable[Status]) -> Status:
    """The status of a subject that needs one of its parts.

    >>> combine_or([Status.CRITICAL, Status.DOWNTIME, Status.WARNING]).name
    'WARNING'
    """
    return reduce(lambda left, right: _look_up(OR_TABLE, left, right), statuses, Status.EXCLUDED)


#: SAM's words and ours (`shared/domain/tests.md` section 2). INFO and NOTE keep their word in the result's detail.
FROM_SAM: dict[str, Status] = {
    "OK": Status.OK,
    "INFO": Status.OK,
    "NOTE": Status.OK,
    "WARN": Status.WARNING,
    "ERROR": Status.CRITICAL,
    "CRIT": Status.CRITICAL,
    "NA": Status.MISSING,
    "MAINT": Status.DOWNTIME,
}


def parse_status(word: str | int) -> Status:
    """The status that a name ("CRITICAL", "critical"), a SAM word ("MAINT") or a Nagios code (2, "2") stands for.

    Raises ValueError naming what is accepted.
    """
    text = str(word).strip().upper()
    if text.isdecimal() and int(text) in Status._value2member_map_:
        return Status(int(text))
    if text in Status.__members__:
        return Status[text]
    if text in FROM_SAM:
        return FROM_SAM[text]
    raise ValueError(f"{word!r} is not a status; use one of {', '.join(Status.__members__)} or a Nagios code 0-3")
