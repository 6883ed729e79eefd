"""`gridkeeper export`, `import csv|gridkeeper|gocdb URL` and `mirror`, as people type them."""

import json
import stat

import pytest
import typer
from typer.testing import CliRunner

from gridkeeper.registry import commands, mirror_commands
from gridkeeper.registry.models import ImportRun, MirrorConflict, MirrorSource, Site
from tests.builders import a_site, an_ngi
from tests.registry.other_registry import OtherRegistry, serving, status
from tests.registry.test_export import empty
from tests.registry.test_mirror import NGI, TYPE, a_service_element, a_site_element, edit

pytestmark = pytest.mark.django_db


def run(*words, **options):
    app = typer.Typer()
    commands.register(app)
    mirror_commands.register(app)
    return CliRunner().invoke(app, [*map(str, words)], **options)


@pytest.fixture(autouse=True)
def own_cache(settings, tmp_path):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path / "data"})


@pytest.fixture
def other():
    there = OtherRegistry()
    there.set("get_service_types", TYPE)
    there.set("get_ngi", NGI)
    there.set("get_site", a_site_element(1), a_site_element(2))
    there.set("get_service_endpoint", a_service_element(1))
    with serving(there):
        yield there


def test_export_and_import_by_a_file_that_only_its_owner_reads(tmp_path):
    a_site(name="ALPHA")
    file = tmp_path / "all.jsonl"
    answer = run("export", file)
    assert (answer.exit_code, stat.S_IMODE(file.stat().st_mode)) == (0, 0o600)
    assert "It holds personal data" in answer.stdout
    empty()
    answer = run("import", "gridkeeper", file, "--dry-run")
    assert "Dry run: nothing was changed." in answer.stdout
    assert not Site.objects.exists()
    assert run("import", "gridkeeper", file).exit_code == 0
    assert Site.objects.get().name == "ALPHA"
    assert ImportRun.objects.get().source == "gridkeeper"


def test_export_and_import_by_a_pipe():
    a_site(name="ALPHA")
    exported = run("export", "-").stdout_bytes
    empty()
    assert run("import", "gridkeeper", "-", input=exported).exit_code == 0
    assert Site.objects.get().name == "ALPHA"


def test_an_export_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    answer = run("export", tmp_path / "none" / "all.jsonl")
    assert answer.exit_code == 2
    assert "cannot be written" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_half_a_file_is_refused(tmp_path):
    a_site()
    file = tmp_path / "all.jsonl"
    run("export", file)
    file.write_bytes(file.read_bytes()[:-40])
    empty()
    answer = run("import", "gridkeeper", file)
    assert answer.exit_code == 2
    assert "nothing was changed" in answer.stderr
    assert not Site.objects.exists()


def test_csv_is_imported_and_rows_at_fault_are_named(tmp_path):
    federation = an_ngi(name="NGI_CH").federation.name
    file = tmp_path / "sites.csv"
    file.write_text("name,region,latitude\nA,NGI_CH,47\nB,NGI_CH,high\n")
    answer = run("import", "csv", file, "--kind", "sites", "--federation", federation, "--strict")
    assert answer.exit_code == 1
    assert "sites.csv:3 B latitude='high'" in answer.stdout
    assert Site.objects.get().name == "A"


@pytest.mark.parametrize("kind", ["sites", "services", "endpoints", "downtimes"])
def test_a_template_is_printed(kind):
    answer = run("import", "csv", "--kind", kind, "--template")
    assert answer.exit_code == 0
    assert len(answer.stdout.splitlines()) == 2


def test_a_live_interface_is_imported(other):
    answer = run("import", "gocdb", other.url, "--federation", "EGI")
    assert answer.exit_code == 0, answer.output
    assert Site.objects.count() == 2
    assert f"import of gocdb from {other.url}" == Site.history.first().history_change_reason
    assert "Nothing changed" in run("import", "gocdb", other.url, "--federation", "EGI").stdout


@pytest.mark.parametrize(
    ("content", "problem"), [("", "holds no token"), ("two words", "holds no token"), (None, "cannot be read")]
)
def test_a_token_file_that_is_none(tmp_path, other, content, problem):
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    answer = run("import", "gocdb", other.url, "--token-file", file)
    assert (answer.exit_code, other.asked) == (2, [])
    assert problem in answer.stderr


def test_a_certificate_that_is_none(tmp_path, other):
    answer = run("mirror", "gocdb", other.url, "--certificate", tmp_path / "none.pem")
    assert (answer.exit_code, other.asked) == (2, [])
    assert "cannot be read" in answer.stderr


def test_a_mirror_run_its_status_and_a_decision(other):
    assert run("mirror", "status").stdout.startswith("No registry is followed")
    assert run("mirror", "gocdb", other.url, "--federation", "EGI").exit_code == 0
    edit(Site.objects.get(name="SITE-1"), official_name="Ours")
    answer = run("mirror", "gocdb", other.url, "--federation", "EGI")
    assert "Differences that stay, since people here edited them: 1." in answer.stdout
    listed = run("mirror", "status").stdout
    for word in (other.url, "SITE-1", "official_name", "Ours", "Official", "bob"):
        assert word in listed
    document = json.loads(run("mirror", "status", "--report", "json").stdout)
    assert document[0]["conflicts"][0]["field"] == "official_name"
    key = MirrorConflict.objects.get().pk
    assert run("mirror", "accept", "theirs", key).exit_code == 0
    assert Site.objects.get(name="SITE-1").official_name == "Official"
    assert run("mirror", "accept", "theirs", key).exit_code == 2
    assert run("mirror", "forget", other.url).exit_code == 0
    assert not MirrorSource.objects.exists()
    assert Site.objects.count() == 2


def test_a_dry_run_of_the_mirror_for_programs(other):
    answer = run("mirror", "gocdb", other.url, "--dry-run", "--report", "json")
    document = json.loads(answer.stdout)
    assert (document["dry_run"], document["counts"]["site"]["created"], document["differences"]) == (True, 2, [])
    assert not Site.objects.exists()


def test_an_outage_ends_one_run_with_status_2_and_is_shown_in_the_status(other):
    other.fault["get_site"] = status(503)
    answer = run("mirror", "gocdb", other.url)
    assert answer.exit_code == 2
    assert answer.stderr.count("\n") == 1
    assert "answered 503" in run("mirror", "status").stdout


def test_another_federation_than_before_is_refused(other):
    run("mirror", "gocdb", other.url, "--federation", "EGI")
    answer = run("mirror", "gocdb", other.url, "--federation", "OSG")
    assert answer.exit_code == 2
    assert "is followed as the federation EGI" in answer.stderr


@pytest.mark.parametrize("every", ["soon", "5s", "0m", "-1h", "10", "1w"])
def test_a_pause_that_is_none(other, every):
    answer = run("mirror", "gocdb", other.url, "--every", every)
    assert (answer.exit_code, other.asked) == (2, [])
    assert "--every takes a number and a unit" in answer.stderr


def test_once_is_once_whatever_every_says(other):
    assert run("mirror", "gocdb", other.url, "--every", "10m", "--once").exit_code == 0
