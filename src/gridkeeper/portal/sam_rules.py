"""The eight status codes of SAM (2006), made from ours: of a test, of a service for a VO, of a service. Pure.

Source: the codes, their descriptions and the marks CT are those of SAM's page; docs/concepts.md has the mapping.
"""

from collections.abc import Iterable
from enum import StrEnum

from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_rules import Asked, Seen


class SamCode(StrEnum):
    """SAM's status codes, in the order of its page."""

    NA = "NA"
    OK = "OK"
    INFO = "INFO"
    NOTE = "NOTE"
    WARN = "WARN"
    ERROR = "ERROR"
    CRIT = "CRIT"
    MAINT = "MAINT"


DESCRIPTIONS: dict[SamCode, str] = {
    SamCode.NA: "no status available",
    SamCode.OK: "normal status",
    SamCode.INFO: "useful information",
    SamCode.NOTE: "important information",
    SamCode.WARN: "subject may fail soon",
    SamCode.ERROR: "subject has failed and problem is localized",
    SamCode.CRIT: "subject has failed and problem is fatal",
    SamCode.MAINT: "subject is under maintenance",
}

#: What a test says, from best to worst. A critical test without a status stands between a warning and a failure:
#: it makes nothing good (docs/howto/good-sites.md). One that is not critical says nothing.
_RISING = (SamCode.OK, SamCode.INFO, SamCode.NOTE, SamCode.WARN, SamCode.NA, SamCode.ERROR, SamCode.CRIT, SamCode.MAINT)
_RANK = {code: rank for rank, code in enumerate(_RISING)}


def code_of(asked: Asked, seen: Seen | None) -> SamCode:
    """The code of one test. What failed is fatal where the VO calls the test critical, and localized elsewhere.

    A test that could not tell, or was not run because of another, has no status.

    >>> code_of(Asked(is_critical=True), Seen(Status.CRITICAL)), code_of(Asked(), Seen(Status.OK, "NOTE: two disks"))
    (<SamCode.CRIT: 'CRIT'>, <SamCode.NOTE: 'NOTE'>)
    """
    if seen is None or seen.cause:
        return SamCode.NA
    if seen.status is Status.OK:
        return next((code for code in (SamCode.INFO, SamCode.NOTE) if seen.summary.startswith(code)), SamCode.OK)
    if seen.status is Status.WARNING:
        return SamCode.WARN
    if seen.status is Status.CRITICAL:
        return SamCode.CRIT if asked.is_critical else SamCode.ERROR
    return SamCode.MAINT if seen.status is Status.DOWNTIME else SamCode.NA


def code_of_service(tests: Iterable[tuple[Asked, Seen | None]], *, is_in_downtime: bool) -> SamCode:
    """The worst code of a service's tests for a VO; MAINT in a downtime, NA where nothing is known."""
    if is_in_downtime:
        return SamCode.MAINT
    codes = [(asked.is_critical, code_of(asked, seen)) for asked, seen in tests]
    if all(code is SamCode.NA for _, code in codes):
        return SamCode.NA
    return worst_code(code for is_critical, code in codes if is_critical or code is not SamCode.NA)


def worst_code(codes: Iterable[SamCode]) -> SamCode:
    """The worst of several; of none, NA."""
    return max(codes, key=_RANK.__getitem__, default=SamCode.NA)
