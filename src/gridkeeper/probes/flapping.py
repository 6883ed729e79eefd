"""When changes of a hard status are too many to mean much: pure rules.

Source: Nagios Core, "Detection and Handling of State Flapping": the last 21 results, later changes weigh more; it
begins at 20 % and ends below 5 % (`high_service_flap_threshold`, `low_service_flap_threshold`).

The memory of a series is one integer: a bit for each pair of neighbours among its last 21 hard results, 1 where they
differ, the newest lowest; above them a 1 that marks how many there are.
"""

#: Pairs that are remembered.
PAIRS = 20
LOW_PERCENT, HIGH_PERCENT = 5.0, 20.0
#: A series of which nothing is known, and one that has not changed for as long as we remember.
NEW, CALM = 1, 1 << PAIRS
#: As if it had changed every second time: a flapping series after a restart has to calm down first.
RESTLESS = CALM | 0b1010_1010_1010_1010_1010
#: Weight of the newest pair first. Nagios, `check_for_service_flapping`: from 0.75 for the oldest to 1.25.
_WEIGHTS = tuple(1.25 - 0.5 * age / (PAIRS - 1) for age in range(PAIRS))


def remembered(history: int, *, is_change: bool) -> int:
    """The memory after one more hard result.

    >>> bin(remembered(NEW, is_change=True))
    '0b11'
    """
    moved = history << 1 | is_change
    return moved if moved < 2 * CALM else (moved & (CALM - 1)) | CALM


def calm_runs(history: int) -> int:
    """How many hard results in a row were as the one before them, 20 at most.

    >>> calm_runs(0b1100), calm_runs(CALM)
    (2, 20)
    """
    return (history & -history).bit_length() - 1


def change_percent(history: int) -> float:
    """The weighted share of changes, in percent.

    >>> change_percent(CALM), round(change_percent(2 * CALM - 1), 9)
    (0.0, 100.0)
    """
    return sum(weight for age, weight in enumerate(_WEIGHTS) if history >> age & 1 and history >> age > 1) / PAIRS * 100


def is_flapping(percent: float, *, was: bool) -> bool:
    """Whether a series counts as flapping: what began does not end before it is calm."""
    return percent >= LOW_PERCENT if was else percent >= HIGH_PERCENT
