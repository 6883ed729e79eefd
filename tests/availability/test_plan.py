"""The plan: the worked example, and the rules of availability.md section 2 as tables."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gridkeeper.availability.tree import Excuse, Expected, Path
from gridkeeper.core.status import Status
from gridkeeper.core.units import percent
from tests.availability.days import DAY_S, Judged, at
from tests.availability.reference import Heard

H = 3600
O, W, C, U, M, D, X = (status.name for status in Status)  # noqa: E741
PATH = Path("ops", "NGI_A", "SITE-A", "CE", "ce.a.example", "CE-js")
SITE = Path(*PATH[:3])
SERVICE = Path(*PATH[:5])


def a_day(*heard, downtimes=(), validity_s=DAY_S, expected=(0, DAY_S), is_new=False, length_s=DAY_S) -> Judged:
    """One metric of one service; `heard` are (second, status)."""
    line = Expected(PATH, 1, validity_s, *expected, is_new)
    results = [Heard(1, at(second), Status[status], seq) for seq, (second, status) in enumerate(heard)]
    excuses = [Excuse("ce.a.example", "CE", start, end) for start, end in downtimes]
    return Judged([line], results, excuses, length_s)


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
