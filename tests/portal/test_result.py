"""The log of a result: what ran, what it said, what it means, how it was before; and the run on request."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.portal.strips import stamp_of
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import CauseRule, LatestStatus, PlaceStatus, RunRequest, Worker, WorkerState
from tests.builders import a_downtime, a_result, a_service, a_site, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=123_456)
HOSTILE = "no route <script>alert(1)</script> \x1b[31m\n<img src=x onerror=alert(2)>"
PERFDATA = "time={}s;5;10;0;60 'free slots'=3;10:;5:;0;48"


@pytest.fixture
def service():
    return a_service(of=a_site(name="FIRST"), hostname="ce.example.org")


@pytest.fixture
def test(service):
    words = {"meaning": "A job runs.", "procedure": "Restart the gatekeeper."}
    return in_profile(a_vo("ops", supported_by=[service]), a_test("CE-js", kind="native", command="tcp", **words)).test


@pytest.fixture
def series(service, test):
    """Five results, an hour apart: four well, the newest failed."""
    for hours in range(4, -1, -1):
        is_bad = hours == 0
        result = a_result(
            service, executed_at=NOW - timedelta(hours=hours), duration_ms=1000 + hours, worker="worker one",
            status=Status.CRITICAL if is_bad else Status.OK, summary=f"CRITICAL: {HOSTILE}"[:200] if is_bad else "well",
            output=HOSTILE if is_bad else "well", perfdata=PERFDATA.format(hours),
        )  # fmt: skip
        submit([result], now=NOW)
    return SeriesKey("ce.example.org", "CE", "CE-js", "").series


def test_it_says_what_ran_where_what_it_means_and_what_to_do(client, series):
    page = client.get(f"/results/{series}/latest/").content.decode()
    for words in ("It failed", "ce.example.org", "worker one", "1000 ms", "A job runs.", "Restart the gatekeeper."):
        assert words in page


def test_hostile_output_is_shown_as_text(client, series):
    page = client.get(f"/results/{series}/latest/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_result_keeps_its_address_when_a_newer_one_comes(client, series, service):
    row = LatestStatus.objects.get(series=series)
    submit([a_result(service, executed_at=NOW + timedelta(minutes=1), summary="mended")], now=NOW)
    page = client.get(f"/results/{series}/{row.fact}/").content.decode()
    assert "It failed" in page
    assert "not the newest" in page
    assert "mended" in client.get(f"/results/{series}/latest/").content.decode()


def test_former_results_and_strips_lead_to_results_by_their_time(client, series):
    response = client.get(f"/results/{series}/latest/")
    former = response.context["former"]
    assert [row["fact"].status for row in former] == [Status.CRITICAL, *[Status.OK] * 4]
    address = f"/results/{series}/at/{stamp_of(NOW - timedelta(hours=2))}/"
    assert address in response.content.decode()
    assert client.get(address).context["shown"].fact.executed_at == NOW - timedelta(hours=2)
    linked = [segment["url"] for segment in response.context["day_strip"] if segment["url"]]
    assert [client.get(url).context["status"] for url in linked] == [Status.OK, Status.CRITICAL]


def test_numbers_are_charts_with_their_limits(client, series):
    courses = {course.label: course for course in client.get(f"/results/{series}/latest/").context["courses"]}
    assert [value for _, value in courses["time"].points] == [4, 3, 2, 1, 0]
    lines = [line["yAxis"] for line in courses["time"].option["series"][0]["markLine"]["data"]]
    assert lines == [5, 10]
    assert courses["time"].option["yAxis"]["max"] >= 10
    assert [line["yAxis"] for line in courses["free slots"].option["series"][0]["markLine"]["data"]] == [10, 5]


def test_a_result_without_a_result_names_its_cause(client, service, test, series):
    blocked = a_result(
        service, "CE-ver", executed_at=NOW, status=Status.UNKNOWN, cause="CE-js", summary="no result: CE-js failed"
    )
    submit([blocked], now=NOW)
    page = client.get(f"/results/{blocked.key.series}/latest/").content.decode()
    assert f'No result because <a href="/results/{series}/latest/">CE-js</a> failed' in page


def test_a_downtime_is_said(client, service, series):
    a_downtime(service, start=NOW - timedelta(hours=1), end=NOW + timedelta(hours=1), description="Power works")
    assert "Power works" in client.get(f"/results/{series}/latest/").content.decode()


def test_the_same_test_elsewhere_and_the_other_tests_here_are_linked(client, service, series):
    other = a_result(a_service(hostname="far.example.org"), executed_at=NOW, status=Status.CRITICAL)
    second = a_result(service, "CE-csh", executed_at=NOW)
    submit([other, second], now=NOW)
    page = client.get(f"/results/{series}/latest/").content.decode()
    assert f'href="/results/{other.key.series}/latest/">far.example.org' in page
    assert f'href="/results/{second.key.series}/latest/">CE-csh' in page


@pytest.mark.parametrize(
    "path",
    ["1/latest/", "1/2/", "1/at/5/", "1/at/99999999999999999999999/", "-9223372036854775809/latest/", "x/latest/"],
)
def test_what_does_not_exist_is_not_found(client, path):
    assert client.get(f"/results/{path}").status_code == 404


@pytest.mark.parametrize(
    ("who", "status", "asked"), [("nobody", 403, 0), ("charlie", 403, 0), ("alice", 302, 1), ("admin", 302, 1)]
)
def test_a_run_is_for_those_who_may(client, service, series, who, status, asked, django_user_model):
    people = {"charlie": lambda: a_user("charlie"), "alice": lambda: a_user("alice", site=service.site)}
    people["admin"] = lambda: django_user_model.objects.create_superuser("admin")
    if who in people:
        client.force_login(people[who]())
    shows_button = "Run again now" in client.get(f"/results/{series}/latest/").content.decode()
    response = client.post(f"/results/{series}/run/")
    assert (response.status_code, RunRequest.objects.count(), shows_button) == (status, asked, bool(asked))


@pytest.mark.parametrize("change", [{"kind": "passive"}, {"is_enabled": False}])
def test_a_run_that_would_be_refused_is_not_offered_and_says_why(client, test, series, change, admin_user):
    type(test).objects.filter(pk=test.pk).update(**change)
    client.force_login(admin_user)
    assert "Run again now" not in client.get(f"/results/{series}/latest/").content.decode()
    page = client.post(f"/results/{series}/run/", follow=True).content.decode()
    assert "cannot be run from here" in page or "switched off" in page
    assert RunRequest.objects.count() == 0


def test_a_run_is_asked_for_by_post_alone(client, series):
    assert client.get(f"/results/{series}/run/").status_code == 405


def test_it_takes_few_queries(client, series, django_assert_max_num_queries):
    with django_assert_max_num_queries(22):
        client.get(f"/results/{series}/latest/")


def test_it_says_what_it_follows_from_and_what_follows_from_it(client, series, service):
    bdii = a_service(of=service.site, type="Site-BDII", hostname="bdii.example.org")
    rule = {"cause": a_test("BDII-fresh"), "reach": "site", "accepted_at": NOW}
    CauseRule.objects.create(**rule)
    down = a_result(
        bdii, "BDII-fresh", status=Status.CRITICAL, summary="CRITICAL: entries are 3 h old", executed_at=NOW
    )
    submit([down], now=NOW)
    page = client.get(f"/results/{series}/latest/").content.decode()
    words = re.sub(r"<[^>]+>", "", page)
    assert (
        "Failed because BDII-fresh fails on Site-BDII bdii.example.org: entries are 3 h old. Look there first." in words
    )
    assert "Every test at the same site follows from BDII-fresh." in words
    root = client.get(f"/results/{SeriesKey('bdii.example.org', 'Site-BDII', 'BDII-fresh', '').series}/latest/")
    assert "1 other failure follows from this one." in root.content.decode()
    assert f"/results/{series}/latest/" in root.content.decode()
    # mended, both are of the past; the log of that time still says why
    later = NOW + timedelta(minutes=5)
    mended = [a_result(service, executed_at=later), a_result(bdii, "BDII-fresh", executed_at=later)]
    submit(mended, now=later)
    assert "Failed because" not in client.get(f"/results/{series}/latest/").content.decode()
    assert "Failed because" in client.get(f"/results/{series}/at/{stamp_of(NOW)}/").content.decode()


def test_it_shows_what_each_place_said_and_who_is_in_doubt(client, series):
    said = {"w1": (Status.CRITICAL, 0), "w2": (Status.CRITICAL, 1), "w3": (Status.OK, 2), "w4": (Status.OK, 7200)}
    for worker, (status, age_s) in said.items():
        PlaceStatus.objects.create(
            series=series, worker=worker, status=status, executed_at=NOW - timedelta(seconds=age_s),
            summary=f"{worker} says so", is_counted=worker != "w3",
        )  # fmt: skip
    times = {"state_since": NOW, "registered_at": NOW, "last_seen_at": NOW}
    Worker.objects.create(name="w3", state=WorkerState.SUSPECT, state_reason="its own network seems broken", **times)
    response = client.get(f"/results/{series}/latest/")
    assert [(one.worker, one.is_earlier, one.doubt) for one in response.context["places"].said] == [
        ("w3", False, "its own network seems broken"), ("w1", False, ""), ("w2", False, ""), ("w4", True, "")
    ]  # fmt: skip
    page = response.content.decode()
    assert "Of 3 places 2 say CRITICAL and 1 says OK. A failure counts once 2 agree" in page
    assert "Does not count: its own network seems broken" in page
    former = client.get(f"/results/{series}/at/{stamp_of(NOW - timedelta(hours=2))}/")
    assert former.context["places"] is None


def test_a_test_of_one_place_says_nothing_of_places(client, series):
    assert "From each place" not in client.get(f"/results/{series}/latest/").content.decode()
