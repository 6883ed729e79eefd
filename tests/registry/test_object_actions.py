"""Adding, editing, renaming, moving and closing of every object: allowed, denied, invalid, outrun, recorded."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db.models import Model

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry import object_actions as objects
from gridkeeper.registry.credential_actions import add_credential, close_credential, edit_credential
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.group_actions import (
    ADMINISTRATOR,
    add_member,
    add_service_group,
    close_service_group,
    edit_service_group,
    remove_member,
)
from gridkeeper.registry.models import (
    ApiCredential,
    CertificationChange,
    Endpoint,
    Federation,
    Ngi,
    RoleGrant,
    Service,
    ServiceGroup,
    ServiceType,
    Site,
)
from gridkeeper.registry.property_actions import remove_properties, set_properties
from gridkeeper.registry.signals import happened, topology_changed
from tests.builders import (
    ERA,
    NOW,
    a_federation,
    a_scope,
    a_service,
    a_service_group,
    a_service_type,
    a_site,
    a_user,
    an_endpoint,
    an_ngi,
)

pytestmark = pytest.mark.django_db
WHY = {"reason": "as agreed", "now": NOW}


@pytest.fixture
def site() -> Site:
    return a_site(ngi=an_ngi(name="Italy"), name="ROMA1")


@pytest.fixture
def alice(site) -> Actor:
    return Actor(user=a_user("alice", site=site), source="web", address="192.0.2.7")


@pytest.fixture
def manager(site) -> Actor:
    """Manages the region."""
    user = User.objects.create_user("manager")
    RoleGrant.objects.create(user=user, role="NGI Operations Manager", ngi=site.ngi)
    return Actor(user=user)


@pytest.fixture
def operator() -> Actor:
    return Actor(user=User.objects.create_superuser("operator"))


@pytest.fixture
def dave() -> Actor:
    return Actor(user=a_user("dave"))


@pytest.fixture
def told():
    """The kinds of event that are told."""
    kinds: list[str] = []

    def listen(event: Any, **_: Any) -> None:
        kinds.append(event.kind)

    happened.connect(listen)
    yield kinds
    happened.disconnect(listen)


def assert_recorded(subject: Any, actor: Actor, reason: str = "as agreed") -> None:
    record = subject.history.first()
    assert (record.history_user, record.history_change_reason) == (actor.user, reason)


def cred(site: Site, actor: Actor) -> ApiCredential:
    return add_credential(actor, site=site, kind="X.509", identifier="/DC=org/CN=robot", **WHY)


def everything(site: Site) -> dict[str, Any]:
    """Every action that adds or closes, as a function of the actor."""
    service = a_service(of=site, hostname="ce.example.org")
    endpoint, group = an_endpoint(of=service), a_service_group(service)
    credential = ApiCredential.objects.create(site=site, identifier="/CN=old", valid_from=ERA)
    kind, federation = a_service_type("SRM"), site.ngi.federation
    return {
        "add_federation": lambda who: objects.add_federation(who, values={"name": "F"}, **WHY),
        "edit_federation": lambda who: objects.edit_federation(
            who, federation=federation, changes={"description": "d"}, **WHY
        ),
        "add_ngi": lambda who: objects.add_ngi(who, federation=federation, values={"name": "N"}, **WHY),
        "rename_ngi": lambda who: objects.rename_ngi(who, ngi=site.ngi, name="Italia", **WHY),
        "join_federation": lambda who: objects.join_federation(
            who, ngi=site.ngi, federation=a_federation(name="Further"), **WHY
        ),
        "add_site": lambda who: objects.add_site(who, ngi=site.ngi, values={"name": "NEW"}, **WHY),
        "rename_site": lambda who: objects.rename_site(who, site=site, name="ROMA2", **WHY),
        "add_service": lambda who: objects.add_service(
            who, site=site, service_type=kind, hostname="se.example.org", values={}, **WHY
        ),
        "add_endpoint": lambda who: objects.add_endpoint(who, service=service, values={"name": "e"}, **WHY),
        "edit_endpoint": lambda who: objects.edit_endpoint(
            who, endpoint=endpoint, changes={"url": "https://x.example.org/"}, **WHY
        ),
        "close_endpoint": lambda who: objects.close_endpoint(who, endpoint=endpoint, **WHY),
        "add_service_type": lambda who: objects.add_service_type(who, values={"name": "org.new"}, **WHY),
        "edit_service_type": lambda who: objects.edit_service_type(
            who, service_type=kind, changes={"description": "d"}, **WHY
        ),
        "edit_service_group": lambda who: edit_service_group(who, group=group, changes={"description": "d"}, **WHY),
        "remove_member": lambda who: remove_member(who, group=group, service=service, **WHY),
        "close_service_group": lambda who: close_service_group(who, group=group, **WHY),
        "add_credential": lambda who: cred(site, who),
        "edit_credential": lambda who: edit_credential(who, credential=credential, changes={"may_write": True}, **WHY),
        "close_credential": lambda who: close_credential(who, credential=credential, **WHY),
        "set_properties": lambda who: set_properties(who, subject=endpoint, properties={"k": "v"}, **WHY),
    }


#: Who of the cast may do it: alice runs the site, manager the region; the operator may do everything, dave nothing.
ALLOWED = {
    "add_federation": "", "edit_federation": "", "add_ngi": "", "rename_ngi": "", "join_federation": "",
    "add_site": "manager", "rename_site": "alice manager", "add_service": "alice manager",
    "add_endpoint": "alice manager", "edit_endpoint": "alice manager", "close_endpoint": "alice manager",
    "add_service_type": "", "edit_service_type": "", "edit_service_group": "", "remove_member": "",
    "close_service_group": "", "add_credential": "alice manager", "edit_credential": "alice manager",
    "close_credential": "alice manager", "set_properties": "alice manager",
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("who", ["alice", "manager", "operator", "dave", "nobody"])
def test_who_may(name, who, site, alice, manager, operator, dave, told):
    actor = {"alice": alice, "manager": manager, "operator": operator, "dave": dave, "nobody": Actor()}[who]
    action = everything(site)[name]
    if who == "operator" or who in ALLOWED[name].split():
        done = action(actor)
        assert told
        if isinstance(done, Model):
            assert_recorded(done, actor)
    else:
        with pytest.raises(NotPermittedError, match="may not"):
            action(actor)
        assert told == []


@pytest.mark.parametrize("name", ALLOWED)
def test_it_asks_for_a_reason(name, site, operator, monkeypatch):
    monkeypatch.setitem(WHY, "reason", "  ")
    with pytest.raises(ValidationError, match="Say why"):
        everything(site)[name](operator)


def test_a_new_site_is_a_candidate_with_the_default_scope_and_a_country_of_the_list(site, manager, told):
    a_scope("EGI", is_default=True)
    values = {"name": "NAPOLI", "country_code": "it", "contact_email": "a@example.org; b@example.org", "tier": "2"}
    new = objects.add_site(manager, ngi=site.ngi, values=values, **WHY)
    new.refresh_from_db()
    assert (new.certification, new.certification_since, new.scopes) == ("Candidate", NOW, ["EGI"])
    assert (new.country_code, new.country, new.valid_from) == ("IT", "Italy", NOW)
    assert CertificationChange.objects.get(site=new).new == "Candidate"
    assert told == ["site.added"]
    with pytest.raises(ValidationError, match="A site of that name exists"):
        objects.add_site(manager, ngi=site.ngi, values=values, **WHY)


WRONG = [
    ("contact_email", "nobody", "is no e-mail address"),
    ("contact_email", "a@example.org b@example.org", "is no e-mail address"),
    ("alarm_email", "a@localhost", "is no e-mail address"),
    ("home_url", "javascript:alert(1)", "begin it with https:// or http://"),
    ("home_url", "https://exa mple.org", "begin it with"),
    ("home_url", "https://example.org:port/", "begin it with"),
    ("giis_url", "http://bdii.example.org", "begin it with ldap://"),
    ("contact_tel", "call me", "is no telephone number"),
    ("timezone", "Europe/Atlantis", "is no time zone"),
    ("country_code", "XX", "is no code of a country"),
    ("country", "Atlantis", "is no country"),
    ("domain", "not a domain!", "is no host name"),
    ("ip_range", "300.1.2.3/24", "is no IPv4 range"),
    ("ip_range", "2001:db8::/32", "is no IPv4 range"),
    ("ipv6_range", "192.0.2.0/24", "is no IPv6 range"),
    ("latitude", 91.0, "less than or equal to 90"),
    ("longitude", -181.0, "greater than or equal to -180"),
    ("latitude", float("nan"), "is no number"),
    ("official_name", "two\nlines", "in one"),
    ("description", "bell \x07", "control characters"),
    ("infrastructure", "Moon", "not a valid choice"),
    ("tier", "x" * 21, "at most 20 characters"),
    ("name", "", "cannot be blank"),
    ("nonsense", "x", "cannot be edited"),
]


@pytest.mark.parametrize(("field", "value", "message"), WRONG)
def test_it_rejects_a_site_with(site, manager, field, value, message):
    with pytest.raises(ValidationError) as raised:
        objects.add_site(manager, ngi=site.ngi, values={"name": "NEW", field: value}, **WHY)
    assert message in str(raised.value)
    assert not Site.objects.filter(name="NEW").exists()


RIGHT = {
    "contact_email": "Grid.Ops+1@sub.example-site.org , noc@example.org;",
    "home_url": "https://www.example.org:8443/grid?x=1",
    "giis_url": "ldap://bdii.example.org:2170/mds-vo-name=ROMA1,o=grid",
    "contact_tel": "+39 (06) 1234-567 ext 12",
    "timezone": "Europe/Rome",
    "domain": "example.org",
    "ip_range": "192.0.2.0/255.255.255.0, 198.51.100.0/24",
    "ipv6_range": "2001:db8::/32",
    "latitude": 41.9,
    "longitude": 12.5,
    "official_name": "\"><script>alert('Université')</script>",
    "description": "two\nlines",
    "emergency_email": "night@example.org",
}


def test_every_right_value_is_kept_as_it_is(site, alice):
    objects.edit_site(alice, site=site, changes=RIGHT, **WHY)
    site.refresh_from_db()
    assert {name: getattr(site, name) for name in RIGHT} == RIGHT


def test_a_place_has_both_coordinates(site, alice):
    with pytest.raises(ValidationError, match="both coordinates"):
        objects.edit_site(alice, site=site, changes={"latitude": 41.9}, **WHY)


def test_what_was_imported_wrongly_does_not_stop_an_edit_of_something_else(site, alice):
    Site.objects.filter(pk=site.pk).update(home_url="www.example.org", country="Holy Land", timezone="MET-1")
    changed = objects.edit_site(alice, site=site, changes={"tier": "1", "country_code": ""}, **WHY)
    assert (changed.tier, changed.country) == ("1", "Holy Land")


def test_a_site_is_renamed_and_keeps_its_key(site, alice, told):
    key = site.key
    assert objects.rename_site(alice, site=site, name=" ROMA-TIER2 ", **WHY).name == "ROMA-TIER2"
    assert Site.objects.get(key=key).name == "ROMA-TIER2"
    assert told == ["site.renamed"]
    a_site(name="TAKEN")
    with pytest.raises(ValidationError, match="A site of that name exists"):
        objects.rename_site(alice, site=site, name="TAKEN", **WHY)


def test_a_site_moves_where_both_regions_agree(site, manager, told):
    other = an_ngi(name="France", federation=site.ngi.federation)
    with pytest.raises(NotPermittedError):
        objects.move_site(manager, site=site, ngi=other, **WHY)
    RoleGrant.objects.create(user=manager.user, role="NGI Operations Manager", ngi=other)
    assert objects.move_site(manager, site=site, ngi=other, **WHY).ngi == other
    assert told == ["site.moved"]
    site.refresh_from_db()
    with pytest.raises(ValidationError, match="belongs to France already"):
        objects.move_site(manager, site=site, ngi=other, **WHY)


def test_a_site_with_a_reserved_scope_moves_only_where_that_is_borne(site, operator):
    a_scope("tier1", is_reserved=True)
    Ngi.objects.filter(pk=site.ngi_id).update(scopes=["tier1"])
    Site.objects.filter(pk=site.pk).update(scopes=["tier1"])
    site.refresh_from_db()
    with pytest.raises(ValidationError, match="which France does not bear"):
        objects.move_site(operator, site=site, ngi=an_ngi(name="France"), **WHY)
    assert objects.move_site(operator, site=site, ngi=an_ngi(name="Spain", scopes=["tier1"]), **WHY).ngi.name == "Spain"


def test_closing_a_site_closes_what_it_has(site, manager, told):
    service = a_service(of=site)
    endpoint, group = an_endpoint(of=service), a_service_group(service)
    credential = cred(site, manager)
    told.clear()
    closed: list[Any] = []

    def listen(closed_service: Any, **_: Any) -> None:
        closed.append(closed_service)

    topology_changed.connect(listen)
    objects.close_site(manager, site=site, **WHY)
    topology_changed.disconnect(listen)
    for row in (service, endpoint, credential, group.members.get()):
        row.refresh_from_db()
        assert row.valid_until == NOW
    site.refresh_from_db()
    assert (site.certification, site.valid_until) == ("Closed", None)
    assert told == ["certification.changed", "service.closed", "site.closed"]
    assert service in closed
    with pytest.raises(ValidationError, match="is closed"):
        objects.add_service(
            manager, site=site, service_type=a_service_type(), hostname="h.example.org", values={}, **WHY
        )


def test_a_type_on_a_host_belongs_to_one_site_and_the_refusal_says_which(site, alice):
    other = a_service(of=a_site(name="ELSEWHERE"), hostname="ce.example.org")
    new = {"site": site, "service_type": other.service_type, "values": {}}
    with pytest.raises(ValidationError, match="it belongs to ELSEWHERE"):
        objects.add_service(alice, hostname="CE.example.org", **new, **WHY)
    assert objects.add_service(alice, hostname="ce2.example.org", **new, **WHY).site == site


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hostname": "two words"}, "is no host name"),
        ({"hostname": ""}, "cannot be blank"),
        ({"url": "javascript:alert(1)"}, "javascript: is not allowed"),
        ({"url": " JavaScript :x"}, "is not allowed"),
        ({"url": "https://a b"}, "no blanks"),
        ({"host_dn": "host"}, "is no subject"),
        ({"host_ip": "1.2.3"}, "is no IPv4 address"),
        ({"host_ipv6": "192.0.2.1"}, "is no IPv6 address"),
        ({"email": "x"}, "is no e-mail"),
        ({"is_monitored": False}, "must be monitored"),
    ],
)
def test_it_rejects_a_service_with(site, alice, values, message):
    values = {"hostname": "h.example.org"} | values
    with pytest.raises(ValidationError) as raised:
        objects.add_service(
            alice, site=site, service_type=a_service_type(), hostname=values.pop("hostname"), values=values, **WHY
        )
    assert message in str(raised.value)


def test_an_endpoint_has_a_name_of_its_own_in_its_service(site, alice, told):
    service = a_service(of=site)
    endpoint = objects.add_endpoint(alice, service=service, values={"name": "main", "url": "gsiftp://se:2811/"}, **WHY)
    with pytest.raises(ValidationError, match="has an endpoint of that name"):
        objects.add_endpoint(alice, service=service, values={"name": "main"}, **WHY)
    seen = version_of(endpoint)
    objects.edit_endpoint(alice, endpoint=endpoint, changes={"is_monitored": True}, seen=seen, **WHY)
    with pytest.raises(ValidationError, match="Somebody was faster") as raised:
        objects.edit_endpoint(alice, endpoint=endpoint, changes={"name": "other"}, seen=seen, **WHY)
    assert raised.value.code == "conflict"
    objects.close_endpoint(alice, endpoint=endpoint, **WHY)
    assert told == ["endpoint.added", "endpoint.changed", "endpoint.closed"]
    assert Endpoint.objects.current().count() == 0
    with pytest.raises(ValidationError, match="was closed"):
        objects.close_endpoint(alice, endpoint=endpoint, **WHY)


def test_a_region_of_several_federations(operator):
    ngi, further = an_ngi(), a_federation(name="WLCG")
    membership = objects.join_federation(operator, ngi=ngi, federation=further, **WHY)
    for federation, message in ((further, "belongs to that federation already"), (ngi.federation, "own federation")):
        with pytest.raises(ValidationError, match=message):
            objects.join_federation(operator, ngi=ngi, federation=federation, **WHY)
    with pytest.raises(ValidationError, match="belong to WLCG"):
        objects.close_federation(operator, federation=further, **WHY)
    objects.leave_federation(operator, membership=membership, **WHY)
    objects.close_federation(operator, federation=further, **WHY)
    further.refresh_from_db()
    assert further.valid_until == NOW


def test_a_region_with_sites_is_not_closed(site, operator):
    with pytest.raises(ValidationError, match="ROMA1 among them"):
        objects.close_ngi(operator, ngi=site.ngi, **WHY)
    objects.close_site(operator, site=site, **WHY)
    assert objects.close_ngi(operator, ngi=site.ngi, **WHY).valid_until == NOW


@pytest.mark.parametrize("policy", [{"site": -1}, {"galaxy": 1}, {"site": "1"}, {"site": True}, [], {"site": 21}])
def test_it_rejects_minimum_scopes(operator, policy):
    with pytest.raises(ValidationError, match="Give a number from 0 to 20"):
        objects.edit_federation(operator, federation=a_federation(), changes={"minimum_scopes": policy}, **WHY)


def test_the_exception_of_a_service_type_stays_while_services_live_by_it(site, operator):
    kind = objects.add_service_type(operator, values={"name": "odd", "has_monitoring_exception": True}, **WHY)
    a_service(of=site, type="odd", is_monitored=False, hostname="odd.example.org")
    change = {"service_type": kind, "changes": {"has_monitoring_exception": False}}
    with pytest.raises(ValidationError, match=r"odd\.example\.org of ROMA1"):
        objects.edit_service_type(operator, **change, **WHY)
    Service.objects.update(is_monitored=True)
    assert not objects.edit_service_type(operator, **change, **WHY).has_monitoring_exception
    assert ServiceType.objects.get(name="odd").history.count() == 2


@pytest.mark.parametrize("name", ["", "two\nlines", "a/b", "CE;"])
def test_it_rejects_a_service_type_called(operator, name):
    with pytest.raises(ValidationError):
        objects.add_service_type(operator, values={"name": name}, **WHY)


def test_who_adds_a_service_group_administers_it(site, alice, dave, told):
    group = add_service_group(alice, values={"name": "PILOT", "email": "pilot@example.org"}, **WHY)
    assert RoleGrant.objects.get(service_group=group).role == ADMINISTRATOR
    service = a_service()  # of somebody else's site: groups go across sites
    add_member(alice, group=group, service=service, **WHY)
    with pytest.raises(ValidationError, match="in PILOT already"):
        add_member(alice, group=group, service=service, **WHY)
    with pytest.raises(NotPermittedError):
        add_member(dave, group=group, service=service, **WHY)
    with pytest.raises(NotPermittedError):
        add_service_group(dave, values={"name": "MINE"}, **WHY)
    with pytest.raises(ValidationError, match="A service group of that name"):
        add_service_group(alice, values={"name": "PILOT"}, **WHY)
    remove_member(alice, group=group, service=service, **WHY)
    with pytest.raises(ValidationError, match="is not in PILOT"):
        remove_member(alice, group=group, service=service, **WHY)
    close_service_group(alice, group=group, **WHY)
    assert told == [
        "service_group.added", "service_group.members_added", "service_group.member_removed", "service_group.closed",
    ]  # fmt: skip
    with pytest.raises(ValidationError, match="was closed"):
        add_member(alice, group=group, service=service, **WHY)
    assert ServiceGroup.objects.current().count() == 0


def test_a_closed_service_joins_no_group(alice, operator):
    with pytest.raises(ValidationError, match="choose a service that exists"):
        add_member(operator, group=a_service_group(), service=a_service(valid_until=NOW), **WHY)


def test_properties_are_set_whole_or_in_part_and_removed(site, alice):
    set_properties(alice, subject=site, properties={"A": "1", "B": "é <b>"}, **WHY)
    set_properties(alice, subject=site, properties={"B": "2", "C": "3"}, is_partial=True, **WHY)
    site.refresh_from_db()
    assert site.properties == {"A": "1", "B": "2", "C": "3"}
    remove_properties(alice, subject=site, keys=["A"], **WHY)
    with pytest.raises(ValidationError, match="has no property A"):
        remove_properties(alice, subject=site, keys=["A"], **WHY)
    assert set_properties(alice, subject=site, properties={"D": ""}, **WHY).properties == {"D": ""}
    assert_recorded(site, alice)


@pytest.mark.parametrize(
    "properties", [{"": "x"}, {"a=b": "x"}, {"a,b": ""}, {" a": ""}, {"a": "\x00"}, {"a": "x" * 4001}]
)
def test_it_rejects_properties(site, alice, properties):
    with pytest.raises(ValidationError) as raised:
        set_properties(alice, subject=site, properties=properties, **WHY)
    assert "properties" in raised.value.message_dict


def test_an_object_has_at_most_200_properties(site, alice):
    with pytest.raises(ValidationError, match="at most 200"):
        set_properties(alice, subject=site, properties={str(number): "" for number in range(201)}, **WHY)


def test_a_machine_changes_the_endpoints_of_its_site_only(site):
    robot = Actor(
        source="api",
        credential="/CN=robot",
        allows=frozenset({"registry.edit_service"}),
        limits=frozenset({f"site:{site.key}"}),
    )
    endpoint = objects.add_endpoint(robot, service=a_service(of=site), values={"name": "e"}, **WHY)
    assert endpoint.history.first().history_actor == "/CN=robot"
    for refused in (
        lambda: objects.add_endpoint(robot, service=a_service(), values={"name": "e"}, **WHY),
        lambda: cred(site, robot),
    ):
        with pytest.raises(NotPermittedError):
            refused()


@pytest.mark.parametrize(
    ("kind", "identifier", "message"),
    [
        ("X.509", "robot", "is no subject"),
        ("password", "/CN=x", "not a valid choice"),
        ("X.509", "", "cannot be blank"),
        ("X.509", "/DC=org/CN=robot", "knows that credential already"),
    ],
)
def test_it_rejects_a_credential(site, alice, kind, identifier, message):
    cred(site, alice)
    with pytest.raises(ValidationError, match=message):
        add_credential(alice, site=site, kind=kind, identifier=identifier, **WHY)


def test_two_who_edit_the_same_thing_are_told(site, operator):
    federation = Federation.objects.get()
    group, kind, credential = a_service_group(), a_service_type(), cred(site, operator)
    edits = [
        lambda **kw: objects.edit_federation(operator, federation=federation, **kw),
        lambda **kw: objects.edit_service_type(operator, service_type=kind, **kw),
        lambda **kw: edit_service_group(operator, group=group, **kw),
    ]
    for subject, edit in zip((federation, kind, group), edits, strict=True):
        seen = version_of(subject)
        edit(changes={"description": "mine"}, seen=seen, **WHY)
        with pytest.raises(ValidationError, match="operator changed"):
            edit(changes={"description": "yours"}, seen=seen, **WHY)
    seen = version_of(credential)
    edit_credential(operator, credential=credential, changes={"may_write": True}, seen=seen, **WHY)
    with pytest.raises(ValidationError, match="operator changed"):
        edit_credential(operator, credential=credential, changes={"may_write": False}, seen=seen, **WHY)
