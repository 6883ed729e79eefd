"""Pages about roles: who sees them, what is typed wrongly, and how many queries they take."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.registry.models import RequestState, RoleGrant, RoleRequest, Site
from gridkeeper.registry.role_actions import request_role
from tests.builders import a_service_group, a_site, a_user

pytestmark = pytest.mark.django_db
HOSTILE = '"><script>alert(1)</script>'
ADMIN = "Site Administrator"


@pytest.fixture
def site() -> Site:
    """manager may grant roles on it, alice may not, dave holds nothing."""
    site = a_site(name="ROMA1")
    RoleGrant.objects.create(user=a_user("manager"), role="Site Operations Manager", site=site)
    a_user("alice", site=site)
    a_user("dave")
    return site


@pytest.fixture
def as_(client):
    def sign_in(name: str):
        client.logout()
        assert not name or client.login(username=name, password=f"{name}-password")
        return client

    return sign_in


def a_request(site: Site, name: str = "dave", message: str = "please") -> RoleRequest:
    from gridkeeper.people.models import User

    user = User.objects.get(username=name)
    return request_role(Actor(user=user), role=ADMIN, on=site, message=message, now=timezone.now())


def url(name: str, *args: object, **query: str) -> str:
    return reverse(f"registry:{name}", args=args, query=query)


@pytest.mark.parametrize("name", ["role_own", "role_requests", "role_confirm"])
def test_pages_of_a_person_ask_for_the_sign_in(client, name):
    answer = client.get(url(name))
    assert answer.status_code == 302
    assert "login" in answer["Location"]


def test_everybody_reads_the_map(client):
    text = client.get(url("roles")).content.decode()
    assert "A site never certifies itself" in text
    assert "Declare and change downtimes" in text


def test_a_stranger_is_told_to_sign_in_and_learns_no_name(client, site):
    answer = client.get(url("role_why", action="edit_site", object="ROMA1"))
    assert "you are not signed in" in answer.content.decode()
    assert b"manager" not in answer.content


def test_only_those_who_read_personal_data_ask_why_of_others(as_, site):
    asked = {"action": "edit_site", "object": f"site:{site.key}", "person": "manager"}
    own = as_("dave").get(url("role_why", **asked)).context["found"]
    assert (own.user.username, own.is_allowed) == ("dave", False)
    other = as_("alice").get(url("role_why", **asked)).context["found"]
    assert (other.user.username, other.is_allowed) == ("manager", True)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"action": "fly"}, "action"),
        ({"action": ""}, "action"),
        ({"action": "edit_site"}, "object"),
        ({"action": "edit_site", "object": HOSTILE}, "object"),
        ({"action": "edit_site", "object": "x\0y"}, "object"),
        ({"action": "edit_site", "object": "ngi:ROMA1"}, "object"),
        ({"action": "edit_ngi", "object": "ROMA1"}, "object"),
        ({"action": "edit_site", "object": "ROMA1", "person": HOSTILE}, "person"),
    ],
)
def test_what_cannot_be_explained_is_said_beside_the_field(as_, site, asked, field):
    answer = as_("alice").get(url("role_why", **asked))
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert b"<script>alert" not in answer.content


def test_a_role_is_asked_for_on_each_kind_of_object(as_, site):
    group = a_service_group()
    for level, on in (("site", site), ("ngi", site.ngi), ("federation", site.ngi.federation), ("service_group", group)):
        address = url("role_request", level, on.key)
        role = as_("dave").get(address).context["form"].fields["role"].choices[0][0]
        assert as_("dave").post(address, {"role": role, "message": HOSTILE}).status_code == 302
    assert RoleRequest.objects.filter(state=RequestState.PENDING).count() == 4
    assert as_("dave").get(url("role_request", "moon", site.key)).status_code == 404
    assert b"<script>alert" not in as_("manager").get(url("role_requests")).content


def test_a_request_twice_keeps_the_input_and_says_so(as_, site):
    a_request(site)
    answer = as_("dave").post(url("role_request", "site", site.key), {"role": ADMIN, "message": "again"})
    assert answer.status_code == 422
    assert "asked for that role already" in answer.content.decode()
    assert ">again<" in answer.content.decode().replace("\n", "")


@pytest.mark.parametrize(("name", "status"), [("manager", 200), ("alice", 403), ("dave", 403), ("", 302)])
def test_a_request_is_shown_to_those_who_decide(as_, site, name, status):
    assert as_(name).get(url("role_decide", a_request(site).key)).status_code == status


def test_a_decision_is_taken_once(as_, site):
    address = url("role_decide", a_request(site).key)
    assert as_("manager").post(address, {"decision": "reject", "reason": "no"}).status_code == 302
    answer = as_("manager").post(address, {"decision": "grant", "reason": "yes"})
    assert answer.status_code == 422
    assert "rejected already" in answer.content.decode()
    assert not RoleGrant.objects.filter(user__username="dave").exists()


def test_only_the_one_who_asked_withdraws(as_, site):
    address = url("role_withdraw", a_request(site).key)
    assert as_("manager").post(address).status_code == 403
    assert as_("dave").post(address).status_code == 302
    assert RoleRequest.objects.get().state == RequestState.WITHDRAWN


def test_roles_are_confirmed_by_ticking_them(as_, site):
    alice = RoleGrant.objects.get(user__username="alice")
    own = RoleGrant.objects.get(user__username="manager")
    address = url("role_confirm")
    assert as_("manager").post(address, {}).status_code == 422
    assert as_("manager").post(address, {"grants": [own.pk]}).status_code == 422  # nobody confirms their own
    assert as_("dave").post(address, {"grants": [alice.pk]}).status_code == 422
    assert as_("manager").post(address, {"grants": [alice.pk]}).status_code == 302
    alice.refresh_from_db()
    assert alice.confirmed_at is not None


def test_a_role_is_delegated_for_a_time(as_, site):
    own = RoleGrant.objects.get(user__username="manager")
    begins = timezone.now().replace(second=0, microsecond=0)
    typed = {"to": "dave", "reason": "holidays", "starts_at": f"{begins:%Y-%m-%dT%H:%M}"}
    too_long = typed | {"expires_at": f"{begins + timedelta(days=90):%Y-%m-%dT%H:%M}"}
    assert as_("alice").get(url("role_delegate", own.pk)).status_code == 403
    refused = as_("manager").post(url("role_delegate", own.pk), too_long)
    assert "At most 60 days" in str(refused.context["form"].errors["expires_at"])
    right = typed | {"expires_at": f"{begins + timedelta(days=9):%Y-%m-%dT%H:%M}"}
    assert as_("manager").post(url("role_delegate", own.pk), right).status_code == 302
    assert as_("dave").get(url("role_grant", "site", site.key)).status_code == 200


def test_lists_take_few_queries_whatever_their_length(as_, site, django_assert_max_num_queries):
    for number in range(12):
        person = a_user(f"person{number}")
        RoleGrant.objects.create(user=person, role=ADMIN, site=site)
        role, on = ("Regional Staff (ROD)", site.ngi) if number % 2 else ("Site Security Officer", site)
        request_role(Actor(user=person), role=role, on=on, message="", now=timezone.now())
    browser = as_("manager")
    with django_assert_max_num_queries(12):
        browser.get(url("role_requests"))
    with django_assert_max_num_queries(12):
        browser.get(url("role_own"))
