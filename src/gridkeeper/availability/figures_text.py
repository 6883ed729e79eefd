"""Figures printed: a table for people, CSV and JSON for programs. For `gridkeeper availability show`."""

import csv
import json
import sys
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from gridkeeper.availability import queries
from gridkeeper.availability.queries import Figure, as_row
from gridkeeper.availability.rules import Seconds
from gridkeeper.core.units import format_duration


def _print_table(found: list[Figure]) -> None:
    console = Console()
    if not found:
        Console(stderr=True).print(
            "No figures: nothing was judged in that time. `gridkeeper availability compute` computes days."
        )
        return
    table = Table("period", found[0].place.level, *_NUMBERS)
    table.columns[0].no_wrap, table.columns[1].overflow = True, "fold"
    for column in table.columns[2:]:
        column.justify, column.no_wrap = "right", True
    for figure in found:
        hour = "" if figure.hour is None else f" {figure.hour:02d}h"
        table.add_row(f"{figure.day}{hour}", *_cells(figure.place, figure.seconds))
    if len({(figure.day, figure.hour) for figure in found}) > 1:
        table.add_section()
        for place, seconds in queries.sums(found).items():
            table.add_row("all", *_cells(place, seconds))
    console.print(table)


_NUMBERS = ("avail. %", "rel. %", "critical", "downtime", "unknown")


def _cells(place: queries.Place, seconds: Seconds) -> list[str]:
    words = (place.site_name, place.service_type, place.hostname, place.metric)
    name = " ".join(word for word in words if word) or place.name
    ratios = [_percent(seconds.availability.percent), _percent(seconds.reliability.percent)]
    durations = [format_duration(number) for number in (seconds.critical_s, seconds.down_s, seconds.unknown_s)]
    return [name, *ratios, *durations]


def _percent(value: Decimal | None) -> str:
    return "not computable" if value is None else f"{value:.2f}"


def _rows(found: list[Figure]) -> list[dict[str, Any]]:
    return [as_row(figure.place, figure.day, figure.hour, figure.seconds) for figure in found]


def _print_csv(found: list[Figure]) -> None:
    lines = _rows(found)
    names = list(lines[0]) if lines else ["date"]
    writer = csv.DictWriter(sys.stdout, names)
    writer.writeheader()
    writer.writerows(lines)


def _print_json(found: list[Figure]) -> None:
    sys.stdout.write(json.dumps(_rows(found), indent=1, default=str) + "\n")


#: By the word of --format.
PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
