import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.identities import (
    Claim,
    add_identity,
    confirm_identity,
    create_account,
    find_identity,
    unlink_identity,
    user_of,
)
from gridkeeper.people.models import IdentityKind, User
from gridkeeper.people.permission import NotPermittedError
from tests.builders import NOW, a_user

pytestmark = pytest.mark.django_db
CERTIFICATE = Claim(IdentityKind.X509, "/DC=org/CN=Alice Rossi", name="Alice Rossi")
AT_HOME = Claim(IdentityKind.OIDC, "123", "https://idp.example.org", "Alice Rossi")


def _linked(user, claim=CERTIFICATE):
    identity = add_identity(Actor(user=user), user=user, claim=claim, now=NOW)
    return confirm_identity(Actor(user=user), identity=identity, now=NOW)


def test_it_opens_the_account_once_it_is_confirmed_and_both_steps_are_audited():
    alice = a_user("alice")
    identity = add_identity(Actor(user=alice), user=alice, claim=CERTIFICATE, now=NOW)
    assert user_of(CERTIFICATE, NOW) is None
    confirm_identity(Actor(user=alice), identity=identity, now=NOW)
    assert user_of(CERTIFICATE, NOW) == alice
    assert [record.history_change_reason for record in identity.history.all()] == [
        "confirmed",
        "proved, not confirmed yet",
    ]


def test_the_same_subject_at_another_issuer_is_somebody_else():
    alice = a_user("alice")
    _linked(alice, AT_HOME)
    assert user_of(Claim(IdentityKind.OIDC, "123", "https://other.example.org"), NOW) is None
    assert user_of(AT_HOME, NOW) == alice


def test_a_person_has_several_and_unlinks_all_but_the_last_way_in():
    alice = a_user("alice")
    first, second = _linked(alice), _linked(alice, AT_HOME)
    alice.set_unusable_password()
    alice.save()
    unlink_identity(Actor(user=alice), identity=first)
    assert find_identity(CERTIFICATE) is None
    with pytest.raises(ValidationError, match="only way into the account"):
        unlink_identity(Actor(user=alice), identity=second)
    alice.set_password("long-enough-for-once")
    alice.save()
    unlink_identity(Actor(user=alice), identity=second)
    assert not alice.identities.exists()


def test_an_unconfirmed_identity_is_no_way_in_and_may_always_go():
    alice = a_user("alice")
    certificate = _linked(alice)
    alice.set_unusable_password()
    alice.save()
    waiting = add_identity(Actor(user=alice), user=alice, claim=AT_HOME, now=NOW)
    with pytest.raises(ValidationError, match="only way"):
        unlink_identity(Actor(user=alice), identity=certificate)
    unlink_identity(Actor(user=alice), identity=waiting)


def test_what_is_somebody_elses_cannot_be_linked():
    alice, bob = a_user("alice"), a_user("bob")
    _linked(alice)
    with pytest.raises(ValidationError, match="belongs to another account"):
        add_identity(Actor(user=bob), user=bob, claim=CERTIFICATE, now=NOW)
    with pytest.raises(ValidationError, match="your account has it already"):
        add_identity(Actor(user=alice), user=alice, claim=CERTIFICATE, now=NOW)


def test_a_claim_that_was_never_confirmed_gives_way_to_its_holder():
    alice, bob = a_user("alice"), a_user("bob")
    add_identity(Actor(user=bob), user=bob, claim=CERTIFICATE, now=NOW)
    identity = _linked(alice)
    assert identity.user == alice
    assert not bob.identities.exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda actor, user, identity: add_identity(actor, user=user, claim=AT_HOME, now=NOW),
        lambda actor, user, identity: confirm_identity(actor, identity=identity, now=NOW),
        lambda actor, user, identity: unlink_identity(actor, identity=identity),
    ],
)
def test_only_the_person_in_a_session_manages_identities(act):
    alice, bob = a_user("alice"), a_user("bob")
    identity = add_identity(Actor(user=alice), user=alice, claim=CERTIFICATE, now=NOW)
    for actor in (Actor(user=bob), Actor(), Actor(user=alice, scopes=frozenset({"*"}))):
        with pytest.raises(NotPermittedError):
            act(actor, alice, identity)
    assert alice.identities.count() == 1


def test_an_account_has_at_most_twenty():
    alice = a_user("alice")
    for number in range(20):
        add_identity(Actor(user=alice), user=alice, claim=Claim(IdentityKind.OIDC, str(number), "https://x"), now=NOW)
    with pytest.raises(ValidationError, match="at most 20"):
        add_identity(Actor(user=alice), user=alice, claim=AT_HOME, now=NOW)


def test_names_of_new_accounts_are_free_and_fit_an_address():
    a_user("alice.rossi")
    names = [
        create_account(Actor(), claim=Claim(IdentityKind.OIDC, str(number), "https://x", name), now=NOW).username
        for number, name in enumerate(["Alice Rossi", "<script>", "", "Éva Ó'Brien", "x" * 300])
    ]
    assert names == ["alice.rossi2", "script", "2", "éva.ó.brien", "x" * 100]
    assert not User.objects.filter(is_superuser=True).exists()


def test_an_account_is_made_once():
    create_account(Actor(), claim=CERTIFICATE, now=NOW)
    with pytest.raises(ValidationError, match="known here already"):
        create_account(Actor(), claim=CERTIFICATE, now=NOW)


def test_a_closed_account_is_opened_by_nothing():
    alice = a_user("alice")
    _linked(alice)
    alice.is_active = False
    alice.save()
    assert user_of(CERTIFICATE, NOW) is None
