"""`gridkeeper worker`: runs tests here for a scheduler elsewhere."""

import signal
import threading
from importlib import import_module
from typing import Annotated, NoReturn

import typer
from django.conf import settings

from gridkeeper.config import Config


def register(app: typer.Typer) -> None:
    app.command()(worker)


def worker(
    permissions: Annotated[
        bool, typer.Option("--permissions", help="Print what the NATS server must allow this worker, and end.")
    ] = False,
) -> None:
    """Run tests from this place: takes them from the bus that GRIDKEEPER_BUS_URL names, and needs no database."""
    config: Config = settings.GRIDKEEPER
    running = import_module("gridkeeper.probes.worker")
    if permissions:
        typer.echo(import_module("gridkeeper.bus.nats_permissions").of_worker(config, running.name_of(config)))
        return
    if not config.bus_url:
        _refuse("there is no bus: set GRIDKEEPER_BUS_URL to the one that the scheduler uses", 2)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        running.run_worker(config, stop)
    except running.WORKER_ERRORS as error:
        _refuse(str(error), 1)


def _refuse(why: str, status: int) -> NoReturn:
    typer.echo(f"gridkeeper: {why}", err=True)
    raise typer.Exit(status)
