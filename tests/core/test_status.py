"""The algebra: literal tables, their laws, and the orders that the plan uses instead of them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import (
    AND_ORDER,
    AND_TABLE,
    OR_ORDER,
    OR_TABLE,
    UNKNOWN_LIKE,
    UP,
    Status,
    combine_and,
    combine_or,
    parse_status,
)

statuses = st.sampled_from(Status)
OPERATIONS = [(combine_and, AND_TABLE), (combine_or, OR_TABLE)]
O, W, C, U, M, D, X = Status  # noqa: E741


@pytest.mark.parametrize(("combine", "table"), OPERATIONS)
def test_the_table_names_every_pair_once(combine, table) -> None:
    assert {frozenset(pair) for pair in table} == {frozenset(pair) for pair in product(Status, Status)}
    assert len(table) == 28


@pytest.mark.parametrize(("combine", "table"), OPERATIONS)
def test_it_is_commutative_associative_and_idempotent(combine, table) -> None:
    for one, two, three in product(Status, Status, Status):
        assert combine([one, two]) is combine([two, one])
        assert combine([combine([one, two]), three]) is combine([one, combine([two, three])])
    assert all(combine([status, status]) is status for status in Status)


@pytest.mark.parametrize(("combine", "table"), OPERATIONS)
def test_excluded_is_neutral_and_nothing_is_excluded(combine, table) -> None:
    assert all(combine([status, X]) is status for status in Status)
    assert combine([]) is X


@given(st.lists(statuses, min_size=1))
def test_and_takes_the_last_of_its_order_and_or_the_first(parts) -> None:
    known = [status for status in parts if status is not X]
    assert combine_and(parts) is (max(known, key=AND_ORDER.index) if known else X)
    assert combine_or(parts) is (min(known, key=OR_ORDER.index) if known else X)


@given(st.lists(statuses), st.randoms())
def test_the_order_of_the_parts_does_not_matter(parts, random) -> None:
    shuffled = random.sample(parts, len(parts))
    assert combine_and(parts) is combine_and(shuffled)
    assert combine_or(parts) is combine_or(shuffled)


@pytest.mark.parametrize(
    ("one", "other", "both", "either"),
    # The published tables' telling cells: AND puts CRITICAL above DOWNTIME, OR puts it above UNKNOWN.
    [(C, D, C, C), (C, U, C, C), (U, D, D, U), (M, D, D, D), (M, U, M, U), (O, C, C, O), (W, M, M, W)],
)
def test_the_cells_that_surprise(one, other, both, either) -> None:
    assert combine_and([one, other]) is both
    assert combine_or([one, other]) is either


def test_no_status_counts_twice() -> None:
    assert not UP & UNKNOWN_LIKE


@pytest.mark.parametrize(
    ("word", "status"),
    [("critical", C), ("CRIT", C), (2, C), ("2", C), (" ok ", O), ("MAINT", D), ("NA", M), ("INFO", O), ("ERROR", C)],
)
def test_words_and_codes_that_stand_for_a_status(word, status) -> None:
    assert parse_status(word) is status


@pytest.mark.parametrize("word", ["", "fine", 9, "-1", "²"])
def test_it_refuses_other_words_and_says_which_it_takes(word) -> None:
    with pytest.raises(ValueError, match="CRITICAL"):
        parse_status(word)
