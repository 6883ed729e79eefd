"""Files of JSON as ARGO writes them: a bare list, one object, or its envelope `{"status", "data"}` around either.

What cannot be read of a record is collected, with file and place; a file that is no JSON stops everything, because
figures without it would be wrong unnoticed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from gridkeeper.core.windows import as_utc, parse_time

Document = dict[str, Any]


class ArgoDayError(Exception):
    """The input cannot be judged. Says which file, where, and what to do."""


class Problem(NamedTuple):
    """A record that was left out, or a thing of the input that was not understood."""

    file: str
    place: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in self if part)


class RecordError(ValueError):
    """What is wrong with a record, in words."""


@dataclass
class Report:
    """What was met while reading: problems in order, at most `most` of a file in full, the others counted."""

    most: int = 100
    problems: list[Problem] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, file: str, place: str, message: str) -> None:
        self.counts[file] = self.counts.get(file, 0) + 1
        if self.counts[file] <= self.most:
            self.problems.append(Problem(file, place, message))

    def lines(self) -> Iterator[str]:
        yield from map(str, self.problems)
        for file, count in self.counts.items():
            if count > self.most:
                yield f"{file}: {count - self.most} more problems of this file are not shown"


class Numbered(NamedTuple):
    """A record and where it stands in its file."""

    place: str
    document: Document


def read_records(path: Path, report: Report) -> list[Numbered]:
    """The records of a file; none where the file is absent. Raises ArgoDayError where it is no JSON."""
    if not path.exists():
        return []
    records = []
    for number, record in enumerate(_unwrapped(_parsed(path)), 1):
        if isinstance(record, dict):
            records.append(Numbered(f"record {number}", record))
        else:
            report.add(path.name, f"record {number}", f"{record!r:.60} is no object; left out")
    return records


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        raise ArgoDayError(
            f"{path.name}: line {error.lineno}, column {error.colno}: {error.msg}; is it JSON?"
        ) from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        raise ArgoDayError(f"{path.name}: cannot be read: {error}") from error


def _unwrapped(whole: Any) -> list[Any]:
    if isinstance(whole, dict) and "data" in whole:
        whole = whole["data"]
    if whole is None:
        return []
    return whole if isinstance(whole, list) else [whole]


def dated(record: Numbered) -> date | None:
    """The day of a snapshot or version; None where the record says none that can be read."""
    text = record.document.get("date")
    try:
        return date.fromisoformat(text[:10]) if isinstance(text, str) else None
    except ValueError:
        return None


def in_force(records: Sequence[Numbered], day: date) -> list[Numbered]:
    """The records of the newest snapshot that is not later than the day, and those that bear no date.

    Where all are later, the earliest: what is there was given for the day.
    """
    days = {found for record in records if (found := dated(record)) is not None}
    reached = [each for each in days if each <= day]
    chosen = max(reached) if reached else min(days, default=None)
    return [record for record in records if dated(record) in (chosen, None)]


def text_of(document: Document, name: str, *others: str) -> str:
    """A text that a record must have, under one of these names. Raises RecordError."""
    value = document.get(name)
    if type(value) is str and (text := value.strip()):  # nearly always; asked five times a result
        return text
    for each in (name, *others):
        value = document.get(each)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if value is not None and not isinstance(value, str):
            raise RecordError(f"{each} is {value!r:.60}; it must be a text")
    raise RecordError(f"{name} is missing")


def instant_of(document: Document, name: str) -> datetime:
    """An instant that a record must have, as a text or, in Avro, as one of its own. Raises RecordError."""
    value = document.get(name)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return as_utc(value)
    return parse_instant(text_of(document, name))


def parse_instant(text: str) -> datetime:
    """An instant in UTC, with Z or an offset, with or without fractions. Raises RecordError.

    A leap second, 23:59:60, is the last second before it: whoever writes it means that day.

    >>> parse_instant("2016-12-31T23:59:60Z").isoformat()
    '2016-12-31T23:59:59+00:00'
    """
    leap = text.find(":60", 16)
    try:
        return parse_time(text if leap < 0 else f"{text[:leap]}:59{text[leap + 3 :]}")
    except (ValueError, OverflowError) as error:
        raise RecordError(f"{text[:60]!r} is no instant; write it as 2022-01-14T03:00:00Z") from error


@dataclass(frozen=True, slots=True)
class Period:
    """`[start, end)`."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, document: Document) -> "Period":
        """From `start_time` and `end_time`. Raises RecordError."""
        start, end = (instant_of(document, name) for name in ("start_time", "end_time"))
        if end < start:
            raise RecordError(f"end_time {document['end_time']} lies before start_time {document['start_time']}")
        return cls(start, end)

    def seconds_from(self, midnight: datetime) -> tuple[int, int]:
        """Start and end in whole seconds from midnight, negative before it."""
        return second_of(self.start, midnight), second_of(self.end, midnight)


def second_of(moment: datetime, midnight: datetime) -> int:
    """Whole seconds from midnight, rounded down; negative before it."""
    return (moment - midnight) // timedelta(seconds=1)
