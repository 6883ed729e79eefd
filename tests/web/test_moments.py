"""`?as_of=`: the same page, API list and filters, at another instant."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.core.status import Status
from gridkeeper.probes.ingest import submit
from tests.builders import NOW, a_downtime, a_result, a_service, a_site, a_test, a_user, a_vo, an_ngi, in_profile

pytestmark = pytest.mark.django_db


def _as_of(moment):
    return moment.isoformat().replace("+00:00", "Z")


def test_a_list_shows_the_names_of_then(client):
    site = a_site(name="BEFORE-NAME")
    then = timezone.now()
    site.name = "AFTER-NAME"
    site.save()
    page = client.get("/registry/sites/", {"as_of": _as_of(then)}).content.decode()
    assert "BEFORE-NAME" in page
    assert "AFTER-NAME" not in page
    assert "Back to now" in page
    assert "AFTER-NAME" in client.get("/registry/sites/").content.decode()


def test_the_api_and_its_filters_see_the_past(client):
    site = a_site(ngi=an_ngi(name="NGI_OLD"))
    then = timezone.now()
    site.ngi = an_ngi(name="NGI_NEW")
    site.save()
    body = client.get("/api/v1/sites", {"region": "NGI_OLD", "as_of": _as_of(then)}).json()
    assert [item["name"] for item in body["items"]] == [site.name]
    assert client.get("/api/v1/sites", {"region": "NGI_OLD"}).json()["count"] == 0


def test_a_csv_that_streams_is_of_the_past_to_its_last_row(client):
    site = a_site(name="BEFORE-NAME")
    then = timezone.now()
    site.name = "AFTER-NAME"
    site.save()
    answer = client.get("/registry/sites/", {"as_of": _as_of(then), "format": "csv"})
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert b"BEFORE-NAME" in body
    assert b"AFTER-NAME" not in body


@pytest.mark.parametrize(
    "text", ["soon", "2026-99-99", "2999-01-01", "1066-10-14", "2026-03-10T12:00", "\0", "9" * 400]
)
def test_what_is_no_instant_is_refused_and_says_what_is_accepted(client, text):
    page = client.get("/registry/sites/", {"as_of": text})
    assert page.status_code == 400
    assert b"as_of" in page.content
    problem = client.get("/api/v1/sites", {"as_of": text})
    assert problem.status_code == 400
    assert problem["Content-Type"] == "application/problem+json"


def test_the_past_cannot_be_changed_and_offers_no_forms(client):
    site = a_site()
    client.force_login(a_user("alice", site=site))
    then = _as_of(timezone.now())
    assert client.post(f"/registry/sites/{site.key}/edit/?as_of={then}", {"reason": "x"}).status_code == 409
    assert client.get(f"/registry/sites/{site.key}/edit/", {"as_of": then}).status_code in {302, 403}
    assert client.get(f"/registry/sites/{site.key}/edit/").status_code == 200


def test_pages_without_a_past_say_so_and_api_calls_without_one_are_refused(client):
    page = client.get("/tests/", {"as_of": "1h"})
    assert page.status_code == 200
    assert b"shows the present" in page.content
    assert client.get("/api/v1/statuses", {"as_of": "1h"}).status_code == 400


def test_now_and_nothing_are_the_present(client):
    a_site(name="HERE")
    for text in ("", "now"):
        page = client.get("/registry/sites/", {"as_of": text}).content.decode()
        assert "HERE" in page
        assert "Back to now" not in page


def test_a_past_before_everything_is_empty_not_an_error(client):
    a_site(valid_from=timezone.now() - timedelta(days=1))
    page = client.get("/registry/sites/", {"as_of": "2001-01-01"})
    assert page.status_code == 200


def test_a_site_s_page_has_the_statuses_names_and_downtimes_of_then(client):
    vo, test = a_vo("dteam"), a_test()
    service = a_service()
    a_vo("dteam", supported_by=[service])
    in_profile(vo, test)
    submit([a_result(service, status=Status.OK, executed_at=NOW)], now=NOW)
    for minutes in (60, 70, 80, 90):  # the last ones are hard
        executed_at = NOW + timedelta(minutes=minutes)
        failed = a_result(service, status=Status.CRITICAL, executed_at=executed_at, summary="it broke")
        submit([failed], now=executed_at)
    a_downtime(service, start=NOW - timedelta(hours=1), end=NOW + timedelta(minutes=1), description="Power works")
    for path in (service.site.get_absolute_url(), service.get_absolute_url()):
        before = client.get(path, {"as_of": _as_of(NOW + timedelta(seconds=1))}).content.decode()
        after = client.get(path, {"as_of": _as_of(NOW + timedelta(hours=2))}).content.decode()
        assert "Power works" in before
        assert "Power works" not in after
        assert "it broke" not in before
        assert before.count("CRITICAL") < after.count("CRITICAL")
