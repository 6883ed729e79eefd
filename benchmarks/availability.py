"""Availability of one day with 19.2 million results: 500 sites x 10 service types x 4 services x 10 metrics x 96.

Reference: one DuckDB scan of the same files, over the columns that the plan needs. Every measurement runs in a process
of its own, best of seven; the first also makes the plan's statements and stands in the note. Peak memory (getrusage)
is of the whole process.
The tree of sites and services is in memory in both; making it from the registry is not timed.

The made day: sorted by series and time and written as the lake writes a closed day; 5 % of the series flap (each of
their results is bad with 5 %, 9 changes a day), 3 % are critical all day, the others OK; seed 3.

    python -m benchmarks.availability [--json] [--quick] [--keep FOLDER]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather

DAY = date(2026, 1, 14)
MIDNIGHT = datetime(2026, 1, 14, tzinfo=UTC)
TYPES, SERVICES, METRICS, RESULTS_A_DAY = 10, 4, 10, 96
FLAPPING, BAD_WHILE_FLAPPING, DEAD = 0.05, 0.05, 0.03
SEED = 3
GIB = 2**30
RUNS = 7


def set_up() -> None:
    """Django, for the settings that the lake's session reads; in the measured processes too."""
    folder = tempfile.mkdtemp(prefix="gridkeeper-bench-")
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    import django

    django.setup()


# --- the day ---


def make(folder: Path, sites: int) -> int:
    """Writes results, the runs of both days, and the tree. Returns the number of results."""
    from gridkeeper.availability.relations import tree_rows
    from gridkeeper.lake.tables import RESULTS, RUNS

    tree = a_tree(sites)
    series = np.array(sorted(line.series for line in tree.expected), dtype=np.int64)
    _write(folder / "results.parquet", RESULTS, _results(series))
    runs = _runs(folder)
    before = runs.set_column(2, "start", _a_day_earlier(runs, "start"))
    before = before.set_column(3, "last_at", _a_day_earlier(before, "last_at"))
    for name, table in (("runs.parquet", runs), ("runs-before.parquet", before)):
        _write(folder / name, RUNS, iter([table]))
    for name, rows_of_name in tree_rows(tree).items():
        feather.write_feather(rows_of_name, folder / name, compression="uncompressed")
    return len(series) * RESULTS_A_DAY


def a_tree(sites: int) -> Any:
    """500 sites in ten regions; one service in a hundred is in a downtime of two hours."""
    from gridkeeper.availability.tree import Excuse, Expected, Path, Tree
    from gridkeeper.core.identifiers import series_id

    tree = Tree()
    for site in range(sites):
        for number in range(TYPES * SERVICES):
            service_type, host = f"type{number % TYPES}", f"host{number}.site{site}.example.org"
            place = Path("ops", f"NGI_{site % 10}", f"SITE-{site}", service_type, host)
            for metric in range(METRICS):
                path = place._replace(metric=f"{service_type}-{metric}")
                tree.expect(Expected(path, series_id(host, service_type, path.metric, ""), 86_400, 0, 86_400))
            if (site * TYPES * SERVICES + number) % 100 == 0:
                tree.excuses.append(Excuse(host, service_type, 36_000, 43_200))
    return tree


def _results(series: "np.ndarray[Any, Any]") -> Iterator[pa.Table]:
    random = np.random.default_rng(SEED)
    for first in range(0, len(series), 2000):
        chosen = series[first : first + 2000]
        count = len(chosen)
        kind = random.random(count)
        is_bad = random.random((count, RESULTS_A_DAY)) < BAD_WHILE_FLAPPING
        status = np.where(kind[:, None] < FLAPPING, np.where(is_bad, 2, 0), 0)
        status = np.where((kind >= FLAPPING) & (kind < FLAPPING + DEAD), 2, status.T).T
        offset = random.integers(0, 890_000_000, count)[:, None] + random.integers(0, 5_000_000, (count, RESULTS_A_DAY))
        at_us = int(MIDNIGHT.timestamp()) * 1_000_000 + np.arange(RESULTS_A_DAY) * 900_000_000 + offset
        rows = count * RESULTS_A_DAY
        yield pa.table(
            {
                "series": np.repeat(chosen, RESULTS_A_DAY),
                "executed_at": pa.array(at_us.ravel(), pa.timestamp("us", "UTC")),
                "seq": np.zeros(rows, np.int64),
                "status": status.astype(np.int8).ravel(),
                "is_hard": np.ones(rows, bool),
                "duration_ms": random.lognormal(5, 1, rows).astype(np.int32),
                "fact": random.integers(0, 2**32, rows),
                "worker": pa.array([f"worker{n}" for n in range(8)]).take(pa.array(random.integers(0, 8, rows))),
            }
        )


def _write(path: Path, table: Any, batches: Iterator[pa.Table]) -> None:
    import pyarrow.parquet as pq

    from gridkeeper.lake.parquet import ROW_GROUP_ROWS, closed_day_options

    schema = table.stored_schema
    with pq.ParquetWriter(path, schema, **closed_day_options(table)) as writer:
        for batch in batches:
            writer.write_table(batch.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)


def _runs(folder: Path) -> pa.Table:
    from gridkeeper.lake.changes import status_runs
    from gridkeeper.lake.scan import connect

    with connect() as con:
        runs = status_runs(_parquet(con, folder, "results"))
        return runs.order_by(["series", "start"]).to_pyarrow().select(["series", "status", "start", "last_at", "seq"])


