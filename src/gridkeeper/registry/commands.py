"""`gridkeeper import osg|gocdb`: what exists, taken over from other registries."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from django.conf import settings
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gridkeeper.people.actor import Actor
from gridkeeper.registry.importers.gocdb import Gocdb
from gridkeeper.registry.importers.osg import parse_osg
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.report_text import print_report
from gridkeeper.registry.importers.run import Source, run_import

EXIT_REJECTED = 1
EXIT_UNREADABLE = 2
#: Columns of a report that goes into a file or a pipe.
_PLAIN_WIDTH = 110


class ReportFormat(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"


DryRun = Annotated[bool, typer.Option("--dry-run", help="Do everything, report it, and take it all back.")]
Format = Annotated[ReportFormat, typer.Option("--report", help="text for people, json for programs.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with status 1 when a record was rejected.")]


def register(app: typer.Typer) -> None:
    """Adds `gridkeeper import`."""
    group = typer.Typer(
        help=(
            "Take over sites, services, downtimes and VOs from another registry. Exit status: 0 when everything usable "
            "went in, 1 with --strict when a record was rejected, 2 when the source cannot be read."
        ),
        no_args_is_help=True,
    )
    group.command("osg")(osg)
    group.command("gocdb")(gocdb)
    app.add_typer(group, name="import")


def osg(
    source: Annotated[Path, typer.Argument(help="Folder or .tar.gz of the OSG topology.", metavar="DIR|TAR.GZ")],
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to.")] = "OSG",
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
) -> None:
    """Import the topology of the Open Science Grid. A second run changes nothing and says so."""
    result = Report("osg", str(source), _name(federation), dry_run)
    with _progress() as bar, _readable():
        bar.begin("Reading", None)
        records = parse_osg(source, result, lambda _: bar.advance(1))
        unread = result.figures.get("files that could not be read", 0)
        because = f"{unread} files could not be read, so nothing was closed as vanished" if unread else ""
        parsed = Source(records, ("osg",), lambda _: "osg", because)
        run_import(parsed, result, actor=Actor.system("import"), now=timezone.now(), progress=bar)
    _finish(result, report, strict=strict)


def gocdb(
    files: Annotated[list[Path], typer.Argument(help="XML files: PI answers or GOCDB's sample layout.")],
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to; default: yours.")] = "",
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
) -> None:
    """Import files of a GOCDB, in any order; what each holds is told by its content."""
    name = _name(federation or settings.GRIDKEEPER.federation_name)
    result = Report("gocdb", " ".join(str(file) for file in files), name, dry_run)
    with _progress() as bar, _readable():
        bar.begin("Reading", len(files))
        reader = Gocdb(result)
        for file in files:
            reader.add(file)
        records = reader.parse(lambda _: bar.advance(1))
        parsed = Source(records, reader.closing_origins, reader.origin_of)
        run_import(parsed, result, actor=Actor.system("import"), now=timezone.now(), progress=bar)
    _finish(result, report, strict=strict)


def _name(federation: str) -> str:
    name = federation.strip()
    if not 1 <= len(name) <= 255 or not name.isprintable():
        _fail("--federation takes a name of 1 to 255 printable characters")
    return name


class _Bar:
    """A progress bar on stderr."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("")

    def begin(self, what: str, total: int | None) -> None:
        self._progress.reset(self._task, description=what, total=total)

    def advance(self, number: int) -> None:
        self._progress.advance(self._task, number)


@contextmanager
def _progress() -> Iterator[_Bar]:
    """Shown only where somebody looks: on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Bar(progress)


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableSourceError as error:
        _fail(str(error))


def _fail(text: str) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(EXIT_UNREADABLE)


def _finish(result: Report, form: ReportFormat, *, strict: bool) -> None:
    if form is ReportFormat.JSON:
        json.dump(_public(result), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        console = Console(highlight=False)
        print_report(result, console if console.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH))
    if strict and result.of_level("rejected"):
        raise typer.Exit(EXIT_REJECTED)


def _public(result: Report) -> dict[str, Any]:
    """Without the keys that were seen: they are the importer's memory."""
    return {name: value for name, value in result.as_dict().items() if name != "seen"}
