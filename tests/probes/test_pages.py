"""Pages and lists of tests, for everybody and for those who may change them."""

import pytest

from gridkeeper.core.status import Status
from gridkeeper.people.models import User
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import Test
from tests.builders import NOW, a_result, a_service, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def grid():
    """Two services with one test; on one it fails."""
    first, second = a_service(hostname="ce1.example.org"), a_service(hostname="ce2.example.org")
    test = a_test(
        "CE-js",
        title="Job submission",
        kind="job",
        meaning="A job comes back.",
        procedure="Look at the CE.",
        stage="JS",
    )
    in_profile(a_vo("lhcb", supported_by=[first, second]), test)
    in_profile(a_vo("atlas", supported_by=[first]), test, critical=False)
    in_profile(a_vo("lhcb"), a_test("CE-rm", rides_in=test))
    results = [
        a_result(first, "CE-js", status=Status.CRITICAL, summary=HOSTILE),
        a_result(second, "CE-js"),
        a_result(second, "CE-rm", status=Status.WARNING),
    ]
    submit(results, now=NOW)
    return test


def test_the_list_says_where_a_test_runs_and_for_whom_it_counts(client, grid):
    text = client.get("/tests/").content.decode()
    assert "Job submission" in text
    assert ">lhcb<" in text
    assert client.get("/tests/", {"q": "submission"}).content.decode().count("data-row") == 1
    assert "No test fits" in client.get("/tests/", {"q": "nonsense"}).content.decode()


def test_an_empty_installation_says_where_tests_come_from(client):
    assert "No test yet" in client.get("/tests/").content.decode()


def test_the_list_takes_few_queries(client, grid, django_assert_max_num_queries):
    for number in range(20):
        a_test(f"more-{number}")
    client.get("/tests/")
    with django_assert_max_num_queries(6):
        client.get("/tests/")


def test_the_page_says_what_it_means_what_to_do_and_where_it_fails(client, grid):
    text = client.get("/tests/CE-js/").content.decode()
    for words in ("A job comes back.", "Look at the CE.", "ce1.example.org", "Where it is not OK (1)", "CE-rm"):
        assert words in text
    assert "ce2.example.org" not in text
    assert HOSTILE not in text
    assert client.get("/tests/none/").status_code == 404


@pytest.mark.parametrize("name", ["alice", None])
def test_only_a_superuser_sees_and_has_the_switch(client, grid, name):
    if name:
        client.force_login(a_user(name, site=a_service().site))
    assert "Switch off" not in client.get("/tests/CE-js/").content.decode()
    answer = client.post("/tests/CE-js/switch/", {"reason": "noisy"})
    assert answer.status_code == (403 if name else 302)
    assert Test.objects.get(name="CE-js").is_enabled


def test_the_switch_asks_why_and_tells_what_follows(client, grid):
    client.force_login(User.objects.create_superuser("admin", password="admin"))
    assert "Switch off" in client.get("/tests/CE-js/").content.decode()
    page = client.get("/tests/CE-js/switch/").content.decode()
    assert "It is not run any more anywhere." in page
    assert client.post("/tests/CE-js/switch/", {"reason": ""}).status_code == 422
    assert client.post("/tests/CE-js/switch/", {"reason": "noisy"}).status_code == 302
    test = Test.objects.get(name="CE-js")
    assert (test.is_enabled, test.history.first().history_change_reason) == (False, "noisy")
    client.post("/tests/CE-js/switch/", {"reason": "mended"})
    assert Test.objects.get(name="CE-js").is_enabled


API = "/api/v1"


@pytest.mark.parametrize(
    ("query", "metrics"),
    [
        ("", ["CE-js", "CE-js", "CE-rm"]),
        ("?metric=CE-js", ["CE-js", "CE-js"]),
        ("?status=CRITICAL", ["CE-js"]),
        ("?status=1", ["CE-rm"]),
        ("?hostname=ce2.example.org&sort=-metric", ["CE-rm", "CE-js"]),
        ("?vo=none", []),
    ],
)
def test_latest_statuses_are_filtered_and_sorted(client, grid, query, metrics):
    items = client.get(f"{API}/statuses{query}").json()["items"]
    found = [item["metric"] for item in items]
    assert found == metrics if "sort" in query else sorted(found) == metrics


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/statuses?status=GREEN", 422),
        ("/statuses?sort=secret", 422),
        ("/statuses?metric=%00", 422),
        ("/tests/none", 404),
        ("/tests/%00", 422),
        ("/runs/999", 404),
        ("/runs/-1", 422),
    ],
)
def test_bad_questions_are_answered_with_a_problem(client, grid, path, status):
    answer = client.get(API + path)
    assert answer.status_code == status
    assert answer["Content-Type"].startswith("application/problem+json")


def test_tests_are_listed_and_shown_one_by_one(client, grid):
    assert client.get(f"{API}/tests").json()["count"] == 2
    assert [item["name"] for item in client.get(f"{API}/tests?kind=job").json()["items"]] == ["CE-js"]
    assert client.get(f"{API}/tests/CE-js").json()["procedure"] == "Look at the CE."
