"""`gridkeeper backup` and `gridkeeper restore`."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from gridkeeper.cli.backup import BackupError, make_backup, restore_backup
from gridkeeper.core.units import format_bytes


def register(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def backup(target: Annotated[Path, typer.Argument(help="File to write, e.g. gridkeeper-2026-11-21.tar.")]) -> None:
    """Write state and lake to one file, while everything runs."""
    try:
        size_bytes = make_backup(settings.GRIDKEEPER, target, timezone.now())
    except (BackupError, OSError) as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"wrote {target}, {format_bytes(size_bytes)}")


def restore(source: Annotated[Path, typer.Argument(help="File that `gridkeeper backup` wrote.")]) -> None:
    """Put a backup back into an empty data folder, then bring it to this version."""
    try:
        manifest = restore_backup(settings.GRIDKEEPER, source)
    except (BackupError, OSError) as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(1) from error
    call_command("migrate", verbosity=0, interactive=False)
    # Facts that reached the lake after the state was copied are in no projection yet.
    import_module("gridkeeper.probes.rebuild").rebuild_status()
    typer.echo(f"restored {source}, made at {manifest['made_at']} by gridkeeper {manifest['gridkeeper']}")
