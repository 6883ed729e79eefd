"""From where a test runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.probes.place_rules import Candidate, PlaceRule, PlaceRuleError, choose, is_elsewhere, parse_rule

A1, A2 = Candidate("a1", "NGI_A", "net1"), Candidate("a2", "NGI_A", "net2")
B1, B2 = Candidate("b1", "NGI_B", "net1"), Candidate("b2", "NGI_B", "net3", labels={"os": "el9"})
C1 = Candidate("c1", "NGI_C", "net4", vos=frozenset({"lhcb"}))
ALL = [A1, A2, B1, B2, C1]


def _choose(rule, candidates=ALL, *, region="NGI_A", vo="", series=7, turn=0):
    return choose(rule, series=series, turn=turn, site_region=region, vo=vo, candidates=candidates)


def test_two_regions_of_which_one_is_not_the_sites_own():
    rule = parse_rule({"count": 2, "distinct": "region", "elsewhere": 1})
    for series in range(50):
        choice = _choose(rule, series=series)
        regions = {one.region for one in ALL if one.name in choice.places}
        assert (len(regions), choice.shortage) == (2, "")
        assert regions != {"NGI_A"}


@pytest.mark.parametrize(
    ("rule", "vo", "names"),
    [
        ({"labels": {"os": "el9"}}, "", {"b2"}),
        ({"labels": {"os": "el7"}}, "", set()),
        ({"count": 9}, "lhcb", {"a1", "a2", "b1", "b2", "c1"}),
        ({"count": 9}, "atlas", {"a1", "a2", "b1", "b2"}),
        ({"count": 9, "distinct": "network"}, "atlas", None),
    ],
)
def test_who_fits(rule, vo, names):
    found = set(_choose(parse_rule(rule), vo=vo).places)
    assert found == names if names is not None else len(found) == 3


def test_what_cannot_be_had_is_said_and_the_rest_is_done():
    choice = _choose(parse_rule({"count": 2, "distinct": "region", "elsewhere": 1}), [A1, A2])
    assert len(choice.places) == 1
    assert choice.shortage == "1 of 2 places, 0 of 1 outside of NGI_A"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"count": 0}, "write 1 to 9"),
        ({"count": 10}, "write 1 to 9"),
        ({"elsewhere": 2}, "write 0 to 1, the count"),
        ({"quorum": 3, "count": 2}, "write 0 to 2, the count"),
        ({"distinct": "planet"}, "planet"),
        ({"cuont": 1}, "it takes count, distinct"),
        ([], None),
        ("two", "it takes"),
    ],
)
def test_a_rule_that_nobody_can_follow_is_refused_in_words(data, words):
    if words is None:
        assert parse_rule(data) == PlaceRule()
        return
    with pytest.raises(PlaceRuleError, match=words):
        parse_rule(data)


_candidates = st.lists(
    st.builds(
        Candidate,
        name=st.sampled_from([f"w{number}" for number in range(12)]),
        region=st.sampled_from(["", "A", "B", "C"]),
        network=st.sampled_from(["", "n1", "n2"]),
        is_free=st.booleans(),
    ),
    unique_by=lambda one: one.name,
    max_size=12,
)


@given(
    candidates=_candidates,
    count=st.integers(1, 5),
    elsewhere=st.integers(0, 5),
    distinct=st.sampled_from(["", "region", "network"]),
    series=st.integers(),
)
def test_the_rule_is_kept_wherever_it_can_be(candidates, count, elsewhere, distinct, series):
    rule = PlaceRule(count=count, distinct=distinct, elsewhere=min(count, elsewhere))
    choice = _choose(rule, candidates, region="A", series=series)
    taken = [one for one in candidates if one.name in choice.places]
    assert len(taken) == len(choice.places) <= count

    def values(of):
        return [getattr(one, distinct) if distinct else one.name for one in of]

    assert len(set(values(taken))) == len(taken)
    far = [one for one in candidates if is_elsewhere(one, "A")]
    assert len(taken) == min(count, len(set(values(candidates))))
    wanted = min(rule.elsewhere, len(set(values(far))))
    assert sum(is_elsewhere(one, "A") for one in taken) >= wanted
    assert (choice.shortage == "") == (len(taken) == count and wanted == rule.elsewhere)
    assert choice == _choose(rule, candidates[::-1], region="A", series=series)


def test_the_loss_of_a_worker_moves_only_its_own_series():
    rule = PlaceRule()
    for series in range(100):
        before = _choose(rule, series=series).places
        after = _choose(rule, [one for one in ALL if one.name != "b1"], series=series).places
        assert after == before or before == ("b1",)
