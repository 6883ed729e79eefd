"""Results in the words of others: NRDP, Alertmanager, ARGO's metric data, JUnit XML, one line of a shell."""

import base64
import json
import shutil
import subprocess
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.tokens import create_token
from gridkeeper.probes.admission import forget_directory
from gridkeeper.probes.alertmanager import parse_alerts
from gridkeeper.probes.argo_metric import parse_metric_data
from gridkeeper.probes.junit import About, parse_report
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.nrdp import parse_checks, parse_command
from gridkeeper.probes.passive import PassiveError
from tests.builders import NOW, a_service, a_site, a_test, a_user, a_vo, in_profile
from tests.services import require_service

pytestmark = pytest.mark.django_db
HOST = "ce.example.org"
KEY = SeriesKey(HOST, "CE", "CE-js", "")
PER_VO = SeriesKey(HOST, "CE", "CE-vo", "dteam")


@pytest.fixture(autouse=True)
def home() -> Any:
    forget_directory()
    site = a_site(name="SITE-A")
    a_service(of=site, hostname=HOST)
    vo = a_vo("dteam")
    in_profile(vo, a_test("CE-js"))
    in_profile(vo, a_test("CE-vo", is_per_vo=True))
    yield site
    forget_directory()


@pytest.fixture
def secret(home: Any) -> str:
    return token_of(a_user("alice", site=home))


def token_of(user: Any, *scopes: str) -> str:
    wanted = list(scopes) or ["probes.submit_results"]
    return create_token(
        Actor.system(), user=user, name="t", scopes=wanted, expires_at=None, now=timezone.now()
    )[1]  # fmt: skip


@pytest.fixture
def client(secret: str) -> Client:
    return Client(headers={"authorization": f"Bearer {secret}"})


def latest(key: SeriesKey = KEY) -> LatestStatus:
    return LatestStatus.objects.get(series=key.series)


# NRDP


CHECKS = """<?xml version='1.0'?><checkresults>
<checkresult type='service' checktype='1'><hostname>ce.example.org</hostname><servicename>CE-js</servicename>
<state>1</state><output>slow &amp; late | time=12s;10</output></checkresult></checkresults>"""
CHECK = {
    "checkresult": {"type": "service", "checktype": "1"}, "hostname": HOST, "servicename": "CE-vo/dteam", "state": 2,
    "output": "refused",
}  # fmt: skip


def nrdp(**fields: str) -> Any:
    return Client().post("/nrdp/", {"cmd": "submitcheck"} | fields)


def test_nrdp_takes_checks_as_xml(secret: str) -> None:
    answer = nrdp(token=secret, XMLDATA=CHECKS)
    assert b"<status>0</status><message>OK</message>" in answer.content
    assert b"1 checks processed." in answer.content
    found = latest()
    assert (found.status, found.summary, found.worker) == (1, "slow & late", "nrdp")


def test_nrdp_takes_checks_as_json_and_names_the_refused(secret: str) -> None:
    data = json.dumps({"checkresults": [CHECK, CHECK | {"hostname": "nowhere.org"}, 7]})
    said = nrdp(token=secret, JSONDATA=data).json()["result"]
    assert (said["status"], said["message"]) == (0, "OK")
    assert said["meta"]["output"].startswith("1 checks processed, 2 refused: ")
    assert "no service is registered on 'nowhere.org'" in said["meta"]["output"]
    assert latest(PER_VO).status == 2


def test_nrdp_takes_an_external_command(secret: str) -> None:
    command = f"PROCESS_SERVICE_CHECK_RESULT;{HOST};CE-js;2;refused"
    assert b"<status>0</status>" in nrdp(token=secret, cmd="submitcmd", command=command).content
    assert latest().status == 2


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, b"NO TOKEN"),
        ({"token": "gk_wrong"}, b"BAD TOKEN"),
        ({"token": "SECRET", "XMLDATA": "<checkresults>"}, b"is no whole XML document"),
        ({"token": "SECRET", "XMLDATA": "<results/>"}, b"XMLDATA begins with &lt;results&gt;"),
        ({"token": "SECRET", "XMLDATA": "<checkresults/>"}, b"the body holds no result"),
        ({"token": "SECRET", "cmd": "reboot"}, b"cmd='reboot' is not offered"),
        ({"token": "SECRET", "XMLDATA": CHECKS.replace("'service'", "'host'")}, b"are not taken"),
        ({"token": "SECRET", "XMLDATA": CHECKS.replace(">1<", ">9<")}, b"status"),
        ({"token": "SECRET", "XMLDATA": CHECKS.replace("CE-js", "CE-jss")}, b"no profile has the test"),
    ],
)
def test_nrdp_says_what_is_wrong(secret: str, fields: dict[str, str], message: bytes) -> None:
    fields = {name: value.replace("SECRET", secret) for name, value in fields.items()}
    answer = nrdp(**fields)
    assert answer.status_code == 200
    assert b"<status>-1</status>" in answer.content
    assert message in answer.content
    assert not LatestStatus.objects.exists()


