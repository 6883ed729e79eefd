"""CSV and JSON of exactly the rows that a list shows, streamed. Times are UTC; hostile text is neutralised."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse

#: Rows fetched from the database at a time; what keeps the memory of an export flat.
CHUNK = 1000
#: A spreadsheet takes a cell that begins so for a formula (OWASP, "CSV injection").
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Rows = Iterable[tuple[Any, ...]]


class _Echo:
    """A file for csv.writer that gives each line back."""

    def write(self, line: str) -> str:
        return line


def plain(value: Any) -> Any:
    """The value as JSON can hold it; instants as ISO 8601 in UTC.

    >>> plain(datetime(2026, 3, 1, 12, tzinfo=UTC))
    '2026-03-01T12:00:00Z'
    """
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)


def cell(value: Any) -> Any:
    """The value as a cell of a CSV file that a spreadsheet will not run.

    >>> cell("=1+1"), cell(-3.5), cell(["a", "b"])
    ("'=1+1", -3.5, 'a b')
    """
    value = plain(value)
    if isinstance(value, list):
        value = " ".join(str(item) for item in value)
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value


def csv_lines(columns: Iterable[str], rows: Rows) -> Iterator[str]:
    """The header and a line a row, as RFC 4180 asks."""
    writer = csv.writer(_Echo())
    yield writer.writerow(list(columns))
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def json_lines(columns: Iterable[str], rows: Rows) -> Iterator[str]:
    """One JSON array of objects, an object a line."""
    names = list(columns)
    separator = "[\n"
    for row in rows:
        item = {name: plain(value) for name, value in zip(names, row, strict=True)}
        yield separator + json.dumps(item, ensure_ascii=False)
        separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"


_WRITERS: dict[str, tuple[str, Callable[[Iterable[str], Rows], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "json": ("application/json", json_lines),
}
FORMATS = tuple(_WRITERS)


#: Column -> path of the value as `values_list` takes it, or a function of the row.
Fields = Mapping[str, str | Callable[[Any], Any]]


def export(rows: "QuerySet[Any]", fields: Fields, *, format: str, filename: str) -> HttpResponseBase:  # noqa: A002
    """The rows as a download.

    format: one of FORMATS
    filename: without the extension
    """
    content_type, write = _WRITERS[format]
    return StreamingHttpResponse(
        write(fields, _values(rows, fields)),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}.{format}"'},
    )


def _values(rows: "QuerySet[Any]", fields: Fields) -> Rows:
    """Without functions the database gives the values alone; with them whole rows are read, prefetched by chunk."""
    paths = [field for field in fields.values() if isinstance(field, str)]
    if len(paths) == len(fields):
        return rows.values_list(*paths).iterator(chunk_size=CHUNK)
    read = [_follow(field) if isinstance(field, str) else field for field in fields.values()]
    return (tuple(one(row) for one in read) for row in rows.iterator(chunk_size=CHUNK))


def _follow(path: str) -> Callable[[Any], Any]:
    return lambda row: reduce(lambda value, name: getattr(value, name, None), path.split("__"), row)
