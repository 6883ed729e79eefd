"""The eight codes of SAM as rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import FROM_SAM, Status
from gridkeeper.portal.matrix_rules import Asked, Seen
from gridkeeper.portal.sam_rules import DESCRIPTIONS, SamCode, code_of, code_of_service, worst_code

CRITICAL, PLAIN = Asked(is_critical=True), Asked()
OK, BAD = Seen(Status.OK), Seen(Status.CRITICAL)


def test_the_codes_are_those_of_sams_page():
    assert [*SamCode] == ["NA", "OK", "INFO", "NOTE", "WARN", "ERROR", "CRIT", "MAINT"]
    assert DESCRIPTIONS.keys() == set(SamCode) == FROM_SAM.keys()


@pytest.mark.parametrize(
    ("asked", "seen", "code"),
    [
        (PLAIN, None, "NA"),
        (PLAIN, OK, "OK"),
        (PLAIN, Seen(Status.OK, "INFO: 12 slots"), "INFO"),
        (PLAIN, Seen(Status.OK, "NOTE: old middleware"), "NOTE"),
        (CRITICAL, Seen(Status.WARNING), "WARN"),
        (PLAIN, BAD, "ERROR"),
        (CRITICAL, BAD, "CRIT"),
        (CRITICAL, Seen(Status.UNKNOWN), "NA"),
        (CRITICAL, Seen(Status.UNKNOWN, cause="CE-js"), "NA"),
        (CRITICAL, Seen(Status.CRITICAL, root="failed because the BDII fails"), "CRIT"),
        (PLAIN, Seen(Status.DOWNTIME), "MAINT"),
    ],
)
def test_the_code_of_a_test(asked, seen, code):
    assert code_of(asked, seen) == code


@pytest.mark.parametrize(
    ("tests", "is_in_downtime", "code"),
    [
        ([], False, "NA"),
        ([(CRITICAL, None), (PLAIN, None)], False, "NA"),
        ([(CRITICAL, OK), (PLAIN, None)], False, "OK"),
        # a critical test without a status makes nothing good
        ([(CRITICAL, None), (PLAIN, OK)], False, "NA"),
        ([(CRITICAL, None), (PLAIN, BAD)], False, "ERROR"),
        ([(CRITICAL, OK), (PLAIN, BAD)], False, "ERROR"),
        ([(CRITICAL, BAD), (PLAIN, BAD)], False, "CRIT"),
        ([(CRITICAL, BAD)], True, "MAINT"),
    ],
)
def test_the_code_of_a_service(tests, is_in_downtime, code):
    assert code_of_service(tests, is_in_downtime=is_in_downtime) == code


@given(st.lists(st.sampled_from(SamCode), min_size=1), st.randoms())
def test_the_worst_code_is_one_of_them_whatever_their_order(codes, chance):
    worst = worst_code(codes)
    assert worst in codes
    chance.shuffle(codes)
    assert worst_code([*codes, worst]) is worst
