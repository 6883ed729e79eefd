"""When a test runs, and when its status is hard: pure rules, no clock.

Times are seconds since the epoch (`_s`), because a schedule of hundreds of thousands of instances lives in a heap.
"""

import math
from dataclasses import dataclass

from gridkeeper.core.status import Status

_PHASES = 1 << 32


def phase_s(series: int, interval_s: float) -> float:
    """Where in its interval a series runs: the same after every restart, spread evenly over all series.

    >>> 0 <= phase_s(-5, 60) < 60
    True
    """
    return (series % _PHASES) / _PHASES * interval_s


def next_run_s(series: int, interval_s: float, now_s: float) -> float:
    """The first instant after `now_s` that is the series' own: nothing is caught up after a stop, so nothing bursts."""
    phase = phase_s(series, interval_s)
    periods = math.floor((now_s - phase) / interval_s) + 1
    following = phase + periods * interval_s
    # Rounding may put it on `now_s` itself.
    return following if following > now_s else following + interval_s


#: After a change, so many results come at the fastest interval; after so many equal ones it slows down.
_FAST_RUNS, _STEADY_RUNS = 5, 15
#: What does not change slows down by this much for each result beyond.
_SLOWING = 1.25


def pace_s(interval_s: float, fastest_s: float, slowest_s: float, calm: int) -> float:
    """The interval of a test now: faster after a change, slower while it stays the same, between its bounds.

    calm: equal hard results in a row (`flapping.calm_runs`); a bound of 0 switches that side off

    >>> [round(pace_s(900, 300, 3600, calm)) for calm in (0, 4, 5, 15, 17, 20)]
    [300, 300, 900, 900, 1406, 2747]
    """
    if calm < _FAST_RUNS and 0 < fastest_s < interval_s:
        return fastest_s
    if calm > _STEADY_RUNS and slowest_s > interval_s:
        return min(slowest_s, interval_s * _SLOWING ** (calm - _STEADY_RUNS))
    return interval_s


@dataclass(frozen=True, slots=True)
class Attempts:
    """Where a series stands between soft and hard.

    hard: the status that pages show
    count: bad results in a row, 0 after a good one
    """

    hard: Status = Status.OK
    count: int = 0


#: (was the hard status OK, is the result OK, are the attempts used up) -> is the result hard.
#: Source: Nagios, "State Types": a problem is soft until its last attempt; a recovery and any change of a hard problem
#: are hard at once.
IS_HARD: dict[tuple[bool, bool, bool], bool] = {
    (True, True, True): True,
    (True, True, False): True,
    (True, False, True): True,
    (True, False, False): False,
    (False, True, True): True,
    (False, True, False): True,
    (False, False, True): True,
    (False, False, False): True,
}


def advance(attempts: Attempts, status: Status, max_attempts: int) -> tuple[Attempts, bool]:
    """The state after a result, and whether the result is hard.

    >>> advance(Attempts(), Status.CRITICAL, 2)
    (Attempts(hard=<Status.OK: 0>, count=1), False)
    """
    is_good = status == Status.OK
    count = 0 if is_good else min(attempts.count + 1, max(1, max_attempts))
    is_hard = IS_HARD[attempts.hard == Status.OK, is_good, count >= max_attempts]
    return Attempts(status if is_hard else attempts.hard, count), is_hard


def is_blocking(status: Status | None) -> bool:
    """True where a test that depends on one with this hard status is not run. None, never run: does not block."""
    return status in {Status.CRITICAL, Status.UNKNOWN}
