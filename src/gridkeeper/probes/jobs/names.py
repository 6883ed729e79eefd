"""How our jobs are called at computing elements, and how those are known that nobody waits for any more.

A process that is killed in the middle of a round trip removes nothing. The name of a job says when its trip ends at the
latest, so any later trip with the same credential, of whichever process or installation, can tell what was left behind
from what is under way.
"""

import re
from datetime import UTC, datetime, timedelta

_NAME = re.compile(r"gridkeeper-[0-9a-f]{12}-(\d{8}T\d{6}Z)", re.ASCII)
_FORMAT = "%Y%m%dT%H%M%SZ"
#: Clocks of two engines differ, and at its end a trip removes its job itself.
_GRACE = timedelta(minutes=10)


def job_name(token: str, ends_at: datetime) -> str:
    """The name of a job. ends_at: when its trip has ended whatever happens, but for the removal.

    >>> job_name("0123456789abcdef", datetime(2026, 11, 21, 17, tzinfo=UTC))
    'gridkeeper-0123456789ab-20261121T170000Z'
    """
    return f"gridkeeper-{token[:12]}-{ends_at.astimezone(UTC):{_FORMAT}}"


def left_at(ends_at: datetime) -> datetime:
    """From when on a job counts as left behind."""
    return ends_at + _GRACE


def is_left(name: str, now: datetime) -> bool:
    """Whether a job of that name is ours, and was left behind. What is not called as ours are is never touched."""
    found = _NAME.fullmatch(name)
    if found is None:
        return False
    try:
        ends_at = datetime.strptime(found[1], _FORMAT).replace(tzinfo=UTC)
        return now >= left_at(ends_at)
    except (ValueError, OverflowError):
        return False  # 31 February, or the end of the year 9999: no name that we gave
