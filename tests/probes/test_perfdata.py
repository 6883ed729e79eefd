"""The plugins' output: a table of what they write, laws for what hostile ones write."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.perfdata import (
    ITEM_LIMIT,
    LINE_LIMIT,
    Item,
    Range,
    is_alarming,
    parse_output,
    parse_perfdata,
    parse_range,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
labels = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\r"), max_size=20)
units = st.sampled_from(["", "s", "ms", "us", "%", "B", "KB", "MB", "TB", "c"])


@st.composite
def ranges(draw):
    start = draw(st.one_of(numbers, st.just(-math.inf)))
    end = draw(st.one_of(numbers, st.just(math.inf)).filter(lambda end: end >= start))
    return Range(start, end, draw(st.booleans()))


items = st.builds(
    Item,
    label=labels,
    value=st.none() | numbers,
    uom=units,
    warning=st.none() | ranges(),
    critical=st.none() | ranges(),
    minimum=st.none() | numbers,
    maximum=st.none() | numbers,
)


@pytest.mark.parametrize(
    ("text", "start", "end", "is_inverted"),
    [  # the table of the guidelines, and its edges
        ("10", 0, 10, False),
        ("10:", 10, math.inf, False),
        ("~:10", -math.inf, 10, False),
        ("10:20", 10, 20, False),
        ("@10:20", 10, 20, True),
        ("@~:5", -math.inf, 5, True),
        ("-5:-1", -5, -1, False),
        (":7", 0, 7, False),
        ("1e3", 0, 1000, False),
        (".5:1.", 0.5, 1, False),
    ],
)
def test_a_range_is_read(text, start, end, is_inverted):
    assert parse_range(text) == Range(start, end, is_inverted)


@pytest.mark.parametrize("text", ["", "@", ":", "a", "20:10", "1:2:3", "~", "5~", "@@1", "1e999", "1e999:", "٣"])
def test_it_rejects_what_is_no_range(text):
    assert parse_range(text) is None


@pytest.mark.parametrize(
    ("text", "quiet", "alarming"),
    [
        ("10", [0, 5, 10], [-0.1, 10.1]),
        ("10:", [10, 1e9], [9.9]),
        ("~:10", [-1e9, 10], [10.1]),
        ("10:20", [10, 20], [9, 21]),
        ("@10:20", [9, 21], [10, 15, 20]),
    ],
)
def test_a_value_outside_alarms_and_with_at_sign_one_inside(text, quiet, alarming):
    limits = parse_range(text)
    assert [value for value in quiet if is_alarming(limits, value)] == []
    assert [value for value in alarming if not is_alarming(limits, value)] == []


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("time=0.01s;;;0.0;10.0", Item("time", 0.01, "s", minimum=0.0, maximum=10.0)),
        ("/=2643MB;5948;5958;0;5968", Item("/", 2643, "MB", Range(0, 5948), Range(0, 5958), 0, 5968)),
        ("'free space'=12%;10:;5:", Item("free space", 12, "%", Range(10), Range(5))),
        ("'it''s'=1c", Item("it's", 1, "c")),
        ("''=1", Item("", 1)),
        ("load1=-0.5", Item("load1", -0.5)),
        ("x=U", Item("x", None)),
        ("x=1;@10:20;~:5", Item("x", 1, "", Range(10, 20, True), Range(-math.inf, 5))),
    ],
)
def test_an_item_is_read_and_written_as_it_was(text, item):
    assert parse_perfdata(text) == ((item,), ())
    assert parse_perfdata(str(item)) == ((item,), ())


@pytest.mark.parametrize(
    ("text", "kept", "problem"),
    [
        ("garbage time=1s", ["time"], "'garbage' is no 'label'=value"),
        ("a=1 b=x c=2", ["a", "c"], "'b': 'x' is no value with a unit"),
        ("a=1;oops", ["a"], "'a': 'oops' is no threshold"),
        ("a=1,5s b=1", ["b"], "'a': '1,5s' is no value with a unit"),
        ("'open=1", [], "\"'open=1\" is no 'label'=value"),
        ("a=1e1e308 b=1", ["b"], "'a': '1e1e308' is no value with a unit"),
        ("a=1e999 b=1", ["b"], "'a': '1e999' is no value with a unit"),
    ],
)
def test_what_is_no_item_is_a_problem_and_the_others_are_kept(text, kept, problem):
    found, problems = parse_perfdata(text)
    assert [item.label for item in found] == kept
    assert problems == (problem,)


def test_a_flood_of_items_is_cut_and_said():
    found, problems = parse_perfdata(" ".join(f"a{number}=1" for number in range(ITEM_LIMIT + 50)))
    assert len(found) == ITEM_LIMIT
    assert problems == (f"more than {ITEM_LIMIT} values; the rest is left out",)


def test_a_flood_of_words_gives_a_bounded_number_of_problems():
    assert len(parse_perfdata("'a " * 50_000)[1]) <= ITEM_LIMIT + 1


def test_perfdata_of_the_first_line_and_after_the_long_text():
    text = (
        "DISK OK - free space: / 3326 MB (56%); | /=2643MB;5948;5958;0;5968\n"
        "/ 15272 MB (77%);\n"
        "/boot 68 MB (69%); | /boot=68MB;88;93;0;98\n"
        "/home=69357MB;253404;253409;0;253414"
    )
    output = parse_output(text)
    assert output.summary == "DISK OK - free space: / 3326 MB (56%);"
    assert output.text == "DISK OK - free space: / 3326 MB (56%);\n/ 15272 MB (77%);\n/boot 68 MB (69%);"
    assert [item.label for item in output.items] == ["/", "/boot", "/home"]
    assert output.problems == ()


@pytest.mark.parametrize(
    ("text", "summary"),
    [("", ""), ("\n", ""), ("OK", "OK"), ("OK\r\nmore\r\n", "OK"), ("| a=1", ""), ("a\u2028b", "a\u2028b")],
)
def test_the_first_line_ends_at_a_line_feed_only(text, summary):
    assert parse_output(text).summary == summary


def test_a_long_line_is_cut_and_says_so():
    output = parse_output("x" * (LINE_LIMIT + 10))
    assert output.summary == "x" * LINE_LIMIT + " … (10 characters cut)"


@given(items)
def test_an_item_that_was_written_is_read_back(item):
    assert parse_perfdata(str(item)) == ((item,), ())


@given(st.lists(items, max_size=8))
def test_many_items_that_were_written_are_read_back(many):
    assert parse_perfdata(" ".join(map(str, many))) == (tuple(many), ())


@given(ranges(), numbers)
def test_a_range_and_its_inversion_never_agree(limits, value):
    assert is_alarming(limits, value) is not is_alarming(Range(limits.start, limits.end, not limits.is_inverted), value)


@given(st.text())
def test_nothing_that_a_plugin_writes_raises(text):
    output = parse_output(text)
    assert "\n" not in output.summary


@given(st.text("'= ;|@~:.-1aU\n%", max_size=60))
def test_nothing_that_looks_like_perfdata_raises_and_what_is_read_is_written_alike(text):
    output = parse_output(text)
    assert parse_perfdata(" ".join(map(str, output.items)))[0] == output.items