def _a_day_earlier(runs: pa.Table, name: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    return pc.subtract(runs.column(name), pa.scalar(timedelta(days=1), pa.duration("us")))


def _parquet(con: Any, folder: Path, *names: str) -> Any:
    from gridkeeper.lake.scan import parquet_table
    from gridkeeper.lake.tables import RESULTS, RUNS

    table = RESULTS if names[0] == "results" else RUNS
    return parquet_table(con, [str(folder / f"{name}.parquet") for name in names], table.stored_schema)


# --- what is measured, each in a process of its own ---


def scan(con: Any, folder: Path) -> int:
    """The least that any reader of the day's results does: every needed column, once."""
    path = folder / "results.parquet"
    sql = (
        "SELECT sum(series), max(epoch_us(executed_at)), min(seq), sum(status), count(*) FILTER (is_hard)"
        f" FROM read_parquet('{path}')"
    )
    return int(con.con.execute(sql).fetchall()[0][-1])


def from_raw(con: Any, folder: Path) -> int:
    """From results of the day (and the change points of the day before) to the figures of every node."""
    from gridkeeper.lake.changes import status_runs
    from gridkeeper.lake.scan import bind

    columns = ("series", "status", "start", "last_at", "seq")
    made = status_runs(_parquet(con, folder, "results")).select(*columns)
    con.con.execute(f"CREATE TEMP TABLE made AS {con.compile(made)}")
    kept = bind(con, "made", made.schema().to_pyarrow())
    return _judged(con, folder, kept.union(_parquet(con, folder, "runs-before").select(*columns)))


def from_points(con: Any, folder: Path) -> int:
    """From change points of both days to the figures of every node."""
    return _judged(con, folder, _parquet(con, folder, "runs", "runs-before"))


def with_hours(con: Any, folder: Path) -> int:
    """The same, and the figures of every hour of every service, flavour, site, region and the federation."""
    return _judged(con, folder, _parquet(con, folder, "runs", "runs-before"), with_hours=True)


def _judged(con: Any, folder: Path, runs: Any, *, with_hours: bool = False) -> int:
    from gridkeeper.availability.judge import Rules, judge
    from gridkeeper.availability.relations import TREE_SCHEMAS, provide_runs

    for name in TREE_SCHEMAS:
        con.con.register(name, feather.read_table(folder / name))
    provide_runs(con, runs, DAY)
    judgement = judge(con, Rules(86_400), with_hours=with_hours)
    return int(judgement.figures.count().to_pyarrow().as_py())


MEASURED: dict[str, Callable[[Any, Path], int]] = {
    "scan": scan,
    "raw": from_raw,
    "points": from_points,
    "hours": with_hours,
}


def measure(name: str, folder: Path) -> dict[str, float]:
    """Best of five in this process, and its peak memory."""
    from gridkeeper.lake.scan import connect

    best, first, count = float("inf"), 0.0, 0
    for _ in range(RUNS):
        with connect() as con:
            started = time.perf_counter()
            count = MEASURED[name](con, folder)
            took = time.perf_counter() - started
            best, first = min(best, took), first or took
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": best, "first_seconds": first, "peak_bytes": peak, "count": count}


def in_a_process(verb: str, word: str, folder: Path) -> dict[str, float]:
    argv = [sys.executable, "-m", "benchmarks.availability", verb, word, "--keep", str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


# --- the table ---

GOALS = {"raw": 20.0, "points": 1.0}
TITLES = {
    "raw": "availability of a day, from results to all figures",
    "points": "availability of a day, from change points to all figures",
    "hours": "the same with figures of every hour",
}


def rows(folder: Path, results: int) -> list[dict[str, Any]]:
    reference = in_a_process("--measure", "scan", folder)
    found = []
    for name, title in TITLES.items():
        measured = in_a_process("--measure", name, folder)
        ratio = measured["seconds"] / reference["seconds"]
        goal = GOALS.get(name)
        is_small = measured["peak_bytes"] < 1.5 * GIB
        found.append(
            {
                "name": title,
                "value": f"{measured['seconds']:.3f} s, {measured['peak_bytes'] / GIB:.2f} GiB",
                "reference": f"one scan {reference['seconds']:.3f} s",
                "ratio": f"{ratio:.2f}",
                "goal": f"<= {goal:g} x scan, < 1.5 GiB" if goal else None,
                "is_met": ratio <= goal and is_small if goal else None,
                "note": f"{results / 1e6:.1f} million results, {int(measured['count'])} figures; first run in the"
                f" process {measured['first_seconds']:.2f} s, which makes the statements",
            }
        )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="one line of JSON for programs")
    parser.add_argument("--quick", "--small", action="store_true", help="a twentieth of the sites")
    parser.add_argument("--keep", type=Path, help="folder of the made day; it is used again where it exists")
    parser.add_argument("--measure", choices=sorted(MEASURED), help=argparse.SUPPRESS)
    parser.add_argument("--make", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        set_up()
        print(json.dumps({"count": make(options.keep, options.make)}))
        return 0
    if options.measure:
        set_up()
        print(json.dumps(measure(options.measure, options.keep)))
        return 0
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sites = 25 if options.quick else 500
        count = sites * TYPES * SERVICES * METRICS * RESULTS_A_DAY
        if not (folder / "nodes").exists():
            # In a process of its own: a child inherits its parent's peak of memory.
            in_a_process("--make", str(sites), folder)
        found = rows(folder, count)
    print(json.dumps(found) if options.json else "\n".join(_line(row) for row in found))
    return 0


def _line(row: dict[str, Any]) -> str:
    met = {True: "met", False: "NOT met", None: ""}[row["is_met"]]
    return (
        f"{row['name']:58} {row['value']:>20}  {row['ratio']:>6} x ({row['reference']})  {row['goal'] or '':26} {met}"
    )


if __name__ == "__main__":
    sys.exit(main())
