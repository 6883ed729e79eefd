from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import Token
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.people.tokens import create_token, find_token, revoke_token
from tests.builders import NOW, a_user

pytestmark = pytest.mark.django_db


def _token_of(user, **changes):
    options = {"user": user, "name": "robot", "scopes": ["probes"], "expires_at": NOW + timedelta(days=1), "now": NOW}
    return create_token(Actor(user=user), **options | changes)


def test_the_secret_opens_and_is_not_stored():
    token, secret = _token_of(a_user("alice"))
    assert find_token(secret, NOW) == token
    assert secret not in str(Token.objects.values().get())


def test_it_opens_nothing_from_the_instant_of_its_expiry():
    _token, secret = _token_of(a_user("alice"))
    assert find_token(secret, NOW + timedelta(days=1)) is None
    assert find_token(secret, NOW + timedelta(days=1) - timedelta(seconds=1))


def test_it_opens_nothing_once_revoked_and_the_change_is_audited():
    alice = a_user("alice")
    token, secret = _token_of(alice)
    revoke_token(Actor(user=alice), token=token, now=NOW)
    assert find_token(secret, NOW) is None
    assert [row.history_user for row in token.history.all()] == [alice, alice]


def test_it_opens_nothing_for_a_deactivated_person():
    alice = a_user("alice")
    _token, secret = _token_of(alice)
    alice.is_active = False
    alice.save()
    assert find_token(secret, NOW) is None


def test_nobody_makes_or_revokes_the_token_of_another():
    alice, bob = a_user("alice"), a_user("bob")
    token, _secret = _token_of(alice)
    with pytest.raises(NotPermittedError, match="bob may not manage tokens of alice"):
        create_token(Actor(user=bob), user=alice, name="x", scopes=["probes"], expires_at=None, now=NOW)
    with pytest.raises(NotPermittedError):
        revoke_token(Actor(user=bob), token=token, now=NOW)


def test_a_token_makes_no_tokens():
    alice = a_user("alice")
    by_token = Actor(user=alice, scopes=frozenset({"*"}))
    with pytest.raises(NotPermittedError):
        create_token(by_token, user=alice, name="x", scopes=["probes"], expires_at=None, now=NOW)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scopes": ["everything"]}, "unknown scopes"),
        ({"scopes": []}, "choose from"),
        ({"name": "  "}, "what the token is for"),
        ({"expires_at": NOW}, "is past"),
    ],
)
def test_it_refuses_a_token_that_makes_no_sense(changes, message):
    with pytest.raises(ValidationError, match=message):
        _token_of(a_user("alice"), **changes)
