"""Work that comes back: what a package's `tasks.py` lists in `PERIODIC` and the role `tasks` runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Periodic:
    """One job of the role `tasks`.

    name: as it stands in logs and in `gridkeeper_periodic_*` metrics, e.g. "availability: hour"
    every: from one start to the next; a run that takes longer delays the next, it never overlaps itself
    run: called with the time of its start; idempotent, because a crash repeats it
    """

    name: str
    every: timedelta
    run: Callable[[datetime], None]
