"""`gridkeeper import osg|gocdb|csv|gridkeeper` and `gridkeeper export`: what exists, taken over and handed on."""

import json
import os
import shutil
import sys
import tempfile
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

from gridkeeper import __version__
from gridkeeper.people.actor import Actor
from gridkeeper.registry.export import count_objects, export
from gridkeeper.registry.importers.csv_files import parse_csv
from gridkeeper.registry.importers.csv_files import template as csv_template
from gridkeeper.registry.importers.gocdb import Gocdb
from gridkeeper.registry.importers.gocdb_live import fetch
from gridkeeper.registry.importers.osg import parse_osg
from gridkeeper.registry.importers.pi_client import Access, PiClient, shown_url
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.report_text import print_report
from gridkeeper.registry.importers.run import Source, run_import
from gridkeeper.registry.importers.whole import import_whole
from gridkeeper.registry.importers.whole_file import open_whole

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


class CsvKind(StrEnum):
    """What the rows of a CSV file are."""

    SITES = "sites"
    SERVICES = "services"
    ENDPOINTS = "endpoints"
    DOWNTIMES = "downtimes"


Certificate = Annotated[Path | None, typer.Option(help="PEM file of the certificate that says who we are.")]
Key = Annotated[Path | None, typer.Option(help="PEM file of its key, if it is not in the same file.")]
Authorities = Annotated[Path | None, typer.Option(help="PEM file or folder of authorities to trust instead.")]
TokenFile = Annotated[Path | None, typer.Option(help="File that holds a bearer token.")]


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
    group.command("csv")(csv_file)
    group.command("gridkeeper")(gridkeeper)
    app.add_typer(group, name="import")
    app.command("export")(export_all)


def osg(
    source: Annotated[Path, typer.Argument(help="Folder or .tar.gz of the OSG topology.", metavar="DIR|TAR.GZ")],
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to.")] = "OSG",
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
) -> None:
    """Import the topology of the Open Science Grid. A second run changes nothing and says so."""
    result = Report("osg", str(source), named_federation(federation), dry_run)
    with progress() as bar, readable():
        bar.begin("Reading", None)
        records = parse_osg(source, result, lambda _: bar.advance(1))
        unread = result.figures.get("files that could not be read", 0)
        because = f"{unread} files could not be read, so nothing was closed as vanished" if unread else ""
        parsed = Source(records, ("osg",), lambda _: "osg", because)
        run_import(parsed, result, actor=Actor.system("import"), now=timezone.now(), progress=bar)
    _finish(result, report, strict=strict)


def gocdb(
    files: Annotated[
        list[str],
        typer.Argument(help="XML files, or the address of a PI.", metavar="FILE...|URL"),
    ],
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to; default: yours.")] = "",
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
    certificate: Certificate = None,
    key: Key = None,
    ca: Authorities = None,
    token_file: TokenFile = None,
) -> None:
    """Import a GOCDB: files in any order (what each holds is told by its content), or all that its PI answers."""
    name = named_federation(federation or settings.GRIDKEEPER.federation_name)
    is_live = len(files) == 1 and "://" in files[0]
    result = Report("gocdb", shown_url(files[0]) if is_live else " ".join(files), name, dry_run)
    with progress() as bar, readable():
        bar.begin("Reading", None if is_live else len(files))
        if is_live:
            with PiClient(files[0], access_of(certificate, key, ca, token_file)) as client:
                reader = fetch(client, result, lambda _: bar.advance(1))
        else:
            reader = Gocdb(result)
            for file in files:
                reader.add(Path(file))
        records = reader.parse(lambda _: bar.advance(0 if is_live else 1))
        parsed = Source(records, reader.closing_origins, reader.origin_of)
        run_import(parsed, result, actor=Actor.system("import"), now=timezone.now(), progress=bar)
    _finish(result, report, strict=strict)


