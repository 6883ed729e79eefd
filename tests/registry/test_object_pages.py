"""Pages of every object: read by all, changed by those who may, with a preview, and nothing lost to a faster editor."""

import re
from typing import Any

import pytest
from django.urls import reverse

from gridkeeper.people.models import User
from gridkeeper.registry.models import (
    ApiCredential,
    Endpoint,
    Federation,
    Ngi,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceType,
    Site,
)
from tests.builders import (
    ERA,
    a_federation,
    a_scope,
    a_service,
    a_service_group,
    a_site,
    a_user,
    an_endpoint,
    an_ngi,
)

pytestmark = pytest.mark.django_db
HOSTILE = '"><script>alert(1)</script>'
CAST = ("operator", "manager", "alice", "keeper", "dave", "anonymous")


@pytest.fixture
def grid() -> dict[str, Any]:
    """One of everything, and the cast: alice runs the site, manager the region, keeper the group."""
    a_scope("EGI", is_default=True)
    a_scope("tier1", is_reserved=True)
    site = a_site(ngi=an_ngi(name="Italy", scopes=["EGI"]), name="ROMA1", scopes=["EGI"])
    service = a_service(of=site, hostname="ce.example.org", scopes=["EGI"])
    group = a_service_group(service, name="PILOT", email="pilot@example.org")
    a_user("alice", site=site)
    RoleGrant.objects.create(user=a_user("manager"), role="NGI Operations Manager", ngi=site.ngi)
    RoleGrant.objects.create(user=a_user("keeper"), role="Service Group Administrator", service_group=group)
    a_user("dave")
    User.objects.create_superuser("operator", password="operator-password")
    return {
        "federation": site.ngi.federation,
        "ngi": site.ngi,
        "site": site,
        "service": service,
        "endpoint": an_endpoint(of=service),
        "type": service.service_type,
        "group": group,
        "scope": Scope.objects.get(name="EGI"),
        "credential": ApiCredential.objects.create(site=site, identifier="/CN=robot", valid_from=ERA),
    }


@pytest.fixture
def as_(client):
    def sign_in(name: str):
        client.logout()
        if name != "anonymous":
            assert client.login(username=name, password=f"{name}-password")
        return client

    return sign_in


def url(name: str, grid: dict[str, Any], *of: str) -> str:
    return reverse(f"registry:{name}", args=[grid[each].name if each == "type" else grid[each].key for each in of])


READING = [
    ("federations",), ("federation", "federation"), ("scopes",), ("scope", "scope"), ("service_groups",),
    ("service_group", "group"), ("service_type", "type"), ("service", "service"),
]  # fmt: skip


@pytest.mark.parametrize("page", READING)
@pytest.mark.parametrize("who", CAST)
def test_everybody_may_read(as_, grid, page, who):
    response = as_(who).get(url(page[0], grid, *page[1:]))
    assert response.status_code == 200
    text = response.content.decode()
    assert "<h1>" in text
    assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", text)
    assert who != "anonymous" or "@example.org" not in text


@pytest.mark.parametrize("tab", ["regions", "contacts", "history"])
@pytest.mark.parametrize("who", ["operator", "anonymous"])
def test_tabs_of_a_federation(as_, grid, tab, who):
    assert as_(who).get(f"/registry/federations/{grid['federation'].key}/{tab}/").status_code == 200


@pytest.mark.parametrize("tab", ["members", "details", "contacts", "history"])
@pytest.mark.parametrize("who", ["keeper", "anonymous"])
def test_tabs_of_a_service_group(as_, grid, tab, who):
    response = as_(who).get(f"/registry/service-groups/{grid['group'].key}/{tab}/")
    assert response.status_code == 200
    assert who != "anonymous" or "@example.org" not in response.content.decode()


