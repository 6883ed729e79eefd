"""The cells of the matrix as HTML text. Twelve thousand of them: a template node each would take a second.

What comes from outside (names, hosts, first lines) is escaped where it is put in. Addresses of cells are short and
relative to the page (`c/7`: test 12, row 7; `lhcb/c/7` with the VO's view): with the true ones, each with two 64-bit
numbers, the page would be four times as big. Closing tags that HTML lets one leave out are left out.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from html import escape
from urllib.parse import quote

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from gridkeeper.core.status import Status
from gridkeeper.portal.matrix import Column, Line, Matrix, Part
from gridkeeper.portal.matrix_rules import Asked, Kind, Seen, VoStatus, cell

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
#: Longest first line in a title; the rest is in the log.
_TITLE = 90
#: Rows of one table. Style sheets know the height of 1 to ROWS rows.
ROWS = 10
_QUIET = frozenset({Kind.OK, Kind.INFORMATION, Kind.MISSING})


def to_code(number: int) -> str:
    """A number in base 36.

    >>> to_code(12), to_code(36), to_code(0)
    ('c', '10', '0')
    """
    code = ""
    while number >= 36:
        number, rest = divmod(number, 36)
        code = _DIGITS[rest] + code
    return _DIGITS[number] + code


def from_code(code: str) -> int:
    """The number of a code of at most 12 digits.

    >>> from_code("10")
    36
    """
    return int(code, 36)


def body_of(matrix: Matrix) -> SafeString:
    """The regions, each a section that folds, with its rows in tables of at most ROWS.

    Browsers lay out and paint only the tables near what is in sight (`content-visibility`, which one table cannot do
    for its rows): 400 rows of 52 cells scroll without a task of 50 ms.
    """
    head = _columns(matrix) + _heads(matrix)
    parts = []
    for place, (region, lines) in enumerate(matrix.by_region()):
        parts.append(f"<section id=g{place} class=g-region>{_region(place, region, lines)}")
        for some in _batches(lines):
            rows = "".join([row_of(matrix, line) for line in some])
            parts.append(f"<div class='mc n{len(some)}'><table class=matrix>{head}<tbody>{rows}</table></div>")
        parts.append("</section>\n")
    return mark_safe("".join(parts))  # noqa: S308  every text in it is escaped where it is put in


def _batches(lines: Sequence[Line]) -> Iterator[Sequence[Line]]:
    return (lines[start : start + ROWS] for start in range(0, len(lines), ROWS))


def columns_of(matrix: Matrix) -> SafeString:
    """The widths of the columns, the same for all tables."""
    return mark_safe(_columns(matrix))  # noqa: S308  numbers only


def _columns(matrix: Matrix) -> str:
    tests = (f"<col class=w-test span={len(columns)}>" * bool(columns) for columns in matrix.columns.values())
    return (
        "<colgroup><col class=w-no><col class=w-st><col class=w-site><col class=w-node>"
        + "".join(f"<col class=w-vo>{each}" for each in tests)
        + "</colgroup>"
    )


def _heads(matrix: Matrix) -> str:
    """The heads again, for readers of the screen and of paper; the eye has those on top."""
    words = ["No", "St.", "Site", "Node"]
    for vo, columns in matrix.columns.items():
        words += [vo, *(column.abbreviation for column in columns)]
    return f"<thead class=again><tr>{''.join(f'<th>{escape(word)}' for word in words)}</thead>"


def _region(place: int, region: str, lines: Sequence[Line]) -> str:
    return (
        f"<div class=g><label><input type=checkbox class=fold checked "
        f'data-region="{escape(region)}" aria-label="Show {escape(region)}"><b>{escape(region)}</b> '
        f"<small id=c{place}>{_count(lines)}</small></label></div>"
    )


def _count(lines: Sequence[Line]) -> str:
    return f"{sum(1 for line in lines if line.overall is VoStatus.OK)} of {len(lines)} OK"


def row_of(matrix: Matrix, line: Line, attributes: str = "") -> str:
    """One row; `attributes` for its tr."""
    row, code = line.row, to_code(line.row.id)
    text = [
        f"<tr id=r{code}{attributes}><td>{line.number}<td class={line.overall}>{line.overall}"
        f'<th scope=row><a href="{_address("portal:site", row.site_key)}">{escape(row.site)}</a>'
        f'<td><a href="{_address("portal:service", row.key)}">{escape(row.hostname)}</a>'
    ]
    for columns, part in zip(matrix.columns.values(), line.parts, strict=True):
        text += _part(f"{code}{matrix.suffix}", columns, part, matrix.stages)
    return "".join(text)


@lru_cache(maxsize=4)
def _pattern(name: str) -> str:
    return reverse(name, args=["KEY"])


def _address(name: str, key: str) -> str:
    return _pattern(name).replace("KEY", quote(key, safe=""))


def _part(row: str, columns: Sequence[Column], part: Part | None, stages: frozenset[str]) -> list[str]:
    if part is None:
        return [f"<td class=e colspan={1 + len(columns)}>not supported"]
    cells = [f"<td class={part.status}>{part.status}"]
    for column, asked, seen in zip(columns, part.asked, part.seen, strict=True):
        cells.append(
            "<td>" if asked is None else _cell(f"{cell_code(column.test, column.view)}/{row}", asked, seen, stages)
        )
    return cells


def _cell(address: str, asked: Asked, seen: Seen | None, stages: frozenset[str]) -> str:
    """address: as HTML holds it without quotes"""
    kind, letter = cell(asked, seen, stages=stages)
    if seen is None:
        return f"<td class={kind}>{letter}"
    kind_class = _class(kind, letter, seen)
    title = "" if kind in _QUIET else f' title="{escape(title_of(seen))}"'
    return f"<td class={kind_class}><a href={address}{title}>{_letter(letter)}</a>"


def _class(kind: Kind, letter: str, seen: Seen) -> str:
    """`v`: shows a value; `r`: the root of other failures."""
    if kind is Kind.OK and letter != "O":
        return '"o v"'
    return f'"{kind} r"' if seen.follows else kind


@lru_cache(maxsize=4096)
def cell_code(test: int, view: str) -> str:
    """The part of a cell's address that names the test and the VO whose view it is."""
    return f"{quote(view, safe='')}/{to_code(test)}" if view else to_code(test)


