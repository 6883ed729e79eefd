"""Who may ask what: the two levels, every kind of identity, and personal data by role only."""

import base64
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from gridkeeper.api.gocdb.methods import ACCESS_TEST, METHODS
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token, revoke_token
from gridkeeper.registry.models import ApiCredential, CredentialKind
from tests.api.gocdb.asking import PRIVATE, PUBLIC, address, ask, refused
from tests.builders import ERA, a_site, a_user

pytestmark = pytest.mark.django_db

LEVEL_1 = {
    "get_site_list", "get_site_count_per_country", "get_roc_list", "get_subgrid_list", "get_service",
    "get_service_endpoint", "get_service_types", "get_downtime", "get_downtime_nested_services",
    "get_downtime_to_broadcast",
}  # fmt: skip
PERSONAL = {"get_site_contacts", "get_roc_contacts", "get_service_group_role", "get_user", "get_project_contacts"}
ALL = [*METHODS, ACCESS_TEST]
SUBJECT = "/DC=org/DC=example/CN=robot.example.org"


def status(client, method, at=PRIVATE, **headers):
    answer = client.get(address(method, at), headers=headers)
    answer.getvalue()
    return answer.status_code


def token_of(user, **values):
    given = {"name": "t", "scopes": ["registry"], "expires_at": None, "now": timezone.now()} | values
    return create_token(Actor.system(), user=user, **given)


@pytest.mark.parametrize("at", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("method", ALL)
def test_nobody_reads_level_1_alone(client, method, at):
    assert status(client, method, at) == (200 if method in LEVEL_1 else 403)


@pytest.mark.parametrize("at", [PUBLIC, PRIVATE])
@pytest.mark.parametrize("method", ALL)
def test_somebody_reads_level_2_without_people(reader, method, at):
    assert status(reader, method, at) == (403 if method in PERSONAL else 200)


@pytest.mark.parametrize("method", sorted(PERSONAL))
def test_a_role_that_allows_it_reads_people(method):
    client = Client()
    client.force_login(a_user("ann", site=a_site()))

    assert status(client, method) == 200


def test_the_refusal_says_what_to_do(client, reader):
    assert "Bearer TOKEN" in refused(client, "get_site", PRIVATE)[1]
    assert "may not read personal data" in refused(reader, "get_user", PRIVATE)[1]


def test_where_nobody_reads_unknown_level_1_asks_for_an_identity_too(client, reader, settings):
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update={"public_reading": False})):
        assert refused(client, "get_site_list")[0] == 403
        assert status(reader, "get_site_list") == 200


def test_a_token_is_an_identity_as_bearer_and_as_basic(client):
    user = a_user("ann", site=a_site())
    _, secret = token_of(user)
    basic = base64.b64encode(f"x:{secret}".encode()).decode()

    for header in (f"Bearer {secret}", f"Basic {basic}"):
        answer = client.get(address(ACCESS_TEST, PRIVATE), headers={"authorization": header})
        assert answer.status_code == 200
        assert b'<results identifier="ann">' in answer.content
        assert status(client, "get_user", authorization=header) == 200


def test_a_forged_expired_or_revoked_token_is_none(client):
    user = User.objects.create_superuser("admin", password="admin-password")
    now = timezone.now()
    _, expired = token_of(user, now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    revoked, secret = token_of(user)
    revoke_token(Actor.system(), token=revoked, now=now)

    for wrong in (f"Bearer {expired}", f"Bearer {secret}", "Bearer gk_forged", "Bearer", "Basic ???", "Digest x"):
        assert status(client, "get_site", authorization=wrong) == 403


def test_a_token_of_other_scope_or_of_one_site_reads_no_people(client):
    site = a_site()
    user = a_user("ann", site=site)
    _, elsewhere = token_of(user, scopes=["probes"])

    assert status(client, "get_site", authorization=f"Bearer {elsewhere}") == 200
    assert status(client, "get_user", authorization=f"Bearer {elsewhere}") == 403


@pytest.fixture
def behind_proxy(settings):
    """A proxy on this machine that has verified the certificate and says whose it is."""
    values = {
        "client_dn_header": "X-Client-Dn", "client_verify_header": "X-Client-Verify",
        "trusted_proxies": [ip_network("127.0.0.1/32")],
    }  # fmt: skip
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update=values)):
        yield {"x-client-dn": SUBJECT, "x-client-verify": "SUCCESS"}


def test_a_certificate_of_a_person_is_an_identity(client, behind_proxy):
    person = a_user("ann", site=a_site())
    person.identities.create(kind="X.509", identifier=SUBJECT, added_at=ERA, confirmed_at=ERA)
    answer = client.get(address(ACCESS_TEST, PRIVATE), headers=behind_proxy)

    assert f'identifier="{SUBJECT}"'.encode() in answer.content
    assert status(client, "get_user", **behind_proxy) == 200


def test_a_machine_that_a_site_has_named_reads_level_2_without_people(client, behind_proxy):
    machine = ApiCredential.objects.create(site=a_site(), kind=CredentialKind.X509, identifier=SUBJECT, valid_from=ERA)

    for method in ALL:
        assert status(client, method, **behind_proxy) == (403 if method in PERSONAL else 200), method
    machine.refresh_from_db()
    assert machine.last_used_at is not None


def test_a_certificate_that_nobody_knows_or_that_was_not_verified_is_none(client, behind_proxy):
    ApiCredential.objects.create(
        site=a_site(), kind=CredentialKind.X509, identifier=SUBJECT, valid_from=ERA, valid_until=ERA
    )

    assert status(client, "get_site", **behind_proxy) == 403
    assert status(client, "get_site", **behind_proxy | {"x-client-verify": "FAILED:certificate has expired"}) == 403


def test_a_header_of_a_certificate_means_nothing_unless_it_is_configured(client):
    ApiCredential.objects.create(site=a_site(), kind=CredentialKind.X509, identifier=SUBJECT, valid_from=ERA)

    assert status(client, "get_site", **{"x-client-dn": SUBJECT, "x-client-verify": "SUCCESS"}) == 403


def test_signing_in_shows_the_name_of_the_account(reader):
    assert ask(reader, ACCESS_TEST, PRIVATE).get("identifier") == "reader"
    assert refused(reader, ACCESS_TEST, PRIVATE, next_cursor="x")[0] == 400