def test_nrdp_takes_nothing_from_whom_may_not(home: Any) -> None:
    answer = nrdp(token=token_of(a_user("bob", site=home), "registry"), XMLDATA=CHECKS)
    assert b"NOT PERMITTED" in answer.content
    elsewhere = nrdp(token=token_of(a_user("charlie", site=a_site())), XMLDATA=CHECKS)
    assert b"you may not report of CE on ce.example.org" in elsewhere.content
    assert Client().get("/nrdp/").status_code == 405


def test_an_entity_bomb_is_refused(secret: str) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + CHECKS.partition("?>")[2].replace(
        "slow", "&b;"
    )
    assert b"<status>-1</status>" in nrdp(token=secret, XMLDATA=bomb).content


# Alertmanager


def alert(**fields: Any) -> dict[str, Any]:
    labels = {"alertname": "CE-js", "instance": f"{HOST}:9100", "severity": "critical"}
    defaults = {
        "status": "firing", "labels": labels, "annotations": {"summary": "no slot free"},
        "startsAt": "2026-03-10T12:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": "f1",
    }  # fmt: skip
    return {**defaults, **fields}


def post(client: Client, path: str, body: Any) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return client.post(f"/api/v1/results/{path}", data, content_type="application/json")


def test_an_alert_fails_and_recovers_a_test(client: Client) -> None:
    assert post(client, "alertmanager", {"version": "4", "alerts": [alert()]}).json()["accepted"] == 1
    assert (latest().status, latest().summary, latest().worker) == (2, "no slot free", "alertmanager")
    gone = alert(status="resolved", endsAt="2026-03-10T13:00:00Z")
    assert post(client, "alertmanager", {"version": "4", "alerts": [gone]}).json()["accepted"] == 1
    assert (latest().status, latest().summary) == (0, "resolved: no slot free")
    assert post(client, "alertmanager", {"version": "4", "alerts": [gone]}).json()["duplicates"] == 1


@pytest.mark.parametrize(
    ("labels", "status", "field"),
    [
        ({"alertname": "CE-js", "hostname": HOST}, "CRITICAL", ""),
        ({"alertname": "x", "test": "CE-js", "host": HOST, "severity": "warning"}, "WARNING", ""),
        ({"alertname": "CE-js", "instance": f"https://{HOST}:8443/", "severity": "info"}, "OK", ""),
        ({"alertname": "CE-js"}, "", "hostname"),
        ({"alertname": "CE-js", "instance": "http://[broken"}, "", "hostname"),
        ({"alertname": "CE-js", "hostname": HOST, "severity": "purple"}, "", "status"),
        ({"hostname": HOST}, "", "metric"),
    ],
)
def test_labels_name_the_series(client: Client, labels: dict[str, str], status: str, field: str) -> None:
    answer = post(client, "alertmanager", {"alerts": [alert(labels=labels)]})
    if field:
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    else:
        assert answer.status_code == 200, answer.content
        assert Status(latest().status).name == status


def test_a_call_sent_again_at_once_is_one_result_and_a_repetition_another() -> None:
    body = json.dumps({"alerts": [alert()]}).encode()
    waits = (timedelta(), timedelta(seconds=9), timedelta(hours=4))
    ids = [parse_alerts(body, NOW + wait, lambda *_: "CE").records[0].id for wait in waits]
    assert ids[0] == ids[1] != ids[2]


# ARGO


def metric(**fields: Any) -> dict[str, Any]:
    at = (timezone.now() - timedelta(minutes=5)).isoformat()
    defaults = {
        "timestamp": at, "service": "CE", "hostname": HOST, "metric": "CE-js", "status": "CRITICAL",
        "monitoring_host": "mon.example.org", "summary": "refused", "message": "after 12 s",
        "tags": {"roc": "NGI_X", "voName": "dteam"},
    }  # fmt: skip
    return {**defaults, **fields}


def _data(*records: Any) -> str:
    return base64.b64encode(b"\n".join(json.dumps(one).encode() for one in records)).decode()


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda one: one, id="record"),
        pytest.param(lambda one: [one], id="list"),
        pytest.param(lambda one: json.dumps(one) + "\n\n" + json.dumps(one | {"metric": "CE-jss"}), id="lines"),
        pytest.param(lambda one: {"messages": [{"data": _data(one), "attributes": {}}]}, id="publication"),
        pytest.param(lambda one: {"message": {"data": _data(one)}, "subscription": "s"}, id="push"),
    ],
)
def test_metric_data_comes_in_every_envelope(client: Client, shape: Any) -> None:
    answer = post(client, "argo", shape(metric()))
    assert answer.json()["accepted"] == 1, answer.content
    found = latest()
    assert (found.status, found.summary, found.worker) == (2, "refused", "mon.example.org")


