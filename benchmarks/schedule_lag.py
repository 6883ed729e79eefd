"""Lag of the schedule with 200,000 instances at a 15-minute interval, replayed fast, and memory of an instance.

    python -m benchmarks.schedule_lag [--json] [--quick]

2000 services of 200 sites with 100 tests each, run 10 times as fast as the clock: 2,200 runs a second, each a native
check that answers at once, every result stored. The lag is from when a run was due to when it started, of all runs
after the first ten seconds. Memory is that of a million instances, their states and their schedule, made as the engine makes
them from registry and profiles.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.engine_runs import set_up

SITES, SERVICES, TESTS, INTERVAL_S, SPEED = 200, 2000, 100, 900, 10
_PAGE = os.sysconf("SC_PAGE_SIZE")


def make_grid(tests: int) -> None:
    """The registry and the profile."""
    from gridkeeper.probes.models import ProfileEntry, Test
    from gridkeeper.registry.models import Certification, Federation, Ngi, Service, ServiceType, Site
    from gridkeeper.vos.models import Vo, VoSupport

    era = {"valid_from": datetime.now(UTC) - timedelta(days=1)}
    ngi = Ngi.objects.create(name="Region", federation=Federation.objects.create(name="Benchmark", **era), **era)
    sites = [
        Site.objects.create(name=f"SITE-{number}", ngi=ngi, certification=Certification.CERTIFIED, **era)
        for number in range(SITES)
    ]
    kind = ServiceType.objects.create(name="CE")
    services = Service.objects.bulk_create(
        Service(site=sites[number % SITES], service_type=kind, hostname=f"ce{number:04}.example.org",
                host_ip=f"127.3.{number // 200}.{number % 200 + 1}", **era)
        for number in range(SERVICES)
    )  # fmt: skip
    vo = Vo.objects.create(name="ops", **era)
    VoSupport.objects.bulk_create(VoSupport(vo=vo, service=service, **era) for service in services)
    for number in range(tests):
        test = Test.objects.create(
            name=f"test-{number}", abbreviation=f"t{number}", title="A test", kind="native", command="at-once",
            interval_s=INTERVAL_S, timeout_s=10,
        )  # fmt: skip
        ProfileEntry.objects.create(vo=vo, service_type=kind, test=test, **era)


class AtOnce:
    """An executor whose checks answer at once: what is measured is the schedule, not the network."""

    def __init__(self) -> None:
        self.runs = 0

    async def execute(self, instance: object, now: datetime) -> list[object]:
        from gridkeeper.core.status import Status
        from gridkeeper.probes.native import Outcome
        from gridkeeper.probes.running import Measured

        self.runs += 1
        return [Measured(instance.key, Outcome(Status.OK, "fine", "", "time=0.001s"), now, 1)]  # type: ignore[attr-defined]


def run_lag(seconds: float) -> dict[str, float]:
    """Percentiles of the lag, the rate, and the CPU of a run."""
    from gridkeeper.probes.engine import Engine
    from gridkeeper.probes.figures import percentile
    from gridkeeper.probes.loops import collect_less, run_loop

    collect_less()
    executor, stop, lags = AtOnce(), threading.Event(), []
    engine = Engine(worker="benchmark", executor=executor)  # type: ignore[arg-type]
    engine._figures.started = lags.append  # type: ignore[method-assign]
    found: dict[str, float] = {}

    async def main() -> None:
        running = asyncio.create_task(engine.run(stop))
        while not engine.stored and not running.done():  # noqa: ASYNC110  loading takes some seconds
            await asyncio.sleep(0.1)
        await asyncio.sleep(10)
        lags.clear()
        stored, used, begin = engine.stored, time.process_time(), time.perf_counter()
        await asyncio.sleep(seconds)
        elapsed_s = time.perf_counter() - begin
        found["per_s"] = (engine.stored - stored) / elapsed_s
        found["cpu_ms"] = (time.process_time() - used) / max(1, len(lags)) * 1000
        found.update(p50_s=percentile(lags, 0.5), p99_s=percentile(lags, 0.99), most_s=max(lags, default=0))
        stop.set()
        await running

    run_loop(main())
    return found


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


def memory_of(count: int) -> float:
    """Bytes of an instance: the definition on its service, what is known of its series, its place in the schedule."""
    from gridkeeper.core.status import Status
    from gridkeeper.probes.checks import check_named
    from gridkeeper.probes.instances import Place, TestSpec, instances_of
    from gridkeeper.probes.memory import Memory
    from gridkeeper.probes.native.check import Target
    from gridkeeper.probes.timetable import Timetable

    specs = [
        TestSpec(f"test-{n}", "native", "tcp", {"port": 2119}, n % 2 == 0, INTERVAL_S, 60, 3, 60,
                 (f"test-{n - 50}",) if n >= 50 else (), "")
        for n in range(100)
    ]  # fmt: skip
    parsed = check_named("tcp")
    gc.collect()
    before, found = _resident(), {}
    for number in range(count // len(specs)):
        target = Target(f"ce{number:05}.example.org", "", 2119, f"https://ce{number:05}.example.org:2119/")
        place = Place(number, target, "CE", f"SITE-{number // 10}", "", {})
        for instance in instances_of(place, "lhcb", specs, {}):
            instance.prepared.append(parsed.parse({"port": 2119}))  # as after its first run
            found[instance.series] = instance
    memory = Memory((series, Status.OK, Status.OK, "") for series in found)
    timetable = Timetable(memory, 1.0)
    timetable.synchronise(found, time.time())
    return (_resident() - before) / len(found)


def main(options: list[str]) -> None:
    is_quick = "--quick" in options
    tests, seconds = (10, 15.0) if is_quick else (TESTS, 90.0)
    with tempfile.TemporaryDirectory(prefix="gridkeeper-bench-") as folder:
        set_up(folder, GRIDKEEPER_SPEED=str(SPEED), GRIDKEEPER_PROBE_CONCURRENCY="200", GRIDKEEPER_PROBE_PER_SITE="32")
        bytes_each = memory_of(100_000 if is_quick else 1_000_000)
        make_grid(tests)
        lag = run_lag(seconds)
    instances = SERVICES * tests
    note = f"{lag['per_s']:.0f} runs a second stored, {lag['cpu_ms']:.2f} ms CPU each; median {lag['p50_s']:.3f} s, most {lag['most_s']:.2f} s"
    rows = [
        {"name": f"lag of the schedule, p99, {instances:,} instances at {INTERVAL_S // 60} min, {SPEED} x",
         "value": f"{lag['p99_s']:.3f} s", "reference": "2 s", "ratio": f"{lag['p99_s'] / 2:.2f}", "goal": "<= 1",
         "is_met": lag["p99_s"] < 2, "note": note},
        {"name": "memory of an instance", "value": f"{bytes_each:.0f} B", "reference": "1024 B",
         "ratio": f"{bytes_each / 1024:.2f}", "goal": "<= 1", "is_met": bytes_each < 1024,
         "note": "a million instances: definition, arguments, state, schedule"},
    ]  # fmt: skip
    if "--json" not in options:
        for one in rows:
            print(f"{one['name']}: {one['value']} ({one['note']})")
    print(json.dumps(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
