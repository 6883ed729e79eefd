"""What differs between the registry of two instants."""

from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.registry.changes import KINDS, compare
from gridkeeper.registry.models import RoleGrant
from tests.builders import ERA, NOW, a_service, a_site, a_user, an_endpoint, an_ngi

pytestmark = pytest.mark.django_db
ALL = list(KINDS)


def differences(start, end, kinds=ALL, reader=None):
    found = compare(start, end, kinds=kinds, reader=reader or Actor())
    return {
        (each.kind, each.name, each.verb): {f.label: (f.old, f.new) for f in each.fields} for each in found.differences
    }


def test_edits_moves_closures_and_additions_are_told_with_old_and_new():
    site, closing = a_site(name="MOVING", ngi=an_ngi(name="NGI_A")), a_service()
    before = timezone.now()
    site.ngi, site.description = an_ngi(name="NGI_B"), "moved"
    site.save()
    closing.valid_until = timezone.now()
    closing.save()
    endpoint = an_endpoint(of=a_service(of=site), valid_from=timezone.now())
    found = differences(before, timezone.now())
    assert found["site", "MOVING", "changed"] == {
        "region (NGI)": ("NGI_A", "NGI_B"), "description": ("", "moved"),
    }  # fmt: skip
    assert ("service", str(closing), "gone") in found
    assert ("endpoint", endpoint.name, "added") in found
    assert ("region", "NGI_B", "added") not in found, "it says that it exists since long"


def test_there_and_back_is_no_difference():
    site = a_site(description="one")
    before = timezone.now()
    for text in ("two", "one"):
        site.description = text
        site.save()
    assert differences(before, timezone.now()) == {}


def test_what_was_imported_today_was_there_before_if_it_says_so():
    a_site(valid_from=NOW)
    assert {verb for _, _, verb in differences(ERA, NOW + timedelta(days=1), ["site"])} == {"added"}
    assert differences(NOW, NOW + timedelta(days=1), ["site"]) == {}


def test_roles_and_contacts_are_shown_to_those_who_may_read_them():
    site = a_site()
    before = timezone.now()
    site.contact_email = "new@example.org"
    site.save()
    RoleGrant.objects.create(user=a_user("bob"), role="Site Administrator", site=site)
    now = timezone.now()
    hidden = differences(before, now)
    assert not any(kind == "role" for kind, _, _ in hidden)
    assert "new@example.org" not in str(hidden)
    shown = differences(before, now, reader=Actor(user=a_user("alice", site=site)))
    assert ("role", "bob: Site Administrator", "added") in shown
    assert "new@example.org" in str(shown)


def test_the_page_the_csv_and_the_api_say_the_same(client):
    site = a_site(name="=HOSTILE()", description="one")
    before = timezone.now()
    site.description = "<script>"
    site.save()
    query = {"from": before.isoformat(), "kind": "site"}
    page = client.get("/registry/changes/", query).content.decode()
    assert "&lt;script&gt;" in page
    assert "1 difference " in page
    csv = client.get("/registry/changes/", query | {"format": "csv"}).content.decode()
    assert "<script>" in csv
    assert "\n=HOSTILE" not in csv
    body = client.get("/api/v1/changes", query).json()
    assert body["differences"][0]["fields"] == [{"label": "description", "old": "one", "new": "<script>"}]


@pytest.mark.parametrize("query", [{"from": "soon"}, {"to": "2999-01-01"}, {"from": "1h", "to": "2h"}])
def test_instants_that_cannot_be_compared_are_refused(client, query):
    assert client.get("/registry/changes/", query).status_code == 400
    assert client.get("/api/v1/changes", query).status_code == 422


def test_an_unknown_kind_is_named(client):
    assert "weather" in client.get("/api/v1/changes", {"kind": "weather"}).json()["detail"]
    assert client.get("/registry/changes/", {"kind": "weather"}).status_code == 200


def test_nothing_at_all_is_an_empty_state(client):
    assert b"Nothing differs" in client.get("/registry/changes/").content
