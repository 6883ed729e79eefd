"""Workers in network namespaces of their own, each with two links to a hub: one to the bus, one to the services.

The hub holds the bus, the services and the scheduler. A link that is cut is cut as a cable is.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.realm import Daemon, namespace
from tests.realm.nats import Nats

BUS_ADDRESS = "10.97.255.1"
#: Addresses of the services' hosts, all in the hub.
HOSTS = [f"10.97.0.{number}" for number in range(1, 9)]


def _ip(name: str, *words: str) -> None:
    subprocess.run(["ip", "-n", name, *words], check=True, capture_output=True)


class Realm:
    """hub: name of the namespace of bus, services and scheduler; workers: each worker's process, by its name"""

    def __init__(self, folder: Path, hub: str) -> None:
        self.folder, self.hub = folder, hub
        self.namespaces: dict[str, str] = {}
        self.workers: dict[str, Daemon] = {}
        for address in (BUS_ADDRESS, *HOSTS):
            _ip(hub, "addr", "add", f"{address}/32", "dev", "lo")
        self.nats = Nats(folder / "nats", namespace=hub, address=BUS_ADDRESS).start()

    def connect(self, worker: str, place: str) -> None:
        """Links a worker's namespace to the hub: `bus` and `services`, each a network of its own."""
        number = len(self.namespaces) + 1
        self.namespaces[worker] = place
        for kind, second, targets in (("b", 1, [BUS_ADDRESS]), ("s", 2, HOSTS)):
            near, far = f"{kind}{number}", f"{kind}{number}h"
            subprocess.run(
                ["ip", "-n", self.hub, "link", "add", far, "type", "veth", "peer", "name", near, "netns", place],
                check=True, capture_output=True,
            )  # fmt: skip
            _ip(self.hub, "addr", "add", f"10.{90 + second}.{number}.1/24", "dev", far)
            _ip(place, "addr", "add", f"10.{90 + second}.{number}.2/24", "dev", near)
            _ip(self.hub, "link", "set", far, "up")
            _ip(place, "link", "set", near, "up")
            for target in targets:
                _ip(place, "route", "add", f"{target}/32", "via", f"10.{90 + second}.{number}.1")

    def cut(self, worker: str, kind: str) -> None:
        """kind: "bus" or "services" """
        _ip(self.hub, "link", "set", self._far(worker, kind), "down")

    def mend(self, worker: str, kind: str) -> None:
        _ip(self.hub, "link", "set", self._far(worker, kind), "up")

    def _far(self, worker: str, kind: str) -> str:
        return f"{kind[0]}{list(self.namespaces).index(worker) + 1}h"

    def launch(self, worker: str, region: str) -> None:
        """Starts the worker's process; it may still be starting when this returns."""
        log = self.folder / f"{worker}.log"
        environment = {
            "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
            "GRIDKEEPER_DATA_DIR": str(self.folder / worker),
            "GRIDKEEPER_WORKER_NAME": worker,
            "GRIDKEEPER_WORKER_REGION": region,
            "GRIDKEEPER_DATABASE_URL": "",
            **self.settings(),
        }
        argv = [sys.executable, "-m", "gridkeeper.cli.main", "worker"]
        daemon = Daemon(argv, log, environment, self.namespaces[worker])
        self.workers[worker] = daemon.start(lambda: True)

    def settings(self) -> Mapping[str, str]:
        return {
            "GRIDKEEPER_BUS_URL": self.nats.url,
            "GRIDKEEPER_WORKER_BEAT_S": "0.3",
            "GRIDKEEPER_WORKER_LEASE_S": "3",
            "GRIDKEEPER_DENIED_NETWORKS": '["169.254.0.0/16"]',
        }

    def wait_for_workers(self, seconds: float = 90) -> None:
        end = time.monotonic() + seconds
        for name in self.workers:
            log = self.folder / f"{name}.log"
            while log.read_text(errors="replace").count("worker at work") < 1:
                assert time.monotonic() < end, log.read_text(errors="replace")[-2000:]
                time.sleep(0.1)

    def close(self) -> None:
        for daemon in self.workers.values():
            daemon.stop()
        self.nats.stop()


@contextmanager
def realm(folder: Path, workers: Mapping[str, str]) -> Iterator[Realm]:
    """workers: name -> region"""
    with ExitStack() as stack:
        made = Realm(folder, stack.enter_context(namespace()))
        stack.callback(made.close)
        for name in workers:
            made.connect(name, stack.enter_context(namespace()))
        for name, region in workers.items():
            made.launch(name, region)
        made.wait_for_workers()
        yield made
