"""Client certificates as a proxy tells of them."""

from ipaddress import ip_network

import pytest
from django.utils import timezone

from gridkeeper.people.models import Identity, IdentityKind, User
from tests.builders import a_user

ALICE = "/DC=org/DC=example/CN=Alice Rossi"
BY_NGINX = "CN=Alice Rossi,DC=example,DC=org"


@pytest.fixture
def proxy(settings, db):
    """Whoever connects from 127.0.0.0/30 is our proxy."""
    changes = {
        "client_dn_header": "X-Client-Subject", "client_verify_header": "X-Client-Verify",
        "trusted_proxies": [ip_network("127.0.0.0/30"), ip_network("fd00::/8")],
    }  # fmt: skip
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


def _headers(subject=BY_NGINX, verify="SUCCESS"):
    return {"X-Client-Subject": subject, "X-Client-Verify": verify}


def _linked(user, identifier=ALICE):
    now = timezone.now()
    return Identity.objects.create(
        user=user, kind=IdentityKind.X509, identifier=identifier, added_at=now, confirmed_at=now
    )


def _sign_in(client, headers=None, **extra):
    return client.post("/accounts/certificate/", headers=headers or _headers(), **extra)


def _user_of(client):
    return int(client.session.get("_auth_user_id", 0))


@pytest.mark.parametrize("stored", [ALICE, BY_NGINX, "CN=Alice Rossi, DC=example, DC=org"])
@pytest.mark.parametrize("sent", [ALICE, BY_NGINX])
@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "fd00::7"])
def test_the_proxy_signs_in_whom_it_has_verified(client, proxy, stored, sent, address):
    alice = a_user("alice")
    _linked(alice, stored)
    assert _sign_in(client, _headers(sent), REMOTE_ADDR=address)["Location"] == "/"
    assert _user_of(client) == alice.pk


@pytest.mark.parametrize("address", ["127.0.0.9", "192.0.2.1", "::1", "", "unix:"])
def test_headers_from_anybody_else_are_forged(client, proxy, address):
    _linked(a_user("alice"))
    answer = _sign_in(client, REMOTE_ADDR=address)
    assert answer.status_code == 403
    assert "for our proxy alone" in answer.content.decode()
    assert not _user_of(client)
    assert client.get("/api/v1/tokens", headers=_headers(), REMOTE_ADDR=address).status_code == 401


@pytest.mark.parametrize(
    ("subject", "verify", "words"),
    [
        (BY_NGINX, "FAILED:certificate has expired", "has expired; renew it"),
        (BY_NGINX, "FAILED:unable to verify the first certificate", "use one of a CA"),
        (BY_NGINX, "", "not verified"),
        (BY_NGINX, "GENEROUS", "not verified"),
        ("nonsense", "SUCCESS", "cannot be read"),
        ("", "SUCCESS", "cannot be read"),
        ("", "NONE", "has shown no certificate"),
        (BY_NGINX, "NONE", "has shown no certificate"),
    ],
)
def test_what_was_not_verified_is_refused_with_its_reason(client, proxy, subject, verify, words):
    _linked(a_user("alice"))
    answer = _sign_in(client, _headers(subject, verify))
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert not _user_of(client)


@pytest.mark.django_db
def test_it_is_off_unless_configured(client):
    _linked(a_user("alice"))
    assert _sign_in(client).status_code == 404
    assert "certificate" not in client.get("/accounts/login/").content.decode()
    assert client.get("/api/v1/tokens", headers=_headers()).status_code == 401


def test_pages_do_not_sign_in_by_themselves(client, proxy):
    _linked(a_user("alice"))
    assert client.get("/registry/sites/", headers=_headers()).status_code == 200
    assert not _user_of(client)
    page = client.get("/accounts/certificate/", headers=_headers()).content.decode()
    assert ALICE in page
    assert not _user_of(client)


def test_a_stranger_with_a_good_certificate_makes_an_account_without_roles(client, proxy):
    assert _sign_in(client)["Location"] == "/accounts/welcome/"
    client.post("/accounts/welcome/")
    user = User.objects.get()
    assert user.username == "alice.rossi"
    assert [str(identity) for identity in user.identities.all()] == [f"X.509 {ALICE}"]
    client.post("/accounts/logout/")
    assert _sign_in(client)["Location"] == "/"
    assert _user_of(client) == user.pk
