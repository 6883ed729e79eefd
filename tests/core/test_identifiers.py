"""Keys spell nothing; ids of series and facts are the same in every process."""

from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.identifiers import SeriesKey, fact_hash, new_key, series_id

_words = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=20)


def test_keys_are_distinct_and_can_be_read_out() -> None:
    keys = {new_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(len(key) == 12 and not set(key) & set("aeiou01l") for key in keys)


@given(_words, _words, _words, _words)
def test_a_series_id_fits_64_bits_and_depends_on_every_word(host, kind, metric, vo) -> None:
    key = SeriesKey(host, kind, metric, vo)
    assert -(2**63) <= key.series < 2**63
    assert key.series == series_id(host, kind, metric, vo)
    assert key.series != SeriesKey(host, kind, metric, vo + "x").series


@given(_words, _words)
def test_words_do_not_run_into_one_another(one, other) -> None:
    if one:
        assert series_id(one, other, "", "") != series_id("", one + other, "", "")


def test_ids_are_stable() -> None:
    """They stand in the lake: another hash would lose every series and fact."""
    assert series_id("ce.example.org", "CE", "js", "dteam") == 6929759960764634807
    assert fact_hash("result-1") == fact_hash("result-1") != fact_hash("result-2")
