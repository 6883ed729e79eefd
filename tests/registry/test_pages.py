"""Every page of the registry for the whole cast: alice runs the site, bob the region, carol a VO; dave has no role."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.registry.models import Downtime, RoleGrant, Service, Site
from tests.builders import a_downtime, a_service, a_service_type, a_site, a_user, a_vo, an_ngi

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
HOSTILE = '"><script>alert(1)</script>'
CAST = ("alice", "bob", "carol", "dave", "anonymous")


@pytest.fixture
def site() -> Site:
    site = a_site(ngi=an_ngi(name="Italy", email="noc@example.org"), name="ROMA1", contact_email="grid@example.org")
    a_user("alice", site=site)
    a_user("bob", ngi=site.ngi)
    a_user("carol", vo=a_vo("lhcb"))
    a_user("dave")
    return site


@pytest.fixture
def service(site) -> Service:
    return a_service(of=site, hostname="ce.example.org")


@pytest.fixture
def as_(client):
    def sign_in(name: str):
        client.logout()
        if name != "anonymous":
            assert client.login(username=name, password=f"{name}-password")
        return client

    return sign_in


def coming(service: Service) -> Downtime:
    return a_downtime(service, start=timezone.now() + HOUR, end=timezone.now() + 2 * HOUR)


def running(service: Service) -> Downtime:
    return a_downtime(service, start=timezone.now() - HOUR, end=timezone.now() + HOUR)


def in_utc(moment) -> str:
    return f"{moment:%Y-%m-%dT%H:%M}"


def a_declaration(service: Service, **inputs):
    start = timezone.now() + HOUR
    usual = {
        "severity": "OUTAGE", "start": in_utc(start), "end": in_utc(start + HOUR), "description": "Power works",
        "services": [service.key], "step": "declare",
    }  # fmt: skip
    return usual | inputs


READING = [
    "regions/", "regions/{ngi}/", "regions/{ngi}/downtimes/", "regions/{ngi}/contacts/", "regions/{ngi}/history/",
    "sites/", "sites/{site}/services/", "sites/{site}/downtimes/", "sites/{site}/details/", "sites/{site}/contacts/",
    "sites/{site}/history/", "services/", "service-types/", "downtimes/", "downtimes/{downtime}/",
]  # fmt: skip


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("who", CAST)
def test_everybody_may_read(as_, service, path, who):
    keys = {"ngi": service.site.ngi.key, "site": service.site.key, "downtime": running(service).key}
    response = as_(who).get(f"/registry/{path.format(**keys)}", follow=True)
    assert response.status_code == 200
    assert "<h1>" in response.content.decode()


@pytest.mark.parametrize("path", ["regions/{ngi}/contacts/", "sites/{site}/contacts/", "sites/{site}/details/"])
@pytest.mark.parametrize("who", CAST)
def test_contacts_are_for_people_who_are_signed_in(as_, site, path, who):
    text = as_(who).get(f"/registry/{path.format(ngi=site.ngi.key, site=site.key)}", follow=True).content.decode()
    assert who != "anonymous" or "@example.org" not in text
    if "contacts" in path:
        assert ("@example.org" in text) == (who != "anonymous")
        assert ("Site Administrator" in text or "Regional Staff" in text) == (who != "anonymous")


@pytest.mark.parametrize(
    "path", ["regions/none/", "regions/{ngi}/nonsense/", "sites/none/services/", "sites/{site}/nonsense/",
             "downtimes/none/", "services/none/edit/", "roles/planet/x/grant/", "roles/site/none/grant/"]
)  # fmt: skip
def test_what_is_not_there_is_404(as_, site, path):
    address = f"/registry/{path.format(ngi=site.ngi.key, site=site.key)}"
    assert as_("alice").get(address, follow=True).status_code == 404


@pytest.mark.parametrize("path", ["regions/{ngi}/downtimes/", "sites/{site}/services/"])
def test_a_tab_is_a_part_for_htmx(as_, service, path):
    address = f"/registry/{path.format(ngi=service.site.ngi.key, site=service.site.key)}"
    part = as_("alice").get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert part.strip() in as_("alice").get(address, follow=True).content.decode()


#: The changing pages, and who of the cast may use each.
CHANGING = [
    ("regions/{ngi}/edit/", {"bob"}),
    ("sites/{site}/edit/", {"alice", "bob"}),
    ("sites/{site}/certification/", set()),
    ("services/{service}/edit/", {"alice", "bob"}),
    ("services/{service}/close/", {"alice", "bob"}),
    ("downtimes/declare/", {"alice", "bob"}),
    ("downtimes/{downtime}/end/", {"alice", "bob"}),
    ("downtimes/{downtime}/cancel/", {"alice", "bob"}),
    ("roles/site/{site}/grant/", set()),
    ("roles/ngi/{ngi}/grant/", set()),
    ("roles/{grant}/revoke/", {"alice"}),  # her own
]


@pytest.mark.parametrize(("path", "allowed"), CHANGING)
@pytest.mark.parametrize("who", CAST)
def test_a_changing_page_is_for_those_with_the_role(as_, service, path, allowed, who):
    site = service.site
    keys = {"ngi": site.ngi.key, "site": site.key, "service": service.key, "downtime": running(service).key}
    address = f"/registry/{path.format(**keys, grant=RoleGrant.objects.get(user__username='alice').pk)}"
    client = as_(who)
    shown, sent = client.get(address), client.post(address, {"reason": "x"})
    if who in allowed:
        assert shown.status_code == 200
    elif who == "anonymous":
        assert shown.status_code == sent.status_code == 302
        assert shown["Location"].startswith("/accounts/login/?next=/registry/")
    else:
        assert shown.status_code == sent.status_code == 403
    if who not in allowed:
        service.refresh_from_db()
        assert service.valid_until is None
        assert RoleGrant.objects.count() == 2


@pytest.mark.parametrize("who", CAST)
def test_buttons_are_offered_to_those_who_may(as_, service, who):
    site, downtime = service.site, running(service)
    offered = {
        f"/sites/{site.key}/details/": f"/registry/sites/{site.key}/edit/",
        f"/sites/{site.key}/services/": f"/registry/services/{service.key}/close/",
        f"/registry/downtimes/{downtime.key}/": f"/registry/downtimes/{downtime.key}/end/",
        "/registry/downtimes/": "/registry/downtimes/declare/",
    }
    for page, button in offered.items():
        assert (button in as_(who).get(page).content.decode()) == (who in {"alice", "bob"})


def test_alice_declares_a_downtime(as_, service):
    response = as_("alice").post("/registry/downtimes/declare/", a_declaration(service), follow=True)
    downtime = Downtime.objects.get()
    assert response.redirect_chain == [(f"/registry/downtimes/{downtime.key}/", 302)]
    assert "1 service of 1 site; UNSCHEDULED because it starts in less than 24 hours" in response.content.decode()
    assert downtime.declared_by.username == "alice"
    record = downtime.history.get()
    assert (record.history_source, record.history_address) == ("web", "127.0.0.1")


def test_the_preview_declares_nothing(as_, service):
    client = as_("alice")
    response = client.post("/registry/downtimes/declare/", a_declaration(service, step="preview"))
    assert "1 service of 1 site" in response.content.decode()
    assert 'value="declare"' in response.content.decode()
    part = client.post(
        "/registry/downtimes/declare/", a_declaration(service), headers={"HX-Request": "true"}
    ).content.decode()
    assert "1 service of 1 site" in part
    assert "<html" not in part
    assert not Downtime.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"end": "2020-01-01T00:00"}, "row_end"),
        ({"start": "yesterday"}, "row_start"),
        ({"start": "2020-01-01T00:00"}, "row_start"),
        ({"services": []}, "row_services"),
        ({"services": ["nonsense"]}, "row_services"),
        ({"severity": "MEDIUM"}, "row_severity"),
        ({"description": ""}, "row_description"),
        ({"description": "a\x00b"}, "row_description"),
    ],
)
def test_an_error_stands_at_its_field_and_loses_no_input(as_, service, wrong, field):
    inputs = a_declaration(service, description=HOSTILE) | wrong
    response = as_("alice").post("/registry/downtimes/declare/", inputs)
    text = response.content.decode()
    assert response.status_code == 422
    assert "nothing has been changed yet" in text
    assert f'class="form-row has-error" id="{field}"' in text
    assert HOSTILE not in text
    if "description" not in wrong:
        assert "&lt;script&gt;" in text
    if "services" not in wrong:
        assert re.search(rf'value="{service.key}"[^>]* checked', text)
    assert not Downtime.objects.exists()


def test_times_are_typed_in_utc_whatever_the_readers_zone(as_, service):
    client = as_("alice")
    client.cookies["tz"] = "Asia/Tokyo"
    assert "Asia/Tokyo" in client.get("/registry/downtimes/declare/").content.decode()
    start = (timezone.now() + 30 * HOUR).replace(second=0, microsecond=0)
    client.post("/registry/downtimes/declare/", a_declaration(service, start=in_utc(start), end=in_utc(start + HOUR)))
    assert Downtime.objects.get().start == start


def test_bob_chooses_sites_first_and_may_take_several(as_, service):
    other = a_service(of=a_site(ngi=service.site.ngi))
    foreign = a_service()
    client = as_("bob")
    assert 'name="site"' in client.get("/registry/downtimes/declare/").content.decode()
    address = f"/registry/downtimes/declare/?site={service.site.key}&site={other.site.key}&site={foreign.site.key}"
    text = client.get(address).content.decode()
    assert (service.hostname in text, other.hostname in text, foreign.hostname in text) == (True, True, False)
    client.post(address, a_declaration(service, services=[service.key, other.key]))
    assert Downtime.objects.get().services.count() == 2


def test_a_link_from_a_service_ticks_it(as_, service):
    a_service(of=a_site(ngi=service.site.ngi))
    for who in ("alice", "bob"):
        text = as_(who).get(f"/registry/downtimes/declare/?service={service.key}").content.decode()
        assert re.search(rf'value="{service.key}"[^>]* checked', text)


def test_a_whole_site_is_one_tick(as_, service):
    other = a_service(of=service.site)
    inputs = a_declaration(service, services=[], whole_sites=[service.site.key])
    as_("alice").post("/registry/downtimes/declare/", inputs)
    assert set(Downtime.objects.get().services.all()) == {service, other}


def test_a_foreign_service_cannot_be_smuggled_in(as_, service):
    foreign = a_service()
    response = as_("alice").post(
        "/registry/downtimes/declare/", a_declaration(service, services=[service.key, foreign.key])
    )
    assert response.status_code == 422
    assert not Downtime.objects.exists()


@pytest.mark.parametrize(("make", "step"), [(running, "end"), (coming, "cancel")])
def test_a_downtime_is_ended_or_cancelled_with_a_reason(as_, service, make, step):
    downtime = make(service)
    address = f"/registry/downtimes/{downtime.key}/{step}/"
    client = as_("bob")
    assert client.post(address, {"reason": ""}).status_code == 422
    text = client.post(address, {"reason": HOSTILE}, follow=True).content.decode()
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text  # the reason, in the history
    downtime.refresh_from_db()
    assert downtime.cancelled_at if step == "cancel" else downtime.end < timezone.now() + 2 * timedelta(minutes=1)
    assert "corrected" in client.post(address, {"reason": "twice"}).content.decode()


def the_form_of(response) -> dict[str, str]:
    """What a browser would send back unchanged."""
    return {name: value for name, value in response.context["form"].initial.items() if value is not None} | {
        "reason": "as agreed"
    }


def test_alice_edits_her_site_and_the_history_tells(as_, site):
    client = as_("alice")
    address = f"/registry/sites/{site.key}/edit/"
    inputs = the_form_of(client.get(address)) | {"official_name": HOSTILE}
    assert client.post(address, inputs).status_code == 302
    site.refresh_from_db()
    assert site.official_name == HOSTILE
    for tab in ("details", "history"):
        text = client.get(f"/sites/{site.key}/{tab}/").content.decode()
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


@pytest.mark.parametrize(("field", "value"), [("latitude", "91"), ("latitude", "north"), ("timezone", "Mars/Olympus")])
def test_a_wrong_edit_of_a_site_is_said_at_the_field(as_, site, field, value):
    client = as_("alice")
    address = f"/registry/sites/{site.key}/edit/"
    response = client.post(address, the_form_of(client.get(address)) | {field: value, "organisation": "kept input"})
    assert response.status_code == 422
    assert f'has-error" id="row_{field}"' in response.content.decode()
    assert "kept input" in response.content.decode()


def test_the_slower_of_two_editors_may_look_and_send_again(as_, site):
    client = as_("alice")
    address = f"/registry/sites/{site.key}/edit/"
    inputs = the_form_of(client.get(address)) | {"tier": "2"}
    site.tier = "1"
    site.save()
    response = client.post(address, inputs)
    assert response.status_code == 422
    assert "Somebody was faster" in response.content.decode()
    fresh = re.search(r'name="seen" value="(\d+)"', response.content.decode()).group(1)
    assert client.post(address, inputs | {"seen": fresh}).status_code == 302
    site.refresh_from_db()
    assert site.tier == "2"


def test_a_service_in_production_must_be_monitored(as_, service):
    client = as_("alice")
    address = f"/registry/services/{service.key}/edit/"
    inputs = the_form_of(client.get(address))
    del inputs["is_monitored"]
    response = client.post(address, {name: value for name, value in inputs.items() if value is not False})
    assert response.status_code == 422
    assert 'has-error is-check" id="row_is_monitored"' in response.content.decode()


def test_a_closed_service_leaves_the_lists(as_, service):
    as_("alice").post(f"/registry/services/{service.key}/close/", {"reason": "machine is gone"})
    client = as_("anonymous")
    assert service.hostname not in client.get("/registry/services/").content.decode()
    assert "1 closed service not shown" in client.get(f"/sites/{service.site.key}/services/").content.decode()


def test_services_of_closed_sites_leave_the_lists(as_):
    service = a_service(of=a_site(certification="Closed"))
    assert service.hostname not in as_("anonymous").get("/registry/services/").content.decode()


def test_the_region_certifies(as_, site):
    RoleGrant.objects.create(user=a_user("erin"), role="NGI Operations Manager", ngi=site.ngi)
    client = as_("erin")
    address = f"/registry/sites/{site.key}/certification/"
    assert "Candidate" not in client.get(address).content.decode().split("<form method")[1].split("Reason")[0]
    assert client.post(address, {"new": "Candidate", "old": "Certified", "reason": "x"}).status_code == 422
    assert client.post(address, {"new": "Suspended", "old": "Uncertified", "reason": "x"}).status_code == 422
    inputs = {"new": "Suspended", "old": "Certified", "reason": "no answer"}
    asked = client.post(address, inputs)
    site.refresh_from_db()
    assert (asked.status_code, site.certification) == (200, "Certified")
    assert "Feeds that are asked for certified sites drop it" in asked.content.decode()
    digest = re.search(r'name="confirmed" value="(\w+)"', asked.content.decode()).group(1)
    assert client.post(address, inputs | {"confirmed": digest}).status_code == 302
    site.refresh_from_db()
    assert site.certification == "Suspended"
    assert "no answer" in client.get(f"/sites/{site.key}/history/").content.decode()


def test_roles_are_granted_and_revoked_on_pages(as_, site):
    RoleGrant.objects.create(user=a_user("erin"), role="NGI Operations Manager", ngi=site.ngi)
    client = as_("erin")
    address = f"/registry/roles/site/{site.key}/grant/"
    wanted = {"user": "dave", "role": "Site Administrator", "reason": "new colleague"}
    assert client.post(address, wanted | {"user": "nobody"}).status_code == 422
    assert client.post(address, wanted | {"role": "NGI Operations Manager"}).status_code == 422
    assert client.post(address, wanted).status_code == 302
    grant = RoleGrant.objects.get(user__username="dave")
    assert client.post(address, wanted).status_code == 422
    assert client.post(f"/registry/roles/{grant.pk}/revoke/", {"reason": "left"}).status_code == 302
    assert not RoleGrant.objects.filter(user__username="dave").exists()


def test_a_home_page_of_another_scheme_is_no_link(as_):
    site = a_site(home_url="javascript:alert(1)")
    text = as_("anonymous").get(f"/sites/{site.key}/details/").content.decode()
    assert 'href="javascript' not in text
    assert "javascript:alert(1)" in text


def test_no_page_has_inline_script_or_style(as_, service):
    running(service)
    a_service_type("SE")
    for path in READING[:-1]:
        keys = {"ngi": service.site.ngi.key, "site": service.site.key}
        text = as_("alice").get(f"/registry/{path.format(**keys)}", follow=True).content.decode()
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text)
