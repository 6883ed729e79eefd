"""The expressions of the parameter `extensions`, against a reading of them that is as simple as it can be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.api.gocdb.extension_filter import Clause, extensions_filter, parse_extensions
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.registry.models import Site
from tests.builders import a_site, an_ngi


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(VO=a)", [("AND", "VO", "a")]),
        ("(VO=)", [("AND", "VO", None)]),
        ("(VO=   )", [("AND", "VO", None)]),
        ("(a b=c=d)", [("AND", "a b", "c=d")]),
        ("AND(A=1)(B=2)OR(C=3)(D=4)NOT(E=5)", [
            ("AND", "A", "1"), ("AND", "B", "2"), ("OR", "C", "3"), ("OR", "D", "4"), ("NOT", "E", "5"),
        ]),
        (" AND (A=1) OR (B=2) ", [("AND", "A", "1"), ("OR", "B", "2")]),
        (r"(A=f\(x\) \\ y)", [("AND", "A", r"f(x) \ y")]),
        ("(A=AND)", [("AND", "A", "AND")]),
        ("(A='\";`é)", [("AND", "A", "'\";`é")]),
        ("(A=1)\n(B=2)", [("AND", "A", "1"), ("AND", "B", "2")]),
    ],
)  # fmt: skip
def test_it_reads(text, expected):
    assert parse_extensions(text) == [Clause(*each) for each in expected]


@pytest.mark.parametrize(
    "text", ["", " ", "A=1", "()", "(=1)", "(A)", "((A=1))", "(A=1", "A=1)", "(A=1)and(B=2)", "(A=1),(B=2)", "(A=(1))",
             "AND", "(A=1)OR", "(" * 1000, "(A=1\\)", "ANDOR(A=1)"],
)  # fmt: skip
def test_it_refuses(text):
    with pytest.raises(RefusedError) as refusal:
        parse_extensions(text)
    assert refusal.value.status == 400


@given(st.text(max_size=60))
def test_no_text_is_an_error_of_ours(text):
    try:
        clauses = parse_extensions(text)
    except RefusedError:
        return
    assert clauses


KEYS, VALUES = st.sampled_from("AB"), st.sampled_from(["1", "2"])


@given(
    st.lists(st.tuples(st.sampled_from(["", "AND", "OR", "NOT"]), KEYS, VALUES | st.just("")), min_size=1, max_size=5)
)
@pytest.mark.django_db
def test_it_selects_as_reading_from_left_to_right_does(pairs):
    ngi = an_ngi()
    bearers = [{}, {"A": "1"}, {"A": "2"}, {"B": "1"}, {"A": "1", "B": "2"}, {"A": "2", "B": "1"}]
    sites = {a_site(ngi=ngi, properties=properties).pk: properties for properties in bearers}
    text = "".join(f"{operator}({key}={value})" for operator, key, value in pairs)

    def fits(properties):
        result, operator = None, "AND"
        for word, key, value in pairs:
            operator = word or operator
            has = properties.get(key) == value if value else key in properties
            has = not has if operator == "NOT" else has
            result = has if result is None else (result or has) if operator == "OR" else (result and has)
        return result

    found = set(Site.objects.filter(extensions_filter(text, "properties"), pk__in=sites).values_list("pk", flat=True))

    assert found == {pk for pk, properties in sites.items() if fits(properties)}
