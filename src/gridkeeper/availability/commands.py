"""`gridkeeper availability show | compute`."""

import csv
import json
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.availability import queries
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.queries import Figure, as_row
from gridkeeper.availability.rules import Seconds
from gridkeeper.core.units import format_duration
from gridkeeper.core.windows import Window

availability = typer.Typer(help="Availability and reliability: show figures, compute days again.", no_args_is_help=True)

#: Longest span of one question, in days.
_MOST_DAYS = 3 * 366


class Format(StrEnum):
    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class LevelName(StrEnum):
    METRIC = "metric"
    SERVICE = "service"
    FLAVOUR = "flavour"
    SITE = "site"
    REGION = "region"
    FEDERATION = "federation"


def register(app: typer.Typer) -> None:
    app.add_typer(availability, name="availability")


From = Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day, e.g. 2026-03-01.")]
To = Annotated[str, typer.Option("--to", metavar="DAY", help="Last UTC day; it is included.")]


@availability.command()
def show(
    first: From,
    last: To,
    level: Annotated[LevelName, typer.Option(help="Whose figures.")] = LevelName.SITE,
    format: Annotated[Format, typer.Option(help="table for people; csv and json for programs.")] = Format.TABLE,  # noqa: A002
    vo: Annotated[str, typer.Option(help="The VO whose critical tests judge; default: the operations VO.")] = "",
    site: Annotated[str, typer.Option(help="Only this site: name or key.")] = "",
    hourly: Annotated[bool, typer.Option("--hourly", help="A line for every hour.")] = False,
) -> None:
    """Shows the figures of each day, and in the table of all days together as sums of seconds."""
    window = _window(first, last)
    report = _report(vo)
    if hourly and level is LevelName.METRIC:
        raise typer.BadParameter("metrics have no hourly figures; leave --hourly or ask for a higher level")
    found = queries.figures(window, level=level.value, report=report, hourly=hourly)
    if site:
        found = [figure for figure in found if site in (figure.place.site, figure.place.site_name)]
    _PRINTERS[format](found)
    if not found and format is Format.TABLE:
        raise typer.Exit(1)


@availability.command()
def compute(first: From, last: To) -> None:
    """Computes the figures of these days again from the facts, today's until now."""
    window = _window(first, last)
    with Console(stderr=True).status("computing"):
        done = compute_days(list(window.days()), timezone.now())
    typer.echo(f"{len(done.days)} days, {done.figures} figures, {done.took_s:.1f} s")


def _window(first: str, last: str) -> Window:
    start, end = _day(first, "--from"), _day(last, "--to")
    if end < start:
        raise typer.BadParameter(f"--to {end} lies before --from {start}; exchange them")
    if (end - start).days >= _MOST_DAYS:
        raise typer.BadParameter(f"{(end - start).days + 1} days are too many at once; ask for at most {_MOST_DAYS}")
    midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return Window(midnight, midnight + timedelta(days=(end - start).days + 1))


def _day(text: str, option: str) -> date:
    if text in ("today", "yesterday"):
        return timezone.now().date() - timedelta(days=text == "yesterday")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is not a day; write it as 2026-03-01") from None


def _report(vo: str) -> str:
    known = queries.reports()
    if vo and vo not in known:
        raise typer.BadParameter(f"there is no VO {vo!r}; there are {', '.join(known) or 'none'}")
    return vo or queries.default_report()


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


_PRINTERS = {Format.TABLE: _print_table, Format.CSV: _print_csv, Format.JSON: _print_json}
