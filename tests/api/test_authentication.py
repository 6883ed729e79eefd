import base64
from datetime import timedelta
from ipaddress import ip_network

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Identity, Token
from gridkeeper.people.tokens import create_token
from gridkeeper.registry.models import ApiCredential
from tests.builders import ERA, a_site, a_user
from tests.oidc_issuer import CLIENT, running_issuer

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret():
    now = timezone.now()
    return create_token(
        Actor.system(), user=a_user("alice"), name="robot", scopes=["registry"], expires_at=now + timedelta(days=1),
        now=now,
    )[1]  # fmt: skip


def _basic(password):
    return "Basic " + base64.b64encode(f"anything:{password}".encode()).decode()


def test_a_token_is_accepted_as_bearer_and_as_the_password_of_basic(client, secret):
    for header in (f"Bearer {secret}", _basic(secret)):
        assert client.get("/api/v1/tokens", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("header", ["Bearer gk_wrong", "Bearer ", _basic("wrong"), "Basic %%%", "Digest x", "Bearer"])
def test_wrong_credentials_are_refused_even_where_reading_is_public(client, header):
    answer = client.get("/api/v1/tokens", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert "Bearer" in answer["WWW-Authenticate"]


def test_an_anonymous_caller_changes_nothing(client):
    answer = client.post("/api/v1/tokens", {"name": "x", "scopes": ["probes"]}, content_type="application/json")
    assert answer.status_code == 401
    assert Token.objects.count() == 0


def test_a_session_needs_the_csrf_token_to_change_something(django_user_model):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(a_user("alice"))
    body = {"name": "x", "scopes": ["probes"]}
    assert client.post("/api/v1/tokens", body, content_type="application/json").status_code == 403
    client.cookies["csrftoken"] = "a" * 32
    headers = {"X-CSRFToken": "a" * 32}
    answer = client.post("/api/v1/tokens", body, content_type="application/json", headers=headers)
    assert answer.status_code == 201
    assert answer.json()["secret"].startswith("gk_")


def test_a_person_sees_and_revokes_only_their_own_tokens(client, secret):
    other = Token.objects.get()
    client.force_login(a_user("bob"))
    assert client.get("/api/v1/tokens").json()["count"] == 0
    assert client.delete(f"/api/v1/tokens/{other.pk}").status_code == 404
    assert Token.objects.get().revoked_at is None


def test_a_token_cannot_make_another(client, secret):
    body = {"name": "x", "scopes": ["*"]}
    headers = {"Authorization": f"Bearer {secret}"}
    answer = client.post("/api/v1/tokens", body, content_type="application/json", headers=headers)
    assert answer.status_code == 403


def test_bad_bodies_are_answered_with_the_field_and_what_to_do(client):
    client.force_login(a_user("alice"))
    answer = client.post("/api/v1/tokens", {"name": "x", "scopes": ["nonsense"]}, content_type="application/json")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "scopes"
    answer = client.post("/api/v1/tokens", "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_path_that_names_nothing_is_a_problem_too(client):
    assert client.get("/api/v1/tokens/999999").status_code in {404, 405}


# ---- by certificate, and by a token of the OpenID Connect issuer ----

ROBOT = "/DC=org/DC=example/CN=robot/ce.example.org"


@pytest.fixture
def proxy(settings):
    changes = {
        "client_dn_header": "X-Client-Subject", "client_verify_header": "X-Client-Verify",
        "trusted_proxies": [ip_network("127.0.0.1")],
    }  # fmt: skip
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


@pytest.fixture
def issuer(settings):
    with running_issuer() as running:
        changes = {"oidc_issuer": running.url, "oidc_client_id": CLIENT, "oidc_audiences": ["gridkeeper-api"]}
        settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)
        yield running


def _shown(subject=ROBOT):
    return {"X-Client-Subject": subject, "X-Client-Verify": "SUCCESS"}


def _linked(user, **fields):
    now = timezone.now()
    return Identity.objects.create(user=user, added_at=now, confirmed_at=now, **fields)


def _bearer(issuer, **changes):
    token = issuer.token(**{"audience": "gridkeeper-api", "now": timezone.now()} | changes)
    return {"Authorization": f"Bearer {token}"}


def test_a_linked_certificate_is_a_person_who_may_what_their_roles_allow(client, proxy):
    site = a_site()
    alice = a_user("alice", site=site)
    _linked(alice, kind="X.509", identifier=ROBOT)
    assert client.get("/api/v1/tokens", headers=_shown()).status_code == 200
    answer = client.post("/api/v1/tokens", {"name": "x", "scopes": ["*"]}, "application/json", headers=_shown())
    assert answer.status_code == 403, "only a session makes tokens"


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example.org"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_sites_page_cannot_use_the_certificate_of_a_browser(client, proxy, headers):
    _linked(a_user("alice"), kind="X.509", identifier=ROBOT)
    answer = client.post("/api/v1/tokens", "{}", "text/plain", headers=_shown() | headers)
    assert answer.status_code == 401
    assert "another site's page" in answer.json()["detail"]


def test_a_certificate_that_nobody_linked_reads_what_all_may_read_and_is_told_how_to_link(client, proxy):
    assert client.get("/api/v1/sites", headers=_shown()).status_code == 200
    answer = client.post("/api/v1/tokens", {"name": "x", "scopes": ["*"]}, "application/json", headers=_shown())
    assert answer.status_code == 401
    assert "linked to no account" in answer.json()["detail"]


def test_a_machine_of_a_site_reads_where_sign_in_is_asked_and_changes_nothing_here(client, proxy, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"public_reading": False})
    site = a_site()
    assert client.get("/api/v1/sites", headers=_shown()).status_code == 401
    ApiCredential.objects.create(site=site, identifier="CN=robot/ce.example.org,DC=example,DC=org", valid_from=ERA)
    assert client.get("/api/v1/sites", headers=_shown()).status_code == 200
    answer = client.patch(f"/api/v1/sites/{site.key}", {}, "application/json", headers=_shown())
    assert answer.status_code == 403
    assert "/gocdbpi/v5/" in answer.json()["detail"]
    ApiCredential.objects.update(valid_until=timezone.now())
    assert client.get("/api/v1/sites", headers=_shown()).status_code == 401


def test_a_token_of_the_issuer_is_the_person_who_linked_it(client, issuer):
    alice = a_user("alice")
    identity = _linked(alice, kind="OIDC", issuer=issuer.url, identifier="alice-at-home")
    assert client.get("/api/v1/tokens", headers=_bearer(issuer)).status_code == 200
    Identity.objects.filter(pk=identity.pk).update(confirmed_at=None)
    assert client.get("/api/v1/tokens", headers=_bearer(issuer)).status_code == 401


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"audience": "somebody-else"}, "meant for somebody else"),
        ({"audience": CLIENT}, "meant for somebody else"),  # an ID token of the sign-in is no key to the API
        ({"now": timezone.now() - timedelta(hours=1)}, "has expired"),
        ({"now": timezone.now() + timedelta(hours=1)}, "not valid yet"),
        ({"iss": "https://evil.example.org"}, "not valid"),
    ],
)
def test_a_token_of_the_issuer_that_does_not_fit_opens_nothing(client, issuer, changes, words):
    _linked(a_user("alice"), kind="OIDC", issuer=issuer.url, identifier="alice-at-home")
    answer = client.get("/api/v1/sites", headers=_bearer(issuer, **changes))
    assert answer.status_code == 401
    assert words in answer.json()["detail"]


def test_a_forged_token_of_the_issuer_opens_nothing(client, issuer):
    _linked(a_user("alice"), kind="OIDC", issuer=issuer.url, identifier="alice-at-home")
    issuer.signing_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert client.get("/api/v1/sites", headers=_bearer(issuer)).status_code == 401


def test_without_audiences_tokens_of_the_issuer_open_nothing(client, issuer, settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"oidc_audiences": []})
    answer = client.get("/api/v1/sites", headers=_bearer(issuer))
    assert answer.status_code == 401
    assert "open nothing here" in answer.json()["detail"]


def test_a_token_with_limits_is_made_over_the_api_and_shows_them(client):
    client.force_login(a_user("alice"))
    body = {"name": "x", "scopes": ["registry"], "limits": ["site:2G0"]}
    answer = client.post("/api/v1/tokens", body, content_type="application/json")
    assert answer.json()["limits"] == ["site:2G0"]
    wrong = client.post("/api/v1/tokens", body | {"limits": ["everything"]}, content_type="application/json")
    assert wrong.json()["errors"][0]["field"] == "limits"
