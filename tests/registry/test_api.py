from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.registry.actions import version_of
from gridkeeper.registry.models import Certification, Downtime, Service, Site
from tests.builders import ERA, a_downtime, a_service, a_site, a_user, an_endpoint, an_ngi

pytestmark = pytest.mark.django_db

API = "/api/v1"


def names(answer, field="name"):
    assert answer.status_code == 200, answer.content
    return [item[field] for item in answer.json()["items"]]


def send(client, method, path, body):
    return getattr(client, method)(API + path, body, content_type="application/json")


@pytest.fixture
def grid():
    """Two sites of two regions; alice runs the first, bob its region, carol nothing."""
    swiss, slovene = an_ngi(name="NGI_CH"), an_ngi(name="NGI_SI")
    alpha = a_site(ngi=swiss, name="ALPHA", country="Switzerland", country_code="CH", official_name="Alpha University")
    beta = a_site(ngi=slovene, name="BETA", certification=Certification.UNCERTIFIED)
    a_service(of=alpha, type="CE", hostname="ce.alpha.example.org")
    a_service(of=alpha, type="SE", hostname="se.alpha.example.org", in_production=False, is_monitored=False)
    a_service(of=beta, type="CE", hostname="ce.beta.example.org")
    a_user("alice", site=alpha)
    a_user("bob", ngi=swiss)
    a_user("carol")
    return alpha


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["ALPHA", "BETA"]),
        ("?sort=-name", ["BETA", "ALPHA"]),
        ("?search=university", ["ALPHA"]),
        ("?region=NGI_SI", ["BETA"]),
        ("?country=ch", ["ALPHA"]),
        ("?certification=Certified", ["ALPHA"]),
        ("?infrastructure=Test", []),
        ("?limit=1&offset=1", ["BETA"]),
    ],
)
def test_sites_are_filtered_sorted_and_paged(client, grid, query, expected):
    assert names(client.get(f"{API}/sites{query}")) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?site=ALPHA", ["ce.alpha.example.org", "se.alpha.example.org"]),
        ("?service_type=CE&sort=-hostname", ["ce.beta.example.org", "ce.alpha.example.org"]),
        ("?in_production=false", ["se.alpha.example.org"]),
        ("?is_monitored=true&region=NGI_CH", ["ce.alpha.example.org"]),
        ("?search=BETA", ["ce.beta.example.org"]),
    ],
)
def test_services_are_filtered(client, grid, query, expected):
    assert names(client.get(f"{API}/services{query}"), "hostname") == expected


def test_regions_count_their_sites(client, grid):
    answer = client.get(f"{API}/regions?search=ch").json()
    assert [(item["name"], item["sites"]) for item in answer["items"]] == [("NGI_CH", 1)]
    assert client.get(f"{API}/regions/{grid.ngi.key}").json()["federation"] == grid.ngi.federation.name


def test_service_types_count_their_services(client, grid):
    items = client.get(f"{API}/service-types?sort=-services").json()["items"]
    assert [(item["name"], item["services"]) for item in items] == [("CE", 2), ("SE", 1)]


def test_closed_objects_are_shown_only_when_asked_for(client, grid):
    Site.objects.filter(pk=grid.pk).update(valid_until=timezone.now())
    assert names(client.get(f"{API}/sites")) == ["BETA"]
    assert names(client.get(f"{API}/sites?closed=true")) == ["ALPHA", "BETA"]
    assert client.get(f"{API}/sites/{grid.key}").json()["valid_until"]


def test_a_service_has_its_endpoints_and_its_site(client, grid):
    service = grid.services.get(service_type__name="CE")
    an_endpoint(of=service, name="https", url="https://ce.alpha.example.org")
    an_endpoint(of=service, name="gone", valid_until=ERA)
    found = client.get(f"{API}/services/{service.key}").json()
    assert (found["site"]["name"], found["region"]["name"], found["service_type"]) == ("ALPHA", "NGI_CH", "CE")
    assert [endpoint["name"] for endpoint in found["endpoints"]] == ["https"]


