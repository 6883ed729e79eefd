"""What comes back by itself: the judge that writes the feed of changes, and its old rows that are forgotten."""

from datetime import datetime, timedelta

from gridkeeper.bus.periodic import Periodic
from gridkeeper.selection.changes import forget, note_changes

_KEEP = timedelta(days=800)


def _note(now: datetime) -> None:
    note_changes(now)


def _forget(now: datetime) -> None:
    forget(now - _KEEP)


PERIODIC = [
    Periodic("selection: judge", timedelta(seconds=60), _note),
    Periodic("selection: forget", timedelta(hours=24), _forget),
]
