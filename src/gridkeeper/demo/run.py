"""Running the demo: prepares state and certificates, starts the roles, adds history, and ends everything in order."""

import contextlib
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridkeeper.cli.supervisor import Role, Supervisor
from gridkeeper.demo import addresses, faults, history
from gridkeeper.demo.certificates import make_certificates
from gridkeeper.demo.environment import CONFIG_FILE, write_config
from gridkeeper.demo.listeners import READY_FILE, sites_folder
from gridkeeper.demo.seed import ACCOUNTS, password_of, seed
from gridkeeper.demo.state import FILE, DemoError, DemoState, read_state, write_state
from gridkeeper.demo.topology import DemoSite

DEFAULT_SITES = 60
_PORTAL_ANSWERS_WITHIN_S = 60


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for. sites: None as before, or DEFAULT_SITES; duration_s: None until Ctrl-C."""

    sites: int | None
    duration_s: float | None


def run_demo(options: Options, console: Console) -> int:
    """The whole demo; returns the exit status. Raises DemoError where it cannot start."""
    end_s = None if options.duration_s is None else time.monotonic() + options.duration_s
    data_dir = Path(settings.GRIDKEEPER.data_dir)
    _require_port(settings.GRIDKEEPER.host, settings.GRIDKEEPER.port)
    with _opened(data_dir, options.sites) as state:
        sites = state.build_sites()
        with _progress(console) as progress:
            _prepare(sites, state, data_dir, progress)
            supervisor = _start(data_dir, progress)
        try:
            if not supervisor.is_stopping:
                _welcome(console, sites, data_dir)
                _add_history(supervisor, state, data_dir, console)
                _start_tests(supervisor, console)
            supervisor.watch(None if end_s is None else max(0.0, end_s - time.monotonic()))
        finally:
            console.print("Stopping …")
            supervisor.stop()
            connections.close_all()
    console.print(f"Everything has stopped. What was made is in {data_dir}; a second start goes on from it.")
    return 0


@contextlib.contextmanager
def _opened(data_dir: Path, wanted: int | None) -> Iterator[DemoState]:
    """The demo of that folder, begun where there is none, with a network that is its own while it runs.

    Raises DemoError for a folder that is not a demo's or cannot be written, for another number of sites than it has,
    and where loopback cannot give the addresses.
    """
    before = read_state(data_dir) if (data_dir / FILE).exists() else None
    if before and wanted not in {None, before.sites}:
        raise DemoError(f"{data_dir} holds a demo of {before.sites} sites; name another --data, or remove that folder")
    if not before and (data_dir / "state.sqlite3").exists():
        raise DemoError(f"{data_dir} holds an installation that is no demo; name another folder with --data")
    with addresses.claimed(before.network if before else None) as network:
        now = timezone.now()
        state = (
            DemoState(before.sites, network, before.begun_at, before.history_until)
            if before
            else DemoState(wanted or DEFAULT_SITES, network, now, now - history.LENGTH)
        )
        addresses.require_free(state.build_sites())
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            write_state(data_dir, state)
            write_config(settings.GRIDKEEPER)
        except OSError as error:
            raise DemoError(f"cannot write in {data_dir}: {error.strerror}; name another folder with --data") from error
        yield state


def _require_port(host: str, port: int) -> None:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = f"port {port} of {host} cannot be used: {error.strerror}; choose one with --port"
            raise DemoError(text) from error


def _progress(console: Console) -> Progress:
    return Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console)


def _prepare(sites: Sequence[DemoSite], state: DemoState, data_dir: Path, progress: Progress) -> None:
    task = progress.add_task("Making the database", total=None)
    call_command("migrate", verbosity=0, interactive=False)
    progress.update(task, description=f"Registering {len(sites)} sites")
    seed(sites, state.begun_at)
    progress.update(task, description="Making certificates")
    make_certificates(sites_folder(data_dir), sites)
    if not (data_dir / faults.FILE).exists():
        faults.write_faults(data_dir, faults.plan_faults(sites))
    (data_dir / READY_FILE).unlink(missing_ok=True)
    connections.close_all()
    progress.update(task, description="Prepared", total=1, completed=1)


def _start(data_dir: Path, progress: Progress) -> Supervisor:
    """Sites and portal, once both are there or a stop was asked for. Raises DemoError, with nothing left running."""
    task = progress.add_task("Starting the sites and the portal", total=None)
    url = f"http://{settings.GRIDKEEPER.host}:{settings.GRIDKEEPER.port}/healthz"
    listeners = Role("demo-sites", [sys.executable, "-m", "gridkeeper.demo", str(data_dir)])
    supervisor = Supervisor([listeners, Role.command("web", "web")])
    supervisor.start()
    end_s = time.monotonic() + _PORTAL_ANSWERS_WITHIN_S
    try:
        while not supervisor.is_stopping and not (_answers(url) and (data_dir / READY_FILE).exists()):
            if time.monotonic() > end_s:
                raise DemoError(f"the portal does not answer at {url}, or the sites do not listen; see the log above")
            supervisor.tend()
            time.sleep(0.1)
    except BaseException:
        supervisor.stop()
        raise
    progress.update(task, total=1, completed=1)
    return supervisor


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own address
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


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
    example = next((site.name for site in sites[1:] if site.town.tier == 1), sites[-1].name)
    folder = "" if data_dir == Path("demo-data").absolute() else f" --data {data_dir}"
    hints = {
        "Stop a site": f"gridkeeper demo-fault {example} down{folder}",
        "Mend it": f"gridkeeper demo-fault {example} clear{folder}",
        "All faults": f"gridkeeper demo-fault{folder}",
        "Ask": f"GRIDKEEPER_CONFIG={data_dir / CONFIG_FILE} gridkeeper good-sites --vo lhcb",
    }
    for what, command in hints.items():
        console.print(f"{what + ':':<12} {command}", highlight=False, soft_wrap=True)
    console.rule()


def _add_history(supervisor: Supervisor, state: DemoState, data_dir: Path, console: Console) -> None:
    """Day by day, looking after the roles in between; ends early when a stop is asked for, and a later start goes on.

    Before the first test runs: results that come in their order of time cost a tenth of late ones.
    """
    days = history.days_of_history(state.history_until, state.begun_at)
    if not days:
        return
    lines = history.lines_of(faults.read_faults(data_dir))
    with Progress(console=console) as progress:
        for day in progress.track(days, description="Adding demo history, day by day"):
            if supervisor.is_stopping:
                break
            history.add_day(lines, day, state.begun_at, timezone.now())
            write_state(data_dir, state.with_history_until(day.end))
            supervisor.tend()
    connections.close_all()


def _start_tests(supervisor: Supervisor, console: Console) -> None:
    if supervisor.is_stopping:
        return
    for name in ("scheduler", "tasks"):
        supervisor.add(Role.command(name, name))
    console.print("Tests are running: every service has fresh results within two minutes. Ctrl-C ends the demo.")
