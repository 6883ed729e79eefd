"""`gridkeeper mirror gocdb|status|accept|forget`: following another registry."""

import json
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import close_old_connections
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.people.actor import Actor
from gridkeeper.registry import commands
from gridkeeper.registry.importers.follow import Difference
from gridkeeper.registry.importers.pi_client import Access, Cache, PiClient
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.mirror import Followed, follow
from gridkeeper.registry.mirror_actions import decide
from gridkeeper.registry.mirror_actions import forget as forget_source
from gridkeeper.registry.models import MirrorConflict, MirrorSource

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SHORTEST = timedelta(seconds=10)
_SHOWN = 60


class Whose(StrEnum):
    """Whose word counts."""

    OURS = "ours"
    THEIRS = "theirs"


def register(app: typer.Typer) -> None:
    """Adds `gridkeeper mirror`."""
    group = typer.Typer(help="Follow another registry; what people here edit stays theirs.", no_args_is_help=True)
    group.command("gocdb")(gocdb)
    group.command("status")(status)
    group.command("accept")(accept)
    group.command("forget")(forget)
    app.add_typer(group, name="mirror")


def gocdb(
    url: Annotated[str, typer.Argument(help="Address of its programmatic interface, as https://HOST/gocdbpi.")],
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to; default: yours.")] = "",
    every: Annotated[str, typer.Option(help="Run again after this long: 30s, 10m, 1h. Default: once.")] = "",
    once: Annotated[bool, typer.Option("--once", help="One run, whatever --every says.")] = False,
    dry_run: commands.DryRun = False,
    close_at_most: Annotated[
        float,
        typer.Option(min=0, max=100, help="Percent of a kind that may vanish at once; more changes nothing."),
    ] = 10,
    certificate: commands.Certificate = None,
    key: commands.Key = None,
    ca: commands.Authorities = None,
    token_file: commands.TokenFile = None,
    report: commands.Format = commands.ReportFormat.TEXT,
) -> None:
    """Follow a GOCDB. Exit status of one run: 0 it went to its end, 2 nothing was changed, and why."""
    name = commands.named_federation(federation or settings.GRIDKEEPER.federation_name)
    pause = _pause(every)
    with commands.readable():
        access = commands.access_of(certificate, key, ca, token_file)
        if once or pause is None:
            _finish(_run(url, access, name, close_at_most, is_dry_run=dry_run), report)
            return
    _forever(url, access, name, close_at_most, pause, report, is_dry_run=dry_run)


def _pause(text: str) -> timedelta | None:
    if not text:
        return None
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    pause = timedelta(seconds=int(match[1]) * _UNITS_S[match[2]]) if match else timedelta(0)
    if pause < _SHORTEST:
        commands.fail("--every takes a number and a unit, at least 10s: 30s, 10m, 1h")
    return pause


def _run(url: str, access: Access, federation: str, percent: float, *, is_dry_run: bool) -> Followed:
    cache = Cache(settings.GRIDKEEPER.data_dir / "mirror")
    with PiClient(url, access, cache) as client, commands.progress() as bar:
        return follow(
            client, federation, now=timezone.now(), is_dry_run=is_dry_run, closing_ratio=percent / 100, progress=bar
        )


def _forever(
    url: str, access: Access, federation: str, percent: float, pause: timedelta, form: commands.ReportFormat,
    *, is_dry_run: bool,
) -> None:  # fmt: skip
    """Runs until told to stop; what goes wrong is said, and tried again after the pause."""
    with _stopped_by_signals() as stopped:
        while not stopped.is_set():
            try:
                followed = _run(url, access, federation, percent, is_dry_run=is_dry_run)
                if followed.report.has_changes or followed.differences:
                    _finish(followed, form)
            except UnreadableSourceError as error:
                typer.echo(f"gridkeeper: {error}", err=True)
            # A database that restarts in the meantime is found again.
            close_old_connections()
            stopped.wait(pause.total_seconds())


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(followed: Followed, form: commands.ReportFormat) -> None:
    if form is commands.ReportFormat.JSON:
        differences = [_as_dict(each) for each in followed.differences]
        document = commands.public_report(followed.report) | {"differences": differences}
        json.dump(document, sys.stdout, indent=1, ensure_ascii=False, default=str)
        sys.stdout.write("\n")
        return
    commands.show(followed.report)
    if followed.differences:
        typer.echo(
            f"Differences that stay, since people here edited them: {len(followed.differences)}. "
            "See `gridkeeper mirror status`, or the page Registry / Mirror."
        )