#: The changing pages, and who of the cast may use each besides the operator.
CHANGING = {
    ("federation_add",): "", ("federation_edit", "federation"): "", ("federation_close", "federation"): "",
    ("ngi_add", "federation"): "", ("ngi_rename", "ngi"): "", ("ngi_close", "ngi"): "", ("ngi_join", "ngi"): "",
    ("ngi_scopes", "ngi"): "manager", ("site_add", "ngi"): "manager", ("service_type_add",): "",
    ("service_type_edit", "type"): "", ("site_rename", "site"): "alice manager", ("site_move", "site"): "alice manager",
    ("site_scopes", "site"): "alice manager", ("site_properties", "site"): "alice manager",
    ("service_add", "site"): "alice manager", ("credential_add", "site"): "alice manager",
    ("credential_edit", "credential"): "alice manager", ("credential_close", "credential"): "alice manager",
    ("service_scopes", "service"): "alice manager", ("service_properties", "service"): "alice manager",
    ("endpoint_add", "service"): "alice manager", ("endpoint_edit", "endpoint"): "alice manager",
    ("endpoint_close", "endpoint"): "alice manager", ("endpoint_properties", "endpoint"): "alice manager",
    ("service_group_add",): "alice manager keeper", ("service_group_edit", "group"): "keeper",
    ("service_group_close", "group"): "keeper", ("service_group_scopes", "group"): "keeper",
    ("service_group_properties", "group"): "keeper", ("members_add", "group"): "keeper",
    ("member_remove", "group", "service"): "keeper", ("scope_add",): "", ("scope_edit", "scope"): "",
    ("scope_close", "scope"): "",
}  # fmt: skip


@pytest.mark.parametrize("page", CHANGING)
@pytest.mark.parametrize("who", CAST)
def test_a_changing_page_is_for_those_who_may(as_, grid, page, who):
    client, address = as_(who), url(page[0], grid, *page[1:])
    shown, sent = client.get(address), client.post(address, {"reason": ""})
    if who == "operator" or who in CHANGING[page].split():
        assert (shown.status_code, sent.status_code) == (200, 422)
        assert not re.search(r"<script>|<style|\sstyle=|\son\w+=", shown.content.decode())
    elif who == "anonymous":
        assert shown.status_code == sent.status_code == 302
        assert shown["Location"].startswith("/accounts/login/?next=/registry/")
    else:
        assert shown.status_code == sent.status_code == 403


@pytest.mark.parametrize("who", CAST)
def test_buttons_are_offered_to_those_who_may(as_, grid, who):
    offered = {
        "/registry/service-groups/": ("service_group_add",),
        f"/registry/service-groups/{grid['group'].key}/": ("service_group_edit", "group"),
        "/registry/scopes/": ("scope_add",),
        f"/registry/services/{grid['service'].key}/": ("endpoint_add", "service"),
        f"/sites/{grid['site'].key}/details/": ("credential_add", "site"),
        f"/registry/regions/{grid['ngi'].key}/": ("site_add", "ngi"),
    }
    for page, button in offered.items():
        is_allowed = who == "operator" or who in CHANGING[button].split()
        assert (url(button[0], grid, *button[1:]) in as_(who).get(page).content.decode()) == is_allowed


def sent_back(response: Any) -> dict[str, Any]:
    """What a browser would send back unchanged."""
    form = response.context["form"]
    values = {name: form[name].value() for name in form.fields}
    kept = {name: value for name, value in values.items() if value is not None and value is not False}
    return {name: "on" if value is True else value for name, value in kept.items()} | {"reason": "as agreed"}


def confirm(client: Any, address: str, inputs: dict[str, Any]) -> Any:
    """Sends the form, reads what would follow, and confirms it."""
    asked = client.post(address, inputs)
    assert asked.status_code == 200, asked.content.decode()
    digest = re.search(r'name="confirmed" value="(\w+)"', asked.content.decode())
    assert digest
    return client.post(address, inputs | {"confirmed": digest.group(1)})


