import pytest
from django.db.models import Q

from gridkeeper.people.actor import Actor
from gridkeeper.registry.actions import edit_site
from gridkeeper.registry.models import Service, Site
from gridkeeper.registry.trail import trail_of
from tests.builders import NOW, a_service, a_site, a_user

pytestmark = pytest.mark.django_db


def a_changed_site(**changes) -> tuple[Site, Actor]:
    site = a_site(contact_email="old@example.org")
    alice = Actor(user=a_user("alice", site=site), source="web", address="192.0.2.7")
    edit_site(alice, site=site, changes=changes, reason="as agreed", now=NOW)
    return site, alice


def test_a_change_says_who_when_whence_why_and_what():
    site, alice = a_changed_site(tier="2", contact_email="new@example.org")
    change, made = trail_of([(Site, Q(id=site.pk))], alice)
    assert (change.who, change.source, change.address) == ("alice", "web", "192.0.2.7")
    assert (change.reason, change.verb, change.subject) == ("as agreed", "changed", f"site {site.name}")
    assert {(item.label, item.old, item.new) for item in change.fields} == {
        ("tier", "", "2"),
        ("contact email", "old@example.org", "new@example.org"),
    }
    assert made.verb == "added"


def test_a_visitor_sees_no_person_and_no_address():
    site, _ = a_changed_site(contact_email="new@example.org")
    change = trail_of([(Site, Q(id=site.pk))], Actor())[0]
    assert (change.who, change.address) == ("", "")
    assert "example.org" not in str(change)


def test_trails_of_several_objects_are_one_newest_first_in_at_most_two_queries_each(django_assert_max_num_queries):
    site, alice = a_changed_site(tier="2")
    for _ in range(3):
        a_service(of=site)
    edit_site(alice, site=site, changes={"tier": "3"}, reason="again", now=NOW)
    with django_assert_max_num_queries(4):
        trail = trail_of([(Site, Q(id=site.pk)), (Service, Q(site=site.pk))], alice)
    assert [change.verb for change in trail] == ["changed", "added", "added", "added", "changed", "added"]
    assert len(trail_of([(Site, Q(id=site.pk))], alice, limit=1)) == 1


def test_the_oldest_record_shown_still_knows_what_was_before():
    site, alice = a_changed_site(tier="2")
    change = trail_of([(Site, Q(id=site.pk))], alice, limit=1)[0]
    assert [(item.old, item.new) for item in change.fields] == [("", "2")]
