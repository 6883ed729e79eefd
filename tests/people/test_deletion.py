from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.deletion import delete_person, is_deleted, label_of
from gridkeeper.people.identities import Claim, add_identity
from gridkeeper.people.models import Identity, IdentityKind, Token, User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.people.profile import edit_profile
from gridkeeper.people.tokens import create_token, find_token
from gridkeeper.registry.actions import edit_site
from gridkeeper.registry.models import CertificationChange, RoleGrant, Site
from tests.builders import NOW, a_site, a_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice():
    """Somebody with everything that an account may have, who has edited a site."""
    site = a_site()
    user = a_user("alice", site=site)
    actor = Actor(user=user, address="192.0.2.7")
    edit_profile(actor, user=user, changes={"last_name": "Rossi", "telephone": "+41 22 767 6111"}, now=NOW)
    add_identity(actor, user=user, claim=Claim(IdentityKind.X509, "/CN=Alice Rossi"), now=NOW)
    create_token(actor, user=user, name="robot", scopes=["*"], expires_at=None, now=NOW)
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    edit_site(actor, site=site, changes={"official_name": "By alice"}, reason="new name", now=NOW)
    return User.objects.get(pk=user.pk)


def _all_text(user):
    """Everything that tables of accounts and of audit records still say."""
    models = [
        Identity,
        Token,
        User,
        Identity.history.model,
        Token.history.model,
        User.history.model,
        RoleGrant.history.model,
    ]
    return str([list(model.objects.values()) for model in models]) + str(a_record_of_the_site().__dict__)


def a_record_of_the_site():
    return Site.history.filter(official_name="By alice").first()


def test_nothing_personal_is_left_and_the_audit_stays_readable(alice):
    _token, secret = create_token(Actor(user=alice), user=alice, name="x", scopes=["*"], expires_at=None, now=NOW)
    label = label_of(alice)
    gone = delete_person(Actor(user=alice, address="192.0.2.7"), user=alice, reason="I leave", now=NOW)
    assert is_deleted(gone)
    left = _all_text(gone)
    for word in ("alice", "Rossi", "767 6111", "192.0.2.7"):
        assert word not in left.replace("By alice", ""), word
    assert find_token(secret, NOW) is None
    assert not RoleGrant.objects.exists()
    assert not Authenticator.objects.exists()
    record = a_record_of_the_site()
    assert (record.history_actor, record.history_user_id, record.history_change_reason) == (label, None, "new name")
    ended = RoleGrant.history.filter(history_type="-").get()
    assert ended.history_actor == label
    assert ended.history_change_reason == "deletion of a person: I leave"


def test_nobody_signs_in_any_more(alice, client):
    delete_person(Actor(user=alice), user=alice, reason="I leave", now=NOW)
    assert not client.login(username="alice", password="alice-password")
    gone = User.objects.get(pk=alice.pk)
    assert not gone.is_active
    assert not gone.has_usable_password()


def test_the_log_of_certifications_forgets_the_name_too(alice):
    site = a_site()
    for name in ("alice", "bob"):
        CertificationChange.objects.create(site=site, changed_at=NOW, new=name, changed_by=name)
    delete_person(Actor(user=alice), user=alice, reason="I leave", now=NOW)
    assert set(CertificationChange.objects.values_list("changed_by", flat=True)) == {label_of(alice), "bob"}


def test_others_keep_their_names_in_the_records(alice):
    admin = User.objects.create_superuser("admin")
    delete_person(Actor(user=admin), user=alice, reason="asked by letter", now=NOW)
    ended = RoleGrant.history.filter(history_type="-").get()
    assert ended.history_actor == "admin"


def test_the_name_is_free_again_and_its_new_holder_is_somebody_else(alice):
    delete_person(Actor(user=alice), user=alice, reason="I leave", now=NOW)
    again = a_user("alice")
    assert again.pk != alice.pk
    assert not again.registry_roles.exists()


def test_only_oneself_in_a_session_and_superusers_delete(alice):
    for actor in (Actor(), Actor(user=a_user("bob")), Actor(user=alice, scopes=frozenset({"*"}))):
        with pytest.raises(NotPermittedError):
            delete_person(actor, user=alice, reason="x", now=NOW)
    assert User.objects.filter(username="alice").exists()


def test_it_wants_a_reason_happens_once_and_spares_the_last_administrator(alice):
    with pytest.raises(ValidationError, match="say why"):
        delete_person(Actor(user=alice), user=alice, reason=" ", now=NOW)
    delete_person(Actor(user=alice), user=alice, reason="I leave", now=NOW)
    with pytest.raises(ValidationError, match="deleted before"):
        delete_person(Actor.system("cli"), user=alice, reason="again", now=NOW + timedelta(days=1))
    admin = User.objects.create_superuser("admin")
    with pytest.raises(ValidationError, match="last administrator"):
        delete_person(Actor(user=admin), user=admin, reason="I leave", now=NOW)
