"""Availability of one day with 19.2 million results: 500 sites x 10 service types x 4 services x 10 metrics x 96.

Reference: one DuckDB scan of the same files, over the columns that the plan needs. Every measurement runs in a process
of its own, best of seven; the first also makes the plan's statements and stands in the note. Peak memory (getrusage)
is of the whole process.
The tree of sites and services is in memory in both; making it from the registry is not timed.

The made day (gridkeeper.availability.synthetic): sorted by series and time and written as the lake writes a closed day;
5 % of the series flap (each of their results is bad with 5 %, 9 changes a day), 3 % are critical all day, the others
OK, one service in a hundred is in a downtime of two hours; seed 3.

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
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather

DAY = date(2026, 1, 14)
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
    from gridkeeper.availability.synthetic import Model, results_of, tree_of
    from gridkeeper.lake.tables import RESULTS, RUNS

    model = Model(sites=sites, seed=SEED)
    for name, day in (("before", DAY - timedelta(days=1)), ("results", DAY)):
        _write(folder / f"{name}.parquet", RESULTS, results_of(model, day))
    for name, results in (("runs-before", "before"), ("runs", "results")):
        _write(folder / f"{name}.parquet", RUNS, iter([_runs(folder, results)]))
    (folder / "before.parquet").unlink()
    for name, rows_of_name in tree_rows(tree_of(model)).items():
        feather.write_feather(rows_of_name, folder / name, compression="uncompressed")
    return model.results


def _write(path: Path, table: Any, batches: Iterator[pa.Table]) -> None:
    import pyarrow.parquet as pq

    from gridkeeper.lake.parquet import ROW_GROUP_ROWS, closed_day_options

    schema = table.stored_schema
    with pq.ParquetWriter(path, schema, **closed_day_options(table)) as writer:
        for batch in batches:
            writer.write_table(batch.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)


def _runs(folder: Path, results: str) -> pa.Table:
    from gridkeeper.lake.changes import status_runs
    from gridkeeper.lake.scan import connect, parquet_table
    from gridkeeper.lake.tables import RESULTS

    with connect() as con:
        stored = parquet_table(con, [str(folder / f"{results}.parquet")], RESULTS.stored_schema)
        runs = status_runs(stored)
        return runs.order_by(["series", "start"]).to_pyarrow().select(["series", "status", "start", "last_at", "seq"])


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


def ten_days(con: Any, folder: Path) -> int:
    """Ten days one after the other, in one session: each as `from_points`."""
    return sum(from_points(con, folder) for _ in range(10))


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
    "days": ten_days,
}


def measure(name: str, folder: Path) -> dict[str, float]:
    """Best of seven in this process, and its peak memory."""
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

GOALS = {"raw": 12.0, "points": 1.0}
TITLES = {
    "raw": "availability of a day, from results to all figures",
    "points": "availability of a day, from change points to all figures",
    "hours": "the same with figures of every hour",
    "days": "availability of ten days, from change points, in one process",
}


def rows(folder: Path, results: int) -> list[dict[str, Any]]:
    reference = in_a_process("--measure", "scan", folder)
    found, seconds = [], {}
    for name, title in TITLES.items():
        measured = in_a_process("--measure", name, folder)
        seconds[name] = measured["seconds"]
        if name == "days":
            found.append(_linear(title, measured, seconds["points"]))
            continue
        ratio = measured["seconds"] / reference["seconds"]
        goal = GOALS.get(name)
        is_small = measured["peak_bytes"] <= 1.2 * GIB
        found.append(
            {
                "name": title,
                "value": f"{measured['seconds']:.3f} s, {measured['peak_bytes'] / GIB:.2f} GiB",
                "reference": f"one scan {reference['seconds']:.3f} s",
                "ratio": f"{ratio:.2f}",
                "goal": f"<= {goal:g} x scan, <= 1.2 GiB" if goal else None,
                "is_met": ratio <= goal and is_small if goal else None,
                "note": f"{results / 1e6:.1f} million results, {int(measured['count'])} figures; first run in the"
                f" process {measured['first_seconds']:.2f} s, which makes the statements",
            }
        )
    return found


def _linear(title: str, measured: dict[str, float], one_day_s: float) -> dict[str, Any]:
    """Ten days against ten times one day."""
    ratio = measured["seconds"] / (10 * one_day_s)
    return {
        "name": title,
        "value": f"{measured['seconds']:.3f} s, {measured['peak_bytes'] / GIB:.2f} GiB",
        "reference": f"ten times one day {10 * one_day_s:.3f} s",
        "ratio": f"{ratio:.2f}",
        "goal": "within 10 %, <= 1.2 GiB",
        "is_met": ratio <= 1.1 and measured["peak_bytes"] <= 1.2 * GIB,
        "note": f"{int(measured['count'])} figures",
    }


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
        if not (folder / "count").exists():
            # In a process of its own: a child inherits its parent's peak of memory.
            made = in_a_process("--make", str(sites), folder)
            (folder / "count").write_text(str(int(made["count"])))
        found = rows(folder, int((folder / "count").read_text()))
    print(json.dumps(found) if options.json else "\n".join(_line(row) for row in found))
    return 0


def _line(row: dict[str, Any]) -> str:
    met = {True: "met", False: "NOT met", None: ""}[row["is_met"]]
    return (
        f"{row['name']:58} {row['value']:>20}  {row['ratio']:>6} x ({row['reference']})  {row['goal'] or '':26} {met}"
    )


if __name__ == "__main__":
    sys.exit(main())
