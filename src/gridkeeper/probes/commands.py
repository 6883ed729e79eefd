"""`gridkeeper run` and `gridkeeper tests`."""

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, NoReturn

import typer
from django.core.exceptions import ValidationError
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.actions import request_run
from gridkeeper.probes.instances import Instance, load_instances
from gridkeeper.probes.loops import run_loop
from gridkeeper.probes.models import RunRequest, Test
from gridkeeper.probes.queries import test_rows
from gridkeeper.probes.running import Measured, run_instance
from gridkeeper.probes.spawning import close_spawner
from gridkeeper.registry.models import Service

#: A scheduler takes a request within a second; where none has in this time, none is running.
_PATIENCE = timedelta(seconds=10)
_POLL_S = 0.2


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"


def register(app: typer.Typer) -> None:
    app.command()(run)
    tests = typer.Typer(help="The tests that are defined.", no_args_is_help=True)
    tests.command("list")(list_)
    app.add_typer(tests, name="tests")


def run(
    test: Annotated[str, typer.Argument(help="Name of the test, e.g. CE-js.")],
    host: Annotated[str, typer.Option("--on", help="Host name of the service.")],
    service_type: Annotated[str, typer.Option("--type", help="Service type, where the host has several.")] = "",
    vo: Annotated[str, typer.Option(help="VO whose view is wanted.")] = "",
    is_for_scheduler: Annotated[
        bool, typer.Option("--now", help="Have the running scheduler run it at once and store the result.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="table for people, json for programs.")] = Format.TABLE,
) -> None:
    """Run a test and print what it says. Ends with its status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.

    It runs here, and nothing is stored, unless --now is given.
    """
    key, instance = _instance(test, host, service_type, vo)
    if is_for_scheduler:
        _run_by_scheduler(key, instance)
    measured = run_loop(_run_here(instance))
    if format_ == Format.JSON:
        typer.echo(json.dumps([_as_object(item) for item in measured], indent=1))
    else:
        for item in measured:
            _print(item)
    wanted = next((item for item in measured if item.key == key), measured[0])
    raise typer.Exit(int(wanted.outcome.status))


async def _run_here(instance: Instance) -> list[Measured]:
    try:
        return await run_instance(instance, timezone.now())
    finally:
        close_spawner()


def _instance(test: str, host: str, service_type: str, vo: str) -> tuple[SeriesKey, Instance]:
    """What is meant, and what is to be run for it: itself, or the job that brings it back."""
    found = [
        (key, instance)
        for instance in load_instances().values()
        for key in (instance.key, *(instance.rider_key(rider) for rider in instance.riders))
        if (key.metric, key.hostname) == (test, host)
        and service_type in ("", key.service_type)
        and (not vo or key.vo in ("", vo))
    ]
    if not found:
        _fail(f"no profile has {test!r} on {host!r}; `gridkeeper tests list` shows the tests")
    if len(found) > 1:
        choices = sorted(f"--type {key.service_type}{f' --vo {key.vo}' if key.vo else ''}" for key, _ in found)
        _fail(f"{test} on {host} is ambiguous: choose by {' or '.join(choices)}")
    return found[0]


def _run_by_scheduler(key: SeriesKey, instance: Instance) -> NoReturn:
    service = Service.objects.get(pk=instance.place.service_id)
    wanted = Test.objects.get(name=key.metric)
    try:
        request = request_run(Actor.system("cli"), service=service, test=wanted, vo=key.vo, now=timezone.now())
    except ValidationError as error:
        _fail("; ".join(error.messages))
    outcome = _awaited(request, instance.test.timeout_s)
    typer.echo(f"{key.metric}{f' for {key.vo}' if key.vo else ''}: {_printable(outcome)}")
    word = outcome.partition(":")[0]
    raise typer.Exit(int(Status[word]) if word in Status.__members__ else int(Status.UNKNOWN))


def _awaited(request: RunRequest, timeout_s: int) -> str:
    """What the scheduler notes at the end of the run. A request that nobody takes is withdrawn."""
    start = time.monotonic()
    while request.done_at is None:
        waited_s = time.monotonic() - start
        if request.taken_at is None and waited_s > _PATIENCE.total_seconds():
            if RunRequest.objects.filter(pk=request.pk, taken_at=None).delete()[0]:
                _fail(
                    "no scheduler has taken the run in 10 s; start one with `gridkeeper serve`, or leave out --now", 1
                )
        elif waited_s > timeout_s + 2 * _PATIENCE.total_seconds():
            _fail(f"the scheduler has not ended the run in {waited_s:.0f} s; its log says why", 1)
        time.sleep(_POLL_S)
        request.refresh_from_db()
    return request.outcome


def _as_object(item: Measured) -> dict[str, object]:
    outcome = item.outcome
    return {
        "hostname": item.key.hostname, "service_type": item.key.service_type, "metric": item.key.metric,
        "vo": item.key.vo, "status": outcome.status.name, "summary": outcome.summary, "output": outcome.output,
        "perfdata": outcome.perfdata, "executed_at": item.executed_at.isoformat(), "duration_ms": item.duration_ms,
        "cause": item.cause,
    }  # fmt: skip


def _print(item: Measured) -> None:
    vo = f" for {item.key.vo}" if item.key.vo else ""
    summary = _printable(item.outcome.summary)
    typer.echo(f"{item.outcome.status.name:8} {item.key.metric}{vo}: {summary} ({item.duration_ms} ms)")
    if item.outcome.status != Status.OK and item.outcome.output:
        typer.echo("    " + _printable(item.outcome.output).replace("\n", "\n    "))


def _printable(text: str) -> str:
    """Without what would command the terminal: the text came from outside."""
    return "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in text)


def list_(
    format_: Annotated[Format, typer.Option("--format", help="table for people, json for programs.")] = Format.TABLE,
) -> None:
    """Every test: how it runs, where, for whom it is critical."""
    rows = test_rows(Test.objects.all())
    if format_ == Format.JSON:
        typer.echo(
            json.dumps([_test_as_object(row["test"], row["service_types"], row["critical_for"]) for row in rows])
        )
        return
    table = Table("test", "column", "kind", "every", "on", "critical for")
    for row in rows:
        test = row["test"]
        every = "" if test.kind == "passive" else f"{test.interval_s} s"
        where, whom = ", ".join(row["service_types"]), ", ".join(row["critical_for"])
        table.add_row(test.name, test.abbreviation, test.kind, every, where, whom)
    Console().print(table)


def _test_as_object(test: Test, service_types: Sequence[str], critical_for: Sequence[str]) -> dict[str, object]:
    return {
        "name": test.name, "abbreviation": test.abbreviation, "title": test.title, "kind": test.kind,
        "interval_s": test.interval_s, "is_enabled": test.is_enabled, "service_types": list(service_types),
        "critical_for": list(critical_for),
    }  # fmt: skip


def _fail(text: str, code: int = 2) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(code)
