"""A real job through a real ARC CE, by the pack as it is installed: its stages and riders stand in the matrix."""

import asyncio
import re
import threading
import time

import pytest
from django.db import connection
from django.utils import timezone

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.probes.credential_actions import Entered, add_credential, renew_credential
from gridkeeper.probes.engine import Engine
from gridkeeper.probes.models import LatestStatus, RunRequest, Test
from gridkeeper.probes.pack_actions import install_pack
from tests.builders import a_service, a_site, a_vo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.service]
SYSTEM = Actor.system("cli")
JOB, INFO = "org.gridkeeper.arc-job", "org.gridkeeper.arc-info"


@pytest.fixture(autouse=True)
def _keys_of_our_own(settings, tmp_path):
    changes = {"credential_key_file": tmp_path / "credential-keys"}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


@pytest.fixture
def service(ce):
    """The CE in the registry, the pack in the profile of its VO, and the VO's robot among the credentials."""
    now = timezone.now()
    made = a_service(of=a_site(name="ALPHA"), type="ARC-CE", hostname="localhost", host_ip="127.0.0.1", url=ce.url)
    vo = a_vo("lhcb", supported_by=[made])
    install_pack(SYSTEM, name="arc", vos=[vo], reason="a new CE", now=now)
    for test in Test.objects.filter(name__in=[JOB, INFO]):
        test.arguments |= {"ca_file": str(ce.authority.folder)}
        test.timeout_s = 180
        test.save()
    Test.objects.filter(name=f"{JOB}-rm").update(arguments={"url": "file:/tmp"})
    robot = ce.user.certificate.read_text() + ce.user.key.read_text()
    credential = add_credential(
        SYSTEM, name="robot of lhcb", vo=vo, kind="x509", options={}, entered=Entered(robot), reason="tests", now=now
    )
    renew_credential(SYSTEM, credential=credential, now=now)
    for name in (INFO, JOB):
        RunRequest.objects.create(service=made, test=Test.objects.get(name=name), vo="lhcb", requested_at=now)
    return made


async def _engine_until(condition, seconds=240):
    stop = threading.Event()
    engine = Engine(worker="here")
    task = asyncio.create_task(engine.run(stop))
    end = time.monotonic() + seconds
    while time.monotonic() < end and not task.done() and not await asyncio.to_thread(_closing, condition):
        await asyncio.wait([task], timeout=0.2)
    stop.set()
    await task


def _closing(function):
    try:
        return function()
    finally:
        connection.close()


def _all_done():
    return RunRequest.objects.filter(done_at=None).count() == 0


def _is_settled(service):
    """A CE that was busy at the first attempt is asked again: the pack allows it two."""
    test = Test.objects.get(name=INFO)
    is_good = LatestStatus.objects.filter(metric=INFO, status=Status.OK.value).exists()
    if is_good or RunRequest.objects.filter(test=test).count() >= test.max_attempts:
        return True
    RunRequest.objects.create(service=service, test=test, vo="lhcb", requested_at=timezone.now())
    return False


def test_a_job_gives_list_match_submission_riders_and_output(client, service, ce):
    asyncio.run(_engine_until(lambda: _all_done() and _is_settled(service)))
    rows = {row.metric.removeprefix("org.gridkeeper.arc-"): row for row in LatestStatus.objects.all()}
    said = {metric: Status(row.hard_status).name for metric, row in rows.items()}
    good = (
        "info",
        "job",
        *(f"job-{stage}" for stage in ("match", "submit", "wait", "fetch", "clean", "wn", "env", "rm")),
    )
    assert {metric: rows[metric].summary for metric in good if said.get(metric) != "OK"} == {}
    # What this machine lacks as a worker node is told apart from what went wrong with the job.
    assert (said["job-crl"], said["job-swdir"]) == ("CRITICAL", "CRITICAL")
    assert rows["job-swdir"].summary.startswith("the software directory /cvmfs/lhcb of lhcb cannot be read")
    assert rows["job-rm"].summary == "65536 bytes written to file:/tmp, read back, compared and deleted"
    assert {row.cause for row in rows.values()} == {""}
    assert ce.job_folders == []

    row = _row_of(client.get("/matrix/", {"vo": "lhcb"}).content.decode())
    wanted = {"jl": "O", "js": "O", "info": "O", "sub": "O", "wait": "O", "out": "O", "cln": "O", "wn": "O", "rm": "O"}
    assert row | wanted == row
    assert (row["crl"], row["swdir"]) == ("!!!", "X")
    assert rows["job-proxy"].summary.startswith("the proxy of the job ends ")
    log = _log_of(client, service, JOB)
    assert "submitted as" in log
    assert "FINISHED" in log
    assert f"of {JOB}]" in _log_of(client, service, f"{JOB}-wn")


def _row_of(page):
    """The only row of the matrix: letter by abbreviation of the test."""
    table = page[page.index("<table class=matrix") :]
    heads = re.findall(r"<th>([^<]+)", table[: table.index("<tbody>")])
    cells = re.findall(r"<t[dh][^>]*>(?:<a[^>]*>)?([^<]*)", table[table.index("<tbody>") : table.index("</table>")])
    return dict(zip(heads, cells, strict=True))


def _log_of(client, service, metric):
    """The page to which the cell of the matrix leads."""
    series = SeriesKey(service.hostname, service.service_type.name, metric, "lhcb").series
    row = LatestStatus.objects.get(series=series)
    return client.get(f"/results/{series}/{row.fact}/").content.decode()


def test_a_stopped_ce_explains_its_riders(client, service, ce):
    ce.ws.kill()
    RunRequest.objects.filter(test__name=INFO).delete()
    try:
        asyncio.run(_engine_until(_all_done))
    finally:
        ce.start_ws()
    rows = {row.metric.removeprefix("org.gridkeeper.arc-"): row for row in LatestStatus.objects.all()}
    assert "connection refused" in rows["job-match"].summary
    assert Status(rows["job-match"].status) == Status.CRITICAL
    assert {row.cause for name, row in rows.items() if name not in {"job-match", "info"}} == {f"{JOB}-match"}
