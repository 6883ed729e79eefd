"""What a method answers from: rows in ascending order of an id, all of them or a page."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Protocol

from django.db.models import QuerySet

from gridkeeper.api.gocdb.question import PAGE_SIZE, Cursor

#: Rows that are in memory at a time.
CHUNK = 500


class Rows(Protocol):
    """The answer before it is written."""

    def chunks(self) -> Iterator[list[Any]]:
        """All rows, a few at a time."""

    def page(self, cursor: Cursor) -> list[Any]:
        """At most PAGE_SIZE rows after the cursor, or the last ones before it; in ascending order either way."""

    def id_of(self, row: Any) -> int:
        """What cursors count."""

    def ids(self) -> Iterator[int]:
        """The ids of all rows, for telling whether an answer is still the same."""


def in_chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of CHUNK rows."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk


class QueryRows:
    """Rows of the database.

    id_of: finds the primary key in a row, which may be a tuple; ids: what else tells that the answer is the same
    """

    def __init__(
        self,
        query: "QuerySet[Any, Any]",
        *,
        id_of: Callable[[Any], int] = lambda row: int(row.pk),
        ids: "QuerySet[Any, int] | None" = None,
    ) -> None:
        self._query = query.order_by("pk")
        self._id_of = id_of
        self._ids = query.values_list("pk", flat=True) if ids is None else ids

    def chunks(self) -> Iterator[list[Any]]:
        yield from in_chunks(self._query.iterator(chunk_size=CHUNK))

    def page(self, cursor: Cursor) -> list[Any]:
        if cursor.is_back:
            return list(self._query.filter(pk__lt=cursor.at).order_by("-pk")[:PAGE_SIZE])[::-1]
        return list(self._query.filter(pk__gt=cursor.at)[:PAGE_SIZE])

    def id_of(self, row: Any) -> int:
        return self._id_of(row)

    def ids(self) -> Iterator[int]:
        return self._ids.order_by("pk").iterator(chunk_size=CHUNK)


class ListRows:
    """A few rows that were counted or collected: tuples whose first value is the id."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = sorted(rows)

    def chunks(self) -> Iterator[list[Any]]:
        yield from in_chunks(self._rows)

    def page(self, cursor: Cursor) -> list[Any]:
        if cursor.is_back:
            return [row for row in self._rows if row[0] < cursor.at][-PAGE_SIZE:]
        return [row for row in self._rows if row[0] > cursor.at][:PAGE_SIZE]

    def id_of(self, row: Any) -> int:
        return int(row[0])

    def ids(self) -> Iterator[int]:
        return (row[0] for row in self._rows)
