import json

import pytest
import typer
from typer.testing import CliRunner

from gridkeeper.registry.commands import register
from gridkeeper.registry.models import Federation, ImportRun, Site
from tests.registry.import_inputs import DOWNTIME, a_topology

pytestmark = pytest.mark.django_db


def run(*words):
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["import", *map(str, words)])


def test_it_imports_and_says_what_it_did(tmp_path):
    answer = run("osg", a_topology(tmp_path))
    assert answer.exit_code == 0
    assert "into federation OSG" in answer.stdout
    assert "resource services" in answer.stdout
    assert Site.objects.count() == 1


def test_a_second_run_says_that_nothing_changed(tmp_path):
    run("osg", a_topology(tmp_path))
    answer = run("osg", tmp_path)
    assert "Nothing changed: federation OSG was up to date" in answer.stdout
    assert ImportRun.objects.count() == 2


def test_the_report_for_programs_is_json_alone(tmp_path):
    answer = run("osg", a_topology(tmp_path), "--report", "json", "--federation", "Test grid")
    report = json.loads(answer.stdout)
    assert (report["federation"], report["has_changes"]) == ("Test grid", True)
    assert report["counts"]["site"] == {
        "read": 1, "created": 1, "changed": 0, "unchanged": 0, "closed": 0, "repaired": 0, "rejected": 0,
    }  # fmt: skip
    assert answer.stderr == ""


def test_a_dry_run_changes_nothing(tmp_path):
    answer = run("osg", a_topology(tmp_path), "--dry-run")
    assert answer.exit_code == 0
    assert "Dry run: nothing was changed." in answer.stdout
    assert not Federation.objects.exists()


def test_rejected_records_are_named_and_fail_only_a_strict_run(tmp_path):
    a_topology(tmp_path, downtime=DOWNTIME.replace("18:00", "12:00"))
    answer = run("osg", tmp_path)
    assert answer.exit_code == 0
    assert "ends at or before its start -> correct StartTime or EndTime (1)" in answer.stdout
    assert "topology/Uni/Campus/Group_downtime.yaml:1 downtime 100 EndTime=" in answer.stdout
    assert run("osg", tmp_path, "--strict").exit_code == 1


@pytest.mark.parametrize("kind", ["osg", "gocdb"])
def test_what_cannot_be_read_ends_with_status_2_and_one_sentence(tmp_path, kind):
    answer = run(kind, tmp_path / "none")
    assert answer.exit_code == 2
    assert answer.stderr.startswith(f"gridkeeper: {tmp_path / 'none'}: there is no such")
    assert answer.stderr.count("\n") == 1


def test_nothing_goes_in_when_one_of_several_files_cannot_be_read(tmp_path):
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text('<results><NGI NAME="A" PRIMARY_KEY="1G0"><NAME>A</NAME></NGI></results>')
    bad.write_text("<html>")
    assert run("gocdb", good, bad).exit_code == 2
    assert not Federation.objects.exists()
    assert run("gocdb", good).exit_code == 0


@pytest.mark.parametrize("name", [" ", "a\nb", "x" * 300])
def test_a_federation_needs_a_name(tmp_path, name):
    answer = run("osg", a_topology(tmp_path), "--federation", name)
    assert answer.exit_code == 2
    assert "--federation takes a name" in answer.stderr
