"""A grid of figures as HTML, written by hand: of 500 sites it has thousands of cells, too many for a template."""

from collections.abc import Iterator

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from gridkeeper.availability.grid import Cell, Grid, Row
from gridkeeper.availability.periods import Column


def grid_html(grid: Grid) -> SafeString:
    """The table; all text that comes from outside is escaped here."""
    return mark_safe("".join(_parts(grid)))  # noqa: S308  every text is escaped


def _parts(grid: Grid) -> Iterator[str]:
    yield f'<table class="month-table"><caption class="visually-hidden">{escape(grid.caption)}</caption><thead><tr>'
    yield f'<th scope="col" class="month-name">{escape(grid.corner)}</th>'
    for head in grid.heads:
        yield f'<th scope="col" class="month-whole">{escape(head)}</th>'
    yield from (_head(column) for column in grid.columns)
    yield "</tr></thead>"
    for group in grid.groups:
        yield "<tbody>"
        for row in group:
            yield from _row(row)
        yield "</tbody>"
    yield "</table>"


def _head(column: Column) -> str:
    weekend = ' class="is-weekend"' if column.is_weekend else ""
    return f'<th scope="col"{weekend} title="{escape(column.title)}">{escape(column.label)}</th>'


def _row(row: Row) -> Iterator[str]:
    name = escape(row.name)
    below = '<span class="visually-hidden"> below target</span>' if row.is_met is False else ""
    is_stop = " data-row" if row.kind == "site" else ""
    yield f'<tr class="month-{row.kind}"{is_stop}><th scope="row" class="month-name" title="{name}">'
    yield f'<a href="{escape(row.url)}">{name}</a>{below}</th>' if row.url else f"{name}{below}</th>"
    for cell in row.whole:
        yield _cell(cell, "month-whole ") if cell else '<td class="month-whole"></td>'
    for cell in row.cells:
        yield _cell(cell, "") if cell else "<td></td>"
    yield "</tr>"


def _cell(cell: Cell, classes: str) -> str:
    text = f'<a href="{escape(cell.url)}">{cell.text}</a>' if cell.url else cell.text
    return f'<td class="{classes}grade-{cell.grade}" title="{escape(cell.title)}">{text}</td>'
