"""`gridkeeper good-sites` as a person meets it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import typer
from typer.testing import CliRunner

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.ingest import submit
from gridkeeper.selection.actions import add_to_list
from gridkeeper.selection.commands import register
from tests.builders import a_result, a_service, a_site, a_test, a_vo, in_profile

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture
def run():
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    return lambda *words: CliRunner().invoke(app, ["good-sites", *words])


@pytest.fixture
def grid(db):
    """GOOD passes, BAD failed an hour ago, LISTED is on the black list with a reason of two lines."""
    now = datetime.now(UTC)
    services = {name: a_service(of=a_site(name=name), hostname=f"ce.{name.lower()}.org") for name in ("GOOD", "BAD")}
    listed = a_site(name="LISTED")
    lhcb = a_vo("lhcb", supported_by=list(services.values()))
    in_profile(lhcb, a_test("CE-js"))
    add_to_list(Actor.system(), vo=lhcb, site=listed, kind="black", reason="too\nslow", now=now)
    submit([a_result(s, executed_at=now - timedelta(hours=3)) for s in services.values()], now=now)
    submit([a_result(services["GOOD"], executed_at=now)], now=now)
    failed = a_result(services["BAD"], status=Status.CRITICAL, executed_at=now - timedelta(hours=1))
    submit([failed], now=now)
    return failed.executed_at


def test_it_names_each_excluded_site_with_the_test_or_list_entry(run, grid):
    done = run("--vo", "lhcb")
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == f"BAD     excluded: CE-js on ce.bad.org is CRITICAL since {grid:%Y-%m-%d %H:%M} UTC"
    assert lines[1] == "GOOD    good"
    assert lines[2].startswith("LISTED  excluded: on the black list of the VO since ")
    assert "by the installation: too slow; offers nothing critical for lhcb" in lines[2]
    assert len(lines) == 3


def test_at_an_hour_and_more_ago_gives_that_hours_answer(run, grid):
    lines = run("--vo", "lhcb", "--at", "2h").stdout.splitlines()
    assert lines[:2] == ["BAD     good", "GOOD    good"]
    assert lines[2] == "LISTED  excluded: offers nothing critical for lhcb"


def test_json_holds_the_same_for_programs(run, grid):
    found = json.loads(run("--vo", "lhcb", "--format", "json").stdout)
    assert (found["vo"], found["good"], found["excluded"]) == ("lhcb", 1, 2)
    reason = found["sites"][0]["reasons"][0]
    assert (reason["kind"], reason["test"], reason["status"]) == ("test failed", "CE-js", "CRITICAL")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--vo", "lhbc"], "there is no VO 'lhbc'; known are lhcb"),
        (["--vo", "lhcb", "--at", "yesterday"], "'yesterday' is not a time; write 2026-03-10T14:00Z"),
        (["--vo", "lhcb", "--at", "2026-01-01T00:00"], "write 2026-01-01T00:00Z if it is UTC"),
        (["--vo", "lhcb", "--at", "2999-01-01T00:00Z"], "lies in the future"),
        (["--vo", "lhcb", "--at", "0001-01-01T00:00Z"], "nothing is recorded of that time"),
        (["--vo", "lhcb", "--at", "99999d"], "nothing is recorded of that time"),
    ],
)
def test_a_wrong_vo_or_time_is_status_2_and_a_message(run, grid, words, message):
    done = run(*words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("", NOON),
        ("now", NOON),
        ("1h", NOON - timedelta(hours=1)),
        ("2 d", NOON - timedelta(days=2)),
        ("14:00", None),
        ("09:30", NOON - timedelta(hours=2.5)),
        ("2026-03-10T12:30+01:00", NOON - timedelta(hours=0.5)),
    ],
)
def test_instants_are_written_as_people_do(text, moment):
    if moment is None:
        with pytest.raises(MomentError, match="future"):
            parse_moment(text, NOON)
    else:
        assert parse_moment(text, NOON) == moment
