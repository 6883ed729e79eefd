"""Bytes that a result takes in the lake once its day is compacted, logs apart.

The reference is the same day as it arrived: files of the mover, zstd-compressed Parquet in order of receipt.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

GOAL_BYTES = 12

_RUN = """
import django; django.setup()
import json, time
from datetime import UTC, datetime, timedelta
import numpy as np
import pyarrow as pa
from django.core.management import call_command
from gridkeeper.bus import inbox, mover
from gridkeeper.core.identifiers import fact_hash, series_id
from gridkeeper.lake import compaction
from gridkeeper.lake.changes import Validity
from gridkeeper.lake.store import open_lake

call_command("migrate", verbosity=0)
HOSTS, TESTS, ROUNDS = {hosts}, 10, 96
day = datetime(2026, 3, 9, tzinfo=UTC)
start = int(day.timestamp() * 1_000_000)
rng = np.random.default_rng(2006)
words = [(f"ce{{n // TESTS}}.example.org", "CE", f"CE-t{{n % TESTS}}", "") for n in range(HOSTS * TESTS)]
series = np.array([series_id(*word) for word in words])
offset = rng.integers(0, 890_000_000, len(series))
usual = rng.integers(20, 4_000, len(series))
columns = {{name: pa.array([word[n] for word in words]).dictionary_encode() for n, name in enumerate(("hostname", "service_type", "metric", "vo"))}}
repeated = lambda text: pa.array([text] * len(series)).dictionary_encode()
workers = pa.array([f"probe{{n % 4}}.example.org" for n in range(len(series))]).dictionary_encode()
lake = open_lake()
for turn in range(ROUNDS):
    # the scheduler's lateness: some milliseconds, now and then much more
    at = start + turn * 900_000_000 + offset + rng.exponential(20_000, len(series)).astype(np.int64)
    took = np.maximum(1, usual * rng.lognormal(0, 0.15, len(series))).astype(np.int32)
    status = np.where(rng.random(len(series)) < 0.003, 2, 0).astype(np.int8)
    ids = [f"{{turn}}-{{n}}" for n in range(len(series))]
    said = [f"OK - answer in {{t}} ms" for t in took]
    rows = pa.table(columns | {{
        "series": series, "executed_at": pa.array(at).cast(pa.timestamp("us", "UTC")), "status": status,
        "is_hard": pa.repeat(True, len(series)), "duration_ms": took, "fact": [fact_hash(i) for i in ids],
        "worker": workers, "id": ids, "summary": said, "output": said, "perfdata": [f"time={{t}}ms" for t in took],
        "cause": repeated(""),
    }})
    for part in range(0, len(series), 50_000):
        inbox.put("results", rows.slice(part, 50_000), day)
    if turn % 8 == 7:
        mover.move_all(lake)
mover.move_all(lake)
size = lambda table: sum(file.size for file in lake.snapshot(table).files)
before = {{table: size(table) for table in ("results", "logs")}}
began = time.perf_counter()
compaction.compact_day(lake, day.date(), Validity())
took = time.perf_counter() - began
count = sum(file.rows for file in lake.snapshot("results").files)
print(json.dumps({{"count": count, "before": before, "compact_s": took,
    "after": {{table: size(table) for table in ("results", "logs", "runs")}}}}))
"""


def measure(hosts: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
        environment = {name: os.environ[name] for name in names} | {
            "GRIDKEEPER_DATA_DIR": folder,
            "GRIDKEEPER_LOG_LEVEL": "WARNING",
            "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
        }
        script = _RUN.format(hosts=hosts)
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def rows(hosts: int) -> list[dict[str, Any]]:
    got = measure(hosts)
    after, before = got["after"]["results"] / got["count"], got["before"]["results"] / got["count"]
    logs = {when: got[when]["logs"] / got["count"] for when in ("before", "after")}
    return [
        {
            "name": "lake: a result of a compacted day, logs apart",
            "value": f"{after:.2f} bytes",
            "reference": f"{before:.2f} bytes as it arrived",
            "ratio": f"{after / before:.2f}",
            "goal": f"<= {GOAL_BYTES} bytes",
            "is_met": after < GOAL_BYTES,
            "note": f"{got['count']:,} results, random ids; change points {got['after']['runs'] / got['count']:.2f} bytes "
            f"more; the day compacted in {got['compact_s']:.1f} s",
        },
        {
            "name": "lake: the log of a result",
            "value": f"{logs['after']:.1f} bytes",
            "reference": f"{logs['before']:.1f} bytes as it arrived",
            "ratio": f"{logs['after'] / logs['before']:.2f}",
            "goal": None,
            "is_met": None,
            "note": "a line of text, perfdata and the sender's id",
        },
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the results")
    options = parser.parse_args()
    found = rows(100 if options.quick else 1000)
    print(json.dumps(found) if options.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
