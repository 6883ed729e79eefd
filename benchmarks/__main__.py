"""Runs every benchmark, or those named, in a process of its own; prints one table.

`--write` puts it into docs/benchmarks.md; rows of benchmarks that were not run stay there. Other options are handed on.

A benchmark is a script that prints, with `--json`, a list of rows: {"name", "value", "reference", "ratio", "goal",
"is_met", "note"}; all but the name are texts or null.
"""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SCRIPTS = (
    "plugin_rate", "native_rate", "ingest", "lake_size", "availability", "availability_scale", "availability_spark",
    "matrix", "import_osg", "downtime_declare", "gocdb_pi", "as_of", "schedule_lag", "nagios_icinga", "worker_loss",
)  # fmt: skip
COLUMNS = ("name", "value", "reference", "ratio", "goal", "met", "note")
_PAGE = Path("docs/benchmarks.md")


def run(script: str, options: list[str]) -> list[dict[str, Any]]:
    """The rows of one benchmark; a failure is a row that says so."""
    argv = [sys.executable, "-m", f"benchmarks.{script}", "--json", *options]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return [{"name": script, "note": f"failed: {last}", "is_met": False}]
    rows: list[dict[str, Any]] = json.loads(done.stdout.strip().splitlines()[-1])
    return rows


def cells(row: dict[str, Any]) -> list[str]:
    met = {True: "yes", False: "no", None: ""}[row.get("is_met")]
    return [met if column == "met" else str(row.get(column) or "") for column in COLUMNS]


def machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    model = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "unknown CPU")
    python = platform.python_version()
    return f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, {platform.system()}, Python {python}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def write_page(rows: list[list[str]], now: datetime) -> None:
    """Replaces the rows of the same names, and adds the others at the end."""
    head, _, tail = _PAGE.read_text().partition("<!-- table -->")
    before, _, after = tail.partition("<!-- end -->")
    known = {line.split(" | ")[0].removeprefix("| "): line for line in before.splitlines() if line.startswith("| ")}
    known |= {row[0]: f"| {' | '.join(row)} |" for row in rows}
    known.pop(COLUMNS[0], None)
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS), *known.values()]
    body = f"\n\nMeasured {now:%Y-%m-%d} on {machine()}.\n\n" + "\n".join(lines) + "\n\n"
    _PAGE.write_text(f"{head}<!-- table -->{body}<!-- end -->{after}")


def main(words: list[str]) -> int:
    options = [word for word in words if word.startswith("--") and word != "--write"]
    wanted = [word for word in words if not word.startswith("--")] or list(SCRIPTS)
    console = Console()
    rows = []
    for script in wanted:
        with console.status(f"measuring {script}"):
            rows += [cells(row) for row in run(script, options)]
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*row)
    console.print(machine(), table)
    if "--write" in words:
        write_page(rows, datetime.now(UTC))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
