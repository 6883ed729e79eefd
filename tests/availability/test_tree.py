"""A tree to which whole services were added says what one says to which the same was added line by line."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.availability.placed import places_of
from gridkeeper.availability.relations import tree_rows
from gridkeeper.availability.topology import Names
from gridkeeper.availability.tree import Block, Excuse, Expected, MetricSet, Path, Tree

NAMES = Names({"r1": "Italy"}, {"s1": "INFN"})
METRICS = ("submit", "version", "copy")

services = st.tuples(
    st.sampled_from(["ops", "lhcb"]), st.just("r1"), st.sampled_from(["s1", "s2"]), st.sampled_from(["CE", "SE"]),
    st.sampled_from(["a", "b", "c"]),
).map(lambda words: Path(*words))  # fmt: skip
rows = st.tuples(st.integers(0, 50_000), st.integers(50_001, 86_400), st.booleans(), st.integers(-(2**63), 2**63 - 1))


@st.composite
def blocks(draw):
    names = tuple(draw(st.lists(st.sampled_from(METRICS), min_size=1, unique=True)))
    from_s, until_s, is_new, series = zip(*(draw(rows) for _ in names), strict=True)
    numbers = (np.array(each, np.int64) for each in ([900] * len(names), from_s, until_s))
    return Block(draw(services), MetricSet(names, *numbers, np.array(is_new)), np.array(series, np.int64))


def said(tree):
    """Everything that a session is given, by paths."""
    path_of = {number: path for path, number in tree.numbers.items()} | {None: None}
    assert len(path_of) == tree.size + 1
    given_rows = {name: table.to_pylist() for name, table in tree_rows(tree).items()}
    for table in given_rows.values():
        for row in table:
            row |= {name: path_of[row[name]] for name in ("node", "parent") if name in row}
    places = places_of(tree, NAMES).to_pylist()
    placed = {path_of[number]: place for number, place in enumerate(places)}
    return {name: sorted(map(str, table)) for name, table in given_rows.items()}, placed


@given(st.lists(blocks(), max_size=8))
def test_blocks_say_what_their_lines_say(found):
    excuses = [Excuse("a", "CE", 0, 3600)]
    functions = {("ops", "CE"): ["compute", "all"], ("ops", "SE"): ["all"]}
    whole, single = (Tree(excuses=excuses, functions=functions) for _ in range(2))
    for block in found:
        whole.expect_all(block)
        for line in block.lines():
            single.expect(line)
    assert whole.reports() == single.reports()
    assert whole.series().tolist() == single.series().tolist()
    assert said(whole) == said(single)
    assert sorted(whole.expected) == sorted(single.expected)
    for part, of_lines in ((tree.part({"ops"}, {"s1"}) for tree in (whole, single)),):
        assert said(part) == said(of_lines)


def test_a_copy_of_the_nodes_is_asked_for_their_paths_without_the_first_knowing():
    tree = Tree()
    one = np.array([0], np.int64)
    expected = MetricSet(("submit",), one + 900, one, one + 86_400, np.array([False]))
    tree.expect_all(Block(Path("ops", "r1", "s1", "CE", "a"), expected, one + 7))
    other = tree.on_another_day()
    line = Expected(Path("ops", "r1", "s1", "CE", "a", "submit"), 7, 900, 0, 86_400)
    assert other.expected == [line]
    assert tree.expected == [line]
    assert tree.numbers == other.numbers