def test_the_operator_adds_a_federation_a_region_a_site_and_a_service(as_, grid):
    client = as_("operator")
    inputs = sent_back(client.get("/registry/federations/add/")) | {"name": "WLCG", "minimum_site": "1"}
    assert client.post("/registry/federations/add/", inputs).status_code == 302
    federation = Federation.objects.get(name="WLCG")
    assert federation.minimum_scopes == {"site": 1}
    steps = [
        (lambda: url("ngi_add", {"federation": federation}, "federation"), {"name": "CERN"}),
        (lambda: url("site_add", {"ngi": Ngi.objects.get(name="CERN")}, "ngi"),
         {"name": "CERN-PROD", "country_code": "Switzerland", "timezone": "Europe/Zurich", "scopes": ["EGI"]}),
        (lambda: url("service_add", {"site": Site.objects.get(name="CERN-PROD")}, "site"),
         {"service_type": "CE", "hostname": "ce.cern.example"}),
    ]  # fmt: skip
    for address_of, values in steps:
        address = address_of()
        response = client.post(address, sent_back(client.get(address)) | values, follow=True)
        assert response.redirect_chain, response.context["form"].errors
        assert "is added" in response.content.decode()
    service = Service.objects.get(hostname="ce.cern.example")
    assert (service.site.country_code, service.site.country, service.scopes) == ("CH", "Switzerland", ["EGI"])
    assert (service.in_production, service.is_monitored) == (True, True)


def test_a_service_of_another_site_is_refused_by_name(as_, grid):
    a_service(of=a_site(name="ELSEWHERE"), hostname="taken.example.org")
    client, address = as_("alice"), url("service_add", grid, "site")
    inputs = sent_back(client.get(address)) | {"service_type": "CE", "hostname": "taken.example.org"}
    text = client.post(address, inputs).content.decode()
    assert "it belongs to ELSEWHERE" in text
    assert 'has-error" id="row_hostname"' in text
    for wrong, field in (({"service_type": "Nonsense"}, "service_type"), ({"hostname": "a b"}, "hostname")):
        response = client.post(address, inputs | {"hostname": "free.example.org"} | wrong)
        assert (response.status_code, field in response.context["form"].errors) == (422, True)


def test_a_preview_changes_nothing_and_names_every_value(as_, grid):
    client, address = as_("alice"), url("site_edit", grid, "site")
    inputs = sent_back(client.get(address)) | {"official_name": HOSTILE, "latitude": "41.9", "longitude": "12.5"}
    text = client.post(address, inputs | {"step": "preview"}).content.decode()
    assert "Nothing is done yet" in text
    assert "<ins>41.9</ins>" in text
    assert HOSTILE not in text
    grid["site"].refresh_from_db()
    assert grid["site"].official_name == ""
    assert client.post(address, inputs | {"latitude": "", "step": "preview"}).status_code == 422
    assert client.post(address, inputs).status_code == 302


def test_taking_a_service_out_of_monitoring_says_what_follows_and_asks(as_, grid):
    client, address = as_("alice"), url("service_edit", grid, "service")
    inputs = sent_back(client.get(address))
    del inputs["is_monitored"], inputs["in_production"]
    asked = client.post(address, inputs).content.decode()
    assert "Its tests stop, it leaves the matrix" in asked
    assert "It leaves the lists of good sites" in asked
    assert client.post(address, inputs | {"confirmed": "stale"}).status_code == 200
    grid["service"].refresh_from_db()
    assert grid["service"].is_monitored
    assert confirm(client, address, inputs).status_code == 302
    grid["service"].refresh_from_db()
    assert not grid["service"].is_monitored


