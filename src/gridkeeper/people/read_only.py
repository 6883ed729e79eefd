"""Read-only mode: nobody changes anything by page or API; reading and signing in stay open.

On by the setting GRIDKEEPER_READ_ONLY, or while it runs by a superuser or `gridkeeper read-only on`. Every process asks
the database at most once in two seconds, so that a permission check costs no query.
"""

import time
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from gridkeeper.people.models import ReadOnlyChange

_KEPT_S = 2.0
_BY_SETTING = "the installation is set so (GRIDKEEPER_READ_ONLY)"


@dataclass(frozen=True, slots=True)
class ReadOnly:
    """reason: in words; since: UTC, None where it is set so; is_by_switch: it can be ended while it runs"""

    reason: str
    since: datetime | None = None
    is_by_switch: bool = False


#: Until when (monotonic seconds) the answer holds, and the answer; replaced as a whole, so threads may share it.
_kept: tuple[float, ReadOnly | None] = (0.0, None)


def read_only() -> ReadOnly | None:
    """Why nothing can be changed now; None where it can. At most two seconds old."""
    if settings.GRIDKEEPER.read_only:
        return ReadOnly(_BY_SETTING)
    global _kept
    if time.monotonic() >= _kept[0]:
        _kept = (time.monotonic() + _KEPT_S, _newest())
    return _kept[1]


def forget() -> None:
    """The next question is asked of the database."""
    global _kept
    _kept = (0.0, None)


def _newest() -> ReadOnly | None:
    change = ReadOnlyChange.objects.order_by("-pk").first()
    return ReadOnly(change.reason, change.changed_at, is_by_switch=True) if change and change.is_on else None
