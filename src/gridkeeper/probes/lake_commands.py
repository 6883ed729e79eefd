"""`gridkeeper lake ...`: what the lake holds, and its upkeep by hand.

Each command imports what it needs of the lake itself: two seconds, for which no other command is to wait.
"""

import json
from typing import Annotated

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

_ALL_DAYS = 100_000

lake_app = typer.Typer(help="What the lake of facts holds, and its upkeep.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(lake_app, name="lake")


@lake_app.command()
def status(
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show rows, files and bytes of each table, what waits in the inbox, and which days are not compacted."""
    from gridkeeper.probes.lake_report import lake_report

    if output not in ("text", "json"):
        raise typer.BadParameter(f"{output!r} is not a format; write text or json", param_hint="--format")
    report = lake_report(timezone.now())
    if output == "json":
        typer.echo(json.dumps(report, indent=1, default=str))
        return
    table = Table("table", "version", "days", "files", "rows", "bytes", "bytes a row")
    for line in report["tables"]:
        table.add_row(*(str(value) for value in line.values()))
    Console().print(table)
    waiting = report["inbox"]
    typer.echo(f"Inbox: {waiting['rows']} results in {waiting['batches']} batches.")
    typer.echo(f"Closed days to compact: {', '.join(report['days_to_compact']) or 'none'}.")


@lake_app.command("rebuild-status")
def rebuild_status_() -> None:
    """Compute the latest status of every series anew from the facts."""
    from gridkeeper.probes.rebuild import RebuildError, rebuild_status

    try:
        count = rebuild_status()
    except RebuildError as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Latest status of {count} series rebuilt from facts.")


@lake_app.command()
def compact() -> None:
    """Compact the closed days that are not compacted, or that got late results since."""
    from gridkeeper.probes import tasks

    typer.echo(f"{tasks.compact(timezone.now(), _ALL_DAYS)} days compacted.")


@lake_app.command()
def flush() -> None:
    """Move what waits in the inbox to the lake now."""
    from gridkeeper.bus import inbox, mover
    from gridkeeper.lake.store import open_lake

    moved = mover.move_all(open_lake())
    typer.echo(f"{moved.rows} results in {moved.batches} batches moved, {moved.repeated} were there already.")
    if inbox.backlog("results").batches:
        typer.echo("gridkeeper: batches are left in the inbox: another mover is at work; try again", err=True)
        raise typer.Exit(1)


@lake_app.command()
def expire() -> None:
    """Drop results and logs past their retention, and delete files that nothing refers to."""
    from gridkeeper.probes import tasks

    typer.echo(f"{tasks.expire(timezone.now())} files dropped.")
