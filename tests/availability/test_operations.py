"""Operations profiles: what is refused and why, and that counting states may replace folding them."""

from itertools import combinations, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.availability.operations import DEFAULT_OPERATIONS, MAX_STATES, Operations, OperationsError
from gridkeeper.core.status import AND_ORDER, OR_ORDER, Status, combine_and, combine_or
from tests.availability.random_days import profiles

AND_LINES = DEFAULT_OPERATIONS.document()["operations"]["AND"]


def a_profile(**changes):
    return DEFAULT_OPERATIONS.document() | changes


def and_with(*changed):
    """The default AND with these lines instead."""
    pairs = {frozenset(line[:2]) for line in changed}
    return {"AND": [*(line for line in AND_LINES if frozenset(line[:2]) not in pairs), *map(list, changed)]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (a_profile(states=[]), "0 states"),
        (a_profile(states=[f"S{n}" for n in range(MAX_STATES + 1)], operations={}), f"name 1 to {MAX_STATES}"),
        (a_profile(states=["OK", "OK", "WARNING"], operations={}), "OK stands twice"),
        (a_profile(states=["OK", "EXCLUDED"], operations={}), "EXCLUDED is understood"),
        (a_profile(up=["GOOD"]), "up is 'GOOD', which is none of its states"),
        (a_profile(up=["OK", "DOWNTIME"]), "DOWNTIME cannot count as up and"),
        (a_profile(defaults={"down": "MISSING", "missing": "MISSING", "unknown": "UNKNOWN"}), "MISSING cannot count"),
        (a_profile(operations={}), "no operation"),
        (a_profile(operations={"AND": AND_LINES[1:]}), "'AND' is not complete: it does not say what OK and OK give"),
        (a_profile(operations=and_with(["OK", "OK", "BAD"])), "'BAD' is none of its states"),
        (a_profile(operations=and_with(["OK", "OK", "WARNING"])), "not idempotent: OK and OK give WARNING"),
        (
            a_profile(operations={"AND": [*AND_LINES, ["WARNING", "OK", "OK"]]}),
            "not commutative: WARNING and OK give WARNING in one line and OK in another",
        ),
        (
            a_profile(operations=and_with(["OK", "CRITICAL", "OK"])),
            r"not associative: \(OK, WARNING\) with CRITICAL give CRITICAL, but OK with \(WARNING, CRITICAL\) give OK",
        ),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused(document, message) -> None:
    with pytest.raises(OperationsError, match=message):
        Operations.of("mine", document)


def test_the_default_is_the_algebra_of_the_product() -> None:
    statuses = [status for status in Status if status is not Status.EXCLUDED]
    for pair in product(Status, repeat=2):
        words = [status.name for status in pair]
        assert DEFAULT_OPERATIONS.fold("AND", words) == combine_and(pair).name
        assert DEFAULT_OPERATIONS.fold("OR", words) == combine_or(pair).name
    assert DEFAULT_OPERATIONS.order("AND") == tuple(reversed(AND_ORDER))
    assert DEFAULT_OPERATIONS.order("OR") == OR_ORDER
    assert list(DEFAULT_OPERATIONS.truth()) == []
    assert [DEFAULT_OPERATIONS.code(status.name) for status in statuses] == statuses


def test_states_of_their_own_have_numbers_from_16() -> None:
    lines = [["SLOW", "SLOW", "SLOW"], ["OK", "SLOW", "SLOW"], ["OK", "OK", "OK"], ["OK", "BROKEN", "BROKEN"],
             ["SLOW", "BROKEN", "BROKEN"], ["BROKEN", "BROKEN", "BROKEN"]]  # fmt: skip
    operations = Operations.of(
        "own",
        {
            "states": ["SLOW", "OK", "BROKEN"],
            "up": ["OK", "SLOW"],
            "defaults": {"down": "BROKEN", "missing": "OK", "unknown": "OK"},
            "operations": {"AND": lines},
        } | {"up": ["SLOW"]},
    )  # fmt: skip
    assert [operations.code(state) for state in ("SLOW", "OK", "BROKEN", "EXCLUDED")] == [16, 0, 17, 6]
    assert [operations.state(code) for code in (16, 17, 6, 2)] == ["SLOW", "BROKEN", "EXCLUDED", "CRITICAL"]
    assert operations.order("AND") == (17, 16, 0)
    with pytest.raises(OperationsError, match="no state of number 18"):
        operations.state(18)
    with pytest.raises(OperationsError, match="no operation 'XOR'; it has AND"):
        operations.fold("XOR", ["OK"])
    with pytest.raises(OperationsError, match="no state 'CRITICAL'; it has SLOW, OK, BROKEN"):
        operations.fold("AND", ["CRITICAL"])


@given(profiles(), st.data())
def test_what_occurs_decides_and_neither_how_often_nor_in_which_order(document, data) -> None:
    operations = Operations.of("random", document)
    word = data.draw(st.sampled_from(sorted(document["operations"])))
    states = data.draw(st.lists(st.sampled_from(document["states"]), max_size=6))
    folded = operations.fold(word, states)
    assert folded == operations.fold(word, data.draw(st.permutations([*states, "EXCLUDED"])))
    assert folded == operations.fold(word, set(states))
    order = operations.order(word)
    if order is None:
        mask = sum(1 << document["states"].index(state) for state in set(states))
        assert (word, mask, operations.code(folded)) in set(operations.truth())
    else:
        codes = {operations.code(state) for state in states}
        assert operations.code(folded) == next((code for code in order if code in codes), Status.EXCLUDED)


@given(profiles())
def test_a_profile_is_what_its_document_says(document) -> None:
    operations = Operations.of("random", document)
    assert Operations.of("random", operations.document()) == operations
    assert hash(Operations.of("random", operations.document())) == hash(operations)
    counted = [code for codes in operations.seconds().values() for code in codes]
    assert sorted(counted) == sorted(operations.codes.values())


@given(profiles(), st.data())
def test_a_table_with_one_line_changed_is_refused_unless_it_is_sound(document, data) -> None:
    """Sound: every order and every grouping of any three states gives the same."""
    states, (word, lines) = document["states"], next(iter(document["operations"].items()))
    changed = data.draw(st.sampled_from(range(len(lines))))
    lines = [[*line[:2], data.draw(st.sampled_from(states))] if n == changed else line for n, line in enumerate(lines)]
    table = {pair: result for a, b, result in lines for pair in ((a, b), (b, a))}
    of_three = ({table[table[a, b], c] for a, b, c in permutations(three)} for three in combinations(states, 3))
    of_two = all(table[table[a, b], a] == table[a, b] for a, b in product(states, repeat=2))
    is_sound = all(table[a, a] == a for a in states) and of_two and all(len(found) == 1 for found in of_three)
    try:
        Operations.of("changed", document | {"operations": {word: lines}})
    except OperationsError:
        assert not is_sound
    else:
        assert is_sound
