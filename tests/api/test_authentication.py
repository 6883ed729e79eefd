import base64
from datetime import timedelta

import pytest
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token
from gridkeeper.people.tokens import create_token
from tests.builders import a_user

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
