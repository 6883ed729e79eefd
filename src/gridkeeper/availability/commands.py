"""`gridkeeper availability show | compute | synthesize | argo-day`.

Each command imports what reads the lake itself: a second, for which no other command is to wait.
"""

from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer
from django.utils import timezone
from rich.console import Console

from gridkeeper.availability.argo_day.command import argo_day
from gridkeeper.availability.synthetic_command import synthesize
from gridkeeper.core.windows import Window

availability = typer.Typer(help="Availability and reliability: show figures, compute days again.", no_args_is_help=True)
availability.command("argo-day")(argo_day)

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
    FUNCTION = "function"
    SITE = "site"
    REGION = "region"
    FEDERATION = "federation"


def register(app: typer.Typer) -> None:
    availability.command("argo-day")(argo_day)
    availability.command()(synthesize)
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
    from gridkeeper.availability import figures_text, queries

    window = _window(first, last)
    report = _report(vo)
    if hourly and level is LevelName.METRIC:
        raise typer.BadParameter("metrics have no hourly figures; leave --hourly or ask for a higher level")
    found = queries.figures(window, level=level.value, report=report, hourly=hourly)
    if site:
        found = [figure for figure in found if site in (figure.place.site, figure.place.site_name)]
    figures_text.PRINTERS[format](found)
    if not found and format is Format.TABLE:
        raise typer.Exit(1)


@availability.command()
def compute(first: From, last: To) -> None:
    """Computes the figures of these days again from the facts, today's until now."""
    from gridkeeper.availability.compute import compute_days

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
    from gridkeeper.availability import queries

    known = queries.reports()
    if vo and vo not in known:
        raise typer.BadParameter(f"there is no VO {vo!r}; there are {', '.join(known) or 'none'}")
    return vo or queries.default_report()
