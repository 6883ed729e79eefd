"""What becomes of a downtime: edits, parts, extensions, phases; each recorded, told, and never a rewritten promise."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.downtime_actions import cancel_downtime, declare_downtime, edit_downtime, end_downtime_now
from gridkeeper.registry.downtime_preview import preview
from gridkeeper.registry.downtime_rules import Phase, Plan
from gridkeeper.registry.downtime_sequels import change_severity, end_part, extend_downtime
from gridkeeper.registry.editing import version_of
from gridkeeper.registry.models import Downtime, NgiMembership, Service
from gridkeeper.registry.signals import downtimes_changed, happened
from tests.builders import ERA, NOW, a_downtime, a_federation, a_service, a_site, a_user, an_endpoint, an_ngi

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def told():
    """Kinds of events and windows that listeners are told."""
    heard = []

    def on_event(*, event, **_):
        heard.append(event.kind)

    def on_window(*, window, **_):
        heard.append(window)

    happened.connect(on_event)
    downtimes_changed.connect(on_window)
    yield heard
    happened.disconnect(on_event)
    downtimes_changed.disconnect(on_window)


@pytest.fixture
def services() -> list[Service]:
    site = a_site(name="ALPHA")
    return [a_service(of=site) for _ in range(3)]


@pytest.fixture
def alice(services) -> Actor:
    return Actor(user=a_user("alice", site=services[0].site))


def running(*services, **fields) -> Downtime:
    return a_downtime(
        *services, **{"start": NOW - HOUR, "end": NOW + 4 * HOUR, "classification": "UNSCHEDULED"} | fields
    )


def test_a_federation_asks_for_its_own_notice_and_the_longest_counts(services, alice):
    region = services[0].site.ngi
    wide = a_federation(name="Wide", notice_hours=72)

    def declared(ahead):
        return declare_downtime(
            alice, services=services, severity="OUTAGE", start=NOW + ahead, end=NOW + ahead + HOUR,
            description="Works", now=NOW,
        ).classification  # fmt: skip

    assert declared(30 * HOUR) == "SCHEDULED"
    region.federation.notice_hours = 48
    region.federation.save()
    assert (declared(30 * HOUR), declared(49 * HOUR)) == ("UNSCHEDULED", "SCHEDULED")
    NgiMembership.objects.create(ngi=region, federation=wide, valid_from=ERA)
    assert (declared(49 * HOUR), declared(73 * HOUR)) == ("UNSCHEDULED", "SCHEDULED")


def test_a_declaration_with_parts_endpoints_and_phases(services, alice, told):
    endpoint = an_endpoint(of=services[1])
    first = declare_downtime(
        alice, services=services, severity="WARNING", start=NOW + 30 * HOUR, end=NOW + 40 * HOUR, description="Works",
        now=NOW, ends={services[0]: NOW + 32 * HOUR}, endpoints=[endpoint],
        phases=[Phase(NOW + 34 * HOUR, "OUTAGE"), Phase(NOW + 38 * HOUR, "WARNING")],
    )  # fmt: skip
    chain = list(Downtime.objects.order_by("start"))
    assert [each.severity for each in chain] == ["WARNING", "OUTAGE", "WARNING"]
    assert [each.follows for each in chain] == [None, *chain[:2]]
    assert [each.end for each in chain[:-1]] == [each.start for each in chain[1:]]
    assert first.affected.get(service=services[0]).end == NOW + 32 * HOUR
    assert not chain[1].affected.filter(service=services[0]).exists()
    assert [each.affected.get(service=services[1]).endpoints.get().endpoint for each in chain] == [endpoint] * 3
    assert all(part.history.count() == 1 for each in chain for part in each.affected.all())
    assert told == [Window(NOW + 30 * HOUR, NOW + 40 * HOUR), "downtime.declared"]


def test_an_edit_classifies_anew_and_is_told_with_both_windows(services, alice, told):
    downtime = a_downtime(*services, start=NOW + 30 * HOUR, end=NOW + 34 * HOUR)
    changes = {"start": NOW + 10 * HOUR, "end": NOW + 13 * HOUR, "services": services[:2]}
    edited = edit_downtime(alice, downtime=downtime, changes=changes, reason="sooner", now=NOW)
    assert (edited.classification, set(edited.services.all())) == ("UNSCHEDULED", set(services[:2]))
    assert downtime.history.first().history_change_reason == "sooner"
    removed = edited.affected.model.history.filter(history_type="-").get()
    assert removed.service_id == services[2].pk
    assert told == [Window(NOW + 10 * HOUR, NOW + 34 * HOUR), "downtime.changed"]


def test_words_alone_leave_the_class_as_it_was(services, alice):
    region = services[0].site.ngi
    region.federation.notice_hours = 48
    region.federation.save()
    downtime = a_downtime(*services, start=NOW + 30 * HOUR, end=NOW + 34 * HOUR)
    edited = edit_downtime(alice, downtime=downtime, changes={"description": "Other words"}, reason="typo", now=NOW)
    assert (edited.classification, edited.description) == ("SCHEDULED", "Other words")


def test_an_edit_that_changes_nothing_leaves_no_record(services, alice, told):
    downtime = running(*services)
    edit_downtime(alice, downtime=downtime, changes={"description": downtime.description}, reason="none", now=NOW)
    assert downtime.history.count() == 1
    assert told == []


def test_the_second_of_two_editors_overwrites_nothing(services, alice):
    downtime = running(*services)
    seen = version_of(downtime)
    edit_downtime(alice, downtime=downtime, changes={"description": "One"}, reason="first", now=NOW, seen=seen)
    with pytest.raises(ValidationError, match="Somebody was faster: alice") as raised:
        edit_downtime(alice, downtime=downtime, changes={"description": "Two"}, reason="second", now=NOW, seen=seen)
    assert raised.value.code == "conflict"
    downtime.refresh_from_db()
    assert downtime.description == "One"


def test_nobody_edits_foreign_services_into_a_downtime(services, alice):
    downtime = a_downtime(*services, start=NOW + 30 * HOUR, end=NOW + 34 * HOUR)
    with pytest.raises(NotPermittedError):
        edit_downtime(alice, downtime=downtime, changes={"services": [*services, a_service()]}, reason="more", now=NOW)
    with pytest.raises(ValidationError, match="cannot be edited"):
        edit_downtime(alice, downtime=downtime, changes={"classification": "SCHEDULED"}, reason="nicer", now=NOW)


def test_endpoints_are_edited_and_must_belong_to_an_affected_service(services, alice):
    downtime = a_downtime(services[0], start=NOW + 30 * HOUR, end=NOW + 34 * HOUR)
    mine, other = an_endpoint(of=services[0]), an_endpoint(of=services[1])
    edit_downtime(alice, downtime=downtime, changes={"endpoints": [mine]}, reason="only one", now=NOW)
    assert downtime.affected.get().endpoints.get().endpoint == mine
    with pytest.raises(ValidationError) as raised:
        edit_downtime(alice, downtime=downtime, changes={"endpoints": [other]}, reason="another", now=NOW)
    assert "endpoints of its services" in str(raised.value)
    edit_downtime(alice, downtime=downtime, changes={"endpoints": []}, reason="the whole", now=NOW)
    assert not downtime.affected.get().endpoints.exists()


def test_parts_end_one_by_one_and_the_last_ends_the_whole(services, alice, told):
    downtime = running(*services)
    end_part(alice, downtime=downtime, services=services[:2], at=NOW + HOUR, reason="back", now=NOW)
    downtime.refresh_from_db()
    assert downtime.end == NOW + 4 * HOUR
    assert [downtime.affected.get(service=each).end for each in services] == [NOW + HOUR, NOW + HOUR, None]
    assert told == [Window(NOW + HOUR, NOW + 4 * HOUR), "downtime.changed"]
    end_part(alice, downtime=downtime, services=services[2:], at=NOW, reason="back too", now=NOW)
    downtime.refresh_from_db()
    assert downtime.end == NOW + HOUR
    assert downtime.affected.get(service=services[2]).end == NOW + MINUTE
    assert downtime.affected.get(service=services[0]).end is None  # the whole ends with it
    assert told[-1] == "downtime.ended"


def test_an_extension_is_a_tail_that_leaves_the_promise_as_it_was(services, alice, told):
    downtime = running(*services, classification="SCHEDULED")
    tail = extend_downtime(alice, downtime=downtime, end=NOW + 6 * HOUR, services=services[:1], reason="late", now=NOW)
    downtime.refresh_from_db()
    assert (downtime.end, downtime.classification) == (NOW + 4 * HOUR, "SCHEDULED")
    assert (tail.start, tail.end, tail.classification) == (NOW + 4 * HOUR, NOW + 6 * HOUR, "UNSCHEDULED")
    assert (tail.follows, tail.follow_kind, tail.severity) == (downtime, "extension", "OUTAGE")
    assert list(tail.services.all()) == services[:1]
    assert told == [Window(NOW + 4 * HOUR, NOW + 6 * HOUR), "downtime.extended"]
    with pytest.raises(ValidationError, match="extend the last one"):
        extend_downtime(alice, downtime=downtime, end=NOW + 7 * HOUR, reason="later", now=NOW)
    further = extend_downtime(alice, downtime=tail, end=NOW + 7 * HOUR, reason="later", now=NOW)
    assert (further.follows, further.start) == (tail, NOW + 6 * HOUR)


def test_a_severity_changes_as_the_next_phase(services, alice):
    downtime = running(*services, severity="WARNING")
    downtime.affected.filter(service=services[0]).update(end=NOW + HOUR)
    tail = extend_downtime(alice, downtime=downtime, end=NOW + 6 * HOUR, reason="late", now=NOW)
    phase = change_severity(alice, downtime=downtime, severity="OUTAGE", at=NOW + 2 * HOUR, reason="worse", now=NOW)
    downtime.refresh_from_db()
    tail.refresh_from_db()
    assert (downtime.end, phase.start, phase.end) == (NOW + 2 * HOUR, NOW + 2 * HOUR, NOW + 4 * HOUR)
    assert (phase.severity, phase.follow_kind, phase.classification) == ("OUTAGE", "phase", "UNSCHEDULED")
    assert set(phase.services.all()) == set(services[1:])  # the first is back by then
    assert tail.follows == phase


@pytest.mark.parametrize("act", [end_downtime_now, cancel_downtime])
def test_ending_or_cancelling_takes_along_what_continues_it(services, alice, act):
    start = NOW - HOUR if act is end_downtime_now else NOW + HOUR
    downtime = a_downtime(*services, start=start, end=NOW + 4 * HOUR, classification="UNSCHEDULED")
    tail = extend_downtime(alice, downtime=downtime, end=NOW + 6 * HOUR, reason="late", now=NOW)
    last = extend_downtime(alice, downtime=tail, end=NOW + 8 * HOUR, reason="later", now=NOW)
    act(alice, downtime=downtime, reason="over", now=NOW)
    for each in (tail, last):
        each.refresh_from_db()
        assert each.cancelled_at == NOW
        assert each.history.first().history_change_reason == "over"


@pytest.mark.parametrize("which", ["edit", "part", "extend", "severity"])
def test_strangers_change_nothing(services, which):
    downtime = running(*services)
    common = {"downtime": downtime, "reason": "mine", "now": NOW}
    acts = {
        "edit": lambda who: edit_downtime(who, changes={"description": "x"}, **common),
        "part": lambda who: end_part(who, services=services[:1], at=NOW, **common),
        "extend": lambda who: extend_downtime(who, end=NOW + 9 * HOUR, **common),
        "severity": lambda who: change_severity(who, severity="WARNING", at=NOW + HOUR, **common),
    }
    for actor in (Actor(), Actor(user=a_user("dave", site=a_site()))):
        with pytest.raises(NotPermittedError):
            acts[which](actor)
    assert downtime.history.count() == Downtime.objects.count() == 1


def a_plan(services, **fields) -> Plan:
    usual = {"start": NOW + HOUR, "end": NOW + 3 * HOUR, "severity": "OUTAGE", "description": "Works"}
    return Plan(**usual | fields, services=frozenset(each.pk for each in services))


def test_a_preview_says_what_is_left_of_the_site():
    ngi = an_ngi(rod_email="rod@example.org")
    site = a_site(name="ALPHA", ngi=ngi, contact_email="grid@example.org")
    ces = [a_service(of=site) for _ in range(4)]
    srm = a_service(of=site, type="SRM")
    alice = Actor(user=a_user("alice", site=site))

    def hints(*services, **fields):
        return list(preview(alice, plan=a_plan(services, **fields), services=services, now=NOW).hints)

    assert hints(*ces[:3]) == ["3 of 4 CE of ALPHA are then out; 1 left."]
    assert hints(*ces) == ["All 4 CE of ALPHA are then out: the site will be down where CE counts."]
    assert hints(srm) == ["The only SRM of ALPHA is then out: the site will be down where SRM counts."]
    assert hints(*ces, srm) == ["All 5 services of ALPHA are then out: the site will be down."]
    assert hints(*ces, severity="WARNING") == []
    # one more is out at the same time, by another downtime
    a_downtime(ces[3], start=NOW + 2 * HOUR, end=NOW + 5 * HOUR)
    foreseen = preview(alice, plan=a_plan(ces[:3]), services=ces[:3], now=NOW)
    assert foreseen.hints == ["All 4 CE of ALPHA are then out: the site will be down where CE counts."]
    assert foreseen.conflicts == []
    assert set(foreseen.told) == {
        "alice, Site Administrator of ALPHA", "grid@example.org, contact of ALPHA",
        f"rod@example.org, operator on duty of {ngi.name}",
    }  # fmt: skip


def test_a_preview_names_what_it_meets(services, alice):
    other = a_downtime(services[0], start=NOW + 2 * HOUR, end=NOW + 5 * HOUR)
    a_downtime(services[1], start=NOW + 2 * HOUR, end=NOW + 5 * HOUR, cancelled_at=NOW)
    a_downtime(services[2], start=NOW + 3 * HOUR, end=NOW + 5 * HOUR)  # touches only
    (conflict,) = preview(alice, plan=a_plan(services), services=services, now=NOW).conflicts
    assert (conflict.downtime, conflict.services) == (other, [str(services[0])])
    assert preview(alice, plan=a_plan(services), services=services, now=NOW, apart_from=[other.pk]).conflicts == []
