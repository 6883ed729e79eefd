"""Running the demo: prepares state and certificates, starts the roles, adds history, and ends everything in order."""

import contextlib
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridkeeper.cli.supervisor import Role, Supervisor
from gridkeeper.demo import faults, history
from gridkeeper.demo.certificates import make_certificates
from gridkeeper.demo.listeners import sites_folder
from gridkeeper.demo.seed import ACCOUNTS, HISTORY, password_of, seed
from gridkeeper.demo.topology import DemoSite, build_sites

MARKER = "demo.json"
DEFAULT_SITES = 60
MOST_SITES = 600
_PORTAL_ANSWERS_WITHIN_S = 60


class DemoError(Exception):
    """The demo cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for. duration_s: None until Ctrl-C."""

    sites: int | None
    duration_s: float | None


def known_sites(data_dir: Path) -> list[DemoSite]:
    """The sites of the demo in that folder. Raises DemoError where there is none."""
    path = data_dir / MARKER
    if not path.exists():
        raise DemoError(f"{data_dir} holds no demo; start one with `gridkeeper demo`")
    return build_sites(int(json.loads(path.read_text())["sites"]))


def run_demo(options: Options, console: Console) -> int:
    """The whole demo; returns the exit status."""
    config = settings.GRIDKEEPER
    data_dir = Path(config.data_dir)
    sites = _sites_for(data_dir, options.sites)
    _require_port(config.host, config.port)
    _require_loopback(sites)
    end_s = None if options.duration_s is None else time.monotonic() + options.duration_s
    with _progress(console) as progress:
        _prepare(sites, data_dir, progress)
        supervisor = Supervisor([Role.command("demo-sites", "demo-sites"), Role.command("web", "web")])
        supervisor.start()
        try:
            _wait_for_portal(supervisor, f"http://{config.host}:{config.port}/healthz", progress)
        except DemoError:
            supervisor.stop()
            raise
    _welcome(console, sites, data_dir)
    try:
        if not supervisor.is_stopping and not history.has_history():
            _add_history(supervisor, data_dir, console)
        for name in ("scheduler", "tasks"):
            supervisor.add(Role.command(name, name))
        console.print("Tests are running: every series has a fresh result within two minutes. Ctrl-C ends the demo.")
        supervisor.watch(None if end_s is None else max(0.0, end_s - time.monotonic()))
    finally:
        console.print("Stopping …")
        supervisor.stop()
    console.print(f"Everything has stopped. What was made is in {data_dir}; a second start goes on from it.")
    return 0


def _progress(console: Console) -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)


def _sites_for(data_dir: Path, wanted: int | None) -> list[DemoSite]:
    """The sites to run. Raises DemoError for a folder that is not a demo's, or that has another number of sites."""
    marker = data_dir / MARKER
    if marker.exists():
        sites = known_sites(data_dir)
        if wanted is not None and wanted != len(sites):
            raise DemoError(
                f"{data_dir} holds a demo of {len(sites)} sites; name another --data, or remove that folder"
            )
        return sites
    if (data_dir / "state.sqlite3").exists():
        raise DemoError(f"{data_dir} holds an installation that is no demo; name another folder with --data")
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        marker.write_text(json.dumps({"sites": wanted or DEFAULT_SITES}))
    except OSError as error:
        raise DemoError(f"cannot write in {data_dir}: {error.strerror}; name another folder with --data") from error
    return known_sites(data_dir)


def _require_port(host: str, port: int) -> None:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DemoError(
                f"port {port} of {host} cannot be used: {error.strerror}; choose one with --port"
            ) from error


def _require_loopback(sites: Sequence[DemoSite]) -> None:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind((sites[-1].address, 0))
        except OSError as error:
            raise DemoError(
                f"{sites[-1].address} cannot be used: the demo needs all of 127.0.0.0/8 on loopback, as on Linux"
            ) from error


def _prepare(sites: Sequence[DemoSite], data_dir: Path, progress: Progress) -> None:
    task = progress.add_task("Making the database", total=None)
    call_command("migrate", verbosity=0, interactive=False)
    progress.update(task, description=f"Registering {len(sites)} sites")
    seed(sites, timezone.now())
    progress.update(task, description="Making certificates")
    make_certificates(sites_folder(data_dir), sites)
    if not (data_dir / faults.FILE).exists():
        faults.write_faults(data_dir, faults.plan_faults(sites))
    connections.close_all()


def _wait_for_portal(supervisor: Supervisor, url: str, progress: Progress) -> None:
    progress.add_task("Starting the sites and the portal", total=None)
    end_s = time.monotonic() + _PORTAL_ANSWERS_WITHIN_S
    while not supervisor.is_stopping:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own address
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            if time.monotonic() > end_s:
                raise DemoError(f"the portal does not answer at {url}: {error}; its log is above") from error
        supervisor.tend()
        time.sleep(0.1)


def _welcome(console: Console, sites: Sequence[DemoSite], data_dir: Path) -> None:
    config = settings.GRIDKEEPER
    regions = {site.region for site in sites}
    services = sum(len(site.services) for site in sites)
    console.rule()
    console.print(f"[bold]http://{config.host}:{config.port}[/bold]", highlight=False)
    console.print(f"{len(sites)} sites in {len(regions)} regions with {services} services, each a real listener.")
    table = Table("account", "password", "who that is", box=None, padding=(0, 2, 0, 0))
    for name, meaning in ACCOUNTS.items():
        table.add_row(name, password_of(name), meaning)
    console.print(table)
    example = next((site.name for site in sites if site.town.tier == 1), sites[0].name)
    folder = "" if str(data_dir) == "demo-data" else f" --data {data_dir}"
    console.print(f"Stop a site: gridkeeper demo-fault {example} down{folder}   mend it: ... {example} clear{folder}")
    console.rule()


def _add_history(supervisor: Supervisor, data_dir: Path, console: Console) -> None:
    """Day by day, oldest first, looking after the roles in between; ends early when a stop is asked for."""
    now = timezone.now()
    lines = history.lines_of(faults.read_faults(data_dir))
    days = history.days_of_history(now, int(HISTORY / timedelta(days=1)))
    with Progress(console=console) as progress:
        task = progress.add_task("Adding thirty days of demo history", total=len(days))
        for day in days:
            if supervisor.is_stopping:
                break
            history.add_day(lines, day, now)
            supervisor.tend()
            progress.advance(task)
    connections.close_all()
