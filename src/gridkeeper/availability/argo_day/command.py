"""`gridkeeper availability argo-day`: figures of one day from a directory of ARGO's files, without a registry."""

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Mode(StrEnum):
    GRIDKEEPER = "gridkeeper"
    ARGO = "argo-compat"


class DayFormat(StrEnum):
    TABLE = "table"
    JSON = "json"


def argo_day(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Holds the files of the day, in ARGO's shapes.")],
    day: Annotated[str, typer.Option("--date", metavar="DAY", help="The UTC day, e.g. 2022-01-14.")],
    mode: Annotated[Mode, typer.Option(help="By our rules, or as ARGO would.")] = Mode.GRIDKEEPER,
    format: Annotated[DayFormat, typer.Option(help="table for people; json, with timelines, for programs.")] = (  # noqa: A002
        DayFormat.TABLE
    ),
) -> None:
    """Judges one day of ARGO's files: topology, profiles, downtimes and metric data of the day and the day before.

    Records that cannot be read are named on standard error and left out.
    """
    from gridkeeper.availability.argo_day.day import read_day
    from gridkeeper.availability.argo_day.files import ArgoDayError, Report
    from gridkeeper.availability.argo_day.judgement import judge_day
    from gridkeeper.availability.argo_day.output import document, table

    when, report = _day(day), Report()
    try:
        judged = judge_day(read_day(directory, when, report), mode.value, report)
    except ArgoDayError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        for line in report.lines():
            typer.echo(line, err=True)
    if format is DayFormat.JSON:
        typer.echo(json.dumps(document(judged, when, mode.value)))
        return
    for columns in table(judged, mode.value):
        typer.echo("\t".join(columns))


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--date {text!r} is not a day; write it as 2022-01-14") from None
