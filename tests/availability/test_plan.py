"""The plan: the worked example, and the rules of availability.md section 2 as tables."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gridkeeper.availability.levels import Level
from gridkeeper.availability.operations import OperationsError
from gridkeeper.availability.tree import Combination, Excuse, Expected, Override, Path, Tree
from gridkeeper.core.status import Status
from gridkeeper.core.units import percent
from tests.availability.days import DAY_S, Judged, at
from tests.availability.reference import Heard, Setting

H = 3600
O, W, C, U, M, D, X = (status.name for status in Status)  # noqa: E741
PATH = Path("ops", "NGI_A", "SITE-A", "CE", "ce.a.example", "CE-js")
SITE = Path(*PATH[:3])
SERVICE = Path(*PATH[:5])


def a_day(
    *heard, downtimes=(), validity_s=DAY_S, expected=(0, DAY_S), is_new=False, length_s=DAY_S, **setting
) -> Judged:
    """One metric of one service; `heard` are (second, status)."""
    line = Expected(PATH, 1, validity_s, *expected, is_new)
    results = [Heard(1, at(second), Status[status], seq) for seq, (second, status) in enumerate(heard)]
    excuses = [Excuse("ce.a.example", "CE", start, end) for start, end in downtimes]
    return Judged([line], results, excuses, length_s, Setting(**setting))


def a_site(*services: tuple[Path, str], **setting) -> Judged:
    """Services (or paths of anything that lacks lower words) of one metric each, in one status all day."""
    lines, results = [], []
    for number, (path, status) in enumerate(services):
        leaf = path._replace(hostname=path.hostname or f"h{number}", metric="m")
        lines.append(Expected(leaf, number, DAY_S, 0, DAY_S))
        results.append(Heard(number, at(0), Status[status], number))
    return Judged(lines, results, [], DAY_S, Setting(**setting))


def test_the_worked_example() -> None:
    """00 OK, 03 CRITICAL, 12 UNKNOWN, 18 DOWNTIME, 22 OK: up 5 h, unknown 6 h, down 4 h (availability.md section 3)."""
    judged = a_day((0, O), (3 * H, C), (12 * H, U), (22 * H, O), downtimes=[(18 * H, 22 * H)])
    for path in (SERVICE, SITE, Path("ops")):
        found = judged.figures[path]
        assert (found["up_s"], found["unknown_s"], found["down_s"]) == (5 * H, 6 * H, 4 * H)
        known_s = found["total_s"] - found["excluded_s"] - found["unknown_s"]
        assert percent(found["up_s"], known_s) == Decimal("27.77778")
        assert percent(found["up_s"], known_s - found["down_s"]) == Decimal("35.71429")
    assert judged.timelines[SERVICE] == [
        (0, 3 * H, O), (3 * H, 12 * H, C), (12 * H, 18 * H, U), (18 * H, 22 * H, D), (22 * H, 24 * H, O),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heard", "options", "timeline"),
    [
        ([], {}, [(0, 24 * H, M)]),
        ([(6 * H, O)], {}, [(0, 6 * H, M), (6 * H, 24 * H, O)]),
        # Carried over from the day before, until its validity runs out.
        ([(-H, O)], {}, [(0, 23 * H, O), (23 * H, 24 * H, M)]),
        ([(-H, C), (6 * H, O)], {}, [(0, 6 * H, C), (6 * H, 24 * H, O)]),
        # One day back and no further, however long the validity.
        ([(-24 * H - 1, O)], {"validity_s": 10 * DAY_S}, [(0, 24 * H, M)]),
        ([(-24 * H, O)], {"validity_s": 10 * DAY_S}, [(0, 24 * H, O)]),
        # A result older than its validity is MISSING from then on.
        ([(0, O), (H, O)], {"validity_s": H}, [(0, 2 * H, O), (2 * H, 24 * H, M)]),
        ([(0, O), (3 * H, O)], {"validity_s": H}, [(0, H, O), (H, 3 * H, M), (3 * H, 4 * H, O), (4 * H, 24 * H, M)]),
        # At the same instant the later-received wins.
        ([(-H, O), (0, C), (0, W)], {}, [(0, 24 * H, W)]),
        # A metric added on the day is UNKNOWN until its first result, and not counted before.
        (
            [(9 * H, O)],
            {"expected": (6 * H, DAY_S), "is_new": True},
            [(0, 6 * H, X), (6 * H, 9 * H, U), (9 * H, 24 * H, O)],
        ),
        ([], {"expected": (6 * H, DAY_S), "is_new": True}, [(0, 6 * H, X), (6 * H, 24 * H, U)]),
        ([(H, O)], {"expected": (0, 6 * H)}, [(0, H, M), (H, 6 * H, O), (6 * H, 24 * H, X)]),
        # A day that is not over ends now.
        ([(0, O)], {"length_s": 10 * H}, [(0, 10 * H, O)]),
    ],
)  # fmt: skip
def test_the_timeline_of_a_metric(heard, options, timeline) -> None:
    assert a_day(*heard, **options).timelines[PATH] == timeline


@pytest.mark.parametrize(
    ("heard", "downtimes", "timeline"),
    [
        # A downtime sets DOWNTIME whatever the tests say, and restores what they say exactly at its end.
        ([(0, O)], [(6 * H, 8 * H)], [(0, 6 * H, O), (6 * H, 8 * H, D), (8 * H, 24 * H, O)]),
        ([], [(6 * H, 8 * H)], [(0, 6 * H, M), (6 * H, 8 * H, D), (8 * H, 24 * H, M)]),
        ([(0, C)], [(6 * H, 8 * H), (7 * H, 9 * H)], [(0, 6 * H, C), (6 * H, 9 * H, D), (9 * H, 24 * H, C)]),
        ([(0, O), (7 * H, C)], [(0, DAY_S)], [(0, 24 * H, D)]),
    ],
)
def test_the_timeline_of_a_service_in_downtime(heard, downtimes, timeline) -> None:
    judged = a_day(*heard, downtimes=downtimes)
    assert judged.timelines[SERVICE] == timeline
    assert all(status != D for _, _, status in judged.timelines[PATH])


def test_a_downtime_of_a_service_that_is_not_expected_says_nothing() -> None:
    judged = a_day((0, O), expected=(6 * H, DAY_S), downtimes=[(0, 8 * H)])
    assert judged.timelines[SERVICE] == [(0, 6 * H, X), (6 * H, 8 * H, D), (8 * H, 24 * H, O)]


def test_hours_add_up_to_the_day() -> None:
    judged = a_day((1800, O), (5400, C), (7200, O))
    assert [judged.hours[SITE, hour]["up_s"] for hour in range(4)] == [1800, 1800, 3600, 3600]
    assert judged.hours[SITE, 0]["unknown_s"] == 1800
    assert sum(judged.hours[SITE, hour]["up_s"] for hour in range(24)) == judged.figures[SITE]["up_s"]


def test_no_results_and_no_topology_give_no_figures() -> None:
    assert Judged([], []).figures == {}


# --- equality with the reference on random federations ---


def test_carry_over_needs_the_validity_and_not_the_calendar() -> None:
    """A result of 23:59:59 with a validity of a minute holds for 59 s of the day."""
    judged = a_day((-1, O), validity_s=60)
    assert judged.timelines[PATH] == [(0, 59, O), (59, DAY_S, M)]
    assert timedelta(seconds=59) == at(59) - at(0)


@pytest.mark.parametrize(
    ("downtime", "timeline"),
    [
        ((6 * H, 8 * H), [(0, 6 * H, O), (6 * H, 8 * H + 60, D), (8 * H + 60, 24 * H, O)]),
        ((22 * H, DAY_S - 30), [(0, 22 * H, O), (22 * H, 24 * H, D)]),
    ],
)
def test_as_argo_does_it_a_downtime_ends_a_minute_late(downtime, timeline) -> None:
    assert a_day((0, O), downtimes=[downtime], mode="argo-compat").timelines[SERVICE] == timeline


@pytest.mark.parametrize(
    ("overrides", "timeline"),
    [
        # Half-open, restored exactly at its end.
        ([(SITE, 6 * H, 8 * H, U)], [(0, 6 * H, O), (6 * H, 8 * H, U), (8 * H, 22 * H, C), (22 * H, DAY_S, D)]),
        # In the order of the list: the later wins where they overlap.
        ([(SITE, 0, 8 * H, U), (SITE, 6 * H, DAY_S, O)], [(0, 6 * H, U), (6 * H, DAY_S, O)]),
        ([(SITE, 6 * H, DAY_S, O), (SITE, 0, 8 * H, U)], [(0, 8 * H, U), (8 * H, DAY_S, O)]),
        # Before the next level: of an excluded metric nothing is left at the site, but its service's downtime.
        ([(PATH, 8 * H, DAY_S, X)], [(0, 7 * H, O), (7 * H, 8 * H, C), (8 * H, 22 * H, X), (22 * H, DAY_S, D)]),
        ([(SERVICE, 8 * H, DAY_S, X)], [(0, 7 * H, O), (7 * H, 8 * H, C), (8 * H, DAY_S, X)]),
        # At a service after its downtimes.
        ([(SERVICE, 20 * H, 24 * H, W)], [(0, 7 * H, O), (7 * H, 20 * H, C), (20 * H, 24 * H, W)]),
        ([(SITE, 0, DAY_S, O), (SITE, 0, 1, C)], [(0, 1, C), (1, DAY_S, O)]),
        # Of what is not in the tree nothing is known.
        ([(Path("ops", "NGI_A", "SITE-B"), 0, DAY_S, O)], [(0, 7 * H, O), (7 * H, 22 * H, C), (22 * H, 24 * H, D)]),
    ],
)
def test_what_was_decided_about_a_node_is_laid_over_what_its_parts_say(overrides, timeline) -> None:
    judged = a_day((0, O), (7 * H, C), downtimes=[(22 * H, DAY_S)], overrides=[Override(*each) for each in overrides])
    assert judged.timelines[SITE] == timeline


@pytest.mark.parametrize(("mode", "end_s"), [("gridkeeper", 8 * H), ("argo-compat", 8 * H + 1)])
def test_as_argo_does_it_excluded_results_are_excluded_through_the_last_second(mode, end_s) -> None:
    judged = a_day((0, O), overrides=[Override(PATH, 6 * H, 8 * H, X, holds_end=True)], mode=mode)
    assert judged.timelines[PATH] == [(0, 6 * H, O), (6 * H, end_s, X), (end_s, 24 * H, O)]


def test_interchangeable_service_types_are_one_function_and_a_type_may_feed_several() -> None:
    functions = {("ops", "CREAM-CE"): ["compute"], ("ops", "ARC-CE"): ["compute", "all"], ("ops", "SRM"): ["all"]}
    combinations = {"ops": Combination(functions={"all": "AND"})}
    judged = a_site(
        (SITE._replace(service_type="CREAM-CE"), O),
        (SITE._replace(service_type="ARC-CE"), C),
        (SITE._replace(service_type="SRM"), O),
        functions=functions, combinations=combinations,
    )  # fmt: skip
    assert judged.timelines[SITE._replace(function="compute")] == [(0, DAY_S, O)]
    assert judged.timelines[SITE._replace(function="all")] == [(0, DAY_S, C)]
    assert judged.timelines[SITE] == [(0, DAY_S, C)]
    assert {path for path in judged.figures if path.level is Level.FUNCTION} == {
        SITE._replace(function="compute"), SITE._replace(function="all"),
    }  # fmt: skip


def test_a_service_at_two_sites_counts_in_each() -> None:
    shared, other = Path("ops", "NGI_A", "SITE-A", "CE", "ce"), Path("ops", "NGI_A", "SITE-B", "CE", "ce")
    judged = a_site((shared, C), (other, O))
    assert (judged.figures[shared.site_path]["critical_s"], judged.figures[other.site_path]["up_s"]) == (DAY_S, DAY_S)


def test_an_operation_that_is_no_order_is_looked_up() -> None:
    """OK with CRITICAL is neither: it is DEGRADED, and so is whatever meets that."""
    states = ["OK", "CRITICAL", "DEGRADED", "MISSING", "DOWNTIME"]
    rank = {"OK": 0, "CRITICAL": 0, "DEGRADED": 1, "MISSING": 2, "DOWNTIME": 3}

    def of(a, b):
        return a if a == b else "DEGRADED" if {a, b} == {"OK", "CRITICAL"} else max(a, b, key=rank.__getitem__)

    profile = {
        "states": states, "up": ["OK", "DEGRADED"],
        "defaults": {"down": "DOWNTIME", "missing": "MISSING", "unknown": "MISSING"},
        "operations": {"MIX": [[a, b, of(a, b)] for a in states for b in states]},
    }  # fmt: skip
    mixing = Combination("MIX", {"CE": "MIX"}, {"CE": "MIX"}, "MIX")
    judged = a_site(
        (SITE._replace(service_type="CE"), O), (SITE._replace(service_type="CE"), C),
        profile=profile, combinations={"ops": mixing},
    )  # fmt: skip
    assert judged.timelines[SITE] == [(0, DAY_S, "DEGRADED")]
    assert judged.figures[SITE]["up_s"] == DAY_S
    # A result in a state that the profile does not have is unknown.
    warned = a_site((SITE._replace(service_type="CE"), W), profile=profile, combinations={"ops": mixing})
    assert warned.figures[SITE]["unknown_s"] == DAY_S


def test_an_operation_that_the_profile_does_not_have_is_named() -> None:
    with pytest.raises(OperationsError, match="no operation 'XOR'; it has AND, OR"):
        a_day((0, O), combinations={"ops": Combination(sites="XOR")})


def test_weighted_figures_count_each_site_as_often_as_it_weighs() -> None:
    """3000 HEPSPEC up and 1000 critical: three quarters, where the mean of the sites is one half."""
    site_b, site_c = SITE._replace(site="SITE-B"), SITE._replace(site="SITE-C")
    judged = a_site(
        *((site._replace(service_type="CE"), status) for site, status in ((SITE, O), (site_b, C), (site_c, C))),
        weights={SITE: 3000.0, site_b: 1000.0},
    )
    for path in (Path("ops", "NGI_A"), Path("ops")):
        weighted = judged.weighted[path]
        assert percent(int(weighted["up_s"]), int(weighted["total_s"])) == Decimal("75.00000")
        assert (judged.figures[path]["up_s"], judged.figures[path]["total_s"]) == (DAY_S, 3 * DAY_S)
    assert (judged.weights[SITE], judged.weights[site_c], judged.weights[Path("ops")]) == (3000.0, None, None)


def test_without_weights_the_weighted_figures_are_zero_and_not_computable() -> None:
    judged = a_day((0, O))
    assert set(judged.weighted[Path("ops")].values()) == {0.0}


def test_a_day_of_nothing_has_no_figures() -> None:
    assert Judged([], []).figures == {}


def test_a_site_stands_in_a_region() -> None:
    with pytest.raises(ValueError, match="'SITE-A' of report 'ops' stands in no region"):
        Tree().number(Path("ops", "", "SITE-A"))
