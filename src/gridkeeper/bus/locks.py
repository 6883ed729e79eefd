"""A lock that one process of the installation holds at a time, and that dies with its holder."""

import fcntl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection


class _Held(threading.local):
    """Names of the database's locks that this thread, whose session it is, holds."""

    def __init__(self) -> None:
        self.names: set[str] = set()


_held = _Held()


@contextmanager
def only_one(name: str) -> Iterator[bool]:
    """Yields True to the one holder of `name`; False, at once, to whoever comes while it is held.

    With PostgreSQL processes may be on several machines: a session lock of the database. SQLite implies one machine:
    a lock on a file, which the kernel drops when its holder is killed.
    """
    if connection.vendor == "postgresql":
        with _held_in_database(name) as is_mine:
            yield is_mine
    else:
        with _held_on_file(name) as is_mine:
            yield is_mine


@contextmanager
def _held_on_file(name: str) -> Iterator[bool]:
    folder = settings.GRIDKEEPER.data_dir / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextmanager
def _held_in_database(name: str) -> Iterator[bool]:
    if name in _held.names:  # the database would let the same session in once more
        yield False
        return
    number = zlib.crc32(name.encode())
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        is_mine = bool(cursor.fetchone()[0])
        if is_mine:
            _held.names.add(name)
        try:
            yield is_mine
        finally:
            if is_mine:
                _held.names.discard(name)
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
