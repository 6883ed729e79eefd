"""One of three workers killed under load: results lost, doubled, and how long its runs were late.

    python -m benchmarks.worker_loss [--json] [--quick]

A real NATS server, three worker processes, the whole engine with results stored. Lost is a run that the engine began
and that has no result at the end; doubled one that has two. There is no peer to compare with: Nagios with mod_gearman
and Icinga 2 with satellites lose what a satellite that is killed was running.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.engine_runs import HOSTS, make_tests, set_up

LEASE_S = 3.0
#: Those of the services that `make_tests` makes.
ADDRESSES = [f"127.3.{number // 200}.{number % 200 + 1}" for number in range(HOSTS)]
WORKERS = ("w1", "w2", "w3")
#: How long a service takes to answer, so that a worker that is killed has runs under way.
ANSWER_S = 0.1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nats(folder: Path, port: int) -> Iterator[None]:
    program = shutil.which("nats-server")
    if program is None:
        sys.exit("nats-server is not installed")
    argv = [program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "nats")]
    server = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        server.terminate()
        server.wait()


def start_worker(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    environment = os.environ | {"GRIDKEEPER_DATA_DIR": str(folder / name), "GRIDKEEPER_WORKER_NAME": name}
    return subprocess.Popen([sys.executable, "-m", "gridkeeper.cli.main", "worker"], env=environment)


def measure(folder: Path, seconds: float) -> dict[str, Any]:
    """Runs the engine, kills a worker after a third of the time, and counts."""
    from django.conf import settings

    from gridkeeper.bus import inbox
    from gridkeeper.probes.dispatch import Dispatch
    from gridkeeper.probes.engine import Engine
    from gridkeeper.probes.instances import Instance
    from gridkeeper.probes.running import Measured

    class Counted(Dispatch):
        begun: set[tuple[int, datetime]] = set()
        given_up: set[tuple[int, datetime]] = set()
        longest_s = 0.0

        async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
            one, start_s = (instance.series, now), time.monotonic()
            self.begun.add(one)
            try:
                return await super().execute(instance, now)
            except asyncio.CancelledError:
                self.given_up.add(one)
                raise
            finally:
                self.longest_s = max(self.longest_s, time.monotonic() - start_s)

    dispatch = Counted(settings.GRIDKEEPER)
    engine, stop = Engine(executor=dispatch), threading.Event()
    processes = {name: start_worker(folder, name) for name in WORKERS}

    async def main() -> None:
        server = await asyncio.start_server(_answer, ADDRESSES, PORT, backlog=1024)
        running = asyncio.create_task(engine.run(stop))
        await _until(lambda: len(dispatch._roster.candidates()) == len(WORKERS))
        dispatch.begun.clear()  # what had nobody to run it is not what is measured
        await asyncio.sleep(2)
        begin = engine.runs
        await asyncio.sleep(seconds / 3)
        before = engine.runs - begin
        processes["w2"].send_signal(signal.SIGKILL)
        await asyncio.sleep(seconds * 2 / 3)
        rates.extend([before / (seconds / 3), (engine.runs - begin - before) / (seconds * 2 / 3)])
        stop.set()
        await running
        server.close()

    rates: list[float] = []
    try:
        asyncio.run(main())
    finally:
        for process in processes.values():
            process.terminate()
            process.wait()
    _, rows = inbox.pending("results")
    stored = Counter(zip(rows.column("series").to_pylist(), rows.column("executed_at").to_pylist(), strict=True))
    wanted = dispatch.begun - dispatch.given_up
    return {
        "runs": len(wanted),
        "lost": sum(stored[one] == 0 for one in wanted),
        "doubled": sum(number > 1 for number in stored.values()),
        "bad": sum(status != 0 for status in rows.column("status").to_pylist()),
        "before_per_s": rates[0],
        "after_per_s": rates[1],
        "longest_s": dispatch.longest_s,
    }


async def _answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(ANSWER_S)
    writer.write(b"hello\n")
    writer.close()


async def _until(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("the workers did not come")
        await asyncio.sleep(0.1)


PORT = free_port()


def main() -> None:
    seconds = 12.0 if "--quick" in sys.argv else 30.0
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as name:
        folder, port = Path(name), free_port()
        set_up(
            str(folder / "scheduler"), GRIDKEEPER_BUS_URL=f"nats://127.0.0.1:{port}", GRIDKEEPER_WORKER_BEAT_S="0.5",
            GRIDKEEPER_WORKER_LEASE_S=str(LEASE_S), GRIDKEEPER_EMBEDDED_WORKER="false",
        )  # fmt: skip
        make_tests("native", "tcp", {"port": PORT, "expect": "hello"}, "", tests=1)
        with nats(folder, port):
            found = measure(folder, seconds)
    is_met = not found["lost"] and not found["doubled"] and not found["bad"]
    rows = [
        {
            "name": "one of three workers killed under load: results lost, doubled, wrongly bad",
            "value": f"{found['lost']}, {found['doubled']}, {found['bad']} of {found['runs']}",
            "reference": None,
            "ratio": None,
            "goal": "0, 0, 0",
            "is_met": is_met,
            "note": f"{found['before_per_s']:.0f} runs a second before, {found['after_per_s']:.0f} after; the longest "
            f"run took {found['longest_s']:.1f} s with leases of {LEASE_S:g} s",
        }
    ]
    sys.stdout.write(json.dumps(rows) + "\n" if "--json" in sys.argv else f"{rows[0]}\n")


if __name__ == "__main__":
    main()