def test_a_site_is_renamed_and_moved_after_a_look_at_what_follows(as_, grid):
    other = an_ngi(name="France")
    RoleGrant.objects.create(user=User.objects.get(username="manager"), role="NGI Operations Manager", ngi=other)
    client = as_("manager")
    address = url("site_rename", grid, "site")
    inputs = sent_back(client.get(address)) | {"name": "ROMA-T2"}
    assert "clients that ask for ROMA1 find nothing" in client.post(address, inputs).content.decode()
    assert confirm(client, address, inputs).status_code == 302
    address = url("site_move", grid, "site")
    shown = client.get(address)
    assert "France" in shown.content.decode()
    assert confirm(client, address, sent_back(shown) | {"ngi": other.key}).status_code == 302
    grid["site"].refresh_from_db()
    assert (grid["site"].name, grid["site"].ngi) == ("ROMA-T2", other)


def test_scopes_are_ticked_and_their_consequences_read(as_, grid):
    client, address = as_("alice"), url("site_scopes", grid, "site")
    inputs = sent_back(client.get(address))
    assert client.post(address, inputs).status_code == 302  # unchanged: nothing to confirm
    asked = client.post(address, inputs | {"scopes": []}).content.decode()
    assert "EGI is the default: clients that ask for no scope do not find it any more." in asked
    assert client.post(address, inputs | {"scopes": ["nonsense"]}).status_code == 422
    assert confirm(client, address, inputs | {"scopes": []}).status_code == 302
    assert Site.objects.get().scopes == []
    assert client.post(address, inputs | {"scopes": ["tier1"], "seen": ""}).status_code == 422


def test_a_reserved_scope_is_not_for_the_site(as_, grid):
    Ngi.objects.update(scopes=["EGI", "tier1"])
    address = url("site_scopes", grid, "site")
    client = as_("alice")
    inputs = sent_back(client.get(address)) | {"scopes": ["EGI", "tier1"]}
    assert client.post(address, inputs).status_code == 403
    client = as_("operator")
    assert confirm(client, address, inputs).status_code == 302
    address = url("ngi_scopes", grid, "ngi")
    asked = client.post(address, sent_back(client.get(address)) | {"scopes": ["EGI"]}).content.decode()
    assert "tier1 is reserved: 1 object below it loses it too." in asked
    assert "ROMA1" in asked


def test_properties_are_a_table(as_, grid):
    client, address = as_("alice"), url("site_properties", grid, "site")
    inputs = sent_back(client.get(address)) | {"key_0": "P4U", "value_0": HOSTILE, "key_2": "B", "value_2": "a\r\nb"}
    assert client.post(address, inputs).status_code == 302
    grid["site"].refresh_from_db()
    assert grid["site"].properties == {"P4U": HOSTILE, "B": "a\nb"}
    text = client.get(f"/sites/{grid['site'].key}/details/").content.decode()
    assert HOSTILE not in text
    inputs = sent_back(client.get(address))
    assert (inputs["key_0"], inputs["key_1"]) == ("B", "P4U")  # by key, on every database
    for wrong in ({"key_0": "P4U"}, {"key_1": "", "value_1": "x"}, {"key_2": "a=b"}):
        assert client.post(address, inputs | wrong).status_code == 422
    assert client.post(address, inputs | {"key_1": "", "value_1": ""}).status_code == 302
    grid["site"].refresh_from_db()
    assert grid["site"].properties == {"B": "a\nb"}


@pytest.mark.parametrize("key", ["items", "keys", "0", HOSTILE])
def test_a_property_may_have_any_key(as_, grid, key):
    for name in ("site", "service", "endpoint", "group"):
        type(grid[name]).objects.filter(pk=grid[name].pk).update(properties={key: "value of it"})
    client = as_("keeper")
    pages = [
        f"/sites/{grid['site'].key}/details/", f"/registry/services/{grid['service'].key}/",
        f"/services/{grid['service'].key}/", f"/registry/service-groups/{grid['group'].key}/details/",
    ]  # fmt: skip
    for page in pages:
        text = client.get(page).content.decode()
        assert "value of it" in text
        assert HOSTILE not in text


