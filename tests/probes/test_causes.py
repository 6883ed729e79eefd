"""Causes and consequences: rules of `probes.causes`."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.causes import REACHES, Failing, Placing, Rule, explain
from tests.builders import NOW

PLACES = {
    ("bdii.a", "Site-BDII"): Placing("A", "North"),
    ("ce.a", "CE"): Placing("A", "North"),
    ("se.a", "SRM"): Placing("A", "North"),
    ("ce.b", "CE"): Placing("B", "North"),
    ("ce.c", "CE"): Placing("C", "South"),
}


def failing(hostname, service_type, metric, vo="", *, minutes=0, cause=""):
    key = SeriesKey(hostname, service_type, metric, vo)
    return Failing(key.series, key, NOW + timedelta(minutes=minutes), cause)


def told(*items, rules):
    """metric@hostname -> metric@hostname of its root."""
    found = explain(items, [Rule(*rule) for rule in rules], PLACES)
    names = {item.series: f"{item.key.metric}@{item.key.hostname}" for item in items}
    return {names[series]: f"{cause.metric}@{cause.hostname}" for series, cause in found.items()}


BDII_DOWN = failing("bdii.a", "Site-BDII", "bdii")
SITE_RULE = ("bdii", "Site-BDII", "", "", "site")


def test_what_fails_at_the_site_whose_bdii_fails_follows_from_it():
    items = [
        BDII_DOWN,
        failing("ce.a", "CE", "js", "atlas"),
        failing("se.a", "SRM", "put"),
        failing("ce.b", "CE", "js"),
    ]
    assert told(*items, rules=[SITE_RULE]) == {"js@ce.a": "bdii@bdii.a", "put@se.a": "bdii@bdii.a"}


def test_without_a_rule_everything_is_its_own_cause():
    assert told(BDII_DOWN, failing("ce.a", "CE", "js"), rules=[]) == {}


def test_what_failed_long_before_is_no_consequence():
    assert told(BDII_DOWN, failing("ce.a", "CE", "js", minutes=-31), rules=[SITE_RULE]) == {}
    assert told(BDII_DOWN, failing("ce.a", "CE", "js", minutes=-29), rules=[SITE_RULE]) == {"js@ce.a": "bdii@bdii.a"}


def test_a_rule_may_name_effect_and_type():
    items = [BDII_DOWN, failing("ce.a", "CE", "js"), failing("ce.a", "CE", "wn"), failing("se.a", "SRM", "js")]
    assert told(*items, rules=[("bdii", "", "js", "CE", "site")]) == {"js@ce.a": "bdii@bdii.a"}


def test_the_view_of_one_vo_explains_nothing_of_another():
    items = [
        failing("ce.a", "CE", "js", "atlas"),
        failing("ce.a", "CE", "wn", "atlas"),
        failing("ce.a", "CE", "wn", "lhcb"),
    ]
    found = explain(items, [Rule("js", "", "wn", "", "service")], PLACES)
    assert list(found) == [items[1].series]


def test_a_chain_ends_at_its_root():
    items = [BDII_DOWN, failing("ce.a", "CE", "match"), failing("ce.a", "CE", "js")]
    rules = [("bdii", "", "match", "", "site"), ("match", "", "js", "", "service")]
    assert told(*items, rules=rules) == {"match@ce.a": "bdii@bdii.a", "js@ce.a": "bdii@bdii.a"}


def test_what_the_engine_did_not_run_follows_from_the_test_that_it_names():
    items = [failing("ce.a", "CE", "js", "atlas"), failing("ce.a", "CE", "wn", "atlas", cause="js")]
    assert told(*items, rules=[]) == {"wn@ce.a": "js@ce.a"}


def test_a_circle_ends_at_what_failed_first():
    items = [failing("ce.a", "CE", "one"), failing("ce.a", "CE", "two", minutes=1)]
    rules = [("one", "", "two", "", "service"), ("two", "", "one", "", "service")]
    assert told(*items, rules=rules) == {"two@ce.a": "one@ce.a"}


def test_of_several_causes_the_farther_reaching_is_named():
    network = failing("ce.c", "CE", "net")
    items = [network, failing("ce.c", "CE", "tcp", minutes=-1), failing("ce.c", "CE", "js")]
    rules = [("tcp", "", "js", "", "service"), ("net", "", "js", "", "region")]
    assert told(*items, rules=rules)["js@ce.c"] == "net@ce.c"


_failures = st.lists(
    st.builds(
        failing,
        st.sampled_from(["ce.a", "se.a", "ce.b", "stranger"]),
        st.sampled_from(["CE", "SRM"]),
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from(["", "atlas"]),
        minutes=st.integers(-60, 60),
        cause=st.sampled_from(["", "one"]),
    ),
    max_size=12,
    unique_by=lambda item: item.series,
)
_word = st.sampled_from(["one", "two", "three"])
_type = st.sampled_from(["", "CE", "SRM"])
_rules = st.lists(
    st.builds(Rule, _word, _type, st.one_of(st.just(""), _word), _type, st.sampled_from(REACHES)), max_size=6
)


@given(_failures, _rules)
def test_every_cause_fails_and_is_explained_by_nothing(items, rules):
    found = explain(items, rules, PLACES)
    series = {item.series for item in items}
    for one, cause in found.items():
        assert one in series
        assert cause.series in series - {one}
        assert cause.series not in found


@given(_failures, _rules)
def test_the_order_in_which_failures_come_does_not_matter(items, rules):
    assert explain(items, rules, PLACES) == explain(items[::-1], rules, PLACES)
