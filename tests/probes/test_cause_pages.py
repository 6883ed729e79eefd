"""Rules of causes through actions, pages and the periodic learner."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.cause_actions import decide_cause, declare_cause, learn_causes
from gridkeeper.probes.cause_queries import causes_now
from gridkeeper.probes.ingest import submit
from gridkeeper.probes.models import CauseRule, Reach, Test
from tests.builders import NOW, a_result, a_service, a_site, a_test, a_user

pytestmark = pytest.mark.django_db


def outage_of_a_site(*, at=NOW, minutes=30):
    """A site whose BDII and CE fail together; gives both services."""
    site = a_site()
    bdii, ce = a_service(of=site, type="Site-BDII"), a_service(of=site, type="CE")
    for minute in range(0, minutes, 15):
        moment = at + timedelta(minutes=minute)
        submit([failure(bdii, "bdii", moment), failure(ce, "js", moment + timedelta(minutes=1))], now=moment)
    return bdii, ce


def failure(service, metric, at):
    return a_result(service, metric, status=Status.CRITICAL, executed_at=at)


def the_test(name):
    return Test.objects.filter(name=name).first() or a_test(name)


def declared(**fields):
    return declare_cause(
        Actor.system(),
        **{"cause": the_test("bdii"), "reach": Reach.SITE, "reason": "jobs need it", "now": NOW} | fields,
    )


def test_a_declared_rule_explains_what_fails_now():
    bdii, ce = outage_of_a_site()
    assert causes_now() == {}
    declared()
    (cause,) = causes_now().values()
    assert (cause.metric, cause.hostname) == ("bdii", bdii.hostname)
    assert cause.sentence == f"failed because bdii fails on Site-BDII {bdii.hostname}"
    assert ce.hostname != cause.hostname


def test_a_rule_is_declared_once_and_never_of_itself():
    declared()
    with pytest.raises(ValidationError, match="exists"):
        declared()
    with pytest.raises(ValidationError, match="its own cause"):
        declared(effect=the_test("bdii"))
    with pytest.raises(ValidationError, match="say why"):
        declared(reason=" ")


def test_only_who_may_change_tests_declares_and_decides():
    actor = Actor(user=a_user("somebody"))
    with pytest.raises(NotPermittedError):
        declare_cause(actor, cause=the_test("bdii"), reach=Reach.SITE, reason="x", now=NOW)
    rule = CauseRule.objects.create(cause=the_test("bdii"), reach=Reach.SITE, is_learned=True)
    with pytest.raises(NotPermittedError):
        decide_cause(actor, rule=rule, is_accepted=True, reason="x", now=NOW)


def past_outages(days=6):
    a_test("bdii"), a_test("js")
    for day in range(1, days + 1):
        outage_of_a_site(at=NOW - timedelta(days=day))


def test_what_failed_together_is_proposed_and_shows_nothing_until_it_is_accepted():
    past_outages()
    outage_of_a_site()
    learn_causes(Actor.system(), open_facts(), now=NOW)
    rule = CauseRule.objects.get(effect__name="js")
    assert (rule.cause.name, rule.reach, rule.support, rule.accepted_at) == ("bdii", "site", 6, None)
    assert causes_now() == {}
    decide_cause(Actor.system(), rule=rule, is_accepted=True, reason="so it is", now=NOW)
    assert {cause.metric for cause in causes_now().values()} == {"bdii"}


def test_what_was_rejected_is_not_proposed_again():
    past_outages()
    learn_causes(Actor.system(), open_facts(), now=NOW)
    rule = CauseRule.objects.get()
    decide_cause(Actor.system(), rule=rule, is_accepted=False, reason="chance", now=NOW)
    learn_causes(Actor.system(), open_facts(), now=NOW)
    assert CauseRule.objects.get().rejected_at is not None


def test_a_proposal_that_the_past_no_longer_supports_goes():
    past_outages()
    learn_causes(Actor.system(), open_facts(), now=NOW)
    learn_causes(Actor.system(), open_facts(), now=NOW + timedelta(days=60))
    assert not CauseRule.objects.exists()


def test_the_page_shows_consequences_under_their_cause(client):
    bdii, ce = outage_of_a_site()
    declared()
    page = client.get("/tests/causes/").content.decode()
    assert "1 failure follows from it" in page
    assert page.index(bdii.hostname) < page.index(ce.hostname)
    assert "New rule" not in page


def test_a_rule_is_declared_accepted_rejected_and_removed_by_page(admin_client):
    cause, effect = a_test("bdii"), a_test("js")
    form = {"cause": cause.pk, "effect": effect.pk, "reach": "site", "reason": "jobs need it"}
    answer = admin_client.post("/tests/causes/new/", form)
    assert answer.status_code == 302, answer.content.decode()
    rule = CauseRule.objects.get()
    admin_client.post(f"/tests/causes/{rule.pk}/remove/", {"reason": "no more"})
    assert not CauseRule.objects.exists()
    learnt = CauseRule.objects.create(cause=cause, reach=Reach.SITE, is_learned=True, support=5, confidence=0.9)
    assert "90 %" in admin_client.get("/tests/causes/").content.decode()
    admin_client.post(f"/tests/causes/{learnt.pk}/reject/", {"reason": "chance"})
    admin_client.post(f"/tests/causes/{learnt.pk}/accept/", {"reason": "after all"})
    learnt.refresh_from_db()
    assert learnt.accepted_at is not None
    assert learnt.rejected_at is None


def test_the_pages_that_change_are_closed_to_others(client):
    assert client.get("/tests/causes/new/").status_code == 302
    client.force_login(a_user("somebody"))
    assert client.get("/tests/causes/new/").status_code == 403
