"""The role `tasks`: what is due runs, what fails is logged and tried again, and a signal ends it in order."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from gridkeeper.bus.periodic import Periodic
from gridkeeper.cli import tasks_role

HOUR = timedelta(hours=1)


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[str] = []

    def fail(_now: datetime) -> None:
        raise ZeroDivisionError("on purpose")

    failing = Periodic("bad", HOUR, fail)
    good = Periodic("good", HOUR, lambda _now: ran.append("good"))
    now = timezone.now()
    due = {failing: now, good: now}
    with caplog.at_level(logging.ERROR):
        tasks_role.run_due(due, threading.Event())
    assert ran == ["good"]
    assert "on purpose" in caplog.text
    assert all(at > now + HOUR / 2 for at in due.values())
    tasks_role.run_due(due, threading.Event())
    assert ran == ["good"]  # not due again yet


def test_nothing_begins_once_it_is_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    ran: list[Any] = []
    tasks_role.run_due({Periodic("job", HOUR, ran.append): timezone.now()}, stop)
    assert ran == []


def test_every_package_brings_its_jobs() -> None:
    jobs = tasks_role.gather()
    assert "lake: compact closed days" in [job.name for job in jobs["probes"]]
    assert all(job.every > timedelta(0) for of_package in jobs.values() for job in of_package)


_SEND = """
import django; django.setup()
from datetime import timedelta
from django.utils import timezone
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.ingest import submit
from tests.builders import a_result
from gridkeeper.bus.models import InboxBatch
now = timezone.now()
submit([a_result(SeriesKey("ce.example.org", "CE", "CE-js", ""), executed_at=now)], now=now - timedelta(minutes=1))
"""
_STORED = """
import django; django.setup()
from gridkeeper.lake.store import open_lake
print(sum(file.rows for file in open_lake().snapshot("results").files))
"""


def test_it_moves_facts_and_ends_on_a_signal(tmp_path: Path, migrated: Path) -> None:
    names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
    environment = {name: os.environ[name] for name in names} | {
        "GRIDKEEPER_DATA_DIR": str(shutil.copytree(migrated, tmp_path / "data")),
        "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
        "PYTHONPATH": str(Path.cwd()),
    }

    def python(*argv: str) -> str:
        return subprocess.run(
            [sys.executable, *argv], env=environment, check=True, capture_output=True, text=True
        ).stdout

    python("-c", _SEND)
    log = tmp_path / "log"
    with log.open("w") as file:
        role = subprocess.Popen([sys.executable, "-m", "gridkeeper.cli.main", "tasks"], env=environment, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while "moved to the lake" not in log.read_text() and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        role.send_signal(signal.SIGTERM)
        status = role.wait(30)
    assert status == 0, log.read_text()
    assert "tasks stopped" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert python("-c", _STORED).strip() == "1"
