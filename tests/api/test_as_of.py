"""Yesterday's answers after edits, moves, renames and closures: in page, API, feeds and GOCDB's XML."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.registry import actions, object_actions, property_actions, scope_actions
from gridkeeper.registry.downtime_actions import cancel_downtime
from tests.builders import (
    a_downtime,
    a_scope,
    a_service,
    a_service_group,
    a_site,
    a_user,
    an_endpoint,
    an_ngi,
)

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()

XML = [
    "get_site_list&scope=", "get_site_list&scope=wlcg", "get_site_list&scope=&roc=NGI_OLD",
    "get_site_list&scope=&certification_status=Certified", "get_service_endpoint&scope=",
    "get_service_endpoint&scope=&extensions=(KEY=old)", "get_downtime&scope=", "get_downtime_nested_services&scope=",
    "get_roc_list", "get_service_types", "get_site_count_per_country&scope=", "get_service&scope=&next_cursor=0",
]  # fmt: skip
PRIVATE = [
    "get_site&scope=", "get_ngi&scope=", "get_service_group&scope=", "get_cert_status_changes",
    "get_site_contacts&scope=", "get_site_security_info&scope=",
]  # fmt: skip
API = [
    "sites", "services", "regions", "service-types", "downtimes", "sites?region=NGI_OLD",
    "sites?certification=Certified", "service-groups", "sites/{site}", "services/{service}",
]  # fmt: skip
FEEDS = ["/feeds/downtimes.ics?site={site_name}"]
PAGES = [
    "/registry/sites/",
    "/registry/services/",
    "/registry/regions/",
    "/registry/downtimes/",
    "/registry/service-groups/",
]


@pytest.fixture
def grid():
    """Two sites that are changed later in every way, and the requests that answer from them."""
    for name in ("EGI", "wlcg"):
        a_scope(name, is_default=name == "EGI")
    ngi = an_ngi(name="NGI_OLD", scopes=["EGI", "wlcg"])
    site = a_site(name="OLD-NAME", ngi=ngi, country="Italy", country_code="IT", scopes=["EGI", "wlcg"])
    service = a_service(of=site, scopes=["EGI"], properties={"KEY": "old"})
    closing = a_service(of=a_site(name="CLOSING", ngi=ngi, scopes=["EGI"]), type="SRM", scopes=["EGI"])
    an_endpoint(of=service, name="door", url="https://door.example.org/")
    a_service_group(service, closing, name="GROUP", scopes=["EGI"])
    now = timezone.now()
    downtime = a_downtime(service, declared_at=now, start=now + timedelta(days=3), end=now + timedelta(days=4))
    return {"site": site, "service": service, "closing": closing, "downtime": downtime}


def change_everything(grid):
    """Edits, a move, a rename, closures, a certification, a cancelled downtime: by the actions that people use."""
    now, why = timezone.now(), "works"
    site, service = grid["site"], grid["service"]
    actions.edit_site(
        SYSTEM,
        site=site,
        changes={"description": "new", "country": "France", "country_code": "FR"},
        reason=why,
        now=now,
    )
    actions.edit_service(
        SYSTEM, service=service, changes={"is_monitored": False, "in_production": False}, reason=why, now=now
    )
    property_actions.set_properties(SYSTEM, subject=service, properties={"KEY": "new"}, reason=why, now=now)
    scope_actions.set_scopes(SYSTEM, subject=site, scopes=["EGI"], reason=why, now=now)
    object_actions.rename_site(SYSTEM, site=site, name="NEW-NAME", reason=why, now=now)
    object_actions.move_site(SYSTEM, site=site, ngi=an_ngi(name="NGI_NEW", valid_from=now), reason=why, now=now)
    object_actions.add_endpoint(
        SYSTEM, service=service, values={"name": "second", "url": "https://x.example.org/"}, reason=why, now=now
    )
    actions.close_service(SYSTEM, service=grid["closing"], reason=why, now=now)
    actions.change_certification(SYSTEM, site=grid["closing"].site, new="Suspended", reason=why, now=now)
    cancel_downtime(SYSTEM, downtime=grid["downtime"], reason=why, now=now)
    a_site(name="YOUNG", ngi=an_ngi(valid_from=now), valid_from=now)


def _without_clock(text: bytes) -> str:
    """What says when it was made, and of which instant further pages are to be; not what was."""
    text = re.sub(rb"(&amp;|&|\?)as_of=[^&\"<]*", b"", text)
    return re.sub(r"(?m)^DTSTAMP:.*$|^LAST-MODIFIED:.*$|^REFRESH.*$|^X-WR-CALDESC.*$|csrf[^ ]*", "", text.decode())


def _answers(client, grid, as_of=None):
    words = {"site": grid["site"].key, "service": grid["service"].key, "site_name": "OLD-NAME"}
    urls = [f"/gocdbpi/public/?method={method}" for method in XML]
    urls += [f"/gocdbpi/private/?method={method}" for method in PRIVATE]
    urls += [f"/api/v1/{path}" for path in API] + FEEDS
    found = {}
    for url in (each.format(**words) for each in urls):
        answer = client.get(f"{url}{'&' if '?' in url else '?'}as_of={as_of}" if as_of else url)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert answer.status_code == 200, (url, body)
        found[url] = _without_clock(body)
    return found


def test_yesterday_s_answers_stay_what_they_were(client, grid):
    client.force_login(a_user("alice", site=grid["site"]))
    before = _answers(client, grid)
    then = timezone.now().isoformat().replace("+00:00", "Z")
    change_everything(grid)
    after = _answers(client, grid, as_of=then)
    for url, answer in before.items():
        assert after[url] == answer, url


def test_the_pages_say_what_they_said(client, grid):
    then = timezone.now().isoformat().replace("+00:00", "Z")
    change_everything(grid)
    for path in PAGES:
        past = client.get(path, {"as_of": then}).content.decode()
        present = client.get(path).content.decode()
        assert "NEW-NAME" not in past, path
        assert "YOUNG" not in past, path
        assert past != present
    sites = client.get("/registry/sites/", {"as_of": then}).content.decode()
    assert "OLD-NAME" in sites
    assert "NGI_OLD" in sites
    assert "Italy" in sites
    assert grid["closing"].hostname in client.get("/registry/services/", {"as_of": then}).content.decode()
    assert grid["closing"].hostname not in client.get("/registry/services/").content.decode()


def test_the_present_has_changed(client, grid):
    client.force_login(a_user("alice", site=grid["site"]))
    before = _answers(client, grid)
    change_everything(grid)
    listed = client.get("/gocdbpi/public/?method=get_site_list&scope=")
    present = b"".join(listed.streaming_content).decode() if listed.streaming else listed.content.decode()
    assert 'NAME="NEW-NAME"' in present
    assert present != before["/gocdbpi/public/?method=get_site_list&scope="]
