"""Who is told of what: one notice an event, one delivery a person and way."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.actions import cancel_downtime, change_certification, declare_downtime
from gridkeeper.registry.events import who_is_told
from gridkeeper.registry.models import RoleGrant
from gridkeeper.subscriptions import actions
from gridkeeper.subscriptions.models import Delivery, Notice, Subscription
from gridkeeper.subscriptions.notices import note_times
from tests.builders import NOW, a_downtime, a_federation, a_service, a_service_group, a_site, a_user, a_vo

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system()
HOUR = timedelta(hours=1)


def subscribed(user, about="", kinds=("downtime",), **more):
    user.email = user.email or f"{user.username}@example.org"
    user.save()
    return actions.subscribe(Actor(user=user), about=about, kinds=list(kinds), now=NOW, **{"channel": "mail"} | more)


def declared(*services, start=NOW + 30 * HOUR):
    return declare_downtime(
        SYSTEM, services=services, severity="OUTAGE", start=start, end=start + 2 * HOUR, description="Power", now=NOW
    )


def test_a_declared_downtime_tells_those_who_asked_and_nobody_else():
    service, other = a_service(), a_site()
    subscribed(a_user("alice"), f"site:{service.site.key}")
    subscribed(a_user("bob"), f"site:{other.key}")
    subscribed(a_user("carol"), f"site:{service.site.key}", kinds=["certification"])
    declared(service)
    delivery = Delivery.objects.get()
    assert (delivery.user.username, delivery.target) == ("alice", "alice@example.org")
    assert service.site.name in delivery.notice.title
    assert service.hostname in delivery.notice.text


@pytest.mark.parametrize(
    "about", ["ngi", "federation", "site", "service", "service_type", "vo", "service_group", "all"]
)
def test_a_subscription_reaches_everything_below_its_object(about):
    service = a_service()
    a_vo("dteam", supported_by=[service])
    group = a_service_group(service)
    names = {
        "ngi": service.site.ngi.key, "federation": a_federation().key, "site": service.site.key,
        "service": service.key, "service_type": service.service_type.name, "vo": "dteam", "service_group": group.key,
    }  # fmt: skip
    subscribed(a_user("alice"), "" if about == "all" else f"{about}:{names[about]}")
    declared(service)
    assert Delivery.objects.count() == 1


def test_one_message_per_event_and_person_however_many_subscriptions_match():
    service = a_service()
    alice = a_user("alice")
    for about in ("", f"site:{service.site.key}", f"ngi:{service.site.ngi.key}"):
        subscribed(alice, about)
    subscribed(alice, "", channel="webhook", target="https://hooks.example.org/")
    declared(service)
    assert sorted(Delivery.objects.values_list("channel", flat=True)) == ["mail", "webhook"]


def test_a_change_that_is_rolled_back_tells_nobody():
    subscribed(a_user("alice"))
    service = a_service()
    with transaction.atomic():
        declared(service)
        transaction.set_rollback(True)
    assert not Notice.objects.exists()


def test_a_downtime_is_told_soon_begun_and_ended_once_each_however_often_the_job_runs():
    subscribed(a_user("alice"))
    downtime = a_downtime(a_service(), declared_at=NOW - timedelta(days=9), start=NOW, end=NOW + HOUR)
    for moment in (NOW - 30 * HOUR, NOW - HOUR, NOW - HOUR, NOW, NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR):
        note_times(moment)
    kinds = list(Notice.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["downtime.soon", "downtime.begun", "downtime.ended"]
    assert Notice.objects.values("thread").distinct().count() == 1
    assert Delivery.objects.count() == 3
    assert downtime.key in Notice.objects.first().path


def test_a_cancelled_downtime_begins_and_ends_for_nobody():
    subscribed(a_user("alice"))
    downtime = declared(a_service(), start=NOW + 30 * HOUR)
    cancel_downtime(SYSTEM, downtime=downtime, reason="not needed", now=NOW + HOUR)
    note_times(NOW + 20 * HOUR)
    note_times(NOW + 31 * HOUR)
    assert list(Notice.objects.order_by("pk").values_list("kind", flat=True)) == [
        "downtime.declared", "downtime.cancelled",
    ]  # fmt: skip


def test_after_a_standstill_nobody_is_flooded_with_what_is_long_over():
    subscribed(a_user("alice"))
    a_downtime(a_service(), start=NOW - timedelta(days=3), end=NOW - timedelta(days=2))
    note_times(NOW)
    assert not Notice.objects.exists()


def test_certification_tells_old_new_and_reason():
    site = a_site(certification="Certified")
    subscribed(a_user("alice"), f"site:{site.key}", kinds=["certification.changed"])
    change_certification(SYSTEM, site=site, new="Suspended", reason="does not answer", now=NOW)
    notice = Notice.objects.get()
    assert "Suspended" in notice.title
    assert "does not answer" in notice.text


def test_changes_of_roles_are_told_only_to_those_who_may_read_personal_data():
    from gridkeeper.registry.actions import grant_role

    site = a_site()
    insider, outsider = a_user("alice", site=a_site()), a_user("bob")
    subscribed(insider, kinds=["role"])
    subscribed(outsider, kinds=["role"])
    grant_role(SYSTEM, user=a_user("carol"), role="Site Administrator", on=site, reason="new here", now=NOW)
    assert [each.user.username for each in Delivery.objects.all()] == ["alice"]
    assert RoleGrant.objects.filter(user__username="carol").exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kinds": []}, "kinds"),
        ({"kinds": ["weather"]}, "kinds"),
        ({"about": "site:none"}, "about"),
        ({"about": "weather:x"}, "about"),
        ({"about": "site:\0"}, "about"),
        ({"channel": "pigeon"}, "channel"),
        ({"target": "not an address"}, "target"),
        ({"channel": "webhook", "target": ""}, "target"),
        ({"channel": "webhook", "target": "file:///etc/passwd"}, "target"),
        ({"channel": "webhook", "target": "https://user:secret@example.org/"}, "target"),
    ],
)
def test_what_is_wrong_is_said_by_field(fields, field):
    with pytest.raises(ValidationError) as refused:
        subscribed(a_user("alice"), **fields)
    assert field in refused.value.message_dict


def test_nobody_changes_the_subscription_of_another():
    subscription = subscribed(a_user("alice"))
    with pytest.raises(NotPermittedError):
        actions.unsubscribe(Actor(user=a_user("bob")), subscription=subscription)
    with pytest.raises(NotPermittedError):
        actions.subscribe(Actor(), about="", kinds=["downtime"], channel="mail", now=NOW)
    assert Subscription.objects.count() == 1


def test_a_preview_says_how_many_would_be_told():
    service = a_service()
    subscribed(a_user("alice"), f"site:{service.site.key}")
    subscribed(a_user("bob"), "", channel="webhook", target="https://hooks.example.org/")
    assert who_is_told("downtime.declared", [service]) == {"Mail": 1, "Webhook": 1}
    assert who_is_told("certification.changed", [service]) == {"Mail": 0, "Webhook": 0}
