"""Random days in ARGO's shapes: the plan equals the naive judgement to the second at every level, in both modes."""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.availability.argo_day.days import DATE, OPERATIONS, STATES, aggregation, endpoint, metric_profile, write_day
from tests.availability.argo_day.judging import MODES, judge
from tests.availability.argo_day.naive import Naive

EXAMPLES = int(os.environ.get("ARGO_DAY_EXAMPLES", "4"))
GROUPS, SERVICES, HOSTS, METRICS = ["A", "B"], ["CE", "SE", "UI"], ["h1", "h2"], ["m1", "m2"]
DAY_S = 86_400


def stamp(second: int) -> str:
    day = ["12", "13", "14", "15"][second // DAY_S + 2]
    return f"2022-01-{day}T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}Z"


# Few instants, so that they often fall together or one second or one minute apart; the edges of the days among them.
instants = st.one_of(
    st.sampled_from([0, 3600, 3601, 3660, 7200, 40000, DAY_S - 60, DAY_S - 1]), st.integers(0, DAY_S - 1)
)


@st.composite
def periods(draw: Callable[[Any], Any]) -> dict[str, str]:
    shift = st.sampled_from([-DAY_S, 0, 0, 0, DAY_S])
    first, last = sorted(draw(instants) + draw(shift) for _ in range(2))
    return {"start_time": stamp(first), "end_time": stamp(last)}


def places(*names: str) -> st.SearchStrategy[dict[str, str]]:
    words = {"group": GROUPS, "service": SERVICES, "hostname": HOSTS, "metric": METRICS}
    chosen = {name: st.sampled_from(words[name]) for name in names}
    return st.fixed_dictionaries({}, optional=chosen).filter(bool)


@st.composite
def requests(draw: Callable[[Any], Any]) -> dict[str, Any]:
    request: dict[str, Any] = draw(periods()) | {"status": draw(st.sampled_from(["approved", "done"]))}
    state = st.sampled_from([*STATES, "EXCLUDED"])
    everywhere = ("group", "service", "hostname", "metric")
    lists = {
        "exclude": st.lists(st.sampled_from(GROUPS), max_size=1),
        "exclude_metrics": st.lists(places(*everywhere), max_size=2),
        "applied_status_changes": st.lists(
            st.builds(lambda place, word: place | {"state": word}, places(*everywhere), state), max_size=2
        ),
        "exclude_monitoring_source": st.lists(st.builds(lambda p: p | {"host": "mon1"}, periods()), max_size=1),
    }
    return request | {name: draw(values) for name, values in lists.items() if draw(st.booleans())}


@st.composite
def operations(draw: Callable[[Any], Any]) -> dict[str, Any]:
    """The default profile, or one in which other orders of the states are AND and OR."""
    if draw(st.booleans()):
        return OPERATIONS
    tables = []
    for name in ("AND", "OR"):
        order = draw(st.permutations(STATES))
        pairs = [(a, b) for number, a in enumerate(STATES) for b in STATES[number:]]
        rows = [{"a": a, "b": b, "x": max(a, b, key=order.index)} for a, b in pairs]
        tables.append({"name": name, "truth_table": rows})
    return OPERATIONS | {"operations": tables}


@st.composite
def days(draw: Callable[[Any], Any]) -> dict[str, Any]:
    operation = st.sampled_from(["AND", "OR"])
    functions = {
        name: {service: draw(operation) for service in draw(st.sets(st.sampled_from(SERVICES), min_size=1))}
        for name in ("compute", "all")[: draw(st.integers(1, 2))]
    }
    # A service is combined in one way wherever it stands.
    ways: dict[str, str] = {}
    functions = {
        name: {service: ways.setdefault(service, way) for service, way in services.items()}
        for name, services in functions.items()
    }
    metrics = st.dictionaries(
        st.sampled_from(SERVICES), st.lists(st.sampled_from(METRICS), unique=True, min_size=1), min_size=1
    )
    profiles = [metric_profile(draw(metrics))]
    if draw(st.booleans()):
        profiles.append(metric_profile(draw(metrics), date="2022-01-01"))
    results = st.fixed_dictionaries(
        {
            "timestamp": st.builds(
                lambda second, shift: stamp(second - shift), instants, st.sampled_from([0, 0, DAY_S])
            ),
            "service": st.sampled_from(SERVICES),
            "hostname": st.sampled_from(HOSTS),
            "metric": st.sampled_from(METRICS),
            "status": st.sampled_from(["OK", "ok", "WARNING", "Critical", "UNKNOWN", "MISSING"]),
            "monitoring_host": st.sampled_from(["mon1", "mon2"]),
        }
    )
    downtime = st.builds(
        lambda period, service, hostname: period | {"service": service, "hostname": hostname},
        periods(), st.sampled_from(SERVICES), st.sampled_from(HOSTS),
    )  # fmt: skip
    endpoints = st.sets(
        st.tuples(st.sampled_from(GROUPS), st.sampled_from(SERVICES), st.sampled_from(HOSTS)), min_size=1
    )
    every = sorted(draw(st.lists(results, max_size=25)), key=lambda r: r["timestamp"][:10])
    return {
        "topology_groups": [{"date": DATE, "group": "NGI", "subgroup": group} for group in GROUPS],
        "topology_endpoints": [endpoint(*each) for each in sorted(draw(endpoints))],
        "metric_profiles": profiles,
        "aggregation_profiles": [aggregation(functions, draw(operation), draw(operation))],
        "operations": [draw(operations())],
        "downtimes": [{"date": DATE, "endpoints": draw(st.lists(downtime, max_size=3))}],
        "recomputations": draw(st.lists(requests(), max_size=3)),
        "results": [each for each in every if each["timestamp"] >= DATE],
        "previous": [each for each in every if each["timestamp"] < DATE],
    }


@settings(max_examples=EXAMPLES, deadline=None)
@given(day=days(), mode=st.sampled_from(MODES))
def test_every_level_equals_the_naive_judgement(day: dict[str, Any], mode: str) -> None:
    with TemporaryDirectory() as folder:
        directory = write_day(Path(folder), **day)
        naive = Naive(directory, mode)
        expected = {
            level: {key: naive.figures(line) | {"timeline": line} for key, line in lines.items()}
            for level, lines in naive.levels().items()
        }
        assert judge(directory, mode) == expected


@pytest.mark.parametrize("mode", MODES)
def test_a_day_without_any_result_is_missing(tmp_path: Path, mode: str) -> None:
    found = judge(write_day(tmp_path), mode)
    assert [list(nodes) for nodes in found.values()] == [
        [("SITE",)],
        [("SITE", "compute")],
        [("SITE", "CE")],
        [("SITE", "CE", "ce1")],
        [("SITE", "CE", "ce1", "m1")],
    ]
    for nodes in found.values():
        (node,) = nodes.values()
        assert node["timeline"] == [(0, "MISSING")]
        assert node["availability"] == node["reliability"] == (-1 if mode == "argo-compat" else None)
