"""SIGKILL in the middle of a computation: the former figures stand, day by day, and the next run finishes.

`FAULT_SEED` repeats a run's decisions (not the kernel's scheduling), `FAULT_KILLS` sets how often it kills.
"""

import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from gridkeeper.availability import marks
from gridkeeper.availability.compute import compute_days
from gridkeeper.availability.models import DayMark
from gridkeeper.availability.recomputations import actions
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.core.windows import DAY
from gridkeeper.lake.store import open_lake
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile
from tests.faults.compute_server import NOW

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400), pytest.mark.django_db(transaction=True)]

KILLS = int(os.environ.get("FAULT_KILLS", "3"))
LONGEST_LIFE_S = 2.5
DAYS = [(NOW - number * DAY).date() for number in (5, 4, 3, 2)]
NAMES = ("level", "site", "service_type", "hostname", "metric", "total_s", "up_s", "unknown_s", "critical_s")


@pytest.fixture
def installation(transactional_db, tmp_path):
    """Three sites with figures of four days; a recomputation of one of them is approved and waits to be computed."""
    if connection.vendor != "sqlite":
        pytest.skip("the database is copied as a file")
    config = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "ops"})
    with override_settings(GRIDKEEPER=config):
        services = [a_service(of=a_site(name=f"S{number}"), hostname=f"ce{number}.example.org") for number in range(3)]
        in_profile(a_vo("ops", supported_by=services), a_test("CE-js"))
        times = [NOW - 5 * DAY + timedelta(hours=6 * number) for number in range(16)]
        submit([a_result(each, executed_at=at) for each in services for at in times], now=NOW)
        compute_days(DAYS, NOW)
        DayMark.objects.exclude(day__in=DAYS).delete()
        DayMark.objects.update(marked_at=NOW - DAY)
        wish = Wish(kind="groups", document={"groups": ["S0"]}, reason="so", start=NOW - 5 * DAY, end=NOW - DAY)
        row = actions.request(Actor.system(), wish, now=NOW)
        actions.approve(Actor.system(), row, reason="so", now=NOW + timedelta(minutes=1))
        assert set(marks.waiting_days()) == set(DAYS)
        connection.ensure_connection()
        with closing(sqlite3.connect(tmp_path / "state.sqlite3")) as copy:
            connection.connection.backup(copy)
        yield tmp_path


def figures() -> dict[str, list[Any]]:
    """Day -> the rows of its figures, in order."""
    lake = open_lake()
    found: dict[str, list[Any]] = {}
    for file in lake.snapshot("availability_day").files:
        rows = lake.read("availability_day", [file]).select(list(NAMES)).to_pylist()
        found.setdefault(str(file.day), []).extend(list(row.values()) for row in rows)
    return {day: sorted(rows) for day, rows in found.items()}


def started(folder: Path, command: str) -> subprocess.Popen[str]:
    names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
    environment = {name: os.environ[name] for name in names} | {
        "GRIDKEEPER_DATA_DIR": str(folder),
        "GRIDKEEPER_OPERATIONS_VO": "ops",
        "GRIDKEEPER_LOG_LEVEL": "ERROR",
        "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
    }
    argv = [sys.executable, str(Path(__file__).with_name("compute_server.py")), command]
    return subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)


def live_and_die(folder: Path, life_s: float) -> None:
    """Kills a computation so long after it began."""
    process = started(folder, "live")
    assert process.stdout is not None
    assert process.stdout.readline()
    threading.Event().wait(life_s)
    process.kill()
    process.communicate(timeout=60)


def test_a_killed_computation_leaves_the_former_figures_and_the_next_run_finishes(installation: Path) -> None:
    seed = int(os.environ.get("FAULT_SEED", random.SystemRandom().randrange(10**6)))
    print(f"FAULT_SEED={seed}")  # noqa: T201  what repeats a failure
    moments = random.Random(seed)
    former = figures()
    seen = []
    for _ in range(KILLS):
        live_and_die(installation, moments.uniform(0, LONGEST_LIFE_S))
        seen.append(figures())
    said, _ = started(installation, "finish").communicate(timeout=200)
    done = json.loads(said.splitlines()[-1])
    new = figures()
    assert done == {"waiting": [], "states": ["done"], "recomputation": "applied", "site_days": 4}
    assert set(former) == {str(day) for day in DAYS}
    assert all(new[day] != former[day] for day in former)
    for found in seen:
        assert set(found) == set(former)
        assert all(rows in (former[day], new[day]) for day, rows in found.items())
