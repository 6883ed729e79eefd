"""What is done with downtimes over the API: declare, preview, edit, end, extend, phases, cancel, recurrences."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gridkeeper.registry.models import Downtime, DowntimeRecurrence
from tests.builders import a_downtime
from tests.registry.api_grid import Robot, a_grid

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


@pytest.fixture
def grid():
    return a_grid()


def _in(hours):
    return (timezone.now() + timedelta(hours=hours)).isoformat()


def _plan(*services, **values):
    return {
        "services": [each.key for each in services], "severity": "OUTAGE", "description": "Power", "start": _in(72),
        "end": _in(80),
    } | values  # fmt: skip


def _running(grid):
    now = timezone.now()
    return a_downtime(grid.ce, grid.se, start=now - timedelta(hours=1), end=now + timedelta(hours=8))


def test_services_are_back_one_by_one_and_endpoints_are_named(grid):
    endpoint = grid.se.endpoints.get()
    back = _in(75)
    answer = Robot("alice").post(
        "/downtimes", _plan(grid.ce, grid.se, ends={grid.ce.key: back}, endpoints=[endpoint.key])
    )
    assert answer.status_code == 201, answer.content
    parts = {each["key"]: each for each in answer.json()["services"]}
    assert parts[grid.ce.key]["end"][:19] == back[:19]
    assert parts[grid.se.key]["endpoints"] == [endpoint.key]
    assert parts[grid.ce.key]["endpoints"] == []


def test_phases_make_a_chain(grid):
    answer = Robot("alice").post("/downtimes", _plan(grid.ce, phases=[{"at": _in(76), "severity": "WARNING"}]))
    first = answer.json()
    [following] = first["followed_by"]
    phase = Robot().get(f"/downtimes/{following}").json()
    assert (phase["follows"], phase["follow_kind"], phase["severity"]) == (first["key"], "phase", "WARNING")
    assert phase["start"] == first["end"]


def test_a_preview_declares_nothing(grid):
    answer = Robot("alice").post("/downtimes/preview", _plan(grid.ce, grid.se))
    assert answer.status_code == 200, answer.content
    said = answer.json()
    assert (said["services"], said["sites"]) == (2, ["ALPHA"])
    assert said["stretches"][0]["classification"] == "SCHEDULED"
    assert any("the site will be down" in hint for hint in said["hints"])
    assert not Downtime.objects.exists()
    assert Robot("carol").post("/downtimes/preview", _plan(grid.ce)).status_code == 403


def test_a_dry_run_says_the_class_and_the_consequences(grid):
    answer = Robot("alice").post("/downtimes?dry_run=true", _plan(grid.ce, grid.se))
    assert answer.status_code == 200, answer.content
    assert answer.json()["result"]["classification"] == "SCHEDULED"
    assert any("the site will be down" in text for text in answer.json()["warnings"])
    assert not Downtime.objects.exists()


def test_several_sites_need_the_right_at_each(grid):
    assert Robot("alice").post("/downtimes", _plan(grid.ce, grid.other)).status_code == 403
    assert Robot("root").post("/downtimes", _plan(grid.ce, grid.other)).status_code == 201


def test_an_edit_classifies_anew_and_never_lengthens(grid):
    alice = Robot("alice")
    path = f"/downtimes/{alice.post('/downtimes', _plan(grid.ce)).json()['key']}"
    sooner = alice.patch(path, WHY | {"start": _in(10), "end": _in(12), "services": [grid.se.key]})
    assert sooner.status_code == 200, sooner.content
    assert sooner.json()["classification"] == "UNSCHEDULED"
    assert [each["key"] for each in sooner.json()["services"]] == [grid.se.key]
    longer = alice.patch(path, WHY | {"end": _in(200)})
    assert longer.status_code == 422
    assert "Rule:" in longer.json()["errors"][0]["problem"]


def test_a_downtime_is_ended_in_part_extended_and_made_milder(grid):
    alice, downtime = Robot("alice"), _running(grid)
    path = f"/downtimes/{downtime.key}"
    part = alice.post(f"{path}/end-part", WHY | {"services": [grid.ce.key], "at": _in(1)})
    assert part.status_code == 200, part.content
    tail = alice.post(f"{path}/extend", WHY | {"end": _in(20)})
    assert tail.status_code == 201, tail.content
    assert (tail.json()["follows"], tail.json()["follow_kind"]) == (downtime.key, "extension")
    assert tail.json()["classification"] == "UNSCHEDULED"
    phase = alice.post(f"{path}/severity", WHY | {"severity": "WARNING", "at": _in(4)})
    assert phase.status_code == 201, phase.content
    assert phase.json()["severity"] == "WARNING"
    assert alice.post(f"{path}/end", WHY).status_code == 200
    assert Downtime.objects.filter(cancelled_at=None, end__gt=timezone.now() + timedelta(hours=1)).count() == 0


@pytest.mark.parametrize("verb", ["end", "end-part", "extend", "severity", "cancel"])
@pytest.mark.parametrize(("who", "status"), [("carol", 403), ("", 401)])
def test_only_who_may_declare_changes_it(grid, verb, who, status):
    downtime = _running(grid)
    body = {
        "end-part": {"services": [grid.ce.key], "at": _in(1)}, "extend": {"end": _in(20)},
        "severity": {"severity": "WARNING", "at": _in(1)},
    }.get(verb, {})  # fmt: skip
    assert Robot(who).post(f"/downtimes/{downtime.key}/{verb}", WHY | body).status_code == status


def test_recurring_downtimes_keep_the_wall_clock(grid):
    """Daily at 08:00 in Rome across 28 March 2027, when its clocks go forward: 07:00 UTC before, 06:00 UTC after."""
    first = datetime(2027, 3, 27, 7, tzinfo=UTC)
    body = {
        "services": [grid.ce.key], "rule": "FREQ=DAILY;COUNT=3", "first_start": "2027-03-27T08:00:00+01:00",
        "timezone": "Europe/Rome", "duration_seconds": 3600, "severity": "WARNING", "description": "Updates",
    }  # fmt: skip
    answer = Robot("alice").post("/downtime-recurrences", body)
    assert answer.status_code == 201, answer.content
    key = answer.json()["key"]
    assert datetime.fromisoformat(answer.json()["first_start"]) == first
    from gridkeeper.registry.recurrences import make_occurrences

    make_occurrences(first - timedelta(days=1))
    made = Robot().get(f"/downtimes?recurrence={key}&sort=start").json()["items"]
    assert [each["start"][:13] for each in made] == ["2027-03-27T07", "2027-03-28T06", "2027-03-29T06"]
    ended = Robot("alice").post(f"/downtime-recurrences/{key}/end", WHY)
    assert ended.json()["ended_at"]
    assert DowntimeRecurrence.objects.get().ended_at is not None


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"start": "2027-03-28T02:30:00"}, "start"),
        ({"start": "2027-03-28T02:30:00 Europe/Rome"}, "start"),
        ({"start": 1e300}, "start"),
        ({"end": "2020-01-01T00:00:00Z"}, "end"),
        ({"severity": "BAD"}, "severity"),
        ({"ends": {"none": "2027-03-28T02:30:00Z"}}, "ends"),
        ({"endpoints": ["none"]}, "endpoints"),
        ({"services": []}, "services"),
        ({"phases": [{"at": "2020-01-01T00:00:00Z", "severity": "WARNING"}]}, "phases"),
        ({"description": "a\x00b"}, "description"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_input_that_does_not_fit_names_its_field(grid, values, field):
    answer = Robot("alice").post("/downtimes", _plan(grid.ce) | values)
    assert answer.status_code == 422, answer.content
    assert field in " ".join(error["field"] for error in answer.json()["errors"])
    assert not Downtime.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"rule": "FREQ=SOMETIMES"}, "rule"),
        ({"duration_seconds": 0}, "duration_seconds"),
        ({"first_start": "2027-03-28T02:30:00"}, "first_start"),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(grid, values, field):
    body = {
        "services": [grid.ce.key], "rule": "FREQ=DAILY", "first_start": _in(48), "timezone": "Europe/Rome",
        "duration_seconds": 3600, "severity": "WARNING", "description": "Updates",
    }  # fmt: skip
    answer = Robot("alice").post("/downtime-recurrences", body | values)
    assert answer.status_code == 422, answer.content
    assert field in " ".join(error["field"] for error in answer.json()["errors"])
