"""`gridkeeper downtime declare|extend|end|cancel|import`: downtimes from the console, as the installation itself."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from django.core.exceptions import ValidationError
from django.utils import timezone

from gridkeeper.core.windows import NaiveTimeError, parse_time
from gridkeeper.people.actor import Actor
from gridkeeper.registry import downtime_actions, downtime_sequels
from gridkeeper.registry.downtime_bulk import BulkFileError, BulkReport, BulkRow, Names, declare_many, parse_csv
from gridkeeper.registry.models import Downtime, Service, Severity

EXIT_REFUSED = 1
EXIT_UNREADABLE = 2
#: Rejected rows that are printed; all are in the JSON report.
_SHOWN = 50

Key = Annotated[str, typer.Argument(help="Key of the downtime, as its page's address has it.")]
Reason = Annotated[str, typer.Option(help="Kept in the history; at most 300 characters.")]
Services = Annotated[
    list[str] | None, typer.Option("--service", help="Key, TYPE@HOST or HOST; several by repeating it.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be declared; declare nothing.")]


def register(app: typer.Typer) -> None:
    """Adds `gridkeeper downtime`."""
    group = typer.Typer(
        help="Declare and change downtimes. Exit status: 0 when done, 1 when refused, 2 when the input is no input.",
        no_args_is_help=True,
    )
    group.command("declare")(declare)
    group.command("extend")(extend)
    group.command("end")(end)
    group.command("cancel")(cancel)
    group.command("import")(import_file)
    app.add_typer(group, name="downtime")


def declare(
    start: Annotated[str, typer.Option(help="2026-03-24T09:00Z, or with another offset.")],
    end: Annotated[str, typer.Option(help="The first instant after it.")],
    description: Annotated[str, typer.Option(help="What is done and what users will notice.")],
    site: Annotated[str, typer.Option(help="Name or key: all its services, unless some are named.")] = "",
    service: Services = None,
    severity: Annotated[str, typer.Option(help="OUTAGE or WARNING (at risk).")] = Severity.OUTAGE.value,
    dry_run: DryRun = False,
) -> None:
    """Declare a downtime of a site or of some services; prints its key."""
    row = BulkRow(1, severity.upper(), _moment(start), _moment(end), description, site, tuple(service or ()))
    report = declare_many(Actor.system("cli"), rows=[row], now=timezone.now(), is_dry_run=dry_run)
    line = report.lines[0]
    if line.problems:
        _fail("; ".join(f"{field}: {text}" if field else text for field, text in line.problems), EXIT_REFUSED)
    typer.echo(f"{line.key} {line.outcome}, {line.classification}".strip().rstrip(","))


def extend(
    key: Key,
    end: Annotated[str, typer.Option(help="The new end.")],
    reason: Reason,
    service: Services = None,
) -> None:
    """Continue a downtime by a linked tail; prints the tail's key."""
    downtime = _downtime(key)
    with _refusals():
        tail = downtime_sequels.extend_downtime(
            Actor.system("cli"), downtime=downtime, end=_moment(end), reason=reason, now=timezone.now(),
            services=_services(service) if service else None,
        )  # fmt: skip
    typer.echo(f"{tail.key} extends {key} until {tail.end:%Y-%m-%d %H:%M} UTC, {tail.classification}")


def end(key: Key, reason: Reason, service: Services = None) -> None:
    """End a running downtime a minute from now, or only some of its services."""
    downtime, now, actor = _downtime(key), timezone.now(), Actor.system("cli")
    with _refusals():
        if service:
            downtime_sequels.end_part(
                actor, downtime=downtime, services=_services(service), at=now, reason=reason, now=now
            )
        else:
            downtime_actions.end_downtime_now(actor, downtime=downtime, reason=reason, now=now)
    typer.echo(f"{key} {'ends in part' if service else 'ends'} a minute from now")


def cancel(key: Key, reason: Reason) -> None:
    """Cancel a downtime that has not begun; it stays readable as cancelled."""
    downtime = _downtime(key)
    with _refusals():
        downtime_actions.cancel_downtime(Actor.system("cli"), downtime=downtime, reason=reason, now=timezone.now())
    typer.echo(f"{key} is cancelled")


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV; `-` reads standard input.", metavar="FILE.CSV", allow_dash=True)],
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report as JSON.")] = False,
) -> None:
    """Declare the downtimes of a CSV file; rows that cannot be are reported, the others kept."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
        rows, rejected = parse_csv(text)
    except (BulkFileError, UnicodeDecodeError, OSError) as error:
        _fail(f"{file}: {error}", EXIT_UNREADABLE)
    actor = Actor.system("cli")
    report = declare_many(actor, rows=rows, now=timezone.now(), is_dry_run=dry_run, rejected=rejected)
    _print(report, as_json=as_json)
    if report.rejected:
        raise typer.Exit(EXIT_REFUSED)


def _print(report: BulkReport, *, as_json: bool) -> None:
    if as_json:
        json.dump([asdict(line) for line in report.lines], sys.stdout, ensure_ascii=False, indent=1)
        sys.stdout.write("\n")
        return
    for line in report.rejected[:_SHOWN]:
        for field, text in line.problems:
            typer.echo(f"line {line.line}: {f'{field}: ' if field else ''}{text}")
    if len(report.rejected) > _SHOWN:
        typer.echo(f"and {len(report.rejected) - _SHOWN} more rejected lines; --json prints all")
    typer.echo(report.sentence)


def _downtime(key: str) -> Downtime:
    found = Downtime.objects.filter(key=key).first()
    return found or _fail(f"no downtime {key!r}; its page's address ends with its key", EXIT_UNREADABLE)


def _services(words: list[str]) -> list[Service]:
    now = timezone.now()
    row = BulkRow(1, "", now, now, "", services=tuple(words))
    with _refusals():
        return Names.of([row]).services(row)


def _moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except (NaiveTimeError, ValueError) as error:
        _fail(f"{text!r} is no time: {error}; write 2026-03-24T09:00Z", EXIT_UNREADABLE)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        _fail("; ".join(error.messages), EXIT_REFUSED)


def _fail(text: str, status: int) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(status)
