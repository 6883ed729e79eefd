"""The rules of a day. Each table is one directory, its cases side by side: judging is what costs; sums in comments."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.availability.argo_day.days import (
    BEFORE,
    DATE,
    OPERATIONS,
    aggregation,
    endpoint,
    metric_profile,
    result,
    write_day,
    yesterday,
)
from tests.availability.argo_day.judging import MODES, Levels, judge, timeline

OK, WARNING, CRITICAL, UNKNOWN, MISSING = "OK", "WARNING", "CRITICAL", "UNKNOWN", "MISSING"
DOWNTIME, EXCLUDED = "DOWNTIME", "EXCLUDED"
Results = list[dict[str, Any]]


@cache
def judged(table: str, mode: str) -> Levels:
    """The directory of a table."""
    with TemporaryDirectory() as folder:
        return judge(write_day(Path(folder), **DAYS[table]), mode)


def seconds(text: str) -> list[tuple[int, str]]:
    """ "MISSING 03:00 OK 04:00:01 CRITICAL": the status at midnight, then times and statuses."""
    first, *rest = text.split()
    found = [(0, first)]
    for time, status in zip(rest[::2], rest[1::2], strict=True):
        hour, minute, second = (int(part) for part in f"{time}:00:00".split(":")[:3])
        found.append((hour * 3600 + minute * 60 + second, status))
    return found


LEAP = f"{DATE}T23:59:60Z"
#: What a metric heard the day before and on the day, and its timeline.
METRICS: dict[str, tuple[Results, Results, str]] = {
    "nothing": ([], [], "MISSING"),
    "until the first": ([], [result("06:00:00", OK)], "MISSING 06:00 OK"),
    "carried over": ([yesterday("23:00:00", CRITICAL)], [result("06:00:00", OK)], "CRITICAL 06:00 OK"),
    "the latest": ([yesterday("23:00:00", OK), yesterday("22:00:00", CRITICAL)], [], "OK 23:00 MISSING"),
    "valid for 24 h": ([yesterday("10:30:00", OK)], [], "OK 10:30 MISSING"),
    "no second longer": ([yesterday("00:00:00", OK)], [], "MISSING"),
    "one second": ([yesterday("00:00:01", OK)], [], "OK 00:00:01 MISSING"),
    "two days ago": ([result("2022-01-12T23:59:59Z", OK)], [], "MISSING"),
    "tomorrow": ([], [result("2022-01-15T00:00:00Z", OK)], "MISSING"),
    "other centuries": ([result("1922-01-14T03:00:00Z", OK)], [result("2122-01-14T03:00:00Z", OK)], "MISSING"),
    "before all time": ([result("0001-01-01T00:00:00+14:00", OK)], [], "MISSING"),
    "after all time": ([], [result("9999-12-31T23:59:59-14:00", OK)], "MISSING"),
    "out of order": ([], [result("06:00:00", OK), result("03:00:00", CRITICAL)], "MISSING 03:00 CRITICAL 06:00 OK"),
    "one instant": ([], [result("03:00:00", CRITICAL), result("03:00:00", OK)], "MISSING 03:00 OK"),
    "one second, another order": (
        [], [result("03:00:00.9", OK), result("03:00:00.1", CRITICAL)], "MISSING 03:00 OK",
    ),
    "at midnight": ([yesterday("23:59:59", CRITICAL)], [result("00:00:00", OK)], "OK"),
    "offsets": (
        [], [result(f"{DATE}T03:00:00.12+00:00", OK), result(f"{DATE}T06:30:00+02:00", CRITICAL)],
        "MISSING 03:00 OK 04:30 CRITICAL",
    ),
    "leap seconds": ([yesterday("23:59:60", OK)], [result(LEAP, CRITICAL)], "OK 23:59:59 CRITICAL"),
    "any case": ([], [result("00:00:00", "oK"), result("01:00:00", "critical")], "OK 01:00 CRITICAL"),
    "no change": ([], [result("00:00:00", OK), result("01:00:00", OK)], "OK"),
    "no status": ([], [result("00:00:00", OK), result("01:00:00", "FINE"), result("02:00:00", EXCLUDED)], "OK"),
    "no time": ([], [result("00:00:00", OK), result("25:00:00", CRITICAL), result("", CRITICAL)], "OK"),
    "minutes": ([], [result("02:00", OK)], "MISSING 02 OK"),
}  # fmt: skip
#: ARGO knows no validity: what the day before said last holds until the day says something.
ARGO_METRICS = dict.fromkeys(["the latest", "valid for 24 h", "no second longer", "one second"], "OK")


def _of(results: Results, **names: str) -> Results:
    return [each | names for each in results]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", METRICS)
def test_a_metric(case: str, mode: str) -> None:
    wanted = METRICS[case][2]
    if mode == "argo-compat":
        wanted = ARGO_METRICS.get(case, wanted)
    assert judged("metrics", mode)["metric"]["SITE", "CE", "ce1", case]["timeline"] == seconds(wanted)


#: Start and end, what else the downtime says, and the timeline of the endpoint, which is OK but for it.
DOWNTIMES: dict[str, tuple[str, str, dict[str, str], str, str]] = {
    "an hour": (f"{DATE}T03:00:00Z", f"{DATE}T04:00:00Z", {}, "OK 03 DOWNTIME 04 OK", "OK 03 DOWNTIME 04:01 OK"),
    "until midnight": (f"{BEFORE}T03:00:00Z", f"{DATE}T00:00:00Z", {}, "OK", "DOWNTIME 00:01 OK"),
    "over before": (f"{BEFORE}T03:00:00Z", f"{BEFORE}T23:59:59Z", {}, "OK", "OK"),
    "over midnight": (f"{DATE}T22:00:00Z", "2022-01-17T00:00:00Z", {}, "OK 22 DOWNTIME", "OK 22 DOWNTIME"),
    "to the last second": (
        f"{BEFORE}T22:00:00Z", f"{DATE}T23:59:59Z", {}, "DOWNTIME 23:59:59 OK", "DOWNTIME",
    ),
    "tomorrow": ("2022-01-15T00:00:00Z", "2022-01-17T00:00:00Z", {}, "OK", "OK"),
    "unscheduled": (f"{DATE}T03:00:00Z", f"{DATE}T04:00:00Z", {"classification": "UNSCHEDULED"}, "OK", "OK"),
    "at risk": (f"{DATE}T03:00:00Z", f"{DATE}T04:00:00Z", {"severity": "WARNING"}, "OK", "OK"),
    "outage": (
        f"{DATE}T03:00:00Z", f"{DATE}T04:00:00Z", {"severity": "outage", "classification": "Scheduled"},
        "OK 03 DOWNTIME 04 OK", "OK 03 DOWNTIME 04:01 OK",
    ),
    "of another service": (f"{DATE}T03:00:00Z", f"{DATE}T04:00:00Z", {"service": "SE"}, "OK", "OK"),
    "reversed": (f"{DATE}T04:00:00Z", f"{DATE}T03:00:00Z", {}, "OK", "OK"),
}  # fmt: skip


def downtime(start: str, end: str, hostname: str = "ce1", **fields: str) -> dict[str, str]:
    return {"hostname": hostname, "service": "CE", "start_time": start, "end_time": end} | fields


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", DOWNTIMES)
def test_a_downtime(case: str, mode: str) -> None:
    found, expected = judged("downtimes", mode), DOWNTIMES[case][3 + MODES.index(mode)]
    assert found["endpoint"]["SITE", "CE", case]["timeline"] == seconds(expected)
    assert found["metric"]["SITE", "CE", case, "m1"]["timeline"] == seconds("OK")


def request(start: str, end: str, **lists: Any) -> dict[str, Any]:
    return {"id": "r", "reason": "why", "start_time": f"{DATE}T{start}Z", "end_time": f"{DATE}T{end}Z", **lists}


EVERY_LEVEL = ("metric", "endpoint", "service", "function", "group")
#: What is asked from 03:00 to 04:00 of a group, the levels that it changes, and their timelines.
REQUESTS: dict[str, tuple[dict[str, Any], tuple[str, ...], str, str]] = {
    # Groups: unknown at the group and nowhere else; ARGO fills them as it fills downtimes.
    "group": ({"exclude": ["?"]}, ("group",), "OK 03 UNKNOWN 04 OK", "OK 03 UNKNOWN 04:01 OK"),
    # Results: excluded at the metric, so that nothing is left for the levels above; ARGO: through the end second.
    "results of a metric": (
        {"exclude_metrics": [{"metric": "m1", "group": "?"}]}, EVERY_LEVEL,
        "OK 03 EXCLUDED 04 OK", "OK 03 EXCLUDED 04:00:01 OK",
    ),
    "results of a host": (
        {"exclude_metrics": [{"hostname": "ce1", "service": "CE", "group": "?"}]}, EVERY_LEVEL,
        "OK 03 EXCLUDED 04 OK", "OK 03 EXCLUDED 04:00:01 OK",
    ),
    "results of another": (
        {"exclude_metrics": [{"metric": "m1", "hostname": "ce2", "group": "?"}]}, ("metric",), "OK", "OK",
    ),
    "results of nobody": ({"exclude_metrics": [{}]}, ("metric",), "OK", "OK"),
    # A forced status ends where it ends, in both.
    **{
        f"force {level}": (
            {"applied_status_changes": [place | {"group": "?", "state": "warning"}]}, changed,
            "OK 03 WARNING 04 OK", "OK 03 WARNING 04 OK",
        )
        for level, place, changed in [
            ("metric", {"metric": "m1"}, EVERY_LEVEL),
            ("endpoint", {"hostname": "ce1"}, ("endpoint", "service", "function", "group")),
            ("service", {"service": "CE"}, ("service", "function", "group")),
            ("function", {"function": "compute"}, ("function", "group")),
            ("group", {}, ("group",)),
        ]
    },
    "force another": (
        {"applied_status_changes": [{"service": "SE", "group": "?", "state": "OK"}]}, ("group",), "OK", "OK",
    ),
    "force nothing known": (
        {"applied_status_changes": [{"group": "?", "state": "SHINY"}]}, ("group",), "OK", "OK",
    ),
    "rejected": ({"exclude": ["?"], "status": "rejected"}, ("group",), "OK", "OK"),
}  # fmt: skip


def _named(part: Any, group: str) -> Any:
    """With ? replaced by the group."""
    if isinstance(part, dict):
        return {name: _named(value, group) for name, value in part.items()}
    if isinstance(part, list):
        return [_named(each, group) for each in part]
    return group if part == "?" else part


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", REQUESTS)
def test_a_recomputation(case: str, mode: str) -> None:
    changed, *lines = REQUESTS[case][1:]
    for level, nodes in judged("requests", mode).items():
        (line,) = [node["timeline"] for key, node in nodes.items() if key[0] == case]
        assert line == seconds(lines[MODES.index(mode)] if level in changed else "OK"), level


#: Days of one group each, of which the timeline of one level is looked at.
MIXED: dict[str, tuple[str, Results, list[dict[str, str]], list[dict[str, Any]], str]] = {
    "in list order": (
        "group", [result("00:00:00", OK)], [],
        [
            request("03:00:00", "06:00:00", exclude=["?"]),
            request("05:00:00", "07:00:00", applied_status_changes=[{"group": "?", "state": CRITICAL}]),
        ],
        "OK 03 UNKNOWN 05 CRITICAL 07 OK",
    ),
    "a downtime holds whatever the tests say, a forced status comes after it": (
        "endpoint", [result("00:00:00", OK)], [downtime(f"{DATE}T03:00:00Z", f"{DATE}T09:00:00Z", "?")],
        [
            request("02:00:00", "06:00:00", exclude_metrics=[{"group": "?"}]),
            request("08:00:00", "10:00:00", applied_status_changes=[{"hostname": "?", "state": WARNING}]),
        ],
        "OK 02 EXCLUDED 03 DOWNTIME 08 WARNING 10 OK",
    ),
    "the worked example": (
        "group", [result("03:00:00", CRITICAL), result("12:00:00", UNKNOWN), result("22:00:00", OK)],
        [downtime(f"{DATE}T18:00:00Z", f"{DATE}T22:00:00Z", "?")], [], "OK 03 CRITICAL 12 UNKNOWN 18 DOWNTIME 22 OK",
    ),
    "all unknown": ("group", [result("00:00:00", UNKNOWN)], [], [], "UNKNOWN"),
    "all downtime": (
        "group", [result("00:00:00", OK)], [downtime(f"{DATE}T00:00:00Z", "2022-01-15T00:00:00Z", "?")], [], DOWNTIME,
    ),
    "half excluded": (
        "group", [result("00:00:00", OK)], [], [request("00:00:00", "12:00:00", exclude_metrics=[{"group": "?"}])],
        "EXCLUDED 12 OK",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MIXED)
def test_together(case: str) -> None:
    (line,) = [
        node["timeline"] for key, node in judged("mixed", "gridkeeper")[MIXED[case][0]].items() if key[0] == case
    ]
    assert line == seconds(MIXED[case][4])


@pytest.mark.parametrize(
    ("case", "mode", "figures"),
    [
        # up 5 h, unknown 6 h, down 4 h: 5/18 and 5/14
        ("the worked example", "gridkeeper", (27.77778, 35.71429, 18000, 21600, 14400, 4)),
        # up and down a minute less and more: 17940/64800 and 17940/50340
        ("the worked example", "argo-compat", (27.68519, 35.63766, 17940, 21600, 14460, 4)),
        ("all unknown", "gridkeeper", (None, None, 0, 86400, 0, 0)),
        ("all unknown", "argo-compat", (-1, -1, 0, 86400, 0, 0)),
        ("all downtime", "gridkeeper", (0, None, 0, 0, 86400, 0)),
        ("all downtime", "argo-compat", (0, -1, 0, 0, 86400, 0)),
        # 12 h of 12 h; ARGO leaves the excluded in the total, of which there is a second more: 43199/86400
        ("half excluded", "gridkeeper", (100, 100, 43200, 0, 0, 1)),
        ("half excluded", "argo-compat", (49.99884, 49.99884, 43199, 0, 0, 1)),
    ],
)
def test_figures(case: str, mode: str, figures: tuple[float | None, ...]) -> None:
    node = judged("mixed", mode)["group"][(case,)]
    names = ("availability", "reliability", "up", "unknown", "down", "flips")
    assert tuple(node[name] for name in names) == figures


def _each_a_group(cases: list[str]) -> dict[str, Any]:
    """A topology in which each case is a group with a host of its own."""
    return {
        "topology_groups": [{"group": "NGI", "subgroup": case} for case in cases],
        "topology_endpoints": [endpoint(case, "CE", case) for case in cases],
    }


DAYS: dict[str, dict[str, Any]] = {
    "metrics": {
        "previous": [each for name, case in METRICS.items() for each in _of(case[0], metric=name)],
        "results": [each for name, case in METRICS.items() for each in _of(case[1], metric=name)],
        "metric_profiles": [metric_profile({"CE": list(METRICS)})],
    },
    "downtimes": {
        "results": [result("00:00:00", OK, hostname=name) for name in DOWNTIMES],
        "topology_endpoints": [endpoint("SITE", "CE", name) for name in DOWNTIMES],
        "downtimes": [
            {
                "date": DATE,
                "endpoints": [downtime(case[0], case[1], name, **case[2]) for name, case in DOWNTIMES.items()],
            }
        ],
    },
    "requests": {
        "results": [result("00:00:00", OK)],
        "topology_groups": [{"group": "NGI", "subgroup": name} for name in REQUESTS],
        "topology_endpoints": [endpoint(name, "CE", "ce1") for name in REQUESTS],
        "recomputations": [request("03:00:00", "04:00:00", **_named(case[0], name)) for name, case in REQUESTS.items()],
    },
    "mixed": {
        **_each_a_group(list(MIXED)),
        "previous": [yesterday("23:00:00", OK, hostname=name) for name in MIXED],
        "results": [each for name, case in MIXED.items() for each in _of(case[1], hostname=name)],
        # A bare list of downtimes is read too.
        "downtimes": [_named(each, name) for name, case in MIXED.items() for each in case[2]],
        "recomputations": [_named(each, name) for name, case in MIXED.items() for each in case[3]],
    },
}


@pytest.mark.parametrize("mode", MODES)
def test_a_metric_added_on_the_day_is_unknown_until_its_first_result(tmp_path: Path, mode: str) -> None:
    profiles = [metric_profile({"CE": ["m1", "old"]}), metric_profile({"CE": ["old"]}, date=BEFORE)]
    results = [result("06:00:00", OK), result("06:00:00", OK, metric="old")]
    previous = [yesterday("23:00:00", OK)]
    found = judge(write_day(tmp_path, results, previous, metric_profiles=profiles), mode)["metric"]
    assert found["SITE", "CE", "ce1", "m1"]["timeline"] == seconds("UNKNOWN 06 OK")
    assert found["SITE", "CE", "ce1", "old"]["timeline"] == seconds("MISSING 06 OK")


def test_the_profile_of_the_day_before_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    before = [metric_profile({"CE": ["old"]}, date="2021-01-01")]
    directory = write_day(tmp_path, [result("06:00:00", OK)], metric_profiles_previous=before)
    assert timeline(directory) == seconds("UNKNOWN 06 OK")


def test_an_endpoint_in_two_groups_counts_in_each_by_the_thresholds_of_each(tmp_path: Path) -> None:
    rules = [{"metric": "m1", "endpoint_group": "A", "thresholds": "time=1s;0:0.5;0.5:1"}]
    directory = write_day(
        tmp_path,
        [result("00:00:00", OK, actual_data="time=0.7s;;; size=3B")],
        topology_groups=[{"group": "NGI", "subgroup": name} for name in ("A", "B")],
        topology_endpoints=[endpoint("A", "CE", "ce1"), endpoint("B", "CE", "ce1")],
        thresholds=[{"id": "t", "name": "thr", "rules": rules}],
    )
    for mode, verdict in (("argo-compat", CRITICAL), ("gridkeeper", WARNING)):
        found = judge(directory, mode)
        assert [node["timeline"] for node in found["group"].values()] == [seconds(verdict), seconds(OK)]
        assert list(found["metric"]) == [("A", "CE", "ce1", "m1"), ("B", "CE", "ce1", "m1")]


def test_interchangeable_services_are_one_function_and_a_service_may_stand_in_several(tmp_path: Path) -> None:
    functions = {"compute": {"CE": "OR", "ARC": "OR"}, "everything": {"CE": "OR", "SE": "OR"}}
    services, words = ("CE", "ARC", "SE", "UI"), {"CE": CRITICAL, "ARC": OK, "SE": CRITICAL}
    directory = write_day(
        tmp_path,
        [result("00:00:00", word, service=service) for service, word in words.items()],
        topology_endpoints=[endpoint("SITE", service, "ce1") for service in services],
        metric_profiles=[metric_profile({service: ["m1"] for service in services})],
        aggregation_profiles=[aggregation(functions)],
    )
    found = judge(directory)
    begun = {key: node["timeline"] for level in ("function", "group") for key, node in found[level].items()}
    assert begun == {
        ("SITE", "compute"): seconds(OK),
        ("SITE", "everything"): seconds(CRITICAL),
        ("SITE",): seconds(CRITICAL),
    }
    assert ("SITE", "UI") not in found["service"]  # in no function


@pytest.mark.parametrize(("groups", "expected"), [([{"group": "NGI", "subgroup": "SITE"}], 1), (None, 2)])
def test_a_group_in_no_group_is_left_out_where_there_are_groups(tmp_path: Path, groups: Any, expected: int) -> None:
    endpoints = [endpoint("SITE", "CE", "ce1"), endpoint("ALONE", "CE", "ce1")]
    found = judge(write_day(tmp_path, topology_endpoints=endpoints, topology_groups=groups))
    assert len(found["group"]) == expected


@pytest.mark.parametrize(("mode", "last"), [("gridkeeper", CRITICAL), ("argo-compat", OK)])
def test_results_of_an_excluded_source_do_not_count(tmp_path: Path, mode: str, last: str) -> None:
    source = {"host": "mon2", "start_time": f"{BEFORE}T22:00:00Z", "end_time": f"{DATE}T03:00:00Z"}
    previous = [yesterday("21:00:00", OK), yesterday("23:00:00", CRITICAL, monitoring_host="mon2")]
    at_the_end = result("03:00:00", CRITICAL, monitoring_host="mon2")  # ours is half-open
    asked = [{"exclude_monitoring_source": [source]}]
    found = dict(timeline(write_day(tmp_path, [at_the_end], previous, recomputations=asked), mode))
    assert (found[0], found.get(3 * 3600, OK)) == (OK, last)


def test_a_profile_with_words_of_its_own(tmp_path: Path) -> None:
    order = ["FINE", "DIM", "DARK", "BROKEN", "PAUSED"]
    rows = [{"a": a, "b": b, "x": max(a, b, key=order.index)} for a in order for b in order if a <= b]
    profile = OPERATIONS | {
        "available_states": [*order, "EXCLUDED"],
        "defaults": {"down": "PAUSED", "missing": "DARK", "unknown": "DIM"},
        "operations": [{"name": "and", "truth_table": rows}, {"name": "or", "truth_table": rows}],
    }
    results = [result("06:00:00", "fine"), result("12:00:00", "BROKEN")]
    declared = [downtime(f"{DATE}T18:00:00Z", f"{DATE}T20:00:00Z")]
    (node,) = judge(write_day(tmp_path, results, operations=[profile], downtimes=declared))["group"].values()
    assert node["timeline"] == seconds("DARK 06 FINE 12 BROKEN 18 PAUSED 20 BROKEN")
    assert (node["up"], node["unknown"], node["down"]) == (0, 21600, 7200)  # FINE is no word that counts as up
