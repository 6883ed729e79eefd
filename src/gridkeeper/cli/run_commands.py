"""`gridkeeper serve` and the roles apart: web, scheduler, tasks; `migrate` and `check`."""

import os
import signal
import ssl
import sys
import threading
from contextlib import suppress
from importlib import import_module
from typing import Annotated

import structlog
import typer
from django.conf import settings
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from gridkeeper.cli.checks import all_findings
from gridkeeper.cli.supervisor import Role, Supervisor
from gridkeeper.config import Config

log = structlog.get_logger(__name__)

ROLES = (Role.command("web", "web"), Role.command("scheduler", "scheduler"), Role.command("tasks", "tasks"))


def register(app: typer.Typer) -> None:
    app.command()(serve)
    app.command()(web)
    app.command()(scheduler)
    app.command()(tasks)
    app.command()(migrate)
    app.command()(check)


def serve(
    for_s: Annotated[float | None, typer.Option("--for", help="Stop by itself after so many seconds.")] = None,
) -> None:
    """Run everything on this machine: web, scheduler with an embedded worker, background tasks."""
    migrate()
    scheme = "https" if settings.GRIDKEEPER.tls_cert else "http"
    Console(stderr=True).print(
        f"gridkeeper serves [bold]{scheme}://{settings.GRIDKEEPER.host}:{settings.GRIDKEEPER.port}"
    )
    raise typer.Exit(Supervisor(ROLES).run(for_s))


def web() -> None:
    """Run the portal and the API."""
    config: Config = settings.GRIDKEEPER
    argv = [
        *(sys.executable, "-m", "gunicorn", "gridkeeper.wsgi:application"),
        *("--config", "python:gridkeeper.cli.gunicorn_config"),
        *("--bind", f"{config.host}:{config.port}"),
        *("--workers", str(config.web_workers), "--worker-class", "gthread", "--threads", "8"),
        *("--preload", "--timeout", "120", "--graceful-timeout", "10", "--keep-alive", "10"),
        *("--max-requests", "50000", "--max-requests-jitter", "5000"),
        *("--log-level", config.log_level.lower(), "--limit-request-line", "8190", "--no-control-socket"),
        *_tls_options(config),
    ]
    os.execv(sys.executable, argv)  # noqa: S606  gunicorn takes the place of this process; no shell


def _tls_options(config: Config) -> list[str]:
    """gunicorn's, where we serve HTTPS ourselves: a client's certificate is asked for, and verified where one comes."""
    if config.tls_cert is None or config.tls_key is None:
        return []
    options = ["--certfile", str(config.tls_cert), "--keyfile", str(config.tls_key)]
    if config.tls_client_ca is not None:
        options += ["--ca-certs", str(config.tls_client_ca), "--cert-reqs", str(int(ssl.CERT_OPTIONAL))]
    return options


def scheduler() -> None:
    """Run the tests when they are due, in this process."""
    import_module("gridkeeper.probes.engine").run_scheduler(_stop_on_signal())


def tasks() -> None:
    """Move facts to the lake, compute figures, run background jobs."""
    import_module("gridkeeper.cli.tasks_role").run_tasks(_stop_on_signal())


def migrate() -> None:
    """Bring the database to this version."""
    with suppress(FileExistsError):
        settings.GRIDKEEPER.data_dir.mkdir(parents=True, mode=0o750)
    call_command("migrate", verbosity=0, interactive=False)


def check(
    list_settings: Annotated[bool, typer.Option("--list", help="List every setting with its value.")] = False,
) -> None:
    """Say in words what is wrong with the settings, the database, the lake and the folders."""
    if list_settings:
        _print_settings()
    findings = all_findings(settings.GRIDKEEPER)
    for finding in findings:
        typer.echo(f"{'error' if finding.is_error else 'note'}: {finding.text}")
    if any(finding.is_error for finding in findings):
        raise typer.Exit(1)
    typer.echo("gridkeeper can run with these settings.")


def _print_settings() -> None:
    table = Table("setting", "value", "meaning")
    for name, field in Config.model_fields.items():
        value = (
            "***" if name == "database_url" and settings.GRIDKEEPER.database_url else getattr(settings.GRIDKEEPER, name)
        )
        table.add_row(f"GRIDKEEPER_{name.upper()}", str(value), field.description)
    Console().print(table)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
