"""argo-mon-library as PyPI has it, ARGO's own client of these interfaces, reads a running server.

It is installed into an environment of its own. Only the scheme of its addresses is changed: the server speaks no TLS.
"""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from gridkeeper.people.models import User
from tests.api.argo.conftest import a_key
from tests.api.argo.seeding import day, put_days, put_periods
from tests.builders import a_federation, a_service, a_site, a_test, a_vo, in_profile
from tests.services import require_service

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.service, pytest.mark.timeout(600)]

RELEASE = "argo-mon-library==0.1.0"
_DRIVER = """
import json, sys
from argo_mon_library import ArgoMonitoringService, MonServiceException
address, key = sys.argv[1:]
service = ArgoMonitoringService(address, key)
for route in service.connection.routes.values():
    route[1] = route[1].replace("https:", "http:")
report = next(each for each in service.reports if each.name == "dteam")
told = {
    "tenant": report.tenant, "created": str(report.created_on), "target": report.thresholds.availability,
    "profiles": [[each.type, each.name] for each in report.profiles],
    "types": [report.topology_schema.group.type, report.topology_schema.group.group.type],
    "by id": service.reports[report.id].name,
}
service.period("2015-06-22T00:00:00Z", "2015-06-23T23:59:59Z")
told["results"] = [
    [above.name, above.type, group.name, each.date.strftime("%Y-%m-%d"), each.availability, each.uptime]
    for above in report.results.supergroups for group in above.groups for each in group.results
]
service.period("2015-06-22T00:00:00Z", "2015-06-23T23:59:59Z", "monthly")
told["months"] = [
    [above.name, each.date.strftime("%Y-%m"), each.reliability]
    for above in report.results.supergroups for each in above.results
]
service.period("2015-06-22T00:00:00Z")
told["statuses"] = [
    [group.name, [each.value for each in group.statuses], endpoint.name, endpoint.id, endpoint.url,
     [each.timestamp.isoformat() + " " + each.value for each in endpoint.statuses]]
    for group in report.status.groups for endpoint in group.endpoints
]
try:
    stranger = ArgoMonitoringService(address, "wrong")
    stranger.connection.routes = service.connection.routes
    list(stranger.reports)
except MonServiceException:
    told["wrong key"] = "refused"
print(json.dumps(told))
"""


def run(*words: object) -> "subprocess.CompletedProcess[str]":
    """In an environment that knows nothing of ours."""
    ours = ("PYTHON", "GRIDKEEPER", "DJANGO")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run([str(word) for word in words], env=clean, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the released client."""
    folder = tmp_path_factory.mktemp("argo-mon")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RELEASE)
    require_service(done.returncode == 0, f"{RELEASE} from PyPI ({done.stderr.strip().splitlines()[-1:]})")
    return python


@pytest.fixture
def told(interpreter: Path, live_server: Any, tmp_path: Path) -> Any:
    """What the client finds: one report of one site, up on the first day and half of the second."""
    config = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "dteam"})
    with override_settings(GRIDKEEPER=config):
        a_federation(name="EGI")
        in_profile(a_vo("dteam"), a_test("SRM-put"), type="SRM")
        a_service(of=a_site(name="ST01"), type="SRM", hostname="se01", key="77", url="https://se01/srm")
        place = {"report": "dteam", "level": "site", "weight": 10.0}
        put_days(place | {"date": day(f"2015-06-{on}"), "up_s": up} for on, up in ((22, 86_400), (23, 43_200)))
        change = [("2015-06-22T00:00:00Z", "OK"), ("2015-06-22T05:00:00Z", "WARNING")]
        service = {"level": "service", "service_type": "SRM", "hostname": "se01"}
        put_periods([{"report": "dteam", "told": change} | level for level in ({"level": "site"}, service)])
        key = a_key(User.objects.create_user("reader", password="reader-password"))
        done = run(interpreter, "-c", _DRIVER, live_server.url.removeprefix("http://"), key)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_reads_what_we_publish(told: Any) -> None:
    assert told == {
        "tenant": "EGI",
        "created": "2020-01-01 00:00:00",
        "target": 80.0,
        "profiles": [["metric", "dteam"], ["operations", "default"], ["aggregation", "default"]],
        "types": ["NGI", "SITES"],
        "by id": "dteam",
        "results": [
            ["GROUP_A", "NGI", "ST01", "2015-06-22", "100", "1"],
            ["GROUP_A", "NGI", "ST01", "2015-06-23", "50", "0.5"],
        ],
        "months": [["GROUP_A", "2015-06", "75"]],
        "statuses": [
            [
                "ST01", ["OK", "WARNING", "WARNING"], "se01", "77", "https://se01/srm",
                ["2015-06-22T00:00:00 OK", "2015-06-22T05:00:00 WARNING", "2015-06-22T23:59:59 WARNING"],
            ]
        ],
        "wrong key": "refused",
    }  # fmt: skip
