"""`gridkeeper lake ...` as an administrator types it."""

import json
from datetime import timedelta

import pytest
import typer
from django.utils import timezone
from typer.testing import CliRunner

from gridkeeper.bus.locks import only_one
from gridkeeper.bus.mover import WRITER_LOCK
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.lake.store import open_lake
from gridkeeper.probes import lake_commands
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import LatestStatus
from tests.builders import a_result

pytestmark = pytest.mark.django_db
KEY = SeriesKey("ce.example.org", "CE", "CE-js", "dteam")


def run(*words: str, status: int = 0) -> str:
    app = typer.Typer()
    lake_commands.register(app)
    done = CliRunner().invoke(app, ["lake", *words])
    assert done.exit_code == status, done.output
    return done.output


def some_results() -> None:
    at = timezone.now() - timedelta(days=3)
    submit([a_result(KEY, executed_at=at + timedelta(hours=n), status=Status(n % 2)) for n in range(6)], now=at)


def test_flush_moves_what_waits() -> None:
    some_results()
    assert "6 results in 1 batches moved" in run("flush")
    assert "0 results in 0 batches moved" in run("flush")
    assert sum(file.rows for file in open_lake().snapshot("results").files) == 6


def test_flush_says_when_another_mover_is_at_work() -> None:
    some_results()
    with only_one(WRITER_LOCK):
        assert "another mover" in run("flush", status=1)


def test_status_is_for_people_and_for_programs() -> None:
    some_results()
    run("flush")
    report = json.loads(run("status", "--format", "json"))
    lines = {line["table"]: line for line in report["tables"]}
    assert (lines["results"]["rows"], lines["logs"]["rows"], lines["series"]["rows"]) == (6, 6, 1)
    assert report["inbox"]["rows"] == 0
    assert report["days_to_compact"]
    assert "results" in run("status")
    assert "not a format" in run("status", "--format", "xml", status=2)


def test_compact_leaves_nothing_to_compact() -> None:
    some_results()
    run("flush")
    assert "days compacted" in run("compact")
    assert json.loads(run("status", "--format", "json"))["days_to_compact"] == []


def test_rebuild_status_brings_lost_rows_back() -> None:
    some_results()
    before = list(LatestStatus.objects.values())
    LatestStatus.objects.all().delete()
    assert "1 series" in run("rebuild-status")
    assert list(LatestStatus.objects.values()) == before


def test_rebuild_status_does_not_get_in_the_movers_way() -> None:
    with only_one(WRITER_LOCK):
        assert "try again" in run("rebuild-status", status=1)


def test_expire_keeps_what_is_young() -> None:
    some_results()
    run("flush")
    assert "0 files dropped" in run("expire")
