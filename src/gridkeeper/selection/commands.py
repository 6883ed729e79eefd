"""`gridkeeper good-sites`: the list for brokers, cron jobs and people at a console.

This module is loaded without Django where a server is asked (`cli.main`), so it imports what needs it late.
"""

import json
import sys
from enum import StrEnum

import typer

from gridkeeper.selection import client_command

_USAGE = 2


class Format(StrEnum):
    """What `--format` takes."""

    TEXT = "text"
    JSON = "json"
    LDIF = "ldif"
    HTTP_SD = "http_sd"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("good-sites")(good_sites)


def good_sites(
    vo: str = typer.Option(..., "--vo", help="Name of the VO, e.g. lhcb."),
    at: str = typer.Option("", "--at", help="2026-03-10T14:00Z, or 14:00 (today, UTC), or 1h (an hour ago)."),
    format: Format = typer.Option(Format.TEXT, "--format", help="text: a line per site."),  # noqa: A002, B008
    server: str = typer.Option(
        "", "--server", envvar="GRIDKEEPER_SERVER", help="Ask https://SERVER and print the good ones, a name a line."
    ),
    cache: str = typer.Option("", "--cache", help="With --server: file that keeps the last answer for an outage."),
    max_age: int = typer.Option(3600, "--max-age", min=0, help="Seconds for which the cache is used."),
    least: int = typer.Option(1, "--least", min=0, help="Fewer good sites than this are not believed."),
    token_file: str = typer.Option("", "--token-file", help="File with an API token, where reading asks for one."),
    output: str = typer.Option("", "--output", help="Write here, whole or not at all, instead of printing."),
    timeout: float = typer.Option(20.0, "--timeout", min=0.1, help="Seconds to wait for the server."),
) -> None:
    """Which sites are good for a VO, and why the others are excluded.

    With --server it is a client for cron: exit status 0: the list, fresh or from the cache (then with a warning); 2: no
    such VO, or a token that opens nothing; 3: nothing can be believed, nothing was printed, --output stays as it was.
    """
    if not server:
        _judge_here(vo, at, format)
        return
    if at or format not in {Format.TEXT, Format.JSON}:
        sys.stderr.write("gridkeeper good-sites: --server goes with --format text or json, and without --at\n")
        raise typer.Exit(_USAGE)
    client_command.run(
        server, vo, cache=cache, max_age_s=max_age, least=least, token_file=token_file, output=output,
        is_json=format is Format.JSON, timeout_s=timeout,
    )  # fmt: skip


def _judge_here(vo: str, at: str, wanted: Format) -> None:
    """From this installation's own database."""
    from django.utils import timezone

    from gridkeeper.core.moments import MomentError, parse_moment
    from gridkeeper.selection.errors import UnknownVoError
    from gridkeeper.selection.judge import answer
    from gridkeeper.selection.outputs import as_json, as_text
    from gridkeeper.selection.publish import as_http_sd, as_ldif

    try:
        found = answer(vo, parse_moment(at, timezone.now()))
    except (UnknownVoError, MomentError) as error:
        sys.stderr.write(f"gridkeeper good-sites: {error}\n")
        raise typer.Exit(_USAGE) from error
    texts = {
        Format.TEXT: as_text,
        Format.JSON: lambda answer: json.dumps(as_json(answer), indent=2) + "\n",
        Format.LDIF: as_ldif,
        Format.HTTP_SD: as_http_sd,
    }
    sys.stdout.write(texts[wanted](found))
