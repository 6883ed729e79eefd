"""The spool: what a worker has measured and the bus has not taken yet, on the worker's own disk.

One file of SQLite. A message is durable when `put` returns, and leaves with `remove`. Names of messages stay for a
while after they left, so that a run that is ordered twice is not done twice.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

#: Names that are remembered after their messages have left.
_REMEMBERED = 20_000
#: Once so many more than that are known, the oldest are forgotten.
_SLACK = 2_000


class SpoolError(Exception):
    """The spool cannot take or give messages; the message names the file and what to do."""


class Spool:
    """Messages by name, oldest first. May be used from several threads; every call is one transaction."""

    def __init__(self, path: Path, *, limit_bytes: int = 1 << 30) -> None:
        """Opens the file, or makes it. One that cannot be read is set aside under another name.

        limit_bytes: what waiting messages may take together. Raises SpoolError.
        """
        self._path, self._limit_bytes = path, limit_bytes
        self._lock = threading.Lock()
        self.set_aside: Path | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._start_anew()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble(error) from error

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
        self._path.chmod(0o600)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL;"
            "CREATE TABLE IF NOT EXISTS message (place INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, payload BLOB);"
            "CREATE INDEX IF NOT EXISTS waiting ON message (place) WHERE payload IS NOT NULL;"
        )
        row = self._connection.execute(
            "SELECT count(*), coalesce(sum(length(payload)), 0) FROM message WHERE payload IS NOT NULL"
        ).fetchone()
        self._waiting, self._bytes = int(row[0]), int(row[1])
        self._known = int(self._connection.execute("SELECT count(*) FROM message").fetchone()[0])

    def _start_anew(self) -> None:
        """A file that is no database any more is kept for whoever wants to look; the worker goes on."""
        self._connection.close()
        self.set_aside = self._path.with_name(f"{self._path.name}.unreadable")
        self._path.replace(self.set_aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._open()

    def __len__(self) -> int:
        """Messages that wait."""
        return self._waiting

    @property
    def is_full(self) -> bool:
        """True where nothing more may be measured, because it could not be kept."""
        return self._bytes >= self._limit_bytes

    def put(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Keeps messages, `name, payload`; a name that is known already changes nothing. Raises SpoolError."""
        with self._lock:
            try:
                # FULL: what is kept outlives a loss of power, not only a crash of ours.
                self._connection.execute("PRAGMA synchronous=FULL")
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    for name, payload in messages:
                        done = self._connection.execute(
                            "INSERT OR IGNORE INTO message (name, payload) VALUES (?, ?)", (name, payload)
                        )
                        if done.rowcount:
                            self._waiting += 1
                            self._known += 1
                            self._bytes += len(payload)
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    def knows(self, name: str) -> bool:
        """True for a message that waits, or that left not long ago. Raises SpoolError."""
        with self._lock:
            try:
                return bool(self._connection.execute("SELECT 1 FROM message WHERE name = ?", (name,)).fetchone())
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    def waiting(self, most: int, *, but: Iterable[str] = ()) -> list[tuple[str, bytes]]:
        """The oldest messages that wait, `name, payload`, without those named. Raises SpoolError."""
        left_out = set(but)
        with self._lock:
            try:
                rows = self._connection.execute(
                    "SELECT name, payload FROM message WHERE payload IS NOT NULL ORDER BY place LIMIT ?",
                    (most + len(left_out),),
                ).fetchall()
            except sqlite3.Error as error:
                raise self._trouble(error) from error
        return [(name, payload) for name, payload in rows if name not in left_out][:most]

    def remove(self, names: Sequence[str]) -> None:
        """Lets messages go that the bus has taken; their names are remembered for a while. Raises SpoolError."""
        with self._lock:
            try:
                # What is let go of and comes back is sent again, and recognised: nothing waits for the disk here.
                self._connection.execute("PRAGMA synchronous=NORMAL")
                with self._connection:
                    self._connection.execute("BEGIN IMMEDIATE")
                    for name in names:
                        row = self._connection.execute(
                            "SELECT length(payload) FROM message WHERE name = ? AND payload IS NOT NULL", (name,)
                        ).fetchone()
                        if row:
                            self._connection.execute("UPDATE message SET payload = NULL WHERE name = ?", (name,))
                            self._waiting -= 1
                            self._bytes -= row[0]
                    self._forget()
            except sqlite3.Error as error:
                raise self._trouble(error) from error

    def _forget(self) -> None:
        gone = self._known - self._waiting
        if gone > _REMEMBERED + _SLACK:
            done = self._connection.execute(
                "DELETE FROM message WHERE place IN "
                "(SELECT place FROM message WHERE payload IS NULL ORDER BY place LIMIT ?)",
                (gone - _REMEMBERED,),
            )
            self._known -= done.rowcount

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _trouble(self, error: Exception) -> SpoolError:
        return SpoolError(f"the spool {self._path} fails: {error}; free space there, or correct who may write in it")
