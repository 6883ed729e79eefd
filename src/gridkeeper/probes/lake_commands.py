"""`gridkeeper lake ...`: what the lake holds, and its upkeep by hand."""

import json
from typing import Annotated, Any

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.bus import inbox, mover
from gridkeeper.lake import compaction
from gridkeeper.lake.settled import settled_runs
from gridkeeper.lake.store import Lake, open_lake
from gridkeeper.lake.tables import table_names
from gridkeeper.probes import tasks
from gridkeeper.probes.rebuild import RebuildError, rebuild_status

_ALL_DAYS = 100_000

lake_app = typer.Typer(help="What the lake of facts holds, and its upkeep.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(lake_app, name="lake")


@lake_app.command()
def status(
    output: Annotated[str, typer.Option("--format", help="text or json.")] = "text",
) -> None:
    """Show rows, files and bytes of each table, what waits in the inbox, and which days are not compacted."""
    if output not in ("text", "json"):
        raise typer.BadParameter(f"{output!r} is not a format; write text or json", param_hint="--format")
    report = _report(open_lake())
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


def _report(lake: Lake) -> dict[str, Any]:
    waiting = inbox.backlog("results")
    days = compaction.days_to_compact(lake, timezone.now())
    return {
        "root": lake.root,
        "tables": [_line(lake, name) for name in table_names()],
        "inbox": {"batches": waiting.batches, "rows": waiting.rows, "oldest_at": waiting.oldest_at},
        "settled_days": _settled_days(lake),
        "days_to_compact": [day.isoformat() for day in days],
    }


def _line(lake: Lake, name: str) -> dict[str, Any]:
    snapshot = lake.snapshot(name)
    rows, size = sum(file.rows for file in snapshot.files), sum(file.size for file in snapshot.files)
    return {
        "table": name,
        "version": snapshot.version,
        "days": len({file.day for file in snapshot.files if file.day}),
        "files": len(snapshot.files),
        "rows": rows,
        "bytes": size,
        "bytes_a_row": round(size / rows, 2) if rows else None,
    }


def _settled_days(lake: Lake) -> int:
    results, runs = lake.snapshot("results"), lake.snapshot("runs")
    days = {file.day for file in runs.files if file.day is not None}
    return sum(settled_runs(results, runs, day) is not None for day in days)


@lake_app.command("rebuild-status")
def rebuild_status_() -> None:
    """Compute the latest status of every series anew from the facts."""
    try:
        count = rebuild_status()
    except RebuildError as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Latest status of {count} series rebuilt from facts.")


@lake_app.command()
def compact() -> None:
    """Compact the closed days that are not compacted, or that got late results since."""
    typer.echo(f"{tasks.compact(timezone.now(), _ALL_DAYS)} days compacted.")


@lake_app.command()
def flush() -> None:
    """Move what waits in the inbox to the lake now."""
    moved = mover.move_all(open_lake())
    typer.echo(f"{moved.rows} results in {moved.batches} batches moved, {moved.repeated} were there already.")
    if inbox.backlog("results").batches:
        typer.echo("gridkeeper: batches are left in the inbox: another mover is at work; try again", err=True)
        raise typer.Exit(1)


@lake_app.command()
def expire() -> None:
    """Drop results and logs past their retention, and delete files that nothing refers to."""
    typer.echo(f"{tasks.expire(timezone.now())} files dropped.")
