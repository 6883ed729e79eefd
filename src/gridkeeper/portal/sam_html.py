"""The rows of SAM's view as HTML text, as those of the matrix: a template node for each cell would take a second.

What comes from outside is escaped where it is put in. Addresses of cells are relative to the page: `../c/7`.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby
from urllib.parse import quote

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from gridkeeper.portal.matrix import Row
from gridkeeper.portal.sam import SamCell, SamPart, SamTable, TypeTable
from gridkeeper.portal.sam_rules import SamCode

_TITLE = 200
_QUIET = frozenset({SamCode.OK})


def rows_of(found: SamTable) -> SafeString:
    """A row a node: No, region, site, node, status, then VO by VO its tests."""
    has_own = len(found.columns) > 1  # with one VO its status is the row's
    widths = [len(columns) + has_own for columns in found.columns.values()]
    text = []
    for line in found.lines:
        row = line.row
        text.append(
            f"<tr><td>{line.number}<td>{escape(row.region)}<th scope=row>{_site(row)}<td>{_node(row)}"
            f"<td class={line.code}>{line.code}"
        )
        for width, part in zip(widths, line.parts, strict=True):
            text.append(_part(part, width, has_own=has_own))
    return mark_safe("".join(text))  # noqa: S308  every text in it is escaped where it is put in


def _part(part: SamPart | None, width: int, *, has_own: bool) -> str:
    if part is None:
        return f"<td class=e colspan={width}>not supported"
    own = f"<td class={part.code}>{part.code}" if has_own else ""
    return own + "".join(map(_cell, part.cells))


def _cell(cell: SamCell | None) -> str:
    if cell is None:
        return "<td>"
    word = cell.code.lower()
    if cell.is_consequence:
        word = f"({word})"
    kind = f'"{cell.code} con"' if cell.is_consequence else cell.code
    if not cell.address:
        return f"<td class={kind}>{word}"
    title = "" if cell.code in _QUIET else f' title="{escape(cell.title[:_TITLE])}"'
    return f"<td class={kind}><a href=../{cell.address}{title}>{word}</a>"


def rows_by_site(table: TypeTable) -> SafeString:
    """LHCb's order: each site and its service type stand once, beside all its nodes."""
    text = []
    for _, group in groupby(table.rows, key=lambda item: item[0].site_key):
        text.append(_site_rows(list(group), table.service_type))
    return mark_safe("".join(text))  # noqa: S308  see rows_of


def _site_rows(items: Sequence[tuple[Row, SamPart]], kind: str) -> str:
    span = f" rowspan={len(items)}" if len(items) > 1 else ""
    head = f"<th scope=rowgroup{span}>{_site(items[0][0])}<td{span}>{escape(kind)}"
    return "".join(
        f"<tr>{head if place == 0 else ''}<td>{_node(row)}<td class={part.code}>{part.code}{_cells(part.cells)}"
        for place, (row, part) in enumerate(items)
    )


def _cells(cells: Iterable[SamCell | None]) -> str:
    return "".join(map(_cell, cells))


@lru_cache(maxsize=4)
def _pattern(name: str) -> str:
    return reverse(name, args=["KEY"])


def _site(row: Row) -> str:
    return f'<a href="{_pattern("portal:site").replace("KEY", quote(row.site_key, safe=""))}">{escape(row.site)}</a>'


def _node(row: Row) -> str:
    address = _pattern("portal:node").replace("KEY", quote(row.hostname, safe=""))
    return f'<a href="{address}">{escape(row.hostname)}</a>'
