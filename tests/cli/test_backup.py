"""Backup and restore as an administrator does them: commands, then the same answers."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.services import postgres

_FEED = """
import django; django.setup()
from datetime import UTC, datetime, timedelta
from django.utils import timezone
from tests.builders import a_result, a_service, a_user
from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
service = a_service(hostname="ce.example.org")
a_user("alice", site=service.site)
now = timezone.now()
for minute in range(30):
    submit([a_result(service, status=Status(minute % 3), executed_at=now - timedelta(minutes=minute))], now=now)
"""
_ANSWERS = """
import django; django.setup()
import io
import json
from datetime import UTC, datetime, timedelta
from django.utils import timezone
from gridkeeper.bus.facts import open_facts
from gridkeeper.core.windows import Window
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Service
rows = LatestStatus.objects.values_list("series", "hard_status", "executed_at", "summary")
latest = [[str(value) for value in row] for row in rows]
now = timezone.now()
window = Window(now - timedelta(hours=2), now + timedelta(hours=1))
history = [len(open_facts().history(int(row[0]), window, 1000)) for row in latest]
hosts = list(Service.objects.values_list("hostname", flat=True))
print(json.dumps({"latest": latest, "history": history, "hosts": hosts}))
"""


class Installation:
    def __init__(self, folder, database_url=""):
        names = [name for name in os.environ if not name.startswith(("GRIDKEEPER_", "DJANGO_"))]
        self.environment = {name: os.environ[name] for name in names} | {"GRIDKEEPER_DATA_DIR": str(folder)}
        if database_url:
            self.environment["GRIDKEEPER_DATABASE_URL"] = database_url

    def run(self, *words):
        argv = [sys.executable, "-m", "gridkeeper.cli.main", *words]
        return subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=100)

    def python(self, code):
        environment = self.environment | {
            "DJANGO_SETTINGS_MODULE": "gridkeeper.settings",
            "PYTHONPATH": str(Path.cwd()),
        }
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _fed(installation):
    installation.python(_FEED)
    done = installation.run("lake", "flush")
    assert done.returncode == 0, done.stderr
    return json.loads(installation.python(_ANSWERS))


def test_a_restore_on_an_empty_folder_gives_the_same_answers(tmp_path, migrated):
    first, second = Installation(shutil.copytree(migrated, tmp_path / "a")), Installation(tmp_path / "b")
    answers = _fed(first)
    assert answers["history"] == [30]
    done = first.run("backup", str(tmp_path / "backup.tar"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "backup.tar").stat().st_mode & 0o077 == 0
    done = second.run("restore", str(tmp_path / "backup.tar"))
    assert done.returncode == 0, done.stderr
    assert json.loads(second.python(_ANSWERS)) == answers


def test_it_refuses_to_overwrite_a_backup_or_an_installation(tmp_path, migrated):
    installation = Installation(shutil.copytree(migrated, tmp_path / "a"))
    target = tmp_path / "backup.tar"
    assert installation.run("backup", str(target)).returncode == 0
    assert "exists" in installation.run("backup", str(target)).stderr
    assert "holds data" in installation.run("restore", str(target)).stderr


def test_it_refuses_a_damaged_or_foreign_file_and_leaves_nothing(tmp_path, migrated):
    installation = Installation(shutil.copytree(migrated, tmp_path / "a"))
    whole, damaged = tmp_path / "backup.tar", tmp_path / "damaged.tar"
    installation.run("backup", str(whole))
    with tarfile.open(whole) as source, tarfile.open(damaged, "w") as target:
        for member in source:
            content = source.extractfile(member).read()
            if member.name == "secret-key":
                content = content[:-2] + b"x\n"
            member.size = len(content)
            target.addfile(member, io.BytesIO(content))
    (tmp_path / "text.tar").write_text("not a tar")
    empty = Installation(tmp_path / "b")
    assert "secret-key is damaged" in empty.run("restore", str(damaged)).stderr
    assert "not a whole backup" in empty.run("restore", str(tmp_path / "text.tar")).stderr
    assert not (tmp_path / "b" / "state.sqlite3").exists()


@pytest.mark.service
def test_everything_works_on_postgresql(tmp_path):
    with postgres(tmp_path) as url:
        first = Installation(tmp_path / "a", url)
        assert first.run("migrate").returncode == 0
        answers = _fed(first)
        assert answers["history"] == [30]
        done = first.run("backup", str(tmp_path / "backup.tar"))
        assert done.returncode == 0, done.stderr
        first.python(
            "import django; django.setup(); from django.db import connection as c; "
            "c.cursor().execute('DROP SCHEMA public CASCADE; CREATE SCHEMA public')"
        )
        second = Installation(tmp_path / "b", url)
        done = second.run("restore", str(tmp_path / "backup.tar"))
        assert done.returncode == 0, done.stderr
        assert json.loads(second.python(_ANSWERS)) == answers
