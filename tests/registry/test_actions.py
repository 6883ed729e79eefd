from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry import actions
from gridkeeper.registry.models import CertificationChange, RoleGrant, Service, Site
from gridkeeper.registry.signals import topology_changed
from tests.builders import NOW, a_service, a_service_type, a_site, a_user, an_endpoint, an_ngi

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard():
    """What listeners to topology_changed are told."""
    told = []

    def listen(**kwargs):
        told.append(kwargs)

    topology_changed.connect(listen)
    yield told
    topology_changed.disconnect(listen)


@pytest.fixture
def alice() -> Actor:
    return Actor(user=a_user("alice", site=a_site(name="ALICES")), source="web", address="192.0.2.7")


def alices_site() -> Site:
    return Site.objects.get(name="ALICES")


def a_manager(site: Site) -> Actor:
    user = User.objects.create_user("manager")
    RoleGrant.objects.create(user=user, role="NGI Operations Manager", ngi=site.ngi)
    return Actor(user=user)


def test_a_change_is_kept_with_who_why_and_from_where(alice, heard):
    site = actions.edit_site(
        alice, site=alices_site(), changes={"official_name": "Alice's centre"}, reason="new name", now=NOW
    )
    assert alices_site().official_name == "Alice's centre"
    record = site.history.first()
    assert (record.history_user, record.history_change_reason) == (alice.user, "new name")
    assert (record.history_source, record.history_address) == ("web", "192.0.2.7")
    assert [item["since"] for item in heard] == [NOW]


def test_an_edit_that_changes_nothing_leaves_no_record(alice, heard):
    before = alices_site().history.count()
    actions.edit_site(alice, site=alices_site(), changes={"tier": ""}, reason="none", now=NOW)
    assert alices_site().history.count() == before
    assert heard == []


@pytest.mark.parametrize("field", ["name", "key", "certification", "ngi", "ngi_id", "valid_until", "pk", "nonsense"])
def test_it_rejects_an_edit_of(alice, field):
    with pytest.raises(ValidationError, match="cannot be edited"):
        actions.edit_site(alice, site=alices_site(), changes={field: "x"}, reason="because", now=NOW)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"latitude": 91.0}, "latitude"), ({"infrastructure": "Moon"}, "infrastructure"), ({"tier": "x" * 21}, "tier")],
)
def test_it_rejects_an_edit_to_what_cannot_be(alice, changes, field):
    with pytest.raises(ValidationError) as raised:
        actions.edit_site(alice, site=alices_site(), changes=changes, reason="because", now=NOW)
    assert field in raised.value.message_dict
    assert alices_site().latitude is None


def test_it_rejects_an_edit_without_a_reason(alice):
    with pytest.raises(ValidationError) as raised:
        actions.edit_site(alice, site=alices_site(), changes={"tier": "2"}, reason=" ", now=NOW)
    assert "reason" in raised.value.message_dict


def test_the_second_of_two_editors_is_told_and_overwrites_nothing(alice):
    seen = actions.version_of(alices_site())
    actions.edit_site(alice, site=alices_site(), changes={"tier": "1"}, reason="first", now=NOW, seen=seen)
    with pytest.raises(ValidationError, match="Somebody was faster: alice changed ALICES"):
        actions.edit_site(alice, site=alices_site(), changes={"tier": "2"}, reason="second", now=NOW, seen=seen)
    assert alices_site().tier == "1"


def test_somebody_elses_site_is_out_of_reach(alice):
    other = a_site()
    with pytest.raises(NotPermittedError):
        actions.edit_site(alice, site=other, changes={"tier": "1"}, reason="mine now", now=NOW)


def test_a_region_is_edited_by_its_staff():
    ngi = an_ngi()
    bob = Actor(user=a_user("bob", ngi=ngi))
    assert (
        actions.edit_ngi(bob, ngi=ngi, changes={"description": "North"}, reason="said so", now=NOW).description
        == "North"
    )
    with pytest.raises(NotPermittedError):
        actions.edit_ngi(bob, ngi=an_ngi(), changes={"description": "South"}, reason="said so", now=NOW)


@pytest.mark.parametrize(("has_exception", "is_fine"), [(False, False), (True, True)])
def test_a_service_in_production_is_monitored_unless_its_type_is_excepted(alice, has_exception, is_fine):
    kind = a_service_type("Odd")
    kind.has_monitoring_exception = has_exception
    kind.save()
    service = a_service(of=alices_site(), type="Odd")
    attempt = {"service": service, "changes": {"is_monitored": False}, "reason": "quiet", "now": NOW}
    if is_fine:
        assert not actions.edit_service(alice, **attempt).is_monitored
    else:
        with pytest.raises(ValidationError) as raised:
            actions.edit_service(alice, **attempt)
        assert "is_monitored" in raised.value.message_dict
        assert Service.objects.get(pk=service.pk).is_monitored


