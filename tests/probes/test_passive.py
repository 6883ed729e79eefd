"""Passive results over HTTP: the good ones of a bad batch are kept, the bad ones named by place, field and remedy."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from gridkeeper.bus.facts import open_facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.tokens import create_token
from gridkeeper.probes import passive
from gridkeeper.probes.admission import forget_directory
from gridkeeper.probes.models import LatestStatus
from tests.builders import NOW, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOST = "ce.example.org"
KEY = SeriesKey(HOST, "CE", "CE-js", "")


@pytest.fixture(autouse=True)
def home() -> Any:
    forget_directory()
    site = a_site(name="SITE-A")
    a_service(of=site, hostname=HOST)
    a_test("CE-js")
    a_test("CE-per-vo", is_per_vo=True)
    a_vo("dteam")
    yield site
    forget_directory()


@pytest.fixture
def client(home: Any) -> Client:
    return client_of(a_user("alice", site=home))


def client_of(user: Any, scopes: list[str] | None = None) -> Client:
    wanted = scopes or ["probes.submit_results"]
    now = timezone.now()
    _, secret = create_token(Actor.system(), user=user, name="t", scopes=wanted, expires_at=None, now=now)
    return Client(headers={"authorization": f"Bearer {secret}"})


def record(number: int = 1, **fields: Any) -> dict[str, Any]:
    defaults = {"id": f"r{number}", "hostname": HOST, "service_type": "CE", "metric": "CE-js", "status": "OK"}
    return {name: value for name, value in (defaults | fields).items() if value is not None}


def lines(*records: Any) -> bytes:
    return b"\n".join(one if isinstance(one, bytes) else json.dumps(one).encode() for one in records)


def send(client: Client, body: bytes, kind: str = "application/x-ndjson", **headers: Any) -> Any:
    return client.post("/api/v1/results", body, content_type=kind, headers=headers)


def test_results_are_stored_and_shown_at_once(client: Client) -> None:
    at = timezone.now() - timedelta(minutes=5)
    body = lines(record(status=2, executed_at=at.isoformat(), summary="refused", duration_ms=12, worker="w"))
    answer = send(client, body)
    assert answer.status_code == 200, answer.content
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": [], "rejected_count": 0}
    latest = LatestStatus.objects.get(series=KEY.series)
    assert (latest.hard_status, latest.summary, latest.executed_at, latest.worker) == (2, "refused", at, "w")
    query = {"hostname": HOST, "service_type": "CE", "metric": "CE-js", "logs": "true"}
    (item,) = Client().get("/api/v1/results", query).json()["items"]
    assert (item["status"], item["summary"], item["duration_ms"]) == ("CRITICAL", "refused", 12)


def test_a_batch_sent_again_changes_nothing(client: Client) -> None:
    body = lines(*(record(n, executed_at=(NOW + timedelta(minutes=n)).isoformat()) for n in range(3)))
    assert send(client, body).json()["accepted"] == 3
    again = send(client, body).json()
    assert (again["accepted"], again["duplicates"]) == (0, 3)
    window = Window(NOW, NOW + timedelta(hours=1))
    assert len(open_facts().history(KEY.series, window)) == 3


def test_the_good_ones_of_a_bad_batch_are_kept(client: Client) -> None:
    body = lines(
        record(1), b"", record(2, hostname="nowhere.example.org"), b"{broken", record(3, status="GREEN"), record(4)
    )
    answer = send(client, body).json()
    assert answer["accepted"] == 2
    assert [(one["index"], one["field"]) for one in answer["rejected"]] == [(1, "hostname"), (2, ""), (3, "status")]
    assert all(one["problem"] and one["remedy"] for one in answer["rejected"])


WRONG = [
    (record(id=None), "id", "missing"),
    (record(id=""), "id", "length"),
    (record(id="x" * 201), "id", "length"),
    (record(hostname=5), "hostname", "str"),
    (record(hostname="other.example.org"), "hostname", "no service is registered"),
    (record(service_type="SRM"), "service_type", "it has CE"),
    (record(metric="CE-jss"), "metric", "no test"),
    (record(vo="dteam"), "vo", "not run per VO"),
    (record(metric="CE-per-vo"), "vo", "run per VO"),
    (record(metric="CE-per-vo", vo="cms"), "vo", "no VO"),
    (record(status="MISSING"), "status", "not what a test can report"),
    (record(status=7), "status", "not a status"),
    (record(status=None), "status", "missing"),
    (record(executed_at="yesterday"), "executed_at", "datetime"),
    (record(executed_at="2026-03-10T12:00:00"), "executed_at", "timezone"),
    (record(executed_at="2999-01-01T00:00:00Z"), "executed_at", "future"),
    (record(executed_at="1999-12-31T23:59:59Z"), "executed_at", "before 2000"),
    (record(executed_at="0001-01-01T00:00:00+14:00"), "executed_at", "before 2000"),
    (record(duration_ms=-1), "duration_ms", "int"),
    (record(executedat="2026-03-10T12:00:00Z"), "executedat", "unknown field"),
    ([1, 2], "", "object"),
    (b'{"id": "\xff\xfe"}', "", "UTF-8"),
    (b"nonsense", "", "JSON"),
    (b'{"id": "' + b"x" * passive.LINE_LIMIT_BYTES + b'"}', "", "bytes"),
    (b"[" * 100_000, "", "object"),
]


@pytest.mark.parametrize(("bad", "field", "words"), WRONG)
def test_it_names_what_is_wrong(client: Client, bad: Any, field: str, words: str) -> None:
    answer = send(client, lines(record(99), bad))
    assert answer.status_code == 200, answer.content
    assert answer.json()["accepted"] == 1
    (rejected,) = answer.json()["rejected"]
    assert (rejected["index"], rejected["field"]) == (1, field)
    assert words in rejected["problem"]


def test_only_bad_ones_are_422_with_the_list(client: Client) -> None:
    answer = send(client, lines(record(metric="CE-jss")))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "metric"


def test_a_json_list_is_taken(client: Client) -> None:
    body = json.dumps([record(1), 7, record(2)]).encode()
    answer = send(client, body, "application/json").json()
    assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (2, [1])


def test_gzip_is_undone_up_to_the_limit(client: Client, settings: Any) -> None:
    whole = gzip.compress(lines(record(1)) + b"\n") + gzip.compress(lines(record(2)))
    assert send(client, whole, content_encoding="gzip").json()["accepted"] == 2
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"upload_limit_bytes": 10_000})
    assert send(client, gzip.compress(b"\n" * 20_000), content_encoding="gzip").status_code == 413
    assert send(client, whole[:-9], content_encoding="gzip").status_code == 422
    assert send(client, b"plain", content_encoding="gzip").status_code == 422
    assert send(client, b"plain", content_encoding="br").status_code == 415
    assert send(client, b" " * 20_000).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"x", "application/xml", 415),
        (b"{}", "application/json", 422),
        (b"\n", "application/x-ndjson", 422),
        ("{}".encode("utf-16"), "application/x-ndjson", 422),
    ],
)
def test_what_is_no_batch_is_refused(client: Client, body: bytes, kind: str, status: int) -> None:
    answer = send(client, body, kind)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_byte_order_mark_does_no_harm(client: Client) -> None:
    assert send(client, b"\xef\xbb\xbf" + lines(record(1))).json()["accepted"] == 1


def test_a_time_with_another_offset_is_the_same_instant(client: Client) -> None:
    send(client, lines(record(executed_at="2026-03-10T14:00:00+02:00")))
    assert LatestStatus.objects.get().executed_at == datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def test_a_zero_character_is_replaced(client: Client) -> None:
    send(client, lines(record(summary="a\x00b", worker="w\x00")))
    assert LatestStatus.objects.get().summary == "a\ufffdb"


def test_a_long_output_is_cut_and_says_so(client: Client, settings: Any) -> None:
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"log_limit_bytes": 1024})
    send(client, lines(record(output="é" * 1000, executed_at=NOW.isoformat())))
    (fact,) = open_facts().history(KEY.series, Window(NOW, NOW + timedelta(hours=1)))
    log = open_facts().log(KEY.series, None, fact.fact)
    assert log is not None
    assert log.output.endswith("… cut: 2000 bytes in all, 1024 are kept")


def nagios(*commands: str) -> bytes:
    return "\n".join(commands).encode()


def test_nagios_lines_are_taken(client: Client) -> None:
    in_profile(a_vo("dteam"), a_test("CE-wn"))
    forget_directory()
    at = int(NOW.timestamp())
    line = f"[{at}] PROCESS_SERVICE_CHECK_RESULT;{HOST};CE-wn;1;slow; but fine | time=3s\\nsecond line"
    assert send(client, nagios(line), "text/plain").json()["accepted"] == 1
    assert send(client, nagios(line), "text/plain").json()["duplicates"] == 1
    latest = LatestStatus.objects.get()
    assert (latest.service_type, latest.metric, latest.status) == ("CE", "CE-wn", 1)
    assert (latest.summary, latest.executed_at) == ("slow; but fine", NOW)


def test_a_nagios_line_names_the_vo_after_a_slash(client: Client) -> None:
    in_profile(a_vo("dteam"), a_test("CE-ver", is_per_vo=True))
    forget_directory()
    line = f"[{int(NOW.timestamp())}] PROCESS_SERVICE_CHECK_RESULT;{HOST};CE-ver/dteam;0;3 2 1"
    assert send(client, nagios(line), "text/plain").json()["accepted"] == 1
    assert LatestStatus.objects.get().vo == "dteam"


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        ("PROCESS_SERVICE_CHECK_RESULT;h;s;0;x", "", "no external command"),
        ("[1772366400] PROCESS_HOST_CHECK_RESULT;h;0;x", "", "PROCESS_HOST_CHECK_RESULT"),
        (f"[1772366400] PROCESS_SERVICE_CHECK_RESULT;{HOST};CE-js;0", "", "3 of its 4"),
        ("[1772366400] PROCESS_SERVICE_CHECK_RESULT;nowhere;CE-js;0;x", "hostname", "no service"),
        (f"[1772366400] PROCESS_SERVICE_CHECK_RESULT;{HOST};CE-js;0;x", "metric", "no profile"),
        ("[1772366400] PROCESS_SERVICE_CHECK_RESULT;;CE-js;0;x", "hostname", "0 characters"),
        (f"[1772366400] PROCESS_SERVICE_CHECK_RESULT;{HOST};twice;0;x", "service_type", "CE and SE"),
        (f"[1772366400] PROCESS_SERVICE_CHECK_RESULT;{HOST};known;9;x", "status", "not a status"),
        (f"[99999999999] PROCESS_SERVICE_CHECK_RESULT;{HOST};known;0;x", "executed_at", "future"),
    ],
)
def test_it_names_what_is_wrong_with_a_nagios_line(
    client: Client, home: Any, line: str, field: str, words: str
) -> None:
    a_service(of=home, hostname=HOST, type="SE")
    vo, twice = a_vo("dteam"), a_test("twice")
    in_profile(vo, a_test("known"))
    in_profile(vo, twice)
    in_profile(vo, twice, type="SE")
    forget_directory()
    answer = send(client, nagios(line), "text/plain")
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert words in error["problem"]


def test_a_service_registered_a_moment_ago_is_known(client: Client, home: Any) -> None:
    send(client, lines(record(1)))
    a_service(of=home, hostname="new.example.org")
    forget_directory()
    assert send(client, lines(record(2, hostname="new.example.org"))).json()["accepted"] == 1


def test_who_may_report_of_what(client: Client) -> None:
    other = a_service(hostname="other.example.org")
    forget_directory()
    (rejected,) = send(client, lines(record(1), record(2, hostname=other.hostname))).json()["rejected"]
    assert "may not report" in rejected["problem"]
    bob = client_of(a_user("bob", ngi=other.site.ngi))
    assert send(bob, lines(record(3, hostname=other.hostname))).json()["accepted"] == 1
    assert send(Client(), lines(record(4))).status_code == 401
    assert send(client_of(a_user("dave")), lines(record(5))).status_code == 403
    assert send(client_of(a_user("erin", ngi=other.site.ngi), ["registry"]), lines(record(6))).status_code == 403


def test_a_vo_manager_may_report_for_the_vo(home: Any) -> None:
    carol = client_of(a_user("carol", vo=a_vo("dteam")))
    assert send(carol, lines(record(1, metric="CE-per-vo", vo="dteam"))).json()["accepted"] == 1
    assert send(carol, lines(record(2))).status_code == 422
