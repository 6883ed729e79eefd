"""Who is let in, in which form the answer is, and what is said to a question that is not answered."""

import pytest
from django.conf import settings
from django.test import Client, override_settings

from gridkeeper.availability.profiles.actions import create
from gridkeeper.people.actor import Actor
from gridkeeper.people.read_only import forget
from gridkeeper.people.read_only_switch import switch_read_only
from tests.api.argo.asking import read, tree
from tests.api.argo.seeding import day, put_days
from tests.builders import NOW, a_vo

pytestmark = pytest.mark.usefixtures("installation")

DAYS = {"start_time": "2015-06-22T00:00:00Z", "end_time": "2015-06-23T23:59:59Z"}
SITES = "/api/v2/results/Report_A/SITES"


@pytest.fixture
def report(installation):
    a_vo("Report_A")
    put_days({"level": "site", "up_s": 86_400, "date": day(f"2015-06-{number}")} for number in (22, 23))


def test_a_wrong_key_is_refused_in_argos_words(client, report) -> None:
    answer = client.get(SITES, DAYS, headers={"x-api-key": "AWRONGKEY"})
    assert answer.status_code == 401
    assert read(answer)["status"] == {
        "message": "Unauthorized",
        "code": "401",
        "details": "You need to provide a correct authentication token using the header 'x-api-key'",
    }


def test_a_key_is_one_of_our_tokens(reader, report) -> None:
    assert reader.get(SITES, DAYS).status_code == 200