def test_a_closed_service_keeps_its_history_and_takes_no_change(alice, heard):
    service = a_service(of=alices_site())
    endpoint = an_endpoint(of=service)
    closed = actions.close_service(alice, service=service, reason="machine is gone", now=NOW)
    endpoint.refresh_from_db()
    assert closed.valid_until == endpoint.valid_until == NOW
    assert heard[0]["closed_service"] == service
    with pytest.raises(ValidationError, match="was closed"):
        actions.close_service(alice, service=service, reason="again", now=NOW)
    with pytest.raises(ValidationError, match="was closed"):
        actions.edit_service(alice, service=service, changes={"url": "x"}, reason="again", now=NOW)
    # type and host are free again
    assert a_service(of=alices_site(), hostname=service.hostname).pk != service.pk


def test_a_step_of_certification_is_kept_twice_in_the_log_and_in_the_history(alice, heard):
    site = alices_site()
    manager = a_manager(site)
    actions.change_certification(manager, site=site, new="Suspended", reason="r" * 300, now=NOW, old="Certified")
    site.refresh_from_db()
    assert (site.certification, site.certification_since) == ("Suspended", NOW)
    change = CertificationChange.objects.get()
    assert (change.old, change.new, change.changed_by) == ("Certified", "Suspended", "manager")
    assert change.reason == "r" * 300
    assert site.history.first().history_user == manager.user
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("new", "old", "match"),
    [
        ("Candidate", None, "may become"),
        ("Certified", None, "may become"),
        ("Golden", None, "is not a certification"),
        ("Suspended", "Uncertified", "Somebody was faster"),
    ],
)
def test_it_rejects_a_step_of_certification(alice, new, old, match):
    site = alices_site()
    with pytest.raises(ValidationError, match=match):
        actions.change_certification(a_manager(site), site=site, new=new, reason="because", now=NOW, old=old)
    assert not CertificationChange.objects.exists()


def test_it_rejects_the_same_step_of_certification_again_at_the_same_instant(alice):
    site = alices_site()
    manager = a_manager(site)
    for new in ("Suspended", "Uncertified", "Certified"):
        actions.change_certification(manager, site=site, new=new, reason="because", now=NOW)
    with pytest.raises(ValidationError, match="send the step again"):
        actions.change_certification(manager, site=site, new="Suspended", reason="because", now=NOW)
    site.refresh_from_db()
    assert site.certification == "Certified"
    later = NOW + timedelta(microseconds=1)
    actions.change_certification(manager, site=site, new="Suspended", reason="because", now=later)
    assert site.certification_changes.values_list("new", flat=True).first() == "Suspended"


def test_a_site_cannot_certify_itself(alice):
    with pytest.raises(NotPermittedError):
        actions.change_certification(alice, site=alices_site(), new="Uncertified", reason="we are good", now=NOW)


def test_roles_are_granted_once_and_given_back(alice):
    site, carol = alices_site(), a_user("carol")
    manager = a_manager(site)
    grant = actions.grant_role(manager, user=carol, role="Site Administrator", on=site, reason="new", now=NOW)
    assert grant.history.get().history_user == manager.user
    with pytest.raises(ValidationError):
        actions.grant_role(manager, user=carol, role="Site Administrator", on=site, reason="twice", now=NOW)
    actions.revoke_role(Actor(user=carol), grant=grant, reason="too much work", now=NOW)
    assert not RoleGrant.objects.filter(user=carol).exists()
    with pytest.raises(ValidationError, match="revoked already"):
        actions.revoke_role(manager, grant=grant, reason="again", now=NOW)


def test_a_role_of_another_level_cannot_be_granted(alice):
    site = alices_site()
    with pytest.raises(ValidationError, match="cannot be held there"):
        actions.grant_role(
            a_manager(site), user=alice.user, role="NGI Operations Manager", on=site, reason="up", now=NOW
        )


def test_a_plain_administrator_grants_nothing_and_takes_nothing(alice):
    site, carol = alices_site(), a_user("carol")
    with pytest.raises(NotPermittedError):
        actions.grant_role(alice, user=carol, role="Site Administrator", on=site, reason="friend", now=NOW)
    grant = RoleGrant.objects.create(user=carol, role="Site Administrator", site=site)
    with pytest.raises(NotPermittedError):
        actions.revoke_role(alice, grant=grant, reason="foe", now=NOW)
