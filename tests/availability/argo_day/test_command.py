"""The command itself: what it prints, where, and how it ends."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gridkeeper.availability.commands import register
from tests.availability.argo_day.days import DATE, endpoint, result, write_day, yesterday


def run(*words: object) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["availability", "argo-day", *map(str, words)])


def test_it_prints_every_level(tmp_path: Path) -> None:
    results = [result("03:00:00", "CRITICAL"), {"timestamp": "never"}, result("04:00:00", "OK", hostname="other")]
    directory = write_day(tmp_path, results, [yesterday("23:00:00", "OK"), yesterday("23:59:59.5", "OK")])
    done = run(directory, "--date", DATE, "--mode", "argo-compat", "--format", "json")
    assert done.exit_code == 0
    line = [["2022-01-14T00:00:00Z", "OK"], ["2022-01-14T03:00:00Z", "CRITICAL"]]
    figures = {"availability": 12.5, "reliability": 12.5, "up": 10800, "unknown": 0, "down": 0, "flips": 1}
    keys = {
        "group": ["SITE"], "function": ["SITE", "compute"], "service": ["SITE", "CE"],
        "endpoint": ["SITE", "CE", "ce1"], "metric": ["SITE", "CE", "ce1", "m1"],
    }  # fmt: skip
    assert json.loads(done.stdout) == {
        "date": DATE,
        "mode": "argo-compat",
        "levels": {level: [{"key": key, **figures, "timeline": line}] for level, key in keys.items()},
    }
    assert done.stderr.splitlines() == [
        "metric_data.jsonl: line 2: service is missing; left out",
        "metric data: 1 results of what no topology and no profile names do not count",
    ]


def test_it_prints_a_table_for_people(tmp_path: Path) -> None:
    done = run(write_day(tmp_path), "--date", DATE)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split("\t") == ["group", "SITE", "-", "-", "0", "86400", "0", "0"]


@pytest.mark.parametrize(
    ("date", "message"), [("yesterday", "is not a day; write it as 2022-01-14"), ("2022-02-30", "is not a day")]
)
def test_it_refuses_what_is_no_day(tmp_path: Path, date: str, message: str) -> None:
    done = run(tmp_path, "--date", date)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_it_says_which_file_is_missing(tmp_path: Path) -> None:
    (write_day(tmp_path) / "metric_profiles.json").unlink()
    done = run(tmp_path, "--date", DATE)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "there is no metric_profiles.json" in done.stderr


def test_a_group_that_is_left_out_is_named(tmp_path: Path) -> None:
    endpoints = [endpoint("SITE", "CE", "ce1"), endpoint("ALONE", "CE", "ce1")]
    done = run(write_day(tmp_path, topology_endpoints=endpoints), "--date", DATE)
    assert done.stderr.startswith("topology_endpoints.json: ALONE: is in none of the groups of topology_groups.json")
