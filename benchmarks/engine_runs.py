"""What the benchmarks of the engine share: an installation with tests that are always due, and a run of it."""

import asyncio
import multiprocessing
import os
import resource
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HOSTS = 400
_TICKS = os.sysconf("SC_CLK_TCK")
#: Left out of the measurement at the start: loading, the first batch, the spawner's start.
WARM_UP_S = 2.0


def set_up(folder: str, **settings: str) -> None:
    """An empty installation in a folder."""
    os.environ |= {"GRIDKEEPER_DATA_DIR": folder, "DJANGO_SETTINGS_MODULE": "gridkeeper.settings"}
    os.environ |= {"GRIDKEEPER_LOG_LEVEL": "ERROR", "GRIDKEEPER_DENIED_NETWORKS": '["192.0.2.0/24"]'}
    os.environ |= {
        "GRIDKEEPER_PROBE_PER_HOST": "8",
        "GRIDKEEPER_PROBE_CONCURRENCY": "64",
        "GRIDKEEPER_PROBE_PER_SITE": "0",
        **settings,
    }
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def make_tests(kind: str, command: str, arguments: Any, url: str, *, tests: int) -> None:
    """So many tests a host, each due every second: more than any machine can run, so the engine is never idle."""
    from gridkeeper.probes.models import ProfileEntry, Test
    from gridkeeper.registry.models import Certification, Federation, Ngi, Service, ServiceType, Site
    from gridkeeper.vos.models import Vo, VoSupport

    era = {"valid_from": datetime.now(UTC) - timedelta(days=1)}
    ngi = Ngi.objects.create(name="Region", federation=Federation.objects.create(name="Benchmark", **era), **era)
    site = Site.objects.create(name="SITE", ngi=ngi, certification=Certification.CERTIFIED, **era)
    service_type = ServiceType.objects.create(name="CE")
    services = Service.objects.bulk_create(
        Service(
            site=site, service_type=service_type, hostname=f"ce{number:03}.example.org", url=url,
            host_ip=f"127.3.{number // 200}.{number % 200 + 1}", **era,
        )
        for number in range(HOSTS)
    )  # fmt: skip
    vo = Vo.objects.create(name="ops", **era)
    VoSupport.objects.bulk_create(VoSupport(vo=vo, service=service, **era) for service in services)
    for number in range(tests):
        test = Test.objects.create(
            name=f"test-{number}", abbreviation=f"t{number}", title="A test", kind=kind, command=command,
            arguments=arguments, interval_s=1, timeout_s=10,
        )  # fmt: skip
        ProfileEntry.objects.create(vo=vo, service_type=service_type, test=test, **era)


@dataclass(frozen=True, slots=True)
class Rate:
    """per_s: runs a second; cpu_ms: time of all cores together for one run."""

    per_s: float
    cpu_ms: float


def cpu_s() -> float:
    """User and system time of this process and of its ended children."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def tree_cpu_s(root: int, without: frozenset[int] = frozenset()) -> float:
    """User and system time of a process and all below it, of those included that ended and were waited for."""
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(words[1]), sum(map(int, words[11:15])) / _TICKS
    total, wanted = 0.0, [root]
    while wanted:
        pid = wanted.pop()
        if pid in parents and pid not in without:
            total += parents[pid][1]
            wanted += [other for other, (parent, _) in parents.items() if parent == pid]
    return total


def run_engine(seconds: float, processes: int = 0) -> Rate:
    """Runs the whole engine: schedules, runs, stores. The rate is that of results that were durable at the end.

    processes: further ones for native checks
    """
    from gridkeeper.probes.checks import checks
    from gridkeeper.probes.engine import Engine
    from gridkeeper.probes.local import Local
    from gridkeeper.probes.loops import collect_less, run_loop

    collect_less()
    checks()  # loads the packs
    servers = frozenset(child.pid or 0 for child in multiprocessing.active_children())
    engine = Engine(worker="benchmark", executor=Local(processes) if processes else None)
    stop = threading.Event()
    marks: dict[str, float] = {}

    async def main() -> None:
        running = asyncio.create_task(engine.run(stop))
        while not engine.stored and not running.done():  # noqa: ASYNC110  further processes take seconds to start
            await asyncio.sleep(0.1)
        await asyncio.sleep(WARM_UP_S)
        before, runs, begin = engine.stored, engine.runs, time.perf_counter()
        used_s = tree_cpu_s(os.getpid(), servers)
        await asyncio.sleep(seconds)
        marks["rate"] = (engine.stored - before) / (time.perf_counter() - begin)
        marks["cpu_ms"] = (tree_cpu_s(os.getpid(), servers) - used_s) / (engine.runs - runs) * 1000
        stop.set()
        await running

    run_loop(main())
    _require_good(engine.stored)
    return Rate(marks["rate"], marks["cpu_ms"])


def _require_good(stored: int) -> None:
    """A fast engine whose tests all failed proves nothing."""
    from gridkeeper.probes.models import LatestStatus

    bad = LatestStatus.objects.exclude(status=0).values_list("summary", flat=True).first()
    if bad or not stored:
        raise SystemExit(f"the tests did not work: {bad or 'no results'}")


def row(
    name: str, value: float, unit: str, reference: float, *, goal: float | None, note: str, is_rate: bool = True
) -> Any:
    """A row of the benchmarks' table; a rate has to reach the goal's part of the reference, a cost to stay below."""
    ratio = value / reference
    digits = 0 if is_rate else 2
    is_met = None if goal is None else ratio >= goal if is_rate else ratio <= goal
    return {
        "name": name,
        "value": f"{value:.{digits}f} {unit}",
        "reference": f"{reference:.{digits}f} {unit}",
        "ratio": f"{ratio:.2f}",
        "goal": "" if goal is None else f"{'>=' if is_rate else '<='} {goal:g}",
        "is_met": is_met,
        "note": note,
    }


def median_pair(pairs: list[tuple[Rate, Rate]]) -> tuple[Rate, Rate]:
    """The pair, measured one after the other, whose ratio is the middle one."""
    return sorted(pairs, key=lambda pair: pair[0].per_s / pair[1].per_s)[len(pairs) // 2]


def show(rows: list[Any]) -> None:
    for one in rows:
        against = f"{one['value']} against {one['reference']}, {one['ratio']} (goal {one['goal']})"
        print(f"{one['name']}: {against}; {one['note']}")
