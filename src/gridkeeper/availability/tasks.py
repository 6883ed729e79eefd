"""What comes back by itself: today's figures, and the days that late facts touched."""

from datetime import datetime, timedelta

from gridkeeper.availability import marks
from gridkeeper.availability.compute import compute_days
from gridkeeper.bus.locks import only_one
from gridkeeper.bus.periodic import Periodic
from gridkeeper.core.windows import as_utc

#: Days of one run, so that today's figures do not wait behind a month of history.
_DAYS_A_RUN = 8
_LOCK = "availability"


def compute_today(now: datetime) -> None:
    """Today's figures until now; less often where they take long (marks.is_today_due)."""
    with only_one(_LOCK) as is_mine:
        if is_mine and marks.is_today_due(now):
            compute_days([as_utc(now).date()], now)


def compute_marked(now: datetime) -> None:
    """Days that are over and not computed since, and days that late results or changes touched; newest first."""
    with only_one(_LOCK) as is_mine:
        days = marks.stale_days(now)[:_DAYS_A_RUN] if is_mine else []
        if days:
            compute_days(days, now)


PERIODIC = [
    Periodic("availability: today", timedelta(seconds=30), compute_today),
    Periodic("availability: marked days", timedelta(seconds=20), compute_marked),
]
