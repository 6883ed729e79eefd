"""What forms write is what they read, for any document; and documents survive a change of shape."""

import os
from itertools import combinations_with_replacement

from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.availability.profiles import texts
from gridkeeper.availability.profiles.argo import from_argo, to_argo
from gridkeeper.availability.profiles.changes import differences
from gridkeeper.availability.profiles.documents import (
    AggregationDocument,
    OperationsDocument,
    ReportDocument,
    ThresholdsDocument,
    parse,
)
from tests.availability.days import DAY

EXAMPLES = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "25")), deadline=None)

names = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,9}", fullmatch=True)
words = st.sampled_from(["AND", "OR", "MOST"])
states = st.lists(st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True), min_size=1, max_size=5, unique=True)


@st.composite
def aggregations(draw):
    types = draw(st.dictionaries(names, words, min_size=1, max_size=6))
    functions = []
    for name in draw(st.lists(names, min_size=1, max_size=4, unique=True)):
        chosen = draw(st.lists(st.sampled_from(sorted(types)), min_size=1, unique=True))
        functions.append({"name": name, "operation": draw(words), "services": {each: types[each] for each in chosen}})
    operations = {"metric_operation": draw(words), "profile_operation": draw(words)}
    return parse("aggregation", operations | {"functions": functions})


@st.composite
def operations(draw):
    known = draw(states)
    pairs = list(combinations_with_replacement(known, 2))
    tables = {
        name: [[*draw(st.permutations(pair)), draw(st.sampled_from(known))] for pair in pairs]
        for name in draw(st.lists(words, min_size=1, unique=True))
    }
    defaults = dict.fromkeys(("down", "missing", "unknown"), known[0])
    return parse("operations", {"states": known, "up": known[:1], "defaults": defaults, "operations": tables})


@st.composite
def thresholds(draw):
    keys = draw(st.lists(st.tuples(names, st.one_of(st.just(""), names), st.one_of(st.just(""), names)), min_size=1,
                         max_size=4, unique=True))  # fmt: skip
    fields = ("metric", "host", "endpoint_group")
    return parse(
        "thresholds", {"rules": [dict(zip(fields, key, strict=True)) | {"thresholds": "t=1s;0:2;0:3"} for key in keys]}
    )


@EXAMPLES
@given(aggregations())
def test_functions_read_as_they_are_written(document: AggregationDocument):
    assert texts.read_functions(texts.write_functions(document)) == document.document()["functions"]


@EXAMPLES
@given(operations())
def test_truth_tables_read_as_they_are_written(document: OperationsDocument):
    read = texts.read_tables(texts.write_tables(document), document.states)
    told = {name: {(frozenset((a, b)), x) for a, b, x in rows} for name, rows in document.operations.items()}
    assert {name: {(frozenset((a, b)), x) for a, b, x in rows} for name, rows in read.items()} == told


@EXAMPLES
@given(thresholds())
def test_rules_read_as_they_are_written(document: ThresholdsDocument):
    assert texts.read_rules(texts.write_rules(document)) == document.document()["rules"]


@EXAMPLES
@given(st.one_of(aggregations(), thresholds(), st.just(ReportDocument())))
def test_what_argo_reads_says_the_same(document):
    kind = {AggregationDocument: "aggregation", ThresholdsDocument: "thresholds"}.get(type(document), "report")
    name, back = from_argo(kind, to_argo(kind, "id", "critical", DAY, document))
    assert (name, parse(kind, back)) == ("critical", document)
    assert differences(document.document(), parse(kind, back).document()) == []
