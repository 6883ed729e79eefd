import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import RoleGrant
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.roles import ROLES, roles_of, roles_that_may
from tests.builders import a_downtime, a_federation, a_service, a_service_group, a_site, a_user, an_ngi

pytestmark = pytest.mark.django_db

SITE_ROLES = roles_of("site")
NGI_ROLES = roles_of("ngi")
MANAGERS = ["NGI Security Officer", "NGI Operations Deputy Manager", "NGI Operations Manager"]
FEDERATION_ROLES = roles_of("federation")

#: registry.md section 4: permission -> who has it, by level of the role.
EXPECTED = {
    "edit_site": SITE_ROLES + NGI_ROLES,
    "edit_service": SITE_ROLES + NGI_ROLES,
    "close_service": SITE_ROLES + NGI_ROLES,
    "declare_downtime": SITE_ROLES + NGI_ROLES,
    "edit_ngi": NGI_ROLES,
    "change_certification": MANAGERS + FEDERATION_ROLES,
    "grant_site_role": [role for role in SITE_ROLES if role != "Site Administrator"] + MANAGERS,
    "grant_ngi_role": MANAGERS + FEDERATION_ROLES,
    "grant_federation_role": FEDERATION_ROLES,
}


def an_actor(role: str, **on) -> Actor:
    user = User.objects.create_user(username=f"holder of {role}")
    RoleGrant.objects.create(user=user, role=role, **on)
    return Actor(user=user)


def test_there_are_four_site_five_region_and_four_federation_roles():
    assert (len(SITE_ROLES), len(NGI_ROLES), len(FEDERATION_ROLES)) == (4, 5, 4)


@pytest.mark.parametrize("permission", EXPECTED)
def test_the_table_says_what_the_rules_say(permission):
    allowed = [name for name, role in ROLES.items() if permission in role.permissions]
    assert sorted(allowed) == sorted(EXPECTED[permission])


def test_no_site_certifies_itself():
    assert roles_that_may("change_certification", "site") == []


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("permission", ["edit_site", "declare_downtime", "change_certification"])
def test_a_role_reaches_what_lies_below_its_object_and_nothing_else(role, permission):
    mine, other = a_site(), a_site()
    on = {"site": mine, "ngi": mine.ngi, "federation": a_federation(), "service_group": a_service_group()}
    level = ROLES[role].level
    actor = an_actor(role, **{level: on[level]})
    may = permission in ROLES[role].permissions and level != "service_group"
    assert is_permitted(actor, f"registry.{permission}", mine) is may
    # both sites are of one federation, in two regions
    assert is_permitted(actor, f"registry.{permission}", other) is (may and level == "federation")
    assert mine in sites_where(actor, permission) or not may
    assert other not in sites_where(actor, permission) or level == "federation"


@pytest.mark.parametrize("role", SITE_ROLES)
def test_a_role_held_on_the_wrong_level_is_nothing(role):
    site = a_site()
    actor = an_actor(role, ngi=site.ngi)
    assert not is_permitted(actor, "registry.edit_site", site)
    assert not sites_where(actor, "edit_site").exists()


def test_an_unknown_role_is_nothing():
    site = a_site()
    assert not is_permitted(an_actor("Emperor", site=site), "registry.edit_site", site)


@pytest.mark.parametrize(
    "permission", ["edit_site", "edit_service", "close_service", "declare_downtime", "change_certification",
                   "change_downtime", "grant_role", "edit_ngi"]
)  # fmt: skip
def test_strangers_may_nothing(permission):
    service = a_service()
    downtime = a_downtime(service)
    for actor in (Actor(), Actor(user=a_user("nobody")), Actor(user=User(username="off", is_active=False))):
        for subject in (service, service.site, service.site.ngi, downtime, None, "a string"):
            assert not is_permitted(actor, f"registry.{permission}", subject)
        assert not sites_where(actor, permission).exists()


def test_a_superuser_and_the_installation_may_all():
    site = a_site()
    for actor in (Actor.system(), Actor(user=User.objects.create_superuser("admin"))):
        assert is_permitted(actor, "registry.change_certification", site)
        assert site in sites_where(actor, "change_certification")


def test_a_token_without_the_scope_sees_no_site():
    site = a_site()
    alice = a_user("alice", site=site)
    assert site in sites_where(Actor(user=alice, scopes=frozenset({"registry"})), "edit_site")
    assert not sites_where(Actor(user=alice, scopes=frozenset({"probes"})), "edit_site").exists()


def test_a_downtime_is_changed_by_who_manages_every_service_of_it():
    ngi = an_ngi()
    mine, other = a_service(of=a_site(ngi=ngi)), a_service(of=a_site(ngi=ngi))
    both = a_downtime(mine, other)
    alice, bob = a_user("alice", site=mine.site), a_user("bob", ngi=ngi)
    assert is_permitted(Actor(user=alice), "registry.change_downtime", a_downtime(mine))
    assert not is_permitted(Actor(user=alice), "registry.change_downtime", both)
    assert is_permitted(Actor(user=bob), "registry.change_downtime", both)
