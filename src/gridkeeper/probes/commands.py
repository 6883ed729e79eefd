"""`gridkeeper run` and `gridkeeper tests`."""

import asyncio
from typing import Annotated, NoReturn

import typer
from django.utils import timezone
from rich.console import Console
from rich.table import Table

from gridkeeper.core.status import Status
from gridkeeper.probes.instances import Instance, load_instances
from gridkeeper.probes.models import Test
from gridkeeper.probes.queries import test_rows
from gridkeeper.probes.running import Measured, run_instance


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
) -> None:
    """Run a test here and now, and print what it says; nothing is stored. Ends with the status (0 OK ... 3 UNKNOWN)."""
    instance = _instance(test, host, service_type, vo)
    measured = asyncio.run(run_instance(instance, timezone.now()))
    for item in measured:
        _print(item)
    wanted = next((item for item in measured if item.key.metric == test), measured[0])
    raise typer.Exit(int(wanted.outcome.status))


def _instance(test: str, host: str, service_type: str, vo: str) -> Instance:
    """The one instance that is meant, or the job that brings the test back."""
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
    return found[0][1]


def _print(item: Measured) -> None:
    vo = f" for {item.key.vo}" if item.key.vo else ""
    typer.echo(f"{item.outcome.status.name:8} {item.key.metric}{vo}: {item.outcome.summary} ({item.duration_ms} ms)")
    if item.outcome.status != Status.OK and item.outcome.output:
        typer.echo("    " + item.outcome.output.replace("\n", "\n    "))


def list_() -> None:
    """Every test: how it runs, where, for whom it is critical."""
    table = Table("test", "column", "kind", "every", "on", "critical for")
    for row in test_rows(Test.objects.all()):
        test = row["test"]
        every = "" if test.kind == "passive" else f"{test.interval_s} s"
        where, whom = ", ".join(row["service_types"]), ", ".join(row["critical_for"])
        table.add_row(test.name, test.abbreviation, test.kind, every, where, whom)
    Console().print(table)


def _fail(text: str) -> NoReturn:
    typer.echo(f"gridkeeper: {text}", err=True)
    raise typer.Exit(2)