@lru_cache(maxsize=1024)
def _letter(letter: str) -> str:
    return escape(letter)


def title_of(seen: Seen) -> str:
    """Result, first line (which often begins with the result) and cause. The age is added on hover, when it is true.

    >>> title_of(Seen(Status.CRITICAL, "connection refused")), title_of(Seen(Status.WARNING, "WARNING - 3 days left"))
    ('CRITICAL: connection refused', 'WARNING - 3 days left')
    """
    words = seen.summary[:_TITLE] + ("…" if len(seen.summary) > _TITLE else "")
    name = Status(seen.status).name
    said = words if words.upper().startswith(name) else f"{name}: {words}".removesuffix(": ")
    return "\n".join([said, *because(seen)])


def because(seen: Seen) -> list[str]:
    """What is known of why, and of what follows: no line, one or two."""
    lines = [seen.root[:1].upper() + seen.root[1:]] if seen.root else []
    if seen.follows:
        lines.append(f"{seen.follows} other failure{'s follow' if seen.follows > 1 else ' follows'} from it")
    return lines


def swapped_rows(matrix: Matrix, lines: Sequence[Line]) -> SafeString:
    """Rows that take the place of those with their id. In templates, as rows cannot stand outside a table."""
    rows = (f"<template>{row_of(matrix, line, ' hx-swap-oob=true')}</template>" for line in lines)
    return mark_safe("".join(rows))  # noqa: S308  see body_of


def swapped_counts(matrix: Matrix) -> SafeString:
    """The sums of the regions, in the place of those with their id."""
    sums = (
        f"<small id=c{place} hx-swap-oob=true>{_count(lines)}</small>"
        for place, (_, lines) in enumerate(matrix.by_region())
    )
    return mark_safe("".join(sums))  # noqa: S308  numbers only
