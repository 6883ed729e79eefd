"""Which nodes a recomputation reaches, with what, from when until when."""

from datetime import timedelta

import pytest

from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.recomputations.documents import Forced, Groups, Results, Source
from gridkeeper.availability.recomputations.rules import Change, Silenced, overrides, silenced
from gridkeeper.availability.tree import Path
from gridkeeper.core.windows import DAY, Window
from tests.availability.days import at

H = 3600
JUDGED = Window(at(0), at(24 * H))
SITE, OTHER = Path("dteam", "R", "S"), Path("biomed", "R", "T")
PATHS = [
    path
    for site in (SITE, OTHER)
    for path in (
        site, site._replace(function="compute"), site._replace(service_type="CE"),
        site._replace(service_type="CE", hostname="a"), site._replace(service_type="CE", hostname="a", metric="m"),
        site._replace(service_type="SE", hostname="b", metric="m"),
    )
]  # fmt: skip


def forced(said, window=JUDGED, reports=frozenset(), judged=JUDGED):
    change = Change("k", said, window, reports)
    return list(overrides([change], PATHS, judged, operations=DEFAULT_OPERATIONS, names={"S": "INFN-T1"}))


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Groups(groups=["INFN-T1"]), [(SITE, "UNKNOWN")]),
        (Groups(groups=["S", "T"]), [(SITE, "UNKNOWN"), (OTHER, "UNKNOWN")]),
        (Groups(groups=["X"]), []),
        (Results(metrics=["m"], hosts=["b"], groups=["S"]), [(PATHS[5], "EXCLUDED")]),
        (Results(services=["CE"]), [(PATHS[4], "EXCLUDED"), (PATHS[10], "EXCLUDED")]),
        (Forced(level="function", functions=["compute"], groups=["T"], status="OK"), [(PATHS[7], "OK")]),
        (Forced(level="flavour", services=["CE"], status="WARNING"), [(PATHS[2], "WARNING"), (PATHS[8], "WARNING")]),
        (Forced(level="service", hosts=["a"], groups=["S"], status="DOWNTIME"), [(PATHS[3], "DOWNTIME")]),
        (Forced(level="site", groups=["S"], status="NO-SUCH-STATE"), []),
        (Source(source="w"), []),
    ],
)  # fmt: skip
def test_it_reaches_the_nodes_that_all_its_lists_name(said, found) -> None:
    assert [(each.path, each.status) for each in forced(said)] == found


def test_it_reaches_only_the_reports_that_it_is_for() -> None:
    assert [each.path for each in forced(Groups(groups=["S", "T"]), reports=frozenset({"biomed"}))] == [OTHER]


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        (Window(at(H), at(2 * H)), (H, 2 * H)),
        (Window(at(-H), at(0.9)), None),  # times are cut to whole seconds
        (Window(at(-H), at(1.9)), (0, 1)),
        (Window(at(23 * H), at(30 * H)), (23 * H, 24 * H)),
        (Window(at(24 * H), at(30 * H)), None),
    ],
)
def test_it_holds_in_the_part_of_the_day_that_it_names(window, seconds) -> None:
    found = [(each.start_s, each.end_s) for each in forced(Groups(groups=["S"]), window)]
    assert found == ([seconds] if seconds else [])


def test_only_excluded_results_hold_their_last_second_in_argos_way() -> None:
    assert [each.holds_end for each in forced(Results(metrics=["m"], hosts=["a"], groups=["S"]))] == [True]
    assert [each.holds_end for each in forced(Groups(groups=["S"]))] == [False]


def test_a_worker_is_silenced_for_the_reports_concerned_and_touches_the_day_after() -> None:
    window = Window(at(0), at(H))
    change = Change("k", Source(source="w"), window, frozenset({"dteam"}))
    assert silenced([change], "dteam") == {Silenced("w", window)}
    assert silenced([change], "biomed") == frozenset()
    assert change.days_window == Window(at(0), at(H) + DAY)
    assert Change("k", Groups(groups=["S"]), window).days_window == Window(at(0), at(0) + timedelta(hours=1))