def _as_dict(each: Difference) -> dict[str, Any]:
    names = ("kind", "key", "name", "field", "here", "there", "edited_by", "edited_at")
    return {name: getattr(each, name) for name in names}


def status(report: commands.Format = commands.ReportFormat.TEXT) -> None:
    """Show which registries are followed, and every field that is another there."""
    sources = list(MirrorSource.objects.prefetch_related("conflicts"))
    if report is commands.ReportFormat.JSON:
        json.dump([_source_dict(each) for each in sources], sys.stdout, indent=1, ensure_ascii=False, default=str)
        sys.stdout.write("\n")
        return
    if not sources:
        typer.echo("No registry is followed. Begin with `gridkeeper mirror gocdb URL`.")
    console = Console(highlight=False, markup=False)
    for source in sources:
        last = f"{source.succeeded_at:%Y-%m-%d %H:%M} UTC" if source.succeeded_at else "never"
        console.print(f"{source.url} as {source.federation}: last whole run {last}", soft_wrap=True)
        if source.problem:
            console.print(f"  {source.tried_at:%Y-%m-%d %H:%M} UTC: {source.problem}", soft_wrap=True)
        conflicts = list(source.conflicts.all())
        if conflicts:
            console.print(_table(conflicts))


def _source_dict(source: MirrorSource) -> dict[str, Any]:
    names = ("url", "federation", "first_at", "tried_at", "succeeded_at", "problem", "counts")
    columns = ("pk", "kind", "object_key", "object_name", "field", "here", "there", "edited_by", "edited_at", "state")
    conflicts = [{name: getattr(row, name) for name in columns} for row in source.conflicts.all()]
    return {name: getattr(source, name) for name in names} | {"conflicts": conflicts}


def _table(conflicts: list[MirrorConflict]) -> Table:
    table = Table()
    for column in ("key", "object", "field", "here", "there", "edited by", "state"):
        table.add_column(column)
    for row in conflicts:
        table.add_row(
            str(row.pk), f"{row.kind} {row.object_name}", row.field, _short(row.here), _short(row.there),
            f"{row.edited_by} {row.edited_at:%Y-%m-%d %H:%M}" if row.edited_at else row.edited_by, row.state,
        )  # fmt: skip
    return table


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def accept(
    whose: Annotated[Whose, typer.Argument(help="Whose word counts.")],
    keys: Annotated[list[int], typer.Argument(help="Keys of the list of `mirror status`.")],
) -> None:
    """Decide differences: ours stays until theirs changes again; theirs is taken."""
    for key in keys:
        conflict = MirrorConflict.objects.filter(pk=key).first()
        if conflict is None:
            commands.fail(f"{key}: there is no such difference; see `gridkeeper mirror status`")
        try:
            text = decide(Actor.system("cli"), conflict=conflict, whose=whose.value, now=timezone.now())
        except ValidationError as error:
            commands.fail(f"{key}: {' '.join(error.messages)}")
        typer.echo(text)


def forget(url: Annotated[str, typer.Argument(help="Address as `mirror status` shows it.")]) -> None:
    """Stop following a registry; what came from it stays."""
    source = MirrorSource.objects.filter(url=url.rstrip("/")).first()
    if source is None:
        commands.fail(f"{url}: is not followed; see `gridkeeper mirror status`")
    forget_source(Actor.system("cli"), source=source)
    typer.echo(f"{url} is no longer followed; what came from it stays.")