def test_the_vo_counts_only_for_tests_that_are_run_per_vo_and_ids_behind_hosts_are_dropped(client: Client) -> None:
    records = [metric(hostname=f"{HOST}_123G0"), metric(metric="CE-vo")]
    assert post(client, "argo", records).json()["accepted"] == 2
    assert latest().status == latest(PER_VO).status == 2


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (metric(status="MISSING"), "status"),
        (metric(timestamp="yesterday"), "executed_at"),
        (metric(timestamp="2026-03-10T12:00:00"), "executed_at"),
        (metric(service="SRM"), "service_type"),
        ({"hostname": HOST}, ""),
        ({"messages": [{"data": "!!"}]}, ""),
        ([1], ""),
    ],
)
def test_wrong_metric_data_is_named(client: Client, record: Any, field: str) -> None:
    answer = post(client, "argo", record)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


# JUnit


REPORT = """<testsuites><testsuite name="s" timestamp="{at}">
<testcase classname="site" name="js" time="1.5"/>
<testcase name="vo"><skipped/></testcase>
<testcase name="gone"><failure message="404&#10;not found">the log</failure><system-out>hello</system-out></testcase>
</testsuite></testsuites>"""


def send_report(client: Client, body: str, **query: str) -> Any:
    url = "/api/v1/results/junit?" + "&".join(f"{name}={value}" for name, value in query.items())
    return client.post(url, body, content_type="application/xml")


def test_each_case_of_a_report_is_a_result(client: Client) -> None:
    a_test("CE-gone")
    at = timezone.now().replace(microsecond=0, tzinfo=None)
    answer = send_report(client, REPORT.format(at=at.isoformat()), hostname=HOST, service_type="CE", prefix="CE-")
    assert answer.json()["accepted"] == 2, answer.content
    passed, failed = latest(), latest(SeriesKey(HOST, "CE", "CE-gone", ""))
    assert (passed.status, passed.duration_ms, passed.executed_at.replace(tzinfo=None)) == (0, 1500, at)
    assert (failed.status, failed.summary) == (2, "404")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html><body>Sign in</body></html>", "HTML page"),
        ("<report/>", "begins with <report>"),
        ("<testsuite><testcase name='x'", "no whole XML"),
        ("<testsuites><testcase name='x'/></testsuites>", "outside of any"),
        ("<testsuite/>", "holds no result"),
        ("<testsuite><testcase name='CE-js'/></testsuite>", "neither the suite nor the address names a host"),
        (f"<testsuite hostname='{HOST}'><testcase name='CE-js' time='soon'/></testsuite>", "no number of seconds"),
    ],
)
def test_a_report_that_cannot_be_used_is_named(client: Client, body: str, words: str) -> None:
    answer = send_report(client, body)
    assert answer.status_code == 422
    assert words in answer.content.decode()


# One line of a shell


def test_one_line_of_a_shell_reports_a_plugin(client: Client) -> None:
    answer = client.post(
        f"/api/v1/results/{HOST}/CE-js/2", "DISK CRITICAL: 1 % free | free=1%;10;5\nlong", content_type="text/plain"
    )
    assert answer.json()["accepted"] == 1
    assert (latest().status, latest().summary) == (2, "DISK CRITICAL: 1 % free")
    assert (
        client.post(f"/api/v1/results/{HOST}/CE-vo/OK?vo=dteam", "fine", content_type="text/plain").status_code == 200
    )
    assert latest(PER_VO).status == 0
    refused = client.post(f"/api/v1/results/{HOST}/CE-js/255", "x", content_type="text/plain")
    assert refused.json()["errors"][0]["field"] == "status"


@pytest.mark.service
@pytest.mark.django_db(transaction=True)
def test_the_line_in_the_documentation_works_in_a_shell(live_server: Any, secret: str) -> None:
    require_service(shutil.which("curl") is not None, "curl")
    script = (
        'said=$(echo "DISK WARNING: 8 % free | free=8%"; exit 1); '
        f'curl -fsS -u ":$TOKEN" --data-binary "$said" {live_server.url}/api/v1/results/{HOST}/CE-js/$?'
    )
    done = subprocess.run(["sh", "-c", script], env={"TOKEN": secret, "PATH": "/usr/bin:/bin"}, capture_output=True)
    assert json.loads(done.stdout)["accepted"] == 1, done.stderr
    assert latest().status == 1


# Whatever comes


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["alerts", "labels", "status", "messages", "message", "data", "hostname", "metric", "timestamp",
                         "service", "checkresults", "checkresult", "state", "output", "instance", "alertname", "tags"]),
        inner, max_size=5,
    ),
    max_leaves=25,
)  # fmt: skip
_bodies = _json.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=80)


@given(body=_bodies)
def test_whatever_is_sent_is_read_or_refused_in_words(body: bytes) -> None:
    text = body.decode(errors="replace")
    for parse in (
        lambda: parse_alerts(body, NOW, lambda *_: "CE"),
        lambda: parse_metric_data(body, NOW, is_host=lambda _: False, is_per_vo=lambda _: True),
        lambda: parse_report(body, NOW, About(hostname=HOST), lambda *_: "CE"),
        lambda: parse_checks(text, NOW, lambda *_: "CE"),
        lambda: parse_command(text, NOW, lambda *_: "CE"),
    ):
        try:
            parsed = parse()
        except PassiveError:
            continue
        assert all(one.problem and one.remedy for one in parsed.rejected)
