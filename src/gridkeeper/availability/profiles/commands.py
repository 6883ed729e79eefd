"""`gridkeeper profiles list | show | export | import`, and `gridkeeper weights list | import`.

Each command imports what reads the database itself: other commands are not to wait for it.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gridkeeper.availability.models import Profile

profiles = typer.Typer(help="What days are judged by: profiles and reports, with their versions.", no_args_is_help=True)
weights = typer.Typer(help="How much sites count in the figures of their regions.", no_args_is_help=True)


class KindName(StrEnum):
    OPERATIONS = "operations"
    AGGREGATION = "aggregation"
    THRESHOLDS = "thresholds"
    REPORT = "report"


class Shape(StrEnum):
    ARGO = "argo"
    OWN = "own"


def register(app: typer.Typer) -> None:
    app.add_typer(profiles, name="profiles")
    app.add_typer(weights, name="weights")


Kind = Annotated[KindName, typer.Argument(help="What kind of profile.")]
Name = Annotated[str, typer.Argument(help="Its name.")]
File = Annotated[Path, typer.Argument(help="A file; - for standard input.", allow_dash=True)]
ValidFrom = Annotated[str, typer.Option(metavar="DAY", help="First UTC day that is judged by it; default: today.")]
Reason = Annotated[str, typer.Option(help="Why; kept in the history.")]


@profiles.command("list")
def list_profiles() -> None:
    """The reports and profiles of today, and which of them no VO has to define."""
    from rich.console import Console
    from rich.table import Table

    from gridkeeper.availability.profiles.in_force import InForce
    from gridkeeper.availability.profiles.views import about

    in_force = InForce.on(datetime.now(UTC).date())
    table = Table("kind", "name", "version", "what it says")
    for report in in_force.reports():
        table.add_row("report", report.name, str(report.version or "–"), about(report.document))
    for kind, versions in in_force.versions.items():
        for version in versions.values() if kind != KindName.REPORT else ():
            table.add_row(kind, version.name, str(version.number), about(version.document))
    Console().print(table)


@profiles.command()
def show(kind: Kind, name: Name) -> None:
    """All versions of one: since when they hold, when they were made, and why."""
    from rich.console import Console
    from rich.table import Table

    table = Table("version", "valid from", "made", "reason")
    for version in _profile(kind, name).versions.order_by("-number"):
        made = f"{version.created_at:%Y-%m-%d %H:%M}"
        table.add_row(str(version.number), str(version.valid_from), made, version.reason)
    Console().print(table)


@profiles.command()
def export(
    kind: Kind,
    name: Name,
    shape: Annotated[Shape, typer.Option(help="ARGO's shape, or ours with all fields.")] = Shape.ARGO,
    number: Annotated[int, typer.Option(help="The version; default: the newest.")] = 0,
) -> None:
    """Writes a version as JSON to standard output."""
    from gridkeeper.availability.profiles.exchange import exported

    versions = _profile(kind, name).versions.select_related("profile").order_by("-number")
    found = (versions.filter(number=number) if number else versions).first()
    if found is None:
        raise typer.BadParameter(f"{name} has no version {number}; `gridkeeper profiles show` lists them")
    sys.stdout.write(json.dumps(exported(found, shape.value), indent=1, ensure_ascii=False) + "\n")


@profiles.command("import")
def import_profile(
    kind: Kind,
    file: File,
    reason: Reason,
    name: Annotated[str, typer.Option(help="Default: the name that stands in the file.")] = "",
    valid_from: ValidFrom = "",
) -> None:
    """Takes a profile from JSON, in ARGO's shape or ours: a new one, or the next version of the one of its name."""
    from gridkeeper.availability.profiles.exchange import imported
    from gridkeeper.people.actor import Actor

    now = datetime.now(UTC)
    with _objections():
        version = imported(
            Actor.system("cli"), kind=kind.value, text=_bytes(file), name=name, valid_from=_day(valid_from),
            reason=reason, now=now,
        )  # fmt: skip
    typer.echo(f"{version}, valid from {version.valid_from}")


@weights.command("list")
def list_weights(
    kind: Annotated[str, typer.Option(help="What is counted; default: all kinds.")] = "",
) -> None:
    """All weights as CSV, as `import` takes them."""
    from gridkeeper.availability.models import Weight
    from gridkeeper.availability.profiles.exchange import weights_to_csv

    rows = Weight.objects.select_related("site").order_by("kind", "site__name", "valid_from")
    sys.stdout.write(weights_to_csv(rows.filter(kind=kind) if kind else rows))


@weights.command("import")
def import_weights(
    file: File,
    reason: Reason,
    kind: Annotated[str, typer.Option(help="What is counted, where the file does not say.")] = "hepspec",
    valid_from: ValidFrom = "",
    source: Annotated[str, typer.Option(help="Who says so, where the file does not.")] = "",
) -> None:
    """Sets weights from CSV (site,value, or with a heading also kind, valid_from, source): all lines, or none."""
    from gridkeeper.availability.profiles.exchange import weights_of
    from gridkeeper.availability.profiles.weights import set_weights
    from gridkeeper.people.actor import Actor

    with _objections():
        rows = weights_of(_bytes(file), kind=kind, valid_from=_day(valid_from), source=source)
        number = set_weights(Actor.system("cli"), rows, reason=reason, now=datetime.now(UTC))
    typer.echo(f"{number} of {len(rows)} weights are new or changed")


def _profile(kind: KindName, name: str) -> "Profile":
    from gridkeeper.availability.models import Profile

    found = Profile.objects.filter(kind=kind.value, name=name).first()
    if found is None:
        raise typer.BadParameter(f"there is no {kind.value} profile {name!r}; `gridkeeper profiles list` shows them")
    return found


def _bytes(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a day; write it as 2026-03-01") from None


@contextmanager
def _objections() -> Iterator[None]:
    """Writes what an action objects to on standard error, and ends with code 1."""
    from django.core.exceptions import ValidationError

    try:
        yield
    except ValidationError as error:
        for message in error.messages:
            typer.echo(message, err=True)
        raise typer.Exit(1) from error
