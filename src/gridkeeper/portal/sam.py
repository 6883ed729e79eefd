"""SAM's view as values: a service type's nodes with the eight codes, test by test; and LHCb's, a VO's tests site by
site, a table for each service type."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from gridkeeper.portal.matrix import Choice, Column, Line, Matrix, Part, Row, read_matrix
from gridkeeper.portal.matrix_html import because, cell_code, to_code
from gridkeeper.portal.matrix_rules import Asked, Seen, VoStatus
from gridkeeper.portal.sam_rules import SamCode, code_of, code_of_service, worst_code


class SamCell(NamedTuple):
    """What one test says. address: of its log, relative to the matrix; "" where there is no result.

    is_consequence: it failed, or was not run, because of another failure
    """

    test: str
    code: SamCode
    address: str
    title: str
    is_critical: bool
    is_consequence: bool


class SamPart(NamedTuple):
    """A node for a VO. cells: column by column, None where the test is not for services of its type."""

    code: SamCode
    cells: tuple[SamCell | None, ...]


class SamLine(NamedTuple):
    """A row of the table. parts: VO by VO, None where the node does not support it; code: the worst of them."""

    number: int
    row: Row
    code: SamCode
    parts: tuple[SamPart | None, ...]


@dataclass(frozen=True)
class SamTable:
    """The nodes of one service type (or of all). sums: per VO, before the filter by code."""

    columns: Mapping[str, tuple[Column, ...]]
    lines: tuple[SamLine, ...]
    sums: Mapping[str, Mapping[SamCode, int]]
    borrowed: Mapping[str, str]


#: Pairs of VO ("" for any that is shown) and code.
Codes = Sequence[tuple[str, SamCode]]


def read_sam(choice: Choice, codes: Codes, at: datetime, *, is_past: bool) -> SamTable:
    """SAM's page of that choice, of the queries that the matrix costs."""
    found = _matrix(choice, at, is_past=is_past)
    lines = [_line(found, line) for line in found.lines]
    sums: dict[str, Counter[SamCode]] = {vo: Counter() for vo in choice.vos}
    for line in lines:
        for vo, part in zip(choice.vos, line.parts, strict=True):
            if part:
                sums[vo][part.code] += 1
    kept = [line for line in lines if _is_chosen(line, choice.vos, codes)]
    numbered = tuple(line._replace(number=number) for number, line in enumerate(kept, start=1))
    return SamTable(found.columns, numbered, sums, found.borrowed)


def _matrix(choice: Choice, at: datetime, *, is_past: bool) -> Matrix:
    return read_matrix(replace(choice, statuses=()), at, is_past=is_past, with_summaries=True)


def _line(found: Matrix, line: Line) -> SamLine:
    row = f"{to_code(line.row.id)}{found.suffix}"
    parts = tuple(
        None if part is None else _part(columns, part, row)
        for columns, part in zip(found.columns.values(), line.parts, strict=True)
    )
    return SamLine(0, line.row, worst_code(part.code for part in parts if part), parts)


def _part(columns: Sequence[Column], part: Part, row: str) -> SamPart:
    tests = [(asked, seen) for asked, seen in zip(part.asked, part.seen, strict=True) if asked is not None]
    cells = tuple(
        None if asked is None else _cell(column, asked, seen, row)
        for column, asked, seen in zip(columns, part.asked, part.seen, strict=True)
    )
    return SamPart(code_of_service(tests, is_in_downtime=part.status is VoStatus.SD), cells)


def _cell(column: Column, asked: Asked, seen: Seen | None, row: str) -> SamCell:
    address = f"{cell_code(column.test, column.view)}/{row}" if seen else ""
    return SamCell(
        column.name,
        code_of(asked, seen),
        address,
        "\n".join([seen.status.name, seen.summary, *because(seen)]) if seen else "no result within its validity",
        asked.is_critical,
        bool(seen and (seen.root or seen.cause)),
    )


def _is_chosen(line: SamLine, vos: Sequence[str], codes: Codes) -> bool:
    if not codes:
        return True
    stands = {(vo, part.code) for vo, part in zip(vos, line.parts, strict=True) if part}
    return any((vo, code) in stands or (not vo and line.code is code) for vo, code in codes)


class TypeTable(NamedTuple):
    """The table of a service type on LHCb's page. rows: site by site."""

    service_type: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Row, SamPart], ...]
    left_out: int = 0


def read_tests(choice: Choice, codes: Codes, at: datetime, *, is_past: bool) -> tuple[TypeTable, ...]:
    """LHCb's page for the first VO of the choice: each service type with the tests that the VO runs on it."""
    found = _matrix(replace(choice, vos=choice.vos[:1]), at, is_past=is_past)
    columns = next(iter(found.columns.values()), ())
    lines = [line for line in found.lines if line.parts[0] is not None]
    tables = (_table(found, kind, columns, lines, codes) for kind in sorted({line.row.service_type for line in lines}))
    return tuple(table for table in tables if table.columns)


def _table(found: Matrix, kind: str, columns: Sequence[Column], lines: Iterable[Line], codes: Codes) -> TypeTable:
    own = [line for line in lines if line.row.service_type == kind]
    places = [place for place, asked in enumerate(own[0].parts[0].asked) if asked is not None]  # type: ignore[union-attr]
    wanted = {code for _, code in codes}
    rows = tuple(_rows(found, columns, own, places))
    kept = tuple((row, part) for row, part in rows if not wanted or part.code in wanted)
    return TypeTable(kind, tuple(columns[place] for place in places), kept, len(rows) - len(kept))


def _rows(
    found: Matrix, columns: Sequence[Column], lines: Iterable[Line], places: Sequence[int]
) -> Iterator[tuple[Row, SamPart]]:
    for line in sorted(lines, key=lambda line: (line.row.site, line.row.hostname)):
        part = line.parts[0]
        if part is not None:
            whole = _part(columns, part, f"{to_code(line.row.id)}{found.suffix}")
            yield line.row, SamPart(whole.code, tuple(whole.cells[place] for place in places))