def test_downtimes_by_state_site_and_window(client, grid):
    service, now = grid.services.first(), timezone.now()
    hour = timedelta(hours=1)
    for name, start in (("past", -5), ("now", -1), ("next", 5)):
        a_downtime(service, description=name, start=now + start * hour, end=now + (start + 2) * hour)
    a_downtime(description="elsewhere", start=now - hour, end=now + hour)

    def described(query):
        return names(client.get(f"{API}/downtimes?{query}"), "description")

    assert described("site=ALPHA") == ["next", "now", "past"]
    assert [described(f"site=ALPHA&state={state}") for state in ("past", "now", "next")] == [
        ["past"],
        ["now"],
        ["next"],
    ]
    assert described(f"service={service.key}&sort=start&severity=OUTAGE") == ["past", "now", "next"]
    window = {"start": (now + 4 * hour).isoformat(), "end": (now + 6 * hour).isoformat()}
    assert names(client.get(f"{API}/downtimes", window), "description") == ["next"]


def test_a_downtime_of_many_services_stands_once(client, grid):
    a_downtime(*grid.services.all(), description="both")
    answer = client.get(f"{API}/downtimes?site=ALPHA").json()
    assert answer["count"] == 1
    assert len(answer["items"][0]["services"]) == 2


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/sites", 2),
        ("/services", 3),
        ("/regions", 3),
        ("/downtimes", 5),
        ("/service-types", 2),
        ("/scopes", 2),
        ("/endpoints", 2),
        ("/federations", 2),
        ("/service-groups", 2),
        ("/downtime-recurrences", 2),
        ("/certification-changes", 2),
    ],
)
def test_lists_take_few_queries_whatever_their_length(client, grid, django_assert_num_queries, path, queries):
    for number in range(3):
        a_downtime(a_service(of=a_site(name=f"S{number}")), description="x")
    with django_assert_num_queries(queries):
        client.get(API + path)


@pytest.mark.parametrize("path", ["/sites/none", "/services/none", "/downtimes/none", "/regions/none"])
def test_what_is_not_there_is_not_found(client, path):
    answer = client.get(API + path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    ["/sites?sort=colour", "/sites?limit=0", "/sites?certification=Golden", "/sites?search=%00", "/downtimes?state=odd",
     "/downtimes?start=yesterday", "/downtimes?start=0001-01-01T00:00:00Z", "/services?in_production=perhaps"],
)  # fmt: skip
def test_bad_parameters_are_named(client, query):
    answer = client.get(API + query)
    assert answer.status_code == 422
    assert answer.json()["errors"]


EDIT = {"description": "New", "reason": "It moved."}
_STATUS = {"alice": 200, "bob": 200, "carol": 403, None: 401}


@pytest.mark.parametrize(("who", "status"), _STATUS.items())
def test_only_who_runs_the_site_edits_it(client, django_user_model, grid, who, status):
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    assert send(client, "patch", f"/sites/{grid.key}", EDIT).status_code == status
    grid.refresh_from_db()
    assert grid.description == ("New" if status == 200 else "")


@pytest.mark.parametrize(("who", "status"), _STATUS.items())
def test_only_who_runs_the_site_edits_its_services(client, django_user_model, grid, who, status):
    service = grid.services.first()
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    assert send(client, "patch", f"/services/{service.key}", EDIT).status_code == status
    assert (Service.objects.get(pk=service.pk).description == "New") is (status == 200)


@pytest.mark.parametrize(("who", "status"), _STATUS.items())
def test_only_who_runs_the_site_closes_its_services(client, django_user_model, grid, who, status):
    service = grid.services.first()
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    assert send(client, "post", f"/services/{service.key}/close", {"reason": "Gone."}).status_code == status
    assert (Service.objects.get(pk=service.pk).valid_until is not None) is (status == 200)


def _downtime(*services, **fields):
    start = timezone.now() + timedelta(days=2)
    times = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return (
        {"services": [service.key for service in services], "severity": "OUTAGE", "description": "Power"}
        | times
        | fields
    )


