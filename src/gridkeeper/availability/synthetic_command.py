"""`gridkeeper availability synthesize`: days of a stated model, into this installation's lake or as ARGO's files."""

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from gridkeeper.availability.synthetic import Model


def synthesize(
    first: Annotated[str, typer.Option("--from", metavar="DAY", help="First UTC day, e.g. 2026-03-01.")],
    days: Annotated[int, typer.Option(min=1, help="So many days.")] = 1,
    argo: Annotated[
        Path | None,
        typer.Option("--argo", metavar="DIR", help="Write a folder of ARGO's files for each day there instead."),
    ] = None,
    sites: Annotated[int, typer.Option(min=1, help="Sites.")] = 500,
    types: Annotated[int, typer.Option(min=1, help="Service types at each site.")] = 10,
    services: Annotated[int, typer.Option(min=1, help="Services of each type at a site.")] = 4,
    metrics: Annotated[int, typer.Option(min=1, help="Metrics of each service.")] = 10,
    results: Annotated[int, typer.Option(min=1, help="Results of each metric a day.")] = 96,
    flap_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of the metrics that flap.")] = 0.05,
    bad_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of their results that are bad.")] = 0.05,
    dead_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of the metrics that are always bad.")] = 0.03,
    downtime_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of services in a daily downtime.")] = 0.01,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same days.")] = 3,
) -> None:
    """Makes synthetic days: the registry and the facts of an empty installation, or ARGO's files; figures are not made.

    `availability compute` or `availability argo-day` computes them.
    """
    from gridkeeper.availability.synthetic import Model, ModelError

    begins = _day(first)
    wanted = [begins + timedelta(days=number) for number in range(days)]
    try:
        model = Model(
            sites=sites, types=types, services=services, metrics=metrics, results_a_day=results, flap_rate=flap_rate,
            bad_rate=bad_rate, dead_rate=dead_rate, downtime_rate=downtime_rate, seed=seed,
        )  # fmt: skip
        with Console(stderr=True).status("making"):
            written = _as_files(model, wanted, argo) if argo else _into_lake(model, wanted)
    except ModelError as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from error
    typer.echo(f"{len(wanted)} days, {written} results")


def _as_files(model: "Model", days: list[date], folder: Path) -> int:
    from gridkeeper.availability.synthetic_argo import write_argo_day

    return sum(write_argo_day(model, day, folder / day.isoformat()) for day in days)


def _into_lake(model: "Model", days: list[date]) -> int:
    from gridkeeper.availability.synthetic_lake import write_days

    return write_days(model, days)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"--from {text!r} is not a day; write it as 2026-03-01") from None
