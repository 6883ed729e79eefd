"""SIGKILL at random points under ingest: what was acknowledged is there exactly once, and nothing that was not sent.

`FAULT_SEED` repeats a run's decisions (not the kernel's scheduling), `FAULT_KILLS` sets how often it kills.
"""

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gridkeeper.core.identifiers import SeriesKey, fact_hash
from tests.faults.ingest_server import HOSTS, TESTS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

KILLS = int(os.environ.get("FAULT_KILLS", "50"))
CLIENTS = 2
LONGEST_LIFE_S = 2.5


class Installation:
    """The parent process of all lives, on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
        environment = {name: os.environ[name] for name in names} | {
            "GRIDKEEPER_DATA_DIR": str(folder),
            "GRIDKEEPER_LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
        }
        argv = [sys.executable, str(Path(__file__).with_name("ingest_server.py"))]
        self.process = subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.token = self.ask("prepare")["token"]

    def ask(self, command: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the server died at {command!r}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Client:
    """Sends batches; repeats one whose answer did not come, now and then gives it up."""

    def __init__(self, number: int, seed: int, token: str) -> None:
        self.random = random.Random(f"{seed}-{number}")
        self.number, self.token = number, token
        self.port: int | None = None
        self.acknowledged: dict[str, SeriesKey] = {}
        self.given_up: dict[str, SeriesKey] = {}
        self.repeats = 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        count = 0
        while not self.stop.is_set():
            count += 1
            keys, body = self._batch(count)
            while not (done := self._send(body)) and not self.stop.is_set():
                self.repeats += 1
                if self.random.random() < 0.05:
                    break
                self.stop.wait(0.02)
            (self.acknowledged if done else self.given_up).update(keys)

    def _batch(self, count: int) -> tuple[dict[str, SeriesKey], bytes]:
        """Some results of three days, so that results come late and into compacted days."""
        keys: dict[str, SeriesKey] = {}
        lines = []
        lateness = [0] if self.random.random() < 0.7 else [0, 60, 86_400, 2 * 86_400]
        for row in range(self.random.randint(1, 40)):
            name = f"c{self.number}-{count}-{row}"
            host, test = self.random.randrange(HOSTS), self.random.randrange(TESTS)
            keys[name] = SeriesKey(f"ce{host}.example.org", "CE", f"CE-t{test}")
            at = datetime.now(UTC) - timedelta(seconds=self.random.choice(lateness))
            record = {"id": name, "hostname": keys[name].hostname, "service_type": "CE", "metric": keys[name].metric}
            record |= {"status": self.random.choice(["OK", "OK", "CRITICAL"]), "executed_at": at.isoformat()}
            lines.append(json.dumps(record | {"summary": name}))
        return keys, "\n".join(lines).encode()

    def _send(self, body: bytes) -> bool:
        if self.port is None:
            return False
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/x-ndjson"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/api/v1/results", body, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        assert answer.status in (200, 503), said
        return answer.status == 200


def live_and_die(installation: Installation, clients: list[Client], life_s: float) -> None:
    answer = installation.ask("start")
    for client in clients:
        client.port = answer["port"]
    threading.Event().wait(life_s)
    os.kill(answer["pid"], signal.SIGKILL)


def test_every_acknowledged_result_is_there_exactly_once(tmp_path: Path) -> None:
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(10**6)))
    print(f"FAULT_SEED={seed}")  # noqa: T201  what repeats a failure
    moments = random.Random(seed)
    installation = Installation(tmp_path)
    clients = [Client(number, seed, installation.token) for number in range(CLIENTS)]
    try:
        for client in clients:
            client.thread.start()
        for _ in range(KILLS):
            live_and_die(installation, clients, moments.uniform(0.05, LONGEST_LIFE_S))
    finally:
        for client in clients:
            client.stop.set()
        for client in clients:
            client.thread.join()
    found = installation.ask("check")
    installation.close()

    acknowledged = {name: key for client in clients for name, key in client.acknowledged.items()}
    given_up = {name: key for client in clients for name, key in client.given_up.items()}
    assert len(acknowledged) > 10 * KILLS
    names = {(key.series, fact_hash(name) & 0xFFFFFFFF): name for name, key in (acknowledged | given_up).items()}
    times = Counter(names.get((series, fact), "not sent") for series, fact in found["results"])
    assert times["not sent"] == 0
    assert [name for name in acknowledged if times[name] != 1] == []
    assert [name for name in given_up if times[name] > 1] == []
    logged = Counter(found["logs"])
    assert {name: logged[name] for name in times} == dict(times)
    assert set(logged) <= set(times)
    assert found["left"] == 0
    assert found["agrees"]
