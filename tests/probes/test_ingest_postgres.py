"""The same ingest on PostgreSQL: two writers at once, late and repeated results, the projection as the facts say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import postgres

pytestmark = pytest.mark.service

_RUN = """
import django; django.setup()
import json, random, threading
from datetime import timedelta
from django.core.management import call_command
from django.db import connection
from gridkeeper.bus import inbox, mover
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.lake.store import open_lake
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.rebuild import rebuild_status
from tests.builders import NOW, a_result

call_command("migrate", verbosity=0)
keys = [SeriesKey(f"ce{n}.example.org", "CE", "CE-js", "") for n in range(5)]
stop = threading.Event()

def write(number):
    chance = random.Random(number)
    for batch in range(15):
        results = [
            a_result(chance.choice(keys), id=f"{number}-{batch}-{row}", status=Status(chance.randrange(3)), worker="w",
                     executed_at=NOW + timedelta(minutes=batch - chance.choice([0, 0, 0, 5])), summary="said")
            for row in range(8)
        ]
        submit(results, now=NOW)
        if chance.random() < 0.3:
            submit(results, now=NOW)
    connection.close()

def move():
    while not stop.is_set():
        mover.move(open_lake(), most_rows=20)
        stop.wait(0.02)
    connection.close()

writers = [threading.Thread(target=write, args=[number]) for number in range(2)]
background = threading.Thread(target=move)
for thread in [*writers, background]:
    thread.start()
for thread in writers:
    thread.join()
stop.set()
background.join()
def rows():
    return [[str(value) for value in row] for row in LatestStatus.objects.order_by("series").values_list()]
before = rows()
rebuild_status()
mover.move_all(open_lake())
stored = sum(file.rows for file in open_lake().snapshot("results").files)
print(json.dumps({"vendor": connection.vendor, "stored": stored, "agrees": before == rows(), "series": len(before)}))
"""


def test_two_writers_and_a_mover_on_postgresql(tmp_path: Path) -> None:
    with postgres(tmp_path) as url:
        names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
        environment = {name: os.environ[name] for name in names} | {
            "GRIDKEEPER_DATA_DIR": str(tmp_path / "data"),
            "GRIDKEEPER_DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
            "PYTHONPATH": str(Path.cwd()),
        }
        argv = [sys.executable, "-c", _RUN]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"vendor": "postgresql", "stored": 2 * 15 * 8, "agrees": True, "series": 5}
