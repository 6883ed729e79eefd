"""Two moments of the matrix beside each other: what broke, what was mended, what came and went."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from gridkeeper.people.past import as_of
from gridkeeper.portal.matrix import Choice, Column, Line, Matrix, Part, Row, read_matrix
from gridkeeper.portal.matrix_html import cell_code, to_code
from gridkeeper.portal.matrix_rules import Kind, Seen, VoStatus, cell


class Course(StrEnum):
    """What became of a service for a VO between the two moments; the order is that of the page."""

    WORSE = "worse"
    LEFT = "left"
    BETTER = "better"
    ENTERED = "entered"
    TESTS = "tests"


#: What each says in words.
COURSES: Mapping[Course, str] = {
    Course.WORSE: "Worse than before",
    Course.LEFT: "In the matrix no more",
    Course.BETTER: "Better than before",
    Course.ENTERED: "New in the matrix",
    Course.TESTS: "Same status, other results",
}
_ORDER = {course: place for place, course in enumerate(Course)}
_RANK = {status: rank for rank, status in enumerate(VoStatus)}


class Mark(NamedTuple):
    """A cell at one of the moments. address: relative to the matrix, "" where there is no result."""

    kind: Kind
    letter: str
    summary: str = ""
    address: str = ""


class TestChange(NamedTuple):
    """A test that said something else. None: it was not asked for at that moment."""

    test: str
    abbreviation: str
    before: Mark | None
    after: Mark | None


class Change(NamedTuple):
    """A service under a VO of which something changed. None: it was not in the matrix for that VO."""

    course: Course
    row: Row
    vo: str
    before: VoStatus | None
    after: VoStatus | None
    tests: tuple[TestChange, ...]

    @property
    def words(self) -> str:
        return COURSES[self.course]


@dataclass(frozen=True)
class Comparison:
    """Changes in the order of the page; sums by VO before and after."""

    start: datetime
    end: datetime
    changes: tuple[Change, ...]
    before: Mapping[str, Mapping[VoStatus, int]]
    after: Mapping[str, Mapping[VoStatus, int]]

    def counts(self) -> dict[Course, int]:
        found = dict.fromkeys(Course, 0)
        for change in self.changes:
            found[change.course] += 1
        return found


def read_comparison(choice: Choice, start: datetime, end: datetime, now: datetime) -> Comparison:
    """The matrix of that choice at `start` and at `end`; its filter by status is left out: it would hide
    what changed."""
    choice = replace(choice, statuses=())
    before, after = matrix_at(choice, start, now), matrix_at(choice, end, now)
    found = sorted(_changes(before, after), key=lambda change: _ORDER[change.course])
    return Comparison(start, end, tuple(found), before.summary, after.summary)


def matrix_at(choice: Choice, at: datetime, now: datetime) -> Matrix:
    """The matrix of an instant; of today's statuses where that is now."""
    if at >= now:
        return read_matrix(choice, now, with_summaries=True)
    with as_of(at):
        return read_matrix(choice, at, is_past=True, with_summaries=True)


def _changes(before: Matrix, after: Matrix) -> Iterator[Change]:
    old = {(line.row.hostname, line.row.service_type): line for line in before.lines}
    new = {(line.row.hostname, line.row.service_type): line for line in after.lines}
    for key in [*new, *(key for key in old if key not in new)]:
        for place, vo in enumerate(after.choice.vos):
            then, now = _side(before, vo, place, old.get(key)), _side(after, vo, place, new.get(key))
            row = (new.get(key) or old[key]).row
            if (change := _change(row, vo, then, now)) is not None:
                yield change


class _Side(NamedTuple):
    """A service for a VO at one of the moments. marks: test -> (abbreviation, what it said)."""

    status: VoStatus | None
    marks: Mapping[str, tuple[str, Mark]]


def _side(matrix: Matrix, vo: str, place: int, line: Line | None) -> _Side:
    part = line.parts[place] if line else None
    if line is None or part is None:
        return _Side(None, {})
    columns = matrix.columns[vo]
    return _Side(part.status, dict(_marks(matrix, columns, part, f"{to_code(line.row.id)}{matrix.suffix}")))


def _marks(matrix: Matrix, columns: tuple[Column, ...], part: Part, row: str) -> Iterator[tuple[str, tuple[str, Mark]]]:
    for column, asked, seen in zip(columns, part.asked, part.seen, strict=True):
        if asked is not None:
            kind, letter = cell(asked, seen, stages=matrix.stages)
            address = f"{cell_code(column.test, column.view)}/{row}" if seen else ""
            yield column.name, (column.abbreviation, Mark(kind, letter, _summary(seen), address))


def _summary(seen: Seen | None) -> str:
    return seen.summary if seen else ""


def _change(row: Row, vo: str, before: _Side, after: _Side) -> Change | None:
    tests = () if before.status is None or after.status is None else tuple(_tests(before, after))
    if before.status == after.status and not tests:
        return None
    return Change(_course(before.status, after.status), row, vo, before.status, after.status, tests)


def _course(before: VoStatus | None, after: VoStatus | None) -> Course:
    if before is None:
        return Course.ENTERED
    if after is None:
        return Course.LEFT
    if before is after:
        return Course.TESTS
    return Course.WORSE if _RANK[after] < _RANK[before] else Course.BETTER


def _tests(before: _Side, after: _Side) -> Iterator[TestChange]:
    """Tests with another kind of answer, or another value; a new first line alone is no change."""
    nothing = ("", None)
    for name in [*after.marks, *(name for name in before.marks if name not in after.marks)]:
        (old_word, old), (new_word, new) = before.marks.get(name, nothing), after.marks.get(name, nothing)
        if old is None or new is None or old[:2] != new[:2]:
            yield TestChange(name, new_word or old_word, old, new)
