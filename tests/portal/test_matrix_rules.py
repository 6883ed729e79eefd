"""VO status of a row and letter of a cell, as tables after the SFT report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_rules import LETTERS, MEANINGS, Asked, Kind, Seen, VoStatus, cell, vo_status, worst

O, W, C, U = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN  # noqa: E741
JL, JS = Asked(is_critical=True, stage="JL"), Asked(is_critical=True, stage="JS")
CRITICAL, OTHER = Asked(is_critical=True), Asked()


@pytest.mark.parametrize(
    ("tests", "is_in_downtime", "expected"),
    [
        # worst first: SD, JL, JS, CT, NT, OK
        ([(JL, C), (CRITICAL, C)], True, "SD"),
        ([(JL, O), (JS, O)], True, "SD"),
        ([(JL, C), (JS, U), (CRITICAL, U)], False, "JL"),
        ([(JL, O), (JS, C), (CRITICAL, U)], False, "JS"),
        ([(JL, O), (JS, O), (CRITICAL, C), (OTHER, C)], False, "CT"),
        ([(JL, O), (JS, O), (CRITICAL, U), (OTHER, O)], False, "CT"),
        ([(JL, O), (JS, O), (CRITICAL, O), (OTHER, C)], False, "NT"),
        ([(CRITICAL, O), (OTHER, U)], False, "NT"),
        ([(JL, O), (JS, O), (CRITICAL, O), (OTHER, O)], False, "OK"),
        # a warning is up; a non-critical test without a result counts as nothing
        ([(CRITICAL, W), (OTHER, W)], False, "OK"),
        ([(CRITICAL, O), (OTHER, None)], False, "OK"),
        # a critical test that says nothing is as bad as for good sites, unless nothing at all is known
        ([(CRITICAL, O), (CRITICAL, None)], False, "CT"),
        ([(OTHER, O), (CRITICAL, None)], False, "CT"),
        ([(CRITICAL, None), (OTHER, None)], False, "NA"),
        ([(OTHER, None)], False, "NA"),
        ([], False, "NA"),
        # stages count whether or not the VO calls them critical
        ([(Asked(stage="JL"), C)], False, "JL"),
        ([(Asked(stage="JS"), U)], False, "JS"),
    ],
)
def test_the_vo_status_is_the_worst_that_is_known(tests, is_in_downtime, expected):
    seen = [(asked, None if status is None else Seen(status)) for asked, status in tests]
    assert vo_status(seen, is_in_downtime=is_in_downtime) == expected


@pytest.mark.parametrize(
    ("asked", "seen", "expected"),
    [
        (CRITICAL, Seen(O, "all well"), (Kind.OK, "O")),
        (OTHER, Seen(O, "2 6 0"), (Kind.OK, "2 6 0")),
        (OTHER, Seen(O, "3.1"), (Kind.OK, "3.1")),
        (OTHER, Seen(O, "17"), (Kind.OK, "17")),
        (OTHER, Seen(O, "17 jobs"), (Kind.OK, "O")),
        (OTHER, Seen(O, "2026-03-10 12:00"), (Kind.OK, "O")),
        (OTHER, Seen(O, "123456789"), (Kind.OK, "O")),
        (OTHER, Seen(O, "INFO: wn042.example.org"), (Kind.INFORMATION, "I")),
        (OTHER, Seen(O, "NOTE new version"), (Kind.INFORMATION, "I")),
        (CRITICAL, Seen(W, "soon"), (Kind.WARNING, "W")),
        (OTHER, Seen(C, "refused"), (Kind.FAILED, "X")),
        (CRITICAL, Seen(C, "refused"), (Kind.FATAL, "!!!")),
        (JS, Seen(C, "refused"), (Kind.FAILED, "X")),
        (JL, Seen(C, "no queue"), (Kind.FAILED, "X")),
        (CRITICAL, Seen(U, "could not tell"), (Kind.UNKNOWN, "?")),
        (CRITICAL, Seen(U, "no result", "CE-jl"), (Kind.NOT_RUN, "??")),
        (JS, Seen(U, "no result", "CE-jl"), (Kind.NOT_RUN, "??")),
        (OTHER, Seen(U, "no result", "CE-bi"), (Kind.CONSEQUENCE, "!!!")),
        (CRITICAL, None, (Kind.MISSING, "??")),
        (OTHER, Seen(C, "260"), (Kind.FAILED, "X")),
    ],
)
def test_a_cell_bears_the_letters_of_the_sft_report(asked, seen, expected):
    assert cell(asked, seen, stages=frozenset({"CE-jl", "CE-js"})) == expected


def test_every_status_and_kind_is_explained_in_the_legend():
    assert set(MEANINGS) == set(VoStatus)
    assert set(LETTERS) == set(Kind)
    assert len({kind.value for kind in Kind}) == len(Kind)


_tests = st.lists(
    st.tuples(
        st.builds(Asked, st.booleans(), st.sampled_from(["", "JL", "JS"])),
        st.none() | st.builds(Seen, st.sampled_from([O, W, C, U])),
    )
)


@given(_tests)
def test_law_a_downtime_hides_everything(tests):
    assert vo_status(tests, is_in_downtime=True) is VoStatus.SD


@given(_tests, st.randoms())
def test_law_the_order_of_tests_does_not_matter(tests, random):
    shuffled = random.sample(tests, len(tests))
    assert vo_status(tests, is_in_downtime=False) == vo_status(shuffled, is_in_downtime=False)


@given(_tests)
def test_law_ok_means_that_every_critical_test_passes(tests):
    passes = all(seen is not None and seen.status in (O, W) for asked, seen in tests if asked.is_critical)
    assert passes or vo_status(tests, is_in_downtime=False) is not VoStatus.OK


@given(st.lists(st.sampled_from(list(VoStatus))))
def test_law_the_worst_is_one_of_them_or_nothing_is_known(statuses):
    assert worst(statuses) in statuses or not statuses