def csv_file(
    file: Annotated[Path | None, typer.Argument(help="CSV with a header, UTF-8.")] = None,
    kind: Annotated[CsvKind, typer.Option(help="What a row is.")] = CsvKind.SITES,
    template: Annotated[bool, typer.Option("--template", help="Print a file with every column to begin with.")] = False,
    federation: Annotated[str, typer.Option(help="Federation that it all belongs to; default: yours.")] = "",
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
) -> None:
    """Import sites, services, endpoints or downtimes from CSV. Rows at fault are named; the others go in."""
    if template:
        typer.echo(csv_template(kind.value), nl=False)
        return
    if file is None:
        fail("give a FILE, or --template for one to begin with")
    result = Report("csv", str(file), named_federation(federation or settings.GRIDKEEPER.federation_name), dry_run)
    now = timezone.now()
    with progress() as bar, readable():
        bar.begin("Reading", None)
        records = parse_csv(file, kind.value, result, now)
        # People's own words, not another registry's: a mirror keeps them.
        run_import(Source(records, (), lambda _: "csv"), result, actor=Actor.system("cli"), now=now, progress=bar)
    _finish(result, report, strict=strict)


def gridkeeper(
    file: Annotated[Path, typer.Argument(help="File of `gridkeeper export`, or - for standard input.")],
    dry_run: DryRun = False,
    report: Format = ReportFormat.TEXT,
    strict: Strict = False,
) -> None:
    """Import a full export. An empty registry becomes the twin of the one that it came from."""
    result = Report("gridkeeper", str(file), "", dry_run)
    with progress() as bar, readable(), _on_disk(file) as path:
        bar.begin("Checking", None)
        whole = open_whole(path)
        import_whole(whole, result, actor=Actor.system("import"), now=timezone.now(), progress=bar)
    _finish(result, report, strict=strict)


@contextmanager
def _on_disk(file: Path) -> Iterator[Path]:
    """Standard input as a file: it is read twice, so that half of it changes nothing."""
    if str(file) != "-":
        yield file
        return
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield Path(spool.name)


def export_all(
    file: Annotated[Path, typer.Argument(help="File to write, or - for standard output.")],
) -> None:
    """Write the whole registry as JSON lines, with its history and without secrets. `import gridkeeper` reads it."""
    now, program = timezone.now(), __version__
    if str(file) == "-":
        export(sys.stdout.buffer, now=now, program=program)
        return
    partial = file.with_name(f".{file.name}.part")
    with progress() as bar:
        bar.begin("Exporting", count_objects())
        try:
            with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                number = export(stream, now=now, program=program, progress=bar.advance)
            partial.replace(file)
        except OSError as error:
            fail(f"{file}: cannot be written ({error.strerror}); check the folder and the room on the disk")
        finally:
            partial.unlink(missing_ok=True)
    typer.echo(f"Exported {number} objects to {file}. It holds personal data: keep it as you keep the database.")


def access_of(certificate: Path | None, key: Path | None, ca: Path | None, token_file: Path | None) -> Access:
    """Who we are to another registry. Raises UnreadableSourceError for a token file that cannot be read."""
    token = ""
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableSourceError(f"{token_file}: the token cannot be read ({error})") from error
        if not token or not token.isascii() or any(character.isspace() for character in token):
            raise UnreadableSourceError(f"{token_file}: holds no token: one word of ASCII characters is expected")
    return Access(token, certificate, key, ca)


def named_federation(federation: str) -> str:
    """The name of a federation as given; ends the command where it cannot be one."""
    name = federation.strip()
    if not 1 <= len(name) <= 255 or not name.isprintable():
        fail("--federation takes a name of 1 to 255 printable characters")
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
def progress() -> Iterator[_Bar]:
    """Shown only where somebody looks: on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Bar(progress)


@contextmanager
def readable() -> Iterator[None]:
    """A source that cannot be read ends the command with one sentence and status 2."""
    try:
        yield
    except UnreadableSourceError as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    """Ends the command with one sentence and status 2."""
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(EXIT_UNREADABLE)


def _finish(result: Report, form: ReportFormat, *, strict: bool) -> None:
    if form is ReportFormat.JSON:
        json.dump(public_report(result), sys.stdout, indent=1, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        show(result)
    if strict and result.of_level("rejected"):
        raise typer.Exit(EXIT_REJECTED)


def show(result: Report) -> None:
    """The report for people; as wide as a page where nobody looks."""
    console = Console(highlight=False)
    print_report(result, console if console.is_terminal else Console(highlight=False, width=_PLAIN_WIDTH))


def public_report(result: Report) -> dict[str, Any]:
    """Without the keys that were seen: they are the importer's memory."""
    return {name: value for name, value in result.as_dict().items() if name != "seen"}
