"""The same day judged by DuckDB and by a local Spark, from change points to the figures of every node.

Two sizes of the day of benchmarks/availability.py: a small one, which is Spark's fixed cost, and the whole one of 19.2
million results. From both follows what a row costs each engine; the size from which a cluster pays is calculated from
them: where DuckDB on this machine takes as long as Spark's fixed cost plus its share on that many such machines, without
a network. Warm: the second run of a process counts; the first makes the statements and, on Spark, compiles them.

    python -m benchmarks.availability_spark [--json] [--quick] [--keep FOLDER]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.feather as feather

from benchmarks.availability import DAY, _parquet, set_up

SITES = {"small": 5, "whole": 500}
MACHINES = 10
MARK = "measured: "


def judged(con: Any, folder: Path) -> int:
    from gridkeeper.availability.judge import Rules, judge
    from gridkeeper.availability.relations import TREE_SCHEMAS, provide_runs
    from gridkeeper.lake.engines import engine_of

    for name in TREE_SCHEMAS:
        engine_of(con).give(con, name, feather.read_table(folder / name))
    provide_runs(con, _parquet(con, folder, "runs", "runs-before"), DAY)
    return int(judge(con, Rules(86_400), with_hours=False).figures.count().to_pyarrow().as_py())


def measure(engine: str, folder: Path) -> dict[str, float]:
    """The better of the second and third run."""
    from gridkeeper.lake import scan, spark

    took = []
    for _ in range(3):
        with scan.connect() if engine == "duckdb" else spark.connect(engine) as con:
            started = time.perf_counter()
            count = judged(con, folder)
            took.append(time.perf_counter() - started)
    return {"seconds": min(took[1:]), "first_seconds": took[0], "count": count}


def in_a_process(module: str, *words: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{module}", *words], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1].removeprefix(MARK))
    return found


def rows(folder: Path, sizes: dict[str, int]) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for size, sites in sizes.items():
        if not (folder / size / "nodes").exists():
            (folder / size).mkdir(parents=True, exist_ok=True)
            in_a_process("availability", "--make", str(sites), "--keep", str(folder / size))
        for engine in ("duckdb", "local[2]"):
            found[engine, size] = in_a_process("availability_spark", "--measure", engine, "--keep", str(folder / size))
    duckdb, spark = (_line(found[engine, "small"], found[engine, "whole"]) for engine in ("duckdb", "local[2]"))
    return [
        {
            "name": "availability of a day on Spark local[2], from change points",
            "value": f"{found['local[2]', 'whole']['seconds']:.2f} s",
            "reference": f"DuckDB {found['duckdb', 'whole']['seconds']:.2f} s",
            "ratio": f"{found['local[2]', 'whole']['seconds'] / found['duckdb', 'whole']['seconds']:.1f}",
            "goal": None,
            "is_met": None,
            "note": f"{sizes['small']} sites: Spark {found['local[2]', 'small']['seconds']:.2f} s, DuckDB"
            f" {found['duckdb', 'small']['seconds']:.2f} s; first run of Spark {found['local[2]', 'whole']['first_seconds']:.0f} s;"
            f" calculated: {_pays(duckdb, spark, found['duckdb', 'whole']['count'])}",
        }
    ]


def _line(small: dict[str, float], whole: dict[str, float]) -> tuple[float, float]:
    """Fixed seconds, and seconds for each figure more."""
    each = (whole["seconds"] - small["seconds"]) / (whole["count"] - small["count"])
    return small["seconds"] - each * small["count"], each


def _pays(duckdb: tuple[float, float], spark: tuple[float, float], figures_of_day: float) -> str:
    gain = duckdb[1] - spark[1] / MACHINES
    if gain <= 0:
        return f"{MACHINES} such machines do not catch up with one DuckDB at any size"
    figures = (spark[0] - duckdb[0]) / gain
    return f"{MACHINES} such machines pay from {figures / figures_of_day:.0f} times this day on"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="one line of JSON for programs")
    parser.add_argument("--quick", "--small", action="store_true", help="a twentieth of the sites")
    parser.add_argument("--keep", type=Path, help="folder of the made days; they are used again where they exist")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        set_up()
        print(MARK + json.dumps(measure(options.measure, options.keep)))
        return 0
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as temporary:
        found = rows(options.keep or Path(temporary), SITES | ({"whole": 25} if options.quick else {}))
    print(
        json.dumps(found)
        if options.json
        else "\n".join(f"{row['name']}: {row['value']}, {row['reference']}; {row['note']}" for row in found)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
