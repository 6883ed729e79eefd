"""`gridkeeper good-sites`: the list for brokers, cron jobs and people at a console."""

import json
import sys
from enum import StrEnum

import typer
from django.utils import timezone

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.selection.errors import UnknownVoError
from gridkeeper.selection.judge import answer
from gridkeeper.selection.outputs import as_json, as_text

_USAGE = 2


class Format(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @app.command("good-sites")
    def good_sites(
        vo: str = typer.Option(..., "--vo", help="Name of the VO, e.g. lhcb."),
        at: str = typer.Option("", "--at", help="2026-03-10T14:00Z, or 14:00 (today, UTC), or 1h (an hour ago)."),
        format: Format = typer.Option(Format.TEXT, "--format", help="text: a line per site."),  # noqa: A002, B008
    ) -> None:
        """Which sites are good for a VO, and why the others are excluded. Exit status 2: no such VO or time."""
        try:
            found = answer(vo, parse_moment(at, timezone.now()))
        except (UnknownVoError, MomentError) as error:
            sys.stderr.write(f"gridkeeper good-sites: {error}\n")
            raise typer.Exit(_USAGE) from error
        text = as_text(found) if format is Format.TEXT else json.dumps(as_json(found), indent=2) + "\n"
        sys.stdout.write(text)
