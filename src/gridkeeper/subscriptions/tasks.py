"""What comes back by itself: downtimes that begin and end, tests that fail and recover, messages that
are due, old ones that are forgotten.
"""

from datetime import datetime, timedelta

from gridkeeper.bus.periodic import Periodic
from gridkeeper.subscriptions.delivery import forget_old, send_due
from gridkeeper.subscriptions.notices import note_times
from gridkeeper.subscriptions.watch import note_statuses

_KEEP = timedelta(days=90)


def _send(now: datetime) -> None:
    send_due(now)


def _statuses(now: datetime) -> None:
    note_statuses(now)


def _forget(now: datetime) -> None:
    forget_old(now - _KEEP)


PERIODIC = [
    Periodic("subscriptions: downtimes begin and end", timedelta(seconds=30), note_times),
    Periodic("subscriptions: tests fail and recover", timedelta(seconds=15), _statuses),
    Periodic("subscriptions: send", timedelta(seconds=5), _send),
    Periodic("subscriptions: forget", timedelta(hours=24), _forget),
]
