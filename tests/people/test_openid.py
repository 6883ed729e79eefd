"""Sign-in by OpenID Connect against a real issuer on loopback, good and bad."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from gridkeeper.people.models import Identity, IdentityKind, User
from gridkeeper.people.openid import Attempt, Issuer, OpenIdError
from tests.builders import NOW, a_user
from tests.oidc_issuer import CLIENT, SECRET, running_issuer

pytestmark = pytest.mark.django_db
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def issuer():
    with running_issuer() as running:
        yield running


@pytest.fixture
def portal(settings, issuer, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    changes = {"oidc_issuer": issuer.url, "oidc_client_id": CLIENT, "oidc_client_secret_file": secret}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)


def _linked(user, issuer, **changes):
    now = timezone.now()
    values = {"kind": IdentityKind.OIDC, "issuer": issuer.url, "identifier": "alice-at-home", "added_at": now}
    return Identity.objects.create(user=user, **values | {"confirmed_at": now} | changes)


def _there_and_back(client, next_url=""):
    """The whole way of a browser: to the issuer, and back with what it gave."""
    out = client.get("/accounts/oidc/", {"next": next_url})
    assert out.status_code == 302
    back = httpx.get(out["Location"])
    return client.get(back.headers["Location"])


def _user_of(client):
    return int(client.session.get("_auth_user_id", 0))


def test_a_linked_person_is_signed_in_and_goes_where_they_wanted(client, issuer, portal):
    alice = a_user("alice")
    identity = _linked(alice, issuer)
    anonymous_session = client.session.session_key
    answer = _there_and_back(client, "/registry/sites/")
    assert answer["Location"] == "/registry/sites/"
    assert _user_of(client) == alice.pk
    assert client.session.session_key != anonymous_session
    identity.refresh_from_db()
    assert identity.last_used_at is not None


@pytest.mark.parametrize("next_url", ["https://evil.example.org/", "//evil.example.org", "javascript:alert(1)"])
def test_nobody_is_sent_on_to_another_host(client, issuer, portal, next_url):
    _linked(a_user("alice"), issuer)
    assert _there_and_back(client, next_url)["Location"] == "/"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"exp": int(timezone.now().timestamp()) - 3600}, "has expired"),
        ({"iat": int(timezone.now().timestamp()) + 3600}, "not valid yet"),
        ({"aud": "another-portal"}, "meant for somebody else"),
        ({"aud": [CLIENT, "another"]}, "asked for by somebody else"),
        ({"iss": "https://evil.example.org"}, "not valid"),
        ({"nonce": "of-another-sign-in"}, "nonce is wrong"),
        ({"nonce": None}, "nonce is wrong"),
        ({"sub": None}, "not valid"),
        ({"exp": None}, "not valid"),
        ({"exp": "soon"}, "times are no numbers"),
    ],
)
def test_a_token_that_does_not_fit_signs_nobody_in(client, issuer, portal, change, words):
    _linked(a_user("alice"), issuer)
    issuer.change = change
    answer = _there_and_back(client)
    assert answer.status_code == 403
    assert words in answer.content.decode()
    assert not _user_of(client)


def test_a_forged_signature_signs_nobody_in(client, issuer, portal):
    _linked(a_user("alice"), issuer)
    issuer.signing_key = STRANGER
    answer = _there_and_back(client)
    assert answer.status_code == 403
    assert "not valid" in answer.content.decode()
    assert not _user_of(client)


def test_a_state_of_another_browser_is_refused(client, issuer, portal):
    _linked(a_user("alice"), issuer)
    out = client.get("/accounts/oidc/")
    sent_back = httpx.get(out["Location"]).headers["Location"]
    code = parse_qs(urlsplit(sent_back).query)["code"][0]
    for state in ("", "another"):
        assert client.get("/accounts/oidc/callback/", {"code": code, "state": state}).status_code == 403
    assert client.get(sent_back).status_code == 403  # an attempt counts once
    assert not _user_of(client)


def test_the_issuer_may_refuse_or_be_away(client, issuer, portal, settings):
    out = client.get("/accounts/oidc/")
    state = parse_qs(urlsplit(out["Location"]).query)["state"][0]
    answer = client.get("/accounts/oidc/callback/", {"state": state, "error": "access_denied"})
    assert "access_denied" in answer.content.decode()
    changes = {"oidc_issuer": "http://127.0.0.1:1"}
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)
    answer = client.get("/accounts/oidc/")
    assert answer.status_code == 502
    assert "cannot be asked now" in answer.content.decode()


def test_without_an_issuer_there_is_no_such_sign_in(client):
    assert client.get("/accounts/oidc/").status_code == 404
    assert client.get("/accounts/oidc/callback/").status_code == 404
    assert "OpenID" not in client.get("/accounts/login/").content.decode()


def test_a_stranger_makes_an_account_without_roles(client, issuer, portal):
    answer = _there_and_back(client)
    assert answer["Location"] == "/accounts/welcome/"
    page = client.get("/accounts/welcome/").content.decode()
    assert "Alice Rossi" in page
    assert User.objects.count() == 0
    client.post("/accounts/welcome/")
    user = User.objects.get()
    assert (user.username, user.first_name, user.email) == ("alice.rossi", "Alice", "")  # the address is not verified
    assert not user.has_usable_password()
    assert not user.registry_roles.exists()
    assert _user_of(client) == user.pk
    client.logout()
    assert _there_and_back(client)["Location"] == "/"
    assert _user_of(client) == user.pk


def test_an_account_is_made_only_of_what_was_proved(client, issuer, portal):
    assert client.post("/accounts/welcome/")["Location"] == "/accounts/login/"
    assert User.objects.count() == 0


def test_a_stranger_links_it_to_the_account_they_have(client, issuer, portal):
    alice = a_user("alice")
    _there_and_back(client)
    client.post("/accounts/login/", {"login": "alice", "password": "alice-password", "next": "/account/identities/"})
    assert "Link it to alice" in client.get("/account/identities/").content.decode()
    client.post("/account/identities/", {"do": "link"})
    identity = alice.identities.get()
    assert identity.confirmed_at is not None
    assert {record.history_actor for record in identity.history.all()} == {"alice"}
    client.logout()
    _there_and_back(client)
    assert _user_of(client) == alice.pk


def test_an_unconfirmed_identity_opens_nothing(client, issuer, portal):
    _linked(a_user("alice"), issuer, confirmed_at=None)
    assert _there_and_back(client)["Location"] == "/accounts/welcome/"
    assert not _user_of(client)
    assert "Somebody has begun to link it" in client.get("/accounts/welcome/").content.decode()
    assert client.post("/accounts/welcome/").status_code == 403


def test_a_closed_account_stays_closed(client, issuer, portal):
    alice = a_user("alice")
    _linked(alice, issuer)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    answer = _there_and_back(client)
    assert answer.status_code == 403
    assert "closed" in answer.content.decode()


def _issuer(running):
    return Issuer(running.url, CLIENT, SECRET)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_only_signatures_of_the_issuer_count(issuer, algorithm):
    """A secret that both know, or none at all: the classics."""
    claims = {"iss": issuer.url, "aud": CLIENT, "sub": "x", "exp": int(NOW.timestamp()) + 300}
    key = "" if algorithm == "none" else "k" * 32
    token = jwt.encode(claims, key or None, algorithm=algorithm, headers={"kid": "first"})
    with pytest.raises(OpenIdError, match="of no kind that proves"):
        _issuer(issuer).claims(token, audiences=[CLIENT], now=NOW)


def test_it_expires_at_its_instant_and_half_a_minute_of_clocks(issuer):
    token = issuer.token(now=NOW)
    checked = _issuer(issuer)
    assert checked.claims(token, audiences=[CLIENT], now=NOW + timedelta(seconds=329))["sub"] == "alice-at-home"
    with pytest.raises(OpenIdError, match="has expired"):
        checked.claims(token, audiences=[CLIENT], now=NOW + timedelta(seconds=330))


def test_unknown_keys_are_not_asked_for_again_and_again(issuer):
    checked = _issuer(issuer)
    checked.claims(issuer.token(now=NOW), audiences=[CLIENT], now=NOW)
    token = jwt.encode({"sub": "x"}, STRANGER, algorithm="RS256", headers={"kid": "other"})
    for _ in range(5):
        with pytest.raises(OpenIdError, match="does not publish"):
            checked.claims(token, audiences=[CLIENT], now=NOW)
    assert issuer.asked_for_keys == 1


@pytest.mark.parametrize("token", ["", "ey", "ey.ey.ey", "a.b.c", "ey" * 5000, "é.é.é"])
def test_noise_is_refused_in_words(issuer, token):
    with pytest.raises(OpenIdError):
        _issuer(issuer).claims(token, audiences=[CLIENT], now=NOW)


def test_an_issuer_that_calls_itself_otherwise_is_not_believed(issuer):
    with pytest.raises(OpenIdError, match="calls itself"):
        Issuer(issuer.url + "/", CLIENT).address(Attempt.new("", NOW), "http://127.0.0.1/")
