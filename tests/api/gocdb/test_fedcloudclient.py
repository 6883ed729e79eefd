"""fedcloudclient as PyPI has it, unmodified but for the address constant, lists sites and finds endpoints here.

It is installed into an environment of its own: its hundred dependencies have no place in ours.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest

from tests.builders import a_scope, a_service, a_site, an_ngi
from tests.services import require_service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.service, pytest.mark.timeout(600)]

RELEASE = "fedcloudclient==1.4.7"
NOVA = "org.openstack.nova"
#: Runs inside its environment: its own functions, and its own command line.
_DRIVER = """
import io, json, sys
from contextlib import redirect_stdout
from fedcloudclient import endpoint
endpoint.GOCDB_PUBLICURL = sys.argv[1]
shown = io.StringIO()
with redirect_stdout(shown):
    endpoint.endpoint.main(["list", "--site", "CLOUD-A"], standalone_mode=False)
print(json.dumps({
    "sites": endpoint.get_sites(),
    "endpoints": endpoint.find_endpoint("org.openstack.nova"),
    "of a site": endpoint.find_endpoint("org.openstack.nova", site="CLOUD-B"),
    "unmonitored": endpoint.find_endpoint("org.openstack.nova", production=False, monitored=False),
    "command line": shown.getvalue(),
}))
"""


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    """In an environment that knows nothing of ours."""
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GRIDKEEPER", "DJANGO"))
    }
    return subprocess.run([str(word) for word in words], env=clean, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the released fedcloudclient."""
    folder = tmp_path_factory.mktemp("fedcloudclient")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RELEASE)
    require_service(done.returncode == 0, f"{RELEASE} from PyPI ({done.stderr.strip().splitlines()[-1:]})")
    return python


@pytest.fixture
def told(interpreter: Path, live_server: Any) -> Any:
    """What it finds in a federation of two clouds, one grid site, and sites that it must not find."""
    a_scope("EGI", is_default=True)
    ngi = an_ngi(name="NGI_IT")
    egi = {"scopes": ["EGI"]}
    cloud_a, cloud_b = (a_site(name=f"CLOUD-{letter}", ngi=ngi, country="Italy", **egi) for letter in "AB")
    a_service(of=cloud_a, type=NOVA, hostname="a.example.org", url="https://a.example.org:5000/v3?x=1&y=2", **egi)
    a_service(
        of=cloud_a, type=NOVA, hostname="a2.example.org", url="https://a2.example.org/v3", is_monitored=False, **egi
    )
    a_service(of=cloud_b, type=NOVA, hostname="b.example.org", url="https://b.example.org/v3", **egi)
    a_service(
        of=cloud_b, type=NOVA, hostname="b2.example.org", url="https://b2.example.org", in_production=False, **egi
    )
    a_service(of=cloud_b, type=NOVA, hostname="b3.example.org", **egi)
    a_service(of=a_site(name="GRID", ngi=ngi, **egi), type="CE", **egi)
    a_service(of=a_site(name="YOUNG", ngi=ngi, certification="Candidate", **egi), type=NOVA, **egi)
    a_service(of=a_site(name="LOCAL", ngi=ngi), type=NOVA, url="https://local.example.org")
    done = run(interpreter, "-c", _DRIVER, f"{live_server.url}/gocdbpi/public/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_lists_sites_and_finds_endpoints(told):
    a = ["CLOUD-A", NOVA, "https://a.example.org:5000/v3?x=1&y=2"]
    b, without_address = ["CLOUD-B", NOVA, "https://b.example.org/v3"], ["CLOUD-B", NOVA, None]

    assert told["sites"] == ["CLOUD-A", "CLOUD-B", "GRID"]
    assert told["endpoints"] == [a, b, without_address]
    assert told["of a site"] == [b, without_address]
    assert [row[2] for row in told["unmonitored"]] == [
        a[2], "https://a2.example.org/v3", b[2], "https://b2.example.org", None
    ]  # fmt: skip
    assert "https://a.example.org:5000/v3?x=1&y=2" in told["command line"]
    assert "CLOUD-B" not in told["command line"]