def test_the_slower_editor_sees_both_versions_and_overwrites_only_what_they_changed(as_, grid):
    client, address = as_("alice"), url("site_edit", grid, "site")
    inputs = sent_back(client.get(address)) | {"tier": "2", "subgrid": "South"}
    theirs = sent_back(as_("manager").get(address)) | {"tier": "1", "organisation": "INFN", "notifications": "on"}
    confirm(as_("manager"), address, theirs | {"reason": "their reason"})
    response = as_("alice").post(address, inputs)
    text = response.content.decode()
    assert response.status_code == 422
    assert "manager changed it at" in text
    assert "their reason" in text
    rows = {row.label: row for row in response.context["conflict"].rows}
    assert (rows["Tier"].before, rows["Tier"].now, rows["Tier"].mine, rows["Tier"].is_taken) == ("", "1", "2", False)
    assert rows["Organisation"].is_taken
    form = response.context["form"]
    again = {name: value for name in form.fields if (value := form[name].value()) not in (None, False)}
    assert (again["tier"], again["organisation"], again["notifications"]) == ("2", "INFN", True)
    again = {name: "on" if value is True else value for name, value in again.items()}
    assert client.post(address, again).status_code == 302
    site = Site.objects.get()
    assert (site.tier, site.organisation, site.subgrid, site.notifications) == ("2", "INFN", "South", True)


def test_properties_and_scopes_of_two_editors_are_merged(as_, grid):
    client, site = as_("alice"), grid["site"]
    a_scope("Local")
    address = url("site_properties", grid, "site")
    inputs = sent_back(client.get(address)) | {"key_0": "mine", "value_0": "1"}
    site.properties = {"theirs": "2"}
    site.save()
    response = client.post(address, inputs)
    assert [row.label for row in response.context["conflict"].rows] == ["theirs"]
    again = dict(response.context["form"].data.items())
    assert client.post(address, again).status_code == 302
    assert Site.objects.get().properties == {"mine": "1", "theirs": "2"}
    address = url("site_scopes", grid, "site")
    inputs = sent_back(client.get(address)) | {"scopes": []}
    site = Site.objects.get()
    site.scopes = ["EGI", "Local"]
    site.save()
    # what follows is read against what stands now, then the conflict is found
    response = client.post(address, inputs)
    assert response.status_code == 422
    assert response.context["form"].data.getlist("scopes") == ["Local"]


def test_a_service_group_from_its_beginning_to_its_end(as_, grid):
    client = as_("alice")
    inputs = sent_back(client.get("/registry/service-groups/add/")) | {"name": "NEW", "scopes": ["EGI"]}
    assert client.post("/registry/service-groups/add/", inputs).status_code == 302
    group = ServiceGroup.objects.get(name="NEW")
    own = {"group": group, "service": grid["service"]}
    address = url("members_add", own, "group")
    assert "Which services?" in client.get(address).content.decode()
    assert "No service matches" in client.get(f"{address}?q=nothing").content.decode()
    key = grid["service"].key
    assert key in client.get(f"{address}?q=roma ce").content.decode()
    found = client.post(f"{address}?q=roma", {"services": [key], "reason": "ours"}, follow=True)
    assert "1 service is added" in found.content.decode()
    assert grid["service"].hostname in found.content.decode()
    assert client.post(f"{address}?q=roma", {"services": [key], "reason": "again"}).status_code == 422
    assert client.post(url("member_remove", own, "group", "service"), {"reason": "no"}).status_code == 302
    assert client.post(url("service_group_close", own, "group"), {"reason": "done"}).status_code == 302
    text = client.get(group.get_absolute_url()).content.decode()
    assert "Closed" in text
    assert url("service_group_edit", own, "group") not in text