@pytest.mark.parametrize(("who", "status"), (_STATUS | {"alice": 201, "bob": 201}).items())
def test_only_who_runs_the_site_declares_a_downtime(client, django_user_model, grid, who, status):
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    answer = send(client, "post", "/downtimes", _downtime(*grid.services.all()))
    assert answer.status_code == status, answer.content
    assert Downtime.objects.count() == (1 if status == 201 else 0)
    if status == 201:
        assert answer.json()["classification"] == "SCHEDULED"
        assert len(answer.json()["services"]) == 2


@pytest.mark.parametrize(("who", "status"), _STATUS.items())
def test_only_who_may_declare_cancels(client, django_user_model, grid, who, status):
    start = timezone.now() + timedelta(days=1)
    downtime = a_downtime(grid.services.first(), start=start, end=start + timedelta(hours=1))
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    answer = send(client, "post", f"/downtimes/{downtime.key}/cancel", {"reason": "Not needed."})
    assert answer.status_code == status
    assert (Downtime.objects.get().cancelled_at is not None) is (status == 200)


@pytest.mark.parametrize(("who", "status"), _STATUS.items())
def test_only_who_may_declare_ends_early(client, django_user_model, grid, who, status):
    now = timezone.now()
    downtime = a_downtime(grid.services.first(), start=now - timedelta(hours=1), end=now + timedelta(hours=1))
    if who:
        client.force_login(django_user_model.objects.get(username=who))
    answer = send(client, "post", f"/downtimes/{downtime.key}/end", {"reason": "Done."})
    assert answer.status_code == status
    assert (Downtime.objects.get().end < downtime.end) is (status == 200)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"services": []}, "services"),
        ({"services": ["none"]}, "services"),
        ({"severity": "BAD"}, "severity"),
        ({"description": ""}, "description"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"end": "2020-01-01T00:00:00Z"}, "end"),
    ],
)
def test_a_downtime_that_does_not_fit_names_the_field(client, django_user_model, grid, fields, wrong):
    client.force_login(django_user_model.objects.get(username="alice"))
    answer = send(client, "post", "/downtimes", _downtime(grid.services.first(), **fields))
    assert answer.status_code == 422
    assert wrong in " ".join(error["field"] for error in answer.json()["errors"])
    assert not Downtime.objects.exists()


def test_an_edit_of_an_old_version_is_a_conflict(client, django_user_model, grid):
    client.force_login(django_user_model.objects.get(username="alice"))
    seen = client.get(f"{API}/sites/{grid.key}").json()["version"]
    assert send(client, "patch", f"/sites/{grid.key}", EDIT | {"seen": seen}).status_code == 200
    answer = send(client, "patch", f"/sites/{grid.key}", EDIT | {"description": "Other", "seen": seen})
    assert answer.status_code == 409
    assert version_of(grid) > seen


@pytest.mark.parametrize("body", [{"name": "X", "reason": "x"}, {"description": "x"}, {"latitude": 200, "reason": "x"}])
def test_an_edit_that_does_not_fit_changes_nothing(client, django_user_model, grid, body):
    client.force_login(django_user_model.objects.get(username="alice"))
    assert send(client, "patch", f"/sites/{grid.key}", body).status_code == 422
    assert grid.history.count() == 1


def test_certification_needs_its_right_and_its_step(client, django_user_model, grid):
    body = {"new": "Suspended", "old": "Certified", "reason": "Many failures."}
    for who, status in (("alice", 403), ("carol", 403)):
        client.force_login(django_user_model.objects.get(username=who))
        assert send(client, "post", f"/sites/{grid.key}/certification", body).status_code == status
    client.force_login(django_user_model.objects.create_superuser("admin"))
    assert send(client, "post", f"/sites/{grid.key}/certification", body).status_code == 200
    assert send(client, "post", f"/sites/{grid.key}/certification", body).status_code == 409