def test_without_a_key_only_what_is_public_is_read(client, report) -> None:
    assert client.get(SITES, DAYS).status_code == 200
    closed = settings.GRIDKEEPER.model_copy(update={"public_reading": False})
    with override_settings(GRIDKEEPER=closed):
        assert client.get(SITES, DAYS).status_code == 401


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"), ("application/xml", "application/xml"), ("*/*", "application/json"),
        ("text/html, application/xml;q=0.9", "application/xml"), ("application/jaason", None),
    ],
)  # fmt: skip
def test_the_form_follows_accept(client, report, accept, kind) -> None:
    answer = client.get(SITES, DAYS, headers={"Accept": accept})
    if kind is None:
        assert (answer.status_code, read(answer)["status"]["message"]) == (406, "Not Acceptable Content Type")
    else:
        assert (answer.status_code, answer["Content-Type"]) == (200, f"{kind}; charset=utf-8")


def test_options_say_what_is_answered(client, installation) -> None:
    answer = client.options("/api/v2/downtimes")
    assert (answer.status_code, answer.content, answer["Allow"]) == (200, b"", "GET, POST, DELETE, OPTIONS")


def test_another_method_is_refused(officer, report) -> None:
    answer = officer.post(SITES, {}, content_type="application/json")
    assert (answer.status_code, answer["Allow"]) == (405, "GET, OPTIONS")


@pytest.mark.parametrize(
    ("path", "parameters", "status", "heading"),
    [
        ("results/Report_B/SITES", DAYS, 404, "The report with the name Report_B does not exist"),
        ("results/Report_A/Site", DAYS, 400, "Group type not in report"),
        ("results/Report_A/NGI/GROUP_A/Site", DAYS, 400, "Endpoint Group type not in report"),
        ("results/Report_A/SITES", {}, 400, "No time span set"),
        ("results/Report_A/SITES", {"start_time": "2015-06-22"}, 400, "start_time parsing error"),
        ("results/Report_A/SITES", DAYS | {"end_time": "soon"}, 400, "end_time parsing error"),
        ("results/Report_A/SITES", DAYS | {"granularity": "hourly"}, 400, "Wrong Granularity"),
        ("results/Report_A/SITES", DAYS | {"end_time": "2015-06-01T00:00:00Z"}, 400, "Wrong time span"),
        ("results/Report_A/SITES", DAYS | {"end_time": "2099-01-01T00:00:00Z"}, 400, "Wrong time span"),
        ("results/Report_A/SITES", DAYS | {"end_time": "9999-01-01T00:00:00Z"}, 400, "end_time out of range"),
        ("results/Report_A/SITES/NOWHERE", DAYS, 404, "No results found for given query"),
        ("results/Report_A/endpoints", DAYS | {"pageSize": "many"}, 400, "Wrong pageSize"),
        ("results/Report_A/endpoints", DAYS | {"pageSize": "2", "nextPageToken": "!"}, 400, "Wrong nextPageToken"),
        ("status/Report_A/NGI", DAYS, 404, "The report Report_A does not define endpoint group type: NGI"),
        ("status/Report_A/SITES/ST01/things", DAYS, 404, "Not Found"),
        ("metric_result/host/metric", {}, 400, "exec_time not set"),
        ("downtimes", {"date": "2020-02"}, 400, "Bad Request"),
        ("weights/nothing", {}, 404, "Not Found"),
        ("operations_profiles/nothing", {}, 404, "Not Found"),
        ("trends/Report_A/flapping/planets", {}, 404, "Not Found"),
        ("trends/Report_A/flapping/groups", {"start_date": "2015-06-22"}, 400, "Bad Request"),
        ("nowhere", {}, 404, "Not Found"),
    ],
)
def test_what_is_wrong_is_said_in_argos_shape(client, report, path, parameters, status, heading) -> None:
    answer = client.get(f"/api/v2/{path}", parameters)
    found = read(answer)
    assert (answer.status_code, found["errors"][0]["message"]) == (status, heading)
    assert found["status"]["code"] == found["errors"][0]["code"] == str(status)


def test_errors_are_xml_where_that_is_accepted(client, report) -> None:
    found = tree(client.get(SITES, headers={"Accept": "application/xml"}))
    assert [found.findtext("status/code"), found.findtext("errors/error/message")] == ["400", "No time span set"]


def test_an_answer_that_is_known_is_not_sent_again(client, report) -> None:
    for path in (SITES, "/api/v2/reports"):
        first = client.get(path, DAYS)
        again = client.get(path, DAYS, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    first = client.get(SITES, DAYS)
    put_days([{"level": "site", "site": "s2", "site_name": "ST02", "date": day("2015-06-22")}])
    assert client.get(SITES, DAYS, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_head_has_the_headers_alone(client, report) -> None:
    answer = client.head(SITES, DAYS)
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"")
    assert answer["ETag"] == client.get(SITES, DAYS)["ETag"]


def test_hostile_words_are_no_failure(client, report) -> None:
    for path in ("%00", "<b>", "..", "SITES%00", "é" * 500):
        assert client.get(f"/api/v2/results/Report_A/{path}", DAYS).status_code in {400, 404}


def test_a_private_report_is_there_for_who_is_known(officer, installation) -> None:
    document = {"vo": "dteam", "is_public": False}
    a_vo("dteam")
    create(Actor.system(), kind="report", name="Secret", document=document, valid_from=day("2015-01-01"),
           reason="test", now=NOW)  # fmt: skip
    put_days([{"level": "site", "report": "Secret", "up_s": 1, "date": day("2015-06-22")}])
    path = "/api/v2/results/Secret/SITES"
    assert officer.get(path, DAYS).status_code == 200
    assert Client().get(path, DAYS).status_code == 404


@pytest.fixture
def _read_anew():
    """What a test switches ends with it; the answer that is kept for two seconds must, too."""
    forget()
    yield
    forget()


@pytest.mark.usefixtures("_read_anew")
def test_read_only_mode_says_so_in_argos_shape(officer) -> None:
    switch_read_only(Actor.system("cli"), is_on=True, reason="moving house", now=NOW)
    forget()
    answer = officer.post("/api/v2/downtimes", "{}", content_type="application/json")
    assert (answer.status_code, read(answer)["errors"][0]["details"]) == (503, "moving house")
