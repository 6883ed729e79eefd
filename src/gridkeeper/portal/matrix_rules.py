"""The rules of the matrix: a row's VO status and a cell's letter. Pure; after the SFT report of 2005.

Source: docs/concepts.md, "Tests, results, statuses"; letters and order of the statuses are those of the SFT report.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from gridkeeper.core.status import UP, Status


class VoStatus(StrEnum):
    """How a service, or a site, stands for a VO; worst first."""

    SD = "SD"
    JL = "JL"
    JS = "JS"
    CT = "CT"
    NA = "NA"
    NT = "NT"
    OK = "OK"


#: What each status means. NA is SAM's, for rows of which nothing is known: the six of SFT would all be untrue.
MEANINGS: dict[VoStatus, str] = {
    VoStatus.SD: "Scheduled downtime",
    VoStatus.JL: "Job list match failed",
    VoStatus.JS: "Job submission failed",
    VoStatus.CT: "Critical tests failed",
    VoStatus.NA: "No status available",
    VoStatus.NT: "Non-critical tests failed",
    VoStatus.OK: "OK",
}
_RANK = {status: rank for rank, status in enumerate(VoStatus)}


class Seen(NamedTuple):
    """The newest hard result of a test within its validity.

    cause: the failed metric of the same service because of which it was not run
    root: half a sentence that names the failure from which this one follows (`probes.causes.Cause.sentence`)
    follows: how many failures follow from this one, on any service
    """

    status: Status
    summary: str = ""
    cause: str = ""
    root: str = ""
    follows: int = 0


class Asked(NamedTuple):
    """What the VO's profile asks of a service. stage: JL, JS or "" (probes.models.Stage)."""

    is_critical: bool = False
    stage: str = ""


class Kind(StrEnum):
    """What a cell says; the value is its CSS class, short because a page has twelve thousand."""

    OK = "o"
    INFORMATION = "i"
    WARNING = "w"
    FAILED = "x"
    FATAL = "f"
    UNKNOWN = "u"
    FOLLOWS = "y"
    FOLLOWS_UNKNOWN = "z"
    CONSEQUENCE = "k"
    NOT_RUN = "n"
    MISSING = "m"


#: Letter and meaning of each kind, as the legend shows them. A value stands in the place of O.
LETTERS: dict[Kind, tuple[str, str]] = {
    Kind.OK: ("O", "OK"),
    Kind.INFORMATION: ("I", "OK, with information"),
    Kind.WARNING: ("W", "Warning"),
    Kind.FAILED: ("X", "Failed"),
    Kind.FATAL: ("!!!", "Failed critically"),
    Kind.UNKNOWN: ("?", "Unknown: the test could not tell"),
    Kind.FOLLOWS: ("(X)", "Failed as a consequence: look at its cause first"),
    Kind.FOLLOWS_UNKNOWN: ("(?)", "Unknown as a consequence: look at its cause first"),
    Kind.CONSEQUENCE: ("!!!", "Not run: an earlier test failed"),
    Kind.NOT_RUN: ("??", "Not run: no job match or submission"),
    Kind.MISSING: ("??", "No result within its validity"),
}

#: A summary that is shown itself: a version like "2 6 0" or a count, nothing longer than a cell can hold.
_VALUE = re.compile(r"\d{1,4}(?:[ ._-]\d{1,3}){0,3}", re.ASCII)
_INFORMATION = ("INFO", "NOTE")
_TELLING_STARTS = frozenset("IN0123456789")


def is_telling(summary: str) -> bool:
    """True where the first line of an OK changes its cell: it is a value, or marked as information.

    >>> is_telling("2 6 0"), is_telling("INFO wn042"), is_telling("OK: 17 jobs")
    (True, True, False)
    """
    # asked twelve thousand times a page: most first lines are told by their first letter
    if summary[:1] not in _TELLING_STARTS:
        return False
    return summary.startswith(_INFORMATION) or _VALUE.fullmatch(summary) is not None


def vo_status(tests: Iterable[tuple[Asked, Seen | None]], *, is_in_downtime: bool) -> VoStatus:
    """The worst of what is known of a service for a VO. None: no result within the validity.

    CT counts a critical test that says nothing as failed, as the choice of good sites does; a row of which no test
    says anything is NA. A non-critical test that says nothing counts as nothing.
    """
    if is_in_downtime:
        return VoStatus.SD
    found = {_says(asked, seen) for asked, seen in tests}
    if found <= {None, VoStatus.NA}:
        return VoStatus.NA
    known = {VoStatus.CT if each is VoStatus.NA else each for each in found if each is not None}
    return worst(known)


def _says(asked: Asked, seen: Seen | None) -> VoStatus | None:
    """What one test makes of the status; NA for a critical one without a result."""
    if seen is None:
        return VoStatus.NA if asked.is_critical else None
    if seen.status in UP:
        return VoStatus.OK
    if asked.stage:
        return VoStatus(asked.stage)
    return VoStatus.CT if asked.is_critical else VoStatus.NT


def worst(statuses: Iterable[VoStatus]) -> VoStatus:
    """The worst of several; of none, NA."""
    return min(statuses, key=_RANK.__getitem__, default=VoStatus.NA)


def cell(asked: Asked, seen: Seen | None, *, stages: frozenset[str] = frozenset()) -> tuple[Kind, str]:
    """Kind and letter, or value, of a cell.

    stages: metrics whose failure means that no job was matched or submitted
    """
    kind = _kind(asked, seen, stages)
    if kind is Kind.OK and seen is not None and seen.summary and _VALUE.fullmatch(seen.summary):
        return kind, seen.summary
    return kind, LETTERS[kind][0]


def _kind(asked: Asked, seen: Seen | None, stages: frozenset[str]) -> Kind:
    if seen is None:
        return Kind.MISSING
    if seen.status is Status.OK:
        return Kind.INFORMATION if seen.summary.startswith(_INFORMATION) else Kind.OK
    if seen.cause:
        return Kind.NOT_RUN if seen.cause in stages else Kind.CONSEQUENCE
    if seen.root:
        return Kind.FOLLOWS if seen.status is Status.CRITICAL else Kind.FOLLOWS_UNKNOWN
    if seen.status is Status.CRITICAL:
        return Kind.FATAL if asked.is_critical and not asked.stage else Kind.FAILED
    return Kind.WARNING if seen.status is Status.WARNING else Kind.UNKNOWN
