"""Plugin checks a second through the whole engine, against bare `os.posix_spawn` and wait of the same plugin.

    python -m benchmarks.plugin_rate [--json] [--quick]

The plugin is Debian's check_dummy, the smallest there is: with any other both sides differ less. The reference starts
one plugin after the other in a thread for each core, reads its output and waits; nothing is scheduled or stored.
Engine and reference take turns, because a shared machine is not equally fast all the time; the median pair counts.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.engine_runs import Rate, cpu_s, make_tests, median_pair, row, run_engine, set_up, show

PLUGIN = Path("/usr/lib/nagios/plugins/check_dummy")
ARGV = [str(PLUGIN), "0", "fine"]
GOAL = 0.5


def spawn_one() -> None:
    read_end, write_end = os.pipe()
    pid = os.posix_spawn(ARGV[0], ARGV, {"LANG": "C.UTF-8"}, file_actions=[(os.POSIX_SPAWN_DUP2, write_end, 1)])
    os.close(write_end)
    os.waitpid(pid, 0)
    os.read(read_end, 4096)
    os.close(read_end)


def run_bare(seconds: float, threads: int) -> Rate:
    """The reference: a thread for each core does nothing but spawn, wait and read."""
    counts = [0] * threads
    end = time.perf_counter() + seconds
    started, begin = cpu_s(), time.perf_counter()

    def work(index: int) -> None:
        while time.perf_counter() < end:
            spawn_one()
            counts[index] += 1

    workers = [threading.Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    total = sum(counts)
    return Rate(total / (time.perf_counter() - begin), (cpu_s() - started) / total * 1000)


def measure(seconds: float, rounds: int) -> list[dict[str, object]]:
    pairs = []
    cores = os.cpu_count() or 1
    for _ in range(rounds):
        bare = run_bare(seconds / 2, cores)
        engine = run_engine(seconds)
        pairs.append((engine, bare))
    engine, bare = median_pair(pairs)
    one = statistics.median(run_bare(1.0, 1).per_s for _ in range(rounds))
    note = f"posix_spawn and wait of check_dummy in {cores} threads; results stored"
    return [
        row("plugin checks", engine.per_s, "/s", bare.per_s, goal=GOAL, note=f"{note}; one thread alone {one:.0f} /s"),
        row(
            "CPU of a plugin check",
            engine.cpu_ms,
            "ms",
            bare.cpu_ms,
            goal=1 / GOAL,
            note="all processes",
            is_rate=False,
        ),
    ]


def main(options: list[str]) -> None:
    if not PLUGIN.exists():
        raise SystemExit(f"{PLUGIN} is missing; install the package monitoring-plugins")
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        set_up(folder)
        make_tests("plugin", str(PLUGIN), ["0", "fine"], "", tests=4)
        rows = measure(3.0, 1) if "--quick" in options else measure(8.0, 3)
    if "--json" not in options:
        show(rows)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
