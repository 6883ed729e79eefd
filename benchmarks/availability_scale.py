"""Availability in a whole installation: a month of EGI's size computed into the lake, one day after 1000 new results,
and a year of daily figures of 500 sites read for a page.

The month: 250 sites x 20 services x 10 metrics on 30 days, in the registry and the lake (gridkeeper.availability.synthetic),
24 results a day each; 5 % of the metrics flap (8 changes a day), 3 % are critical all day. `compute_days` reads registry
and change points, judges every level and hour, and replaces the days in the lake. Reference: the judging alone.

The year: 365 days x 500 sites in 25 regions of figures in the lake, made at random; the page of the year, which adds
them up by month, is asked for as a reader does. Reference: one DuckDB scan of the same columns.

    python -m benchmarks.availability_scale [--json] [--quick] [--keep FOLDER]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

FIRST = date(2026, 3, 1)
NOW = datetime(2026, 4, 2, tzinfo=UTC)
SITES, DAYS, NEW_RESULTS, YEAR_SITES, YEAR_REGIONS = 250, 30, 1000, 500, 25
SEED = 3
MONTH_S, UPDATE_S, PAGE_S = 10.0, 1.0, 0.150


def set_up(folder: Path) -> None:
    """Django on an installation in the folder."""
    os.environ |= {"GRIDKEEPER_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    import django

    django.setup()


def a_model(sites: int) -> Any:
    from gridkeeper.availability.synthetic import Model

    return Model(sites=sites, types=10, services=2, metrics=10, results_a_day=24, bad_rate=0.2, seed=SEED)


def make(sites: int, days: int) -> dict[str, float]:
    """Registry, facts and change points of the month and of the day before it."""
    from django.core.management import call_command

    from gridkeeper.availability.synthetic_lake import write_days

    call_command("migrate", verbosity=0)
    write_days(a_model(sites), [FIRST + timedelta(days=number) for number in range(-1, days)])
    return {"seconds": 0.0}


# --- what is measured, each in a process of its own ---


def month(sites: int, days: int) -> dict[str, float]:
    from gridkeeper.availability.compute import compute_days

    done = compute_days([FIRST + timedelta(days=number) for number in range(days)], NOW)
    return {"seconds": done.took_s, "count": done.figures}


def judging(sites: int, days: int) -> dict[str, float]:
    """The plan alone, with hours: the tree of the model is made once."""
    from gridkeeper.availability.judge import Rules, judge
    from gridkeeper.availability.relations import provide
    from gridkeeper.availability.synthetic import tree_of
    from gridkeeper.bus.facts import open_facts
    from gridkeeper.lake.scan import connect

    tree, facts, count = tree_of(a_model(sites)), open_facts(), 0
    started = time.perf_counter()
    for number in range(days):
        day = FIRST + timedelta(days=number)
        with connect() as con:
            columns = ("series", "status", "start", "last_at", "seq")
            both = [facts.runs(con, each).select(*columns) for each in (day - timedelta(days=1), day)]
            provide(con, tree, both[0].union(both[1]), day)
            count += judge(con, Rules(86_400)).figures.count().to_pyarrow().as_py()
    return {"seconds": time.perf_counter() - started, "count": count}


def update(sites: int, days: int) -> dict[str, float]:
    """1000 results of the last day come, of as many metrics; the day follows."""
    from gridkeeper.availability.compute import compute_days

    day = FIRST + timedelta(days=days - 1)
    compute_days([day], NOW)
    best = float("inf")
    for turn in range(3):
        _new_results(sites, day, turn)
        started = time.perf_counter()
        compute_days([day], NOW)
        best = min(best, time.perf_counter() - started)
    return {"seconds": best, "count": NEW_RESULTS}


def _new_results(sites: int, day: date, turn: int) -> None:
    from gridkeeper.core.status import Status
    from gridkeeper.probes.ingest import submit
    from gridkeeper.probes.results import Result

    at = datetime(day.year, day.month, day.day, 23, 50 + turn, tzinfo=UTC)
    keys = a_model(sites).keys
    chosen = np.random.default_rng([SEED, turn]).choice(len(keys), min(NEW_RESULTS, len(keys)), replace=False)
    series = [keys[number] for number in chosen]
    submit(
        [Result(key=key, id=f"{turn}-{key.series}", status=Status.CRITICAL, executed_at=at) for key in series], now=NOW
    )


def make_year(sites: int, days: int) -> dict[str, float]:
    """A year of daily figures of sites, regions and the federation."""
    from gridkeeper.availability.levels import MEASURES, SECONDS
    from gridkeeper.availability.tables import DAY_TABLE
    from gridkeeper.lake.store import open_lake

    lake, random, words = open_lake(), np.random.default_rng(SEED), _places()
    count = len(words["level"])
    for number in range(365):
        day = date(2025, 1, 1) + timedelta(days=number)
        critical = random.integers(0, 9000, count)
        seconds = dict.fromkeys(SECONDS, np.zeros(count, np.int64)) | {
            "up_s": 86_400 - critical,
            "critical_s": critical,
        }
        measures = {"total_s": np.full(count, 86_400), "flips": random.integers(0, 20, count)} | seconds
        columns: dict[str, Any] = words | {"date": pa.array([day] * count, pa.date32())}
        columns |= {name: measures[name] for name in MEASURES}
        rows = pa.table(
            [
                pa.array(columns[field.name], field.type) if field.name in columns else _empty(field, count)
                for field in DAY_TABLE.schema
            ],
            schema=DAY_TABLE.schema,
        )
        lake.replace_days(DAY_TABLE.name, [day], rows)
    return {"seconds": 0.0}


def _places() -> dict[str, list[str]]:
    """Sites in their regions, the regions, the federation."""
    from gridkeeper.availability.synthetic import REPORT

    regions = [f"NGI-{number}" for number in range(YEAR_REGIONS)]
    sites = [f"SITE-{number}" for number in range(YEAR_SITES)]
    places = [("site", regions[number % YEAR_REGIONS], site) for number, site in enumerate(sites)]
    places += [*(("region", region, "") for region in regions), ("federation", "", "")]
    level, region, site = (list(words) for words in zip(*places, strict=True))
    report = [REPORT] * len(places)
    return {
        "report": report, "level": level, "region": region, "region_name": region, "site": site, "site_name": site,
    }  # fmt: skip


def _empty(field: pa.Field, count: int) -> pa.Array:
    value = "" if pa.types.is_string(field.type) else None
    return pa.array([value] * count, field.type)


def year(sites: int, days: int) -> dict[str, float]:
    """The page of the year as a reader asks for it, warm: the second time on."""
    from django.test import Client
    from django.urls import reverse

    from gridkeeper.availability.synthetic import REPORT

    client, best = Client(HTTP_HOST="localhost"), float("inf")
    for _ in range(6):
        started = time.perf_counter()
        answer = client.get(reverse("availability:month"), {"period": "2025", "report": REPORT})
        best = min(best, time.perf_counter() - started)
    page = answer.content.decode()
    if answer.status_code != 200 or page.count("SITE-") < YEAR_SITES:
        raise RuntimeError(f"the page of the year shows no sites: {answer.status_code}")
    return {"seconds": best, "count": YEAR_SITES * 365}


def year_scan(sites: int, days: int) -> dict[str, float]:
    from gridkeeper.availability.levels import MEASURES
    from gridkeeper.availability.tables import DAY_TABLE
    from gridkeeper.lake.scan import connect, lake_table_of
    from gridkeeper.lake.store import open_lake

    best = float("inf")
    for _ in range(4):
        with connect() as con:
            table = lake_table_of(con, open_lake(), DAY_TABLE.name)
            started = time.perf_counter()
            table.agg(**{name: table[name].sum() for name in MEASURES}).to_pyarrow()
            best = min(best, time.perf_counter() - started)
    return {"seconds": best, "count": 0}


WORDS: dict[str, Callable[[int, int], dict[str, float]]] = {
    "make": make, "month": month, "judging": judging, "update": update, "make_year": make_year, "year": year,
    "year_scan": year_scan,
}  # fmt: skip


def in_a_process(word: str, folder: Path, sites: int, days: int) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.availability_scale", "--run", word, "--keep", str(folder)]
    argv += ["--sites", str(sites), "--days", str(days)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def rows(folder: Path, sites: int, days: int) -> list[dict[str, Any]]:
    if not (folder / "lake").exists():
        for word in ("make", "make_year"):
            in_a_process(word, folder, sites, days)
    plan, whole = (in_a_process(word, folder, sites, days) for word in ("judging", "month"))
    new = in_a_process("update", folder, sites, days)
    scanned, page = (in_a_process(word, folder, sites, days) for word in ("year_scan", "year"))
    size = f"{sites * 20} services x 10 metrics"
    return [
        _row(f"availability of a month, {size}", whole, plan, MONTH_S, "judging alone", f"{days} days into the lake"),
        _row("availability of a day after 1000 new results", new, plan, UPDATE_S, "judging a month", size),
        _row(
            "page of a year of 500 sites, from figures of days", page, scanned, PAGE_S, "one scan", "the whole answer"
        ),
    ]


def _row(
    name: str, found: dict[str, float], reference: dict[str, float], goal_s: float, what: str, note: str
) -> dict[str, Any]:
    return {
        "name": name, "value": f"{found['seconds']:.3f} s", "reference": f"{what} {reference['seconds']:.3f} s",
        "ratio": f"{found['seconds'] / reference['seconds']:.2f}", "goal": f"< {goal_s:g} s",
        "is_met": found["seconds"] < goal_s, "note": f"{note}, {int(found['count'])} rows",
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="one line of JSON for programs")
    parser.add_argument("--quick", "--small", action="store_true", help="a tenth of the sites and of the days")
    parser.add_argument("--keep", type=Path, help="folder of the made installation; it is used again where it exists")
    parser.add_argument("--run", choices=sorted(WORDS), help=argparse.SUPPRESS)
    parser.add_argument("--sites", type=int, default=SITES, help=argparse.SUPPRESS)
    parser.add_argument("--days", type=int, default=DAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        set_up(options.keep)
        print(json.dumps(WORDS[options.run](options.sites, options.days)))
        return 0
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as temporary:
        folder = options.keep or Path(temporary)
        sites, days = (SITES // 10, DAYS // 10) if options.quick else (options.sites, options.days)
        found = rows(folder, sites, days)
    print(json.dumps(found) if options.json else "\n".join(_line(row) for row in found))
    return 0


def _line(row: dict[str, Any]) -> str:
    met = "met" if row["is_met"] else "NOT met"
    return f"{row['name']:60} {row['value']:>10}  ({row['reference']})  {row['goal']:8} {met}  {row['note']}"


if __name__ == "__main__":
    sys.exit(main())
