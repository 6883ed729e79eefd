"""Many changes in one request: all or none, or what is good; every line is reported."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from gridkeeper.registry.models import Downtime, Endpoint, Service, Site
from gridkeeper.registry.signals import happened
from tests.builders import a_service_type
from tests.registry.api_grid import Robot, a_grid

pytestmark = pytest.mark.django_db
WHY = {"reason": "Because it is so."}


@pytest.fixture
def grid():
    return a_grid()


def _edit(site, **values):
    return {"do": "site.edit", "key": site.key, "body": WHY | values}


def _outcomes(answer):
    assert answer.status_code == 200, answer.content
    return [line["outcome"] for line in answer.json()["lines"]]


def test_all_or_none(grid):
    lines = [_edit(grid.alpha, tier="1"), _edit(grid.beta, timezone="Mars/Olympus"), {"do": "site.fly"}]
    answer = Robot("root").post("/registry/bulk", lines)
    assert _outcomes(answer) == ["undone", "failed", "failed"]
    assert answer.json()["failed"] == 2
    second, third = answer.json()["lines"][1:]
    assert (second["index"], second["errors"][0]["field"]) == (2, "timezone")
    assert "operations" in third["errors"][0]["problem"]
    assert Site.objects.get(pk=grid.alpha.pk).tier == ""
    assert _outcomes(Robot("root").post("/registry/bulk", lines[:1])) == ["done"]
    assert Site.objects.get(pk=grid.alpha.pk).tier == "1"


def test_what_is_good_stays(grid):
    lines = [_edit(grid.alpha, tier="1"), _edit(grid.beta, latitude=900), _edit(grid.beta, tier="2")]
    answer = Robot("root").post("/registry/bulk?mode=keep_good", lines)
    assert _outcomes(answer) == ["done", "failed", "done"]
    assert list(Site.objects.order_by("name").values_list("tier", flat=True)) == ["1", "2"]


@pytest.mark.parametrize("mode", ["atomic", "keep_good"])
def test_a_dry_run_keeps_nothing(grid, mode):
    answer = Robot("root").post(f"/registry/bulk?mode={mode}&dry_run=true", [_edit(grid.alpha, tier="1"), {"do": "x"}])
    assert _outcomes(answer) == ["would be done", "failed"]
    assert Site.objects.get(pk=grid.alpha.pk).tier == ""


def test_later_lines_name_what_earlier_ones_made(grid):
    a_service_type("CE")
    lines = [
        {"do": "site.add", "ref": "new", "body": WHY | {"region": grid.swiss.key, "name": "NEW"}},
        {"do": "service.add", "ref": "ce", "body": WHY | {
            "site": {"$ref": "new"}, "service_type": "CE", "hostname": "ce.new.example.org"}},
        {"do": "service.edit", "key": {"$ref": "ce"}, "body": WHY | {"is_beta": True}},
        {"do": "endpoint.add", "body": WHY | {"service": {"$ref": "ce"}, "name": "arc"}},
        {"do": "site.edit", "key": {"$ref": "nobody"}, "body": WHY},
    ]  # fmt: skip
    answer = Robot("root").post("/registry/bulk?mode=keep_good", lines)
    assert _outcomes(answer) == ["done"] * 4 + ["failed"], answer.content
    service = Service.objects.get(hostname="ce.new.example.org")
    assert (service.site.name, service.is_beta, service.endpoints.get().name) == ("NEW", True, "arc")


def test_each_line_needs_its_right_and_its_version(grid):
    lines = [
        _edit(grid.alpha, tier="1") | {"if_match": str(grid.alpha.history.latest("history_id").history_id)},
        _edit(grid.alpha, tier="2") | {"if_match": '"1-old"'},
        _edit(grid.beta, tier="3"),
        {"do": "site.certify", "key": grid.alpha.key, "body": WHY | {"new": "Suspended"}},
    ]
    answer = Robot("alice").post("/registry/bulk?mode=keep_good", lines)
    assert _outcomes(answer) == ["done", "failed", "failed", "failed"]
    lost, foreign, certify = answer.json()["lines"][1:]
    assert lost["errors"][0]["changed_by"] == "alice"
    assert "may not" in foreign["errors"][0]["problem"]
    assert "may not" in certify["errors"][0]["problem"]


@pytest.mark.parametrize(
    "line",
    [None, 7, "x", [], {}, {"do": "site.edit"}, {"do": "site.edit", "key": "none", "body": WHY},
     {"do": "site.edit", "key": "\x00", "body": WHY}, {"do": "site.edit", "key": 7}, {"do": "site.add", "key": "x"},
     {"do": "site.edit", "extra": 1}, {"do": "site.add", "body": {"name": "x"}}, {"do": "x" * 100},
     {"do": "role.revoke", "key": "9" * 40, "body": WHY}, {"do": "role.revoke", "key": "abc", "body": WHY},
     {"do": "site.add", "body": WHY | {"region": {"$ref": ["x"]}, "name": "X"}}],
)  # fmt: skip
def test_a_bad_line_is_reported_and_spoils_no_other(grid, line):
    answer = Robot("root").post("/registry/bulk?mode=keep_good", [line, _edit(grid.alpha, tier="1")])
    assert _outcomes(answer) == ["failed", "done"]
    assert answer.json()["lines"][0]["errors"][0]["problem"]


def test_json_lines_are_read_one_by_one(grid):
    text = f"{json.dumps(_edit(grid.alpha, tier='1'))}\n\nnot json\n{json.dumps(_edit(grid.beta, tier='2'))}\n"
    answer = Robot("root").post_text("/registry/bulk?mode=keep_good", text, "application/x-ndjson")
    assert _outcomes(answer) == ["done", "failed", "done"]
    assert "not JSON" in answer.json()["lines"][1]["errors"][0]["problem"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", "application/json"), ("{}", "application/json"), ("[" * 5000, "application/json"), ("7", "application/json")],
)
def test_a_body_that_is_no_list_is_refused(grid, text, kind):
    assert Robot("root").post_text("/registry/bulk", text, kind).status_code == 422


def test_10000_lines_of_which_few_are_good(grid):
    """Every 50th line adds an endpoint; the others name nothing, are no JSON, or lack their reason."""
    lines = []
    for number in range(10_000):
        body = WHY | {"service": grid.ce.key, "name": f"e{number}"}
        good = json.dumps({"do": "endpoint.add", "body": body})
        bad = [json.dumps({"do": "endpoint.edit", "key": "none", "body": WHY}), "{", '{"do": "site.add", "body": {}}']
        lines.append(bad[number % 3] if number % 50 else good)
    answer = Robot("alice").post_text("/registry/bulk?mode=keep_good", "\n".join(lines), "application/x-ndjson")
    assert answer.status_code == 200, answer.content
    report = answer.json()
    done = [line["index"] for line in report["lines"] if line["outcome"] == "done"]
    assert (report["count"], report["failed"]) == (10_000, 9_800)
    assert done == [number * 50 + 1 for number in range(200)]
    assert Endpoint.objects.filter(name__startswith="e").count() == 200


@pytest.mark.timeout(400)
def test_10000_downtimes_with_errors_in_the_middle(grid):
    start = datetime(2027, 1, 1, tzinfo=UTC)
    rows = [
        {"services": [grid.ce.key if number % 2500 != 1250 else "none"], "severity": "OUTAGE", "description": "Power",
         "start": (start + timedelta(hours=number)).isoformat(),
         "end": (start + timedelta(hours=number, minutes=30)).isoformat()}
        for number in range(10_000)
    ]  # fmt: skip
    answer = Robot("alice").post("/downtimes/bulk", rows)
    assert answer.status_code == 200, answer.content
    rejected = [line["line"] for line in answer.json()["lines"] if line["outcome"] == "rejected"]
    assert rejected == [1251, 3751, 6251, 8751]
    assert Downtime.objects.count() == 9_996


def test_nobody_is_told_of_what_was_undone(grid, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks() as callbacks:
        Robot("root").post("/registry/bulk", [_edit(grid.alpha, tier="1"), {"do": "x"}])
    assert callbacks == []
    assert happened.has_listeners()


def test_the_operations_are_listed_with_their_bodies(grid):
    listed = {each["name"]: each for each in Robot().get("/registry/operations").json()}
    assert {"site.edit", "downtime.declare", "role.grant", "service_group.add_members"} <= set(listed)
    assert listed["site.edit"]["needs_key"] is True
    assert "reason" in listed["site.edit"]["body"]["properties"]


def _row(site="ALPHA", **values):
    start = timezone.now() + timedelta(days=3)
    times = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return times | {"site": site, "severity": "OUTAGE", "description": "Power"} | values


def test_downtimes_in_bulk_keep_what_is_good(grid):
    rows = [_row(), _row("NONE"), _row("BETA"), {"site": "ALPHA"}, 7]
    answer = Robot("alice").post("/downtimes/bulk", rows)
    assert [line["outcome"] for line in answer.json()["lines"]] == ["declared"] + ["rejected"] * 4
    assert Downtime.objects.get().services.count() == 2
    again = Robot("alice").post("/downtimes/bulk", rows[:1])
    assert again.json()["lines"][0]["outcome"] == "there already"


def test_downtimes_in_bulk_by_csv_atomic_and_dry(grid):
    row = _row()
    text = "site,severity,start,end,description\n" + "\n".join(
        f"{site},OUTAGE,{row['start']},{row['end']},Power" for site in ("ALPHA", "NONE")
    )
    alice = Robot("alice")
    refused = alice.post_text("/downtimes/bulk?mode=atomic", text, "text/csv")
    assert [line["outcome"] for line in refused.json()["lines"]] == ["would be declared", "rejected"]
    assert not Downtime.objects.exists()
    dry = alice.post_text("/downtimes/bulk?dry_run=true", text, "text/csv; charset=utf-8")
    assert dry.json()["is_dry_run"] is True
    assert not Downtime.objects.exists()
    done = alice.post_text("/downtimes/bulk", text, "text/csv")
    assert done.json()["sentence"] == "1 declared, 1 rejected"
    assert alice.post_text("/downtimes/bulk", "a\x00b", "text/csv").status_code == 422
