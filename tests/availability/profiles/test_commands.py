"""`gridkeeper profiles` and `gridkeeper weights`."""

import json

import pytest
from typer.testing import CliRunner

from gridkeeper.availability.models import ProfileVersion, Weight
from gridkeeper.cli.main import build_app
from tests.builders import a_site, a_vo

pytestmark = pytest.mark.django_db


def run(*words, given=b""):
    return CliRunner().invoke(build_app(words[0]), list(words), input=given)


def test_a_profile_comes_in_and_goes_out_in_argos_shape(tmp_path):
    a_vo("dteam")
    group = {"name": "compute", "operation": "OR", "services": [{"name": "CE", "operation": "OR"}]}
    operations = {"metric_operation": "AND", "profile_operation": "AND"}
    file = tmp_path / "critical.json"
    file.write_text(json.dumps({"data": [{"name": "critical", "groups": [group]} | operations]}))
    words = ("profiles", "import", "aggregation", str(file), "--reason", "from ARGO")
    assert run(*words, "--valid-from", "2026-03-01").stdout == "critical version 1, valid from 2026-03-01\n"
    again = run(*words, "--valid-from", "2026-03-01")
    assert (again.exit_code, "says what the version before says" in again.stderr) == (1, True)
    assert json.loads(run("profiles", "export", "aggregation", "critical").stdout)["groups"] == [group]
    own = run("profiles", "export", "aggregation", "critical", "--shape", "own").stdout
    assert run("profiles", "import", "aggregation", "-", "--name", "copy", "--reason", "x", given=own).exit_code == 0
    assert ProfileVersion.objects.count() == 2
    listed = run("profiles", "list").stdout
    assert all(word in listed for word in ("dteam", "critical", "compute: CE"))
    assert "from ARGO" in run("profiles", "show", "aggregation", "critical").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("profiles", "show", "report", "nobody"), "there is no report profile 'nobody'"),
        (("profiles", "import", "report", "/nowhere", "--reason", "x"), "cannot be read"),
        (("profiles", "import", "report", "-", "--reason", "x", "--valid-from", "soon"), "'soon' is not a day"),
        (("profiles", "import", "report", "-", "--reason", "x"), "It is no JSON"),
        (("weights", "import", "-", "--reason", "x"), "there is no site 'NOWHERE'"),
    ],
)
def test_it_says_what_is_wrong(words, said):
    found = run(*words, given=b"NOWHERE,1")
    assert found.exit_code != 0
    assert said in " ".join(found.stderr.replace("│", " ").split())


def test_weights_come_in_and_go_out_as_csv():
    for name in ("T1", "T2"):
        a_site(name=name)
    given = b"site,value\nT1,12.5\nT2,4\n"
    words = ("weights", "import", "-", "--reason", "pledges", "--valid-from", "2026-03-01")
    assert run(*words, given=given).stdout == "2 of 2 weights are new or changed\n"
    listed = run("weights", "list", "--kind", "hepspec").stdout
    assert listed.splitlines()[1] == "T1,hepspec,2026-03-01,12.5,"
    assert run(*words, given=listed).stdout == "0 of 2 weights are new or changed\n"
    assert Weight.objects.count() == 2
