"""The pages of an account and of people: who sees what, and what each form does."""

import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.test import Client

from gridkeeper.people.models import Identity, Token, User
from gridkeeper.people.tokens import find_token
from gridkeeper.registry.models import RoleGrant
from tests.builders import NOW, a_site, a_user, an_ngi

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    return a_user("alice", site=a_site(name="ALICES"))


@pytest.fixture
def browser(client, alice):
    """Alice, signed in a moment ago by her password."""
    client.post("/accounts/login/", {"login": "alice", "password": "alice-password"})
    return client


def _text(answer):
    return answer.content.decode()


def _code(secret):
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def _switch_on_codes(browser):
    browser.post("/accounts/reauthenticate/", {"password": "alice-password"})
    page = _text(browser.get("/accounts/2fa/totp/activate/"))
    secret = re.search(r'id="secret"[^>]*>([A-Z2-7]+)<', page)[1]
    answer = browser.post("/accounts/2fa/totp/activate/", {"code": _code(secret)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/"
    return secret


def test_codes_are_asked_at_the_next_sign_in_and_their_secret_is_not_kept_in_the_clear(browser, client):
    secret = _switch_on_codes(browser)
    assert secret not in str(list(Authenticator.objects.values()))
    recovery = re.findall(r"\b\d{8}\b", _text(browser.get("/accounts/2fa/recovery-codes/")))
    assert len(recovery) == 10
    other = Client()
    answer = other.post("/accounts/login/", {"login": "alice", "password": "alice-password", "next": "/matrix/"})
    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in other.session
    assert "Incorrect code" in _text(other.post("/accounts/2fa/authenticate/", {"code": "000000"}))
    answer = other.post("/accounts/2fa/authenticate/", {"code": recovery[0]})
    assert other.session["_auth_user_id"]
    again = Client()
    again.post("/accounts/login/", {"login": "alice", "password": "alice-password"})
    again.post("/accounts/2fa/authenticate/", {"code": recovery[0]})
    assert "_auth_user_id" not in again.session, "a recovery code opens once"


def test_switching_codes_on_asks_for_the_password_again(browser):
    assert browser.get("/accounts/2fa/totp/activate/")["Location"].startswith("/accounts/reauthenticate/")


@pytest.mark.parametrize(
    "path",
    ["/account/", "/account/identities/", "/account/tokens/", "/account/sessions/", "/account/delete/",
     "/accounts/2fa/", "/accounts/reauthenticate/", "/people/", "/read-only/"],
)  # fmt: skip
def test_every_page_reads_for_its_person_and_sends_others_to_sign_in(browser, path):
    assert Client().get(path)["Location"].startswith("/accounts/login/?next=/")
    User.objects.update(is_superuser=True)
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "no-store" in answer.get("Cache-Control", "no-store")


def test_a_token_is_limited_to_a_site_and_an_action(browser, alice):
    site = alice.registry_roles.get().site
    page = _text(browser.get("/account/tokens/"))
    assert "ALICES (site)" in page
    sent = {
        "do": "make",
        "name": "robot",
        "scopes": ["probes.submit_results"],
        "own": [f"site:{site.key}"],
        "days": "7",
    }
    page = _text(browser.post("/account/tokens/", sent | {"further": f"ngi:{an_ngi().key}"}))
    secret = re.search(r'id="new-token"[^>]*>(gk_[^<]+)<', page)[1]
    token = find_token(secret, NOW)
    assert token.scopes == ["probes.submit_results"]
    assert f"site:{site.key}" in token.limits
    assert len(token.limits) == 2
    assert secret not in _text(browser.get("/account/tokens/"))


@pytest.mark.parametrize("further", ["site:nowhere", "site", "planet:earth", "site: 2G0"])
def test_a_limit_that_names_nothing_is_refused_beside_its_field(browser, further):
    sent = {"do": "make", "name": "robot", "scopes": ["probes"], "further": further, "days": "7"}
    answer = browser.post("/account/tokens/", sent)
    assert answer.status_code == 422
    assert "nothing here is called" in _text(answer)
    assert not Token.objects.exists()


def test_sessions_are_listed_and_ended(browser, alice):
    other = Client(headers={"User-Agent": "Another browser"})
    other.post("/accounts/login/", {"login": "alice", "password": "alice-password"})
    assert "Another browser" in _text(browser.get("/account/sessions/"))
    browser.post("/account/sessions/", {"session": "others"})
    assert other.get("/account/").status_code == 302
    assert browser.get("/account/").status_code == 200


def test_identities_of_others_are_out_of_reach(browser):
    bob = a_user("bob")
    his = Identity.objects.create(user=bob, kind="X.509", identifier="/CN=bob", added_at=NOW)
    for action in ("confirm", "unlink"):
        assert browser.post("/account/identities/", {"do": action, "identity": his.pk}).status_code == 404
    his.refresh_from_db()
    assert his.confirmed_at is None


def test_an_old_session_is_asked_for_the_password_before_it_links_or_deletes(alice):
    stale = Client()
    stale.force_login(alice)
    Identity.objects.create(user=alice, kind="X.509", identifier="/CN=a", added_at=NOW)
    answer = stale.post("/account/identities/", {"do": "confirm", "identity": alice.identities.get().pk})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    answer = stale.post("/account/delete/", {"reason": "x", "confirm": "alice"})
    assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert alice.identities.get().confirmed_at is None


def test_a_person_deletes_their_account_by_name_and_with_a_reason(browser, alice):
    assert browser.post("/account/delete/", {"reason": "I leave", "confirm": "alic"}).status_code == 422
    assert browser.post("/account/delete/", {"reason": "I leave", "confirm": "alice"})["Location"] == "/"
    assert not User.objects.filter(username="alice").exists()
    assert "_auth_user_id" not in browser.session


def test_who_is_who_is_shown_to_those_whose_role_may_read_it(client, alice):
    User.objects.filter(pk=alice.pk).update(telephone="+41 22 767 6111", last_name="<i>Rossi</i>")
    mallory, staff = a_user("mallory"), a_user("staff", ngi=an_ngi())
    page = f"/people/{alice.key}/"
    assert client.get(page).status_code == 302
    for person, status in ((mallory, 403), (staff, 200), (alice, 200)):
        client.force_login(person)
        answer = client.get(page)
        assert answer.status_code == status, person
        assert ("767 6111" in _text(answer)) is (status == 200)
        assert "<i>Rossi" not in _text(answer)
    client.force_login(mallory)
    answer = client.get("/people/?q=alice")
    assert answer.status_code == 403
    assert "Rossi" not in _text(answer)
    client.force_login(staff)
    assert "&lt;i&gt;Rossi" in _text(client.get("/people/?q=alice"))
    assert client.get("/people/nobody/").status_code == 404


def test_a_superuser_deletes_somebody_and_others_do_not(client, alice):
    client.force_login(a_user("bob"))
    assert client.post(f"/people/{alice.key}/delete/", {}).status_code in {302, 403}
    User.objects.create_superuser("admin", password="admin-password")
    client.logout()
    client.post("/accounts/login/", {"login": "admin", "password": "admin-password"})
    client.post(f"/people/{alice.key}/delete/", {"reason": "asked by letter", "confirm": "alice"})
    assert not RoleGrant.objects.exists()
    shown = _text(client.get(f"/people/{alice.key}/"))
    assert "This account was deleted" in shown
    assert "deleted person" in shown


def test_a_wrong_name_and_a_wrong_password_are_told_alike(client, alice):
    answers = [
        re.sub(
            r'value="[^"]*"|"X-CSRFToken": "[^"]*"',
            "",
            _text(client.post("/accounts/login/", {"login": name, "password": "wrong"})),
        )
        for name in ("alice", "nobody")
    ]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("wanted", ["https://evil.example.org/", "//evil.example.org/", "/\\\\evil.example.org"])
def test_a_sign_in_leads_to_our_own_pages_only(client, alice, wanted):
    sent = {"login": "alice", "password": "alice-password", "next": wanted}
    assert client.post("/accounts/login/", sent)["Location"] == "/"
