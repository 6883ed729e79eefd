"""`gridkeeper run` and `gridkeeper tests`, as a person at the console meets them."""

import json
import threading

import pytest
import typer
from django.db import OperationalError, connection
from typer.testing import CliRunner

from gridkeeper.probes import commands
from gridkeeper.probes.engine import run_scheduler
from gridkeeper.probes.models import LatestStatus, RunRequest
from tests.builders import a_service, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def gridkeeper(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})
    app = typer.Typer()
    commands.register(app)
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def grid():
    """A service that nobody answers for, and its tests."""
    service = a_service(hostname="ce.example.org", host_ip="127.0.0.1")
    vo = a_vo("lhcb", supported_by=[service])
    in_profile(vo, a_test("tcp", kind="native", command="tcp", arguments={"port": 1}))
    in_profile(vo, a_test("per-vo", kind="native", command="tcp", is_per_vo=True), critical=False)
    in_profile(a_vo("atlas", supported_by=[service]), a_test("per-vo-2", kind="native", command="tcp", is_per_vo=True))
    in_profile(a_vo("lhcb"), a_test("per-vo-3", kind="native", command="ssh", is_per_vo=True))
    in_profile(a_vo("atlas"), commands.Test.objects.get(name="per-vo-3"))
    return service


def test_a_test_runs_here_and_nothing_is_stored(gridkeeper, grid):
    done = gridkeeper("run", "tcp", "--on", "ce.example.org")
    assert done.exit_code == 2
    assert done.stdout.startswith("CRITICAL tcp: connection refused while connecting to 127.0.0.1 port 1 (")
    assert not LatestStatus.objects.exists()


def test_programs_get_json(gridkeeper, grid):
    done = gridkeeper("run", "tcp", "--on", "ce.example.org", "--format", "json")
    (item,) = json.loads(done.stdout)
    assert (item["metric"], item["status"], item["vo"], item["cause"]) == ("tcp", "CRITICAL", "", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none", "--on", "ce.example.org"], "no profile has 'none' on 'ce.example.org'"),
        (["tcp", "--on", "elsewhere"], "no profile has 'tcp' on 'elsewhere'"),
        (["tcp", "--on", "ce.example.org", "--type", "SE"], "no profile has 'tcp'"),
        (["per-vo-3", "--on", "ce.example.org"], "choose by --type CE --vo atlas or --type CE --vo lhcb"),
    ],
)
def test_what_cannot_be_meant_is_said_with_status_2(gridkeeper, grid, words, said):
    done = gridkeeper("run", *words)
    assert done.exit_code == 2
    assert said in done.stderr


def test_the_vo_chooses(gridkeeper, grid):
    done = gridkeeper("run", "per-vo-3", "--on", "ce.example.org", "--vo", "lhcb")
    assert "per-vo-3 for lhcb: connection refused" in done.stdout


def test_without_a_scheduler_a_run_by_it_is_withdrawn_and_said(gridkeeper, grid, monkeypatch):
    monkeypatch.setattr(commands, "_PATIENCE", commands.timedelta(seconds=0.3))
    done = gridkeeper("run", "tcp", "--on", "ce.example.org", "--now")
    assert done.exit_code == 1
    assert "no scheduler has taken the run" in done.stderr
    assert not RunRequest.objects.exists()


def test_the_scheduler_runs_it_at_once_and_stores_the_result(gridkeeper, grid):
    stop = threading.Event()

    def schedule():
        # The database of tests lies in memory, where SQLite refuses a busy table instead of waiting for it.
        while True:
            try:
                return run_scheduler(stop)
            except OperationalError as error:
                if "locked" not in str(error):
                    raise
            finally:
                connection.close()

    scheduler = threading.Thread(target=schedule)
    scheduler.start()
    try:
        done = gridkeeper("run", "tcp", "--on", "ce.example.org", "--now")
    finally:
        stop.set()
        scheduler.join()
    assert done.stdout == "tcp: CRITICAL: connection refused while connecting to 127.0.0.1 port 1\n"
    assert done.exit_code == 2
    assert LatestStatus.objects.filter(metric="tcp").exists()


def test_the_list_for_people_and_for_programs(gridkeeper, grid):
    assert "per-vo-2" in gridkeeper("tests", "list").stdout
    rows = {row["name"]: row for row in json.loads(gridkeeper("tests", "list", "--format", "json").stdout)}
    assert rows["tcp"]["critical_for"] == ["lhcb"]
    assert rows["per-vo"]["critical_for"] == []


def test_what_a_server_says_does_not_command_the_terminal():
    assert commands._printable("\x1b[2Jfine\n\tü") == "\ufffd[2Jfine\n\tü"
