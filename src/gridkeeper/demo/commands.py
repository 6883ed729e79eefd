"""`gridkeeper demo` and `gridkeeper demo-fault`."""

from pathlib import Path
from typing import Annotated

import typer
from django.conf import settings
from rich.console import Console
from rich.table import Table

from gridkeeper.demo import faults
from gridkeeper.demo.environment import DEFAULT_DATA_DIR, MOST_SITES
from gridkeeper.demo.state import DemoError, read_state

_DataOption = Annotated[Path, typer.Option("--data", help="Folder of the demo.")]
_DEFAULT_DATA = Path(DEFAULT_DATA_DIR)


def register(app: typer.Typer) -> None:
    app.command()(demo)
    app.command("demo-fault")(demo_fault)


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="TCP port of the portal.")] = 8000,
    sites: Annotated[int | None, typer.Option(min=1, max=MOST_SITES, help="How many sites; 60 at first.")] = None,
    speed: Annotated[float, typer.Option(min=0.01, max=100, help="Divides the interval of every test.")] = 1.0,
    for_s: Annotated[float | None, typer.Option("--for", min=1, help="End by itself after so many seconds.")] = None,
    data: _DataOption = _DEFAULT_DATA,
) -> None:
    """Run a whole federation on this machine: real listeners on loopback, injected faults, tests, portal."""
    del port, speed, data  # they became settings before Django started, see demo.environment
    from gridkeeper.demo.run import Options, run_demo  # with its history, which is made for the lake

    console = Console()
    try:
        status = run_demo(Options(sites, for_s), console)
    except DemoError as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(status)


def demo_fault(
    site: Annotated[str, typer.Argument(help="Name of a site of the demo; without it: what is wrong now.")] = "",
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(faults.KINDS)}, or clear.")] = "",
    data: _DataOption = _DEFAULT_DATA,
) -> None:
    """Break a site of the running demo, or mend it with `clear`. Without arguments: list kinds and faults in force."""
    del data
    folder = Path(settings.GRIDKEEPER.data_dir)
    try:
        known = [item.name for item in read_state(folder).build_sites()]
        if not site:
            _print_faults(folder)
            return
        if not kind:
            raise faults.FaultError(f"which fault? One of {', '.join(faults.KINDS)}, or clear")
        found = faults.change_fault(folder, site, kind, known)
    except (DemoError, faults.FaultError) as error:
        typer.echo(f"gridkeeper: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, faults.FaultError) else 1) from error
    typer.echo(f"{site}: {', '.join(found) if found else 'nothing wrong any more'}")


def _print_faults(folder: Path) -> None:
    console = Console()
    table = Table("fault", "meaning", "after a colon")
    for name, kind in faults.KINDS.items():
        table.add_row(name, kind.meaning, {"type": "service type", "vo": "VO", "": ""}[kind.scope])
    console.print(table)
    for site, found in sorted(faults.read_faults(folder).items()):
        console.print(f"{site}: {', '.join(found)}")