def test_credentials_are_listed_to_those_who_may_edit_the_site(as_, grid):
    ApiCredential.objects.create(site=a_site(), identifier="/CN=foreign", valid_from=ERA)
    assert as_("anonymous").get("/registry/credentials/").status_code == 302
    for who, sees in (("alice", True), ("dave", False)):
        text = as_(who).get("/registry/credentials/").content.decode()
        assert ("/CN=robot" in text) == sees
        assert "/CN=foreign" not in text
    for who in ("dave", "anonymous"):
        assert "/CN=robot" not in as_(who).get(f"/sites/{grid['site'].key}/details/").content.decode()
    client, address = as_("alice"), url("credential_edit", grid, "credential")
    assert client.post(address, sent_back(client.get(address)) | {"may_write": "on"}).status_code == 302
    assert ApiCredential.objects.get(identifier="/CN=robot").may_write


def test_small_edits_on_their_pages(as_, grid):
    client = as_("operator")
    steps = [
        (("federation_edit", "federation"), {"notice_hours": "48"}),
        (("service_type_edit", "type"), {"has_monitoring_exception": "on"}),
        (("scope_edit", "scope"), {"description": "European Grid"}),
        (("service_group_edit", "group"), {"description": "Pilots"}),
        (("endpoint_edit", "endpoint"), {"url": "https://ce.example.org:8443/"}),
        (("ngi_rename", "ngi"), {"name": "Italia"}),
        (("endpoint_add", "service"), {"name": "second"}),
        (("service_type_add",), {"name": "org.new"}),
        (("scope_add",), {"name": "SKA"}),
        (("ngi_join", "ngi"), {"federation": a_federation(name="Further").key}),
        (("endpoint_close", "endpoint"), {}),
        (("credential_close", "credential"), {}),
    ]
    for page, values in steps:
        address = url(page[0], grid, *page[1:])
        response = client.post(address, sent_back(client.get(address)) | values)
        assert response.status_code == 302, (page, response.context["form"].errors)
    assert Federation.objects.get(pk=grid["federation"].pk).notice_hours == 48
    assert ServiceType.objects.get(pk=grid["type"].pk).has_monitoring_exception
    assert Endpoint.objects.current().get().name == "second"
    text = client.get(f"/registry/regions/{grid['ngi'].key}/details/").content.decode()
    assert "Further" in text
    membership = Ngi.objects.get().memberships.get()
    assert client.post(f"/registry/regions/memberships/{membership.pk}/leave/", {"reason": "over"}).status_code == 302


@pytest.mark.parametrize(
    "name", ["federations", "service_groups", "scopes", "ngis", "sites", "services", "service_types"]
)
def test_a_list_asks_the_same_few_queries_whatever_its_size(as_, grid, name, django_assert_max_num_queries):
    for number in range(30):
        a_scope(f"scope {number}", description="x")
        site = a_site(
            scopes=[f"scope {number}"], ngi=an_ngi(scopes=["EGI"], federation=a_federation(name=f"F{number}"))
        )
        a_service_group(a_service(of=site, type=f"T{number}"), scopes=["EGI"])
    address = reverse(f"registry:{name}")
    for who in ("anonymous", "alice"):
        client = as_(who)
        client.get(address)
        with django_assert_max_num_queries(12):
            assert client.get(address, {"scope": "EGI"}).status_code == 200
    for wanted in ("csv", "json"):
        assert client.get(address, {"format": wanted}).status_code == 200


def test_a_scope_narrows_the_list_of_sites(as_, grid):
    a_site(name="BARE")
    text = as_("anonymous").get("/registry/sites/?scope=EGI").content.decode()
    assert "ROMA1" in text
    assert ">BARE<" not in text


def test_a_page_of_the_past_shows_the_past_and_offers_nothing(as_, grid):
    from datetime import timedelta

    from django.utils import timezone

    before = timezone.now()
    group = grid["group"]
    group.name = "RENAMED"
    group.save()
    client = as_("operator")
    moment = (before + timedelta(microseconds=1)).isoformat().replace("+00:00", "Z")
    text = client.get(group.get_absolute_url(), {"as_of": moment}).content.decode()
    assert "PILOT" in text
    assert "RENAMED" not in text
    assert url("service_group_edit", grid, "group") not in text
