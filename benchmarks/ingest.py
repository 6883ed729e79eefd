"""Durable ingest over HTTP: NDJSON batches against a real web process, inbox and projection updated.

The reference is the least that durability costs: the same bodies appended to a file with an fsync each.
"""

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HOSTS, TESTS, BATCH, CLIENTS = 2000, 10, 5000, 2
STEP = timedelta(minutes=15)
GOAL_PER_S = 15_000

_PREPARE = f"""
import django; django.setup()
from django.utils import timezone
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from gridkeeper.probes.models import Test
from gridkeeper.registry.models import Federation, Ngi, Service, ServiceType, Site
now = timezone.now()
federation = Federation.objects.create(name="bench", valid_from=now)
site = Site.objects.create(name="BENCH", ngi=Ngi.objects.create(name="B", federation=federation, valid_from=now), valid_from=now)
kind = ServiceType.objects.create(name="CE")
hosts = [Service(site=site, service_type=kind, hostname=f"ce{{n}}.example.org", valid_from=now) for n in range({HOSTS})]
Service.objects.bulk_create(hosts)
for n in range({TESTS}):
    Test.objects.create(name=f"CE-t{{n}}", abbreviation=f"t{{n}}", title="t", kind="passive")
user = User.objects.create_superuser("bench", password="bench-bench")
secret = create_token(Actor.system(), user=user, name="b", scopes=["probes.submit_results"], expires_at=None, now=now)[1]
print(secret)
"""
_COUNT = """
import django; django.setup()
from gridkeeper.bus import inbox
from gridkeeper.lake.store import open_lake
from gridkeeper.probes.models import LatestStatus
lake = sum(file.rows for file in open_lake().snapshot("results").files)
print(inbox.backlog("results").rows + lake, LatestStatus.objects.count())
"""


def bodies(count: int, now: datetime) -> Iterator[bytes]:
    """Batches as a monitoring system sends them: each round every test of every host once, 15 minutes apart."""
    first = now - STEP * (count // (HOSTS * TESTS) + 1)
    lines = []
    for number in range(count):
        turn, series = divmod(number, HOSTS * TESTS)
        host, test = divmod(series, TESTS)
        at = first + turn * STEP + timedelta(microseconds=(series * 7919 + turn * 104_729) % 2_000_000)
        took = 20 + (number * 48_271) % 1_900
        status = "CRITICAL" if (host + turn // 7) % 29 == 0 else "OK"
        lines.append(
            f'{{"id":"b{number:x}-{took:x}","hostname":"ce{host}.example.org","service_type":"CE","metric":"CE-t{test}",'
            f'"status":"{status}","executed_at":"{at.isoformat()}","duration_ms":{took},"summary":"{status}: answer in '
            f'{took} ms","output":"{status}: answer in {took} ms\\nversion 3.{test}","perfdata":"time={took}ms;1000;1500",'
            f'"worker":"probe1.example.org"}}'
        )
        if len(lines) == BATCH:
            yield "\n".join(lines).encode()
            lines = []
    if lines:
        yield "\n".join(lines).encode()


def python(environment: dict[str, str], *argv: str) -> str:
    done = subprocess.run([sys.executable, *argv], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def roles(environment: dict[str, str], *names: str) -> Iterator[None]:
    """Roles of gridkeeper as processes; the web one answers when this begins."""
    argv = [sys.executable, "-m", "gridkeeper.cli.main"]
    running = [subprocess.Popen([*argv, name], env=environment, start_new_session=True) for name in names]
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", int(environment["GRIDKEEPER_PORT"])), 1):
                    break
            except OSError:
                time.sleep(0.1)
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def send(port: int, secret: str, waiting: Iterator[bytes]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/x-ndjson"}
    accepted = 0
    for body in waiting:
        connection.request("POST", "/api/v1/results", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {said[:300]!r}")
        accepted += json.loads(said)["accepted"]
    return accepted


def reference(paths: list[Path], folder: Path) -> float:
    """Seconds to append the bodies to a file, each with an fsync."""
    started = time.perf_counter()
    with (folder / "reference").open("ab", buffering=0) as file:
        for path in paths:
            file.write(path.read_bytes())
            os.fsync(file.fileno())
    return time.perf_counter() - started


def measure(count: int, folder: Path, *, with_tasks: bool) -> dict[str, Any]:
    names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
    environment = {name: os.environ[name] for name in names} | {
        "GRIDKEEPER_DATA_DIR": str(folder / "data"),
        "GRIDKEEPER_PORT": str(free_port()),
        "GRIDKEEPER_LOG_LEVEL": "WARNING",
        "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
    }
    python(environment, "-m", "gridkeeper.cli.main", "migrate")
    secret = python(environment, "-c", _PREPARE).splitlines()[-1]
    paths = []
    for number, body in enumerate(bodies(count, datetime.now(UTC))):
        paths.append(folder / f"body-{number}")
        paths[-1].write_bytes(body)
    reference_s = reference(paths, folder)
    with roles(environment, "web", *(["tasks"] if with_tasks else [])):
        started = time.perf_counter()
        with ThreadPoolExecutor(CLIENTS) as pool:
            parts = [(path.read_bytes() for path in paths[n::CLIENTS]) for n in range(CLIENTS)]
            accepted = sum(pool.map(lambda part: send(int(environment["GRIDKEEPER_PORT"]), secret, part), parts))
        elapsed_s = time.perf_counter() - started
        stored, series = map(int, python(environment, "-c", _COUNT).split())
    if not accepted == stored == count:
        raise RuntimeError(f"{count} sent, {accepted} acknowledged, {stored} stored")
    return {"per_s": count / elapsed_s, "reference_per_s": count / reference_s, "series": series}


def rows(count: int) -> list[dict[str, Any]]:
    found = []
    for with_tasks in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            got = measure(count, Path(folder), with_tasks=with_tasks)
        found.append(
            {
                "name": f"durable ingest over HTTP{', mover at work' if with_tasks else ''}",
                "value": f"{got['per_s']:,.0f} results/s",
                "reference": f"{got['reference_per_s']:,.0f} results/s: the same bytes appended and fsynced",
                "ratio": f"{got['per_s'] / got['reference_per_s']:.3f}",
                "goal": f">= {GOAL_PER_S:,} results/s",
                "is_met": got["per_s"] >= GOAL_PER_S,
                "note": f"{count:,} results of {got['series']:,} series, {BATCH} a batch, {CLIENTS} clients on this machine",
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the results")
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    found = rows(options.count // 10 if options.quick else options.count)
    print(json.dumps(found) if options.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
