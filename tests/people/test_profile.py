import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.people.profile import edit_profile
from tests.builders import NOW, a_user

pytestmark = pytest.mark.django_db


def _edited(**changes):
    alice = a_user("alice")
    return edit_profile(Actor(user=alice, address="192.0.2.7"), user=alice, changes=changes, now=NOW)


def test_an_edit_is_kept_and_audited_a_sign_in_is_not(client):
    alice = _edited(
        telephone=" +41 (22) 767-6111 ", working_hours_start="09:00", title="Dr", description="<b>x</b>\nline"
    )
    assert (alice.telephone, alice.working_hours_start) == ("+41 (22) 767-6111", "09:00")
    record = alice.history.first()
    assert (record.history_actor, record.history_address, record.telephone) == ("alice", "192.0.2.7", alice.telephone)
    kept = alice.history.count()
    client.login(username="alice", password="alice-password")
    assert alice.history.count() == kept


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "not an address", "no mail address"),
        ("email", "a@b.org\nBcc: all@example.org", "control|no mail address"),
        ("telephone", "call me", "no telephone number"),
        ("working_hours_start", "9 o'clock", "write it like 09:00"),
        ("working_hours_end", "25:00", "write it like 09:00"),
        ("timezone", "Mars/Olympus", "IANA"),
        ("description", "x" * 2001, "at most 2000"),
        ("title", "x" * 51, "at most 50"),
        ("first_name", "a\x00b", "control characters"),
        ("is_superuser", "1", "cannot be edited"),
        ("password", "x", "cannot be edited"),
        ("username", "root", "cannot be edited"),
    ],
)
def test_it_refuses_what_makes_no_sense_and_says_so(field, value, words):
    with pytest.raises(ValidationError, match=words):
        _edited(**{field: value})


def test_only_oneself_in_a_session_and_superusers_edit():
    alice, bob = a_user("alice"), a_user("bob")
    for actor in (Actor(), Actor(user=bob), Actor(user=alice, scopes=frozenset({"*"}))):
        with pytest.raises(NotPermittedError):
            edit_profile(actor, user=alice, changes={"title": "Dr"}, now=NOW)
