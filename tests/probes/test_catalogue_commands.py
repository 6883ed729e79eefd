"""`gridkeeper packs`, `credentials` and `import-nagios`, as a person at the console meets them."""

import pytest
import typer
from typer.testing import CliRunner

from gridkeeper.probes import catalogue_commands
from gridkeeper.probes.models import Credential, ProfileEntry, Test
from gridkeeper.probes.packs import packs
from gridkeeper.registry.models import Service
from tests.builders import a_service_type, a_site, a_vo
from tests.certificates import Authority
from tests.probes.test_catalogue_pages import NAGIOS

pytestmark = pytest.mark.django_db


@pytest.fixture
def gridkeeper(settings, tmp_path):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"credential_key_file": tmp_path / "keys"})
    app = typer.Typer()
    catalogue_commands.register(app)
    return lambda *words, **options: CliRunner().invoke(app, list(map(str, words)), **options)


def test_packs_are_listed_tried_and_installed(gridkeeper):
    name = min(packs())
    a_vo("ops")
    for test in packs()[name].content["tests"]:
        a_service_type(test["service_types"][0])
    assert name in gridkeeper("packs", "list").stdout
    assert "added" in gridkeeper("packs", "install", name, "--dry-run").stdout
    assert not Test.objects.exists()
    assert gridkeeper("packs", "install", name).exit_code == 0
    assert ProfileEntry.objects.filter(vo__name="ops").exists()
    assert gridkeeper("packs", "install", "nothing").exit_code == 1
    assert gridkeeper("packs", "install", name, "--vo", "nothing").exit_code == 2


def test_nagios_is_imported_from_a_folder(gridkeeper, tmp_path):
    folder = tmp_path / "nagios"
    (folder / "objects").mkdir(parents=True)
    (folder / "objects" / "all.cfg").write_text(NAGIOS)
    site, vo = a_site(), a_vo("ops")
    said = gridkeeper("import-nagios", folder, "--site", site.name, "--vo", vo.name)
    assert (said.exit_code, Service.objects.get().hostname) == (0, "web1")
    assert said.stdout.startswith("1 tests added")
    (folder / "objects" / "all.cfg").write_text("nonsense")
    said = gridkeeper("import-nagios", folder, "--site", site.name, "--vo", vo.name)
    assert said.exit_code == 1
    assert "objects/all.cfg:1: 'nonsense' belongs to no definition" in said.stderr
    assert gridkeeper("import-nagios", folder, "--site", "NOWHERE").exit_code == 2


def test_a_robot_is_entered_renewed_resealed_and_ended(gridkeeper, tmp_path):
    files = Authority(tmp_path, "Test CA").issue(("DC", "org"), ("CN", "Robot"), days=30)
    words = ["--kind", "x509", "--vo", a_vo("lhcb").name, "--file", files.certificate, "--file", files.key]
    said = gridkeeper("credentials", "add", "robot", *words)
    assert said.stdout == "robot is stored; it acts as /DC=org/CN=Robot.\n"
    assert "renewed, until" in gridkeeper("credentials", "renew", "robot").stdout
    assert "OK" in gridkeeper("credentials", "list").stdout
    assert gridkeeper("credentials", "rotate-key").stdout.startswith("1 credentials")
    assert gridkeeper("credentials", "renew", "robot").exit_code == 0
    assert gridkeeper("credentials", "end", "robot", "--reason", "stolen").exit_code == 0
    assert not Credential.objects.get().is_enabled
    assert gridkeeper("credentials", "renew", "robot").exit_code == 1
    assert gridkeeper("credentials", "renew", "nobody").exit_code == 2


def test_what_is_piped_in_and_wrong_is_refused_without_being_repeated(gridkeeper):
    said = gridkeeper("credentials", "add", "x", "--kind", "x509", input="no certificate at all")
    assert said.exit_code == 1
    assert "no robot certificate" in said.stderr
    assert "at all" not in said.output
