"""What differs between two published versions, and the one way in which a document is written."""

import json

import pytest

from gridkeeper.availability.publishing.document import canonical, checksum_of, differences, differing_days


def a_figure(level="site", site="S", up_s=50, **fields):
    words = {"region": "R", "region_name": "Region", "site_name": site.title(), "service_type": ""}
    seconds = {"total_s": 100, "up_s": up_s, "unknown_s": 0, "down_s": 0, "excluded_s": 0, "critical_s": 100 - up_s}
    percents = {"availability": f"{up_s}.00000", "reliability": f"{up_s}.00000"}
    return {"level": level, "site": site, "flips": 1} | words | seconds | percents | fields


def a_document(*figures, **site_days):
    return {"figures": list(figures), "site_days": site_days}


def test_what_is_the_same_does_not_differ() -> None:
    document = a_document(a_figure(), S={"2026-03-01": [100]})
    assert differences(document, document) == []


def test_a_figure_that_differs_names_its_days() -> None:
    old = a_document(a_figure(up_s=50), a_figure(site="T"), S={"2026-03-01": [1], "2026-03-02": [2]}, T={})
    new = a_document(a_figure(up_s=75), a_figure(site="T"), S={"2026-03-01": [1], "2026-03-02": [3]}, T={})
    (change,) = differences(old, new)
    assert (change["site"], change["availability"]) == ("S", ["50.00000", "75.00000"])
    assert change["days"] == ["2026-03-02"]


@pytest.mark.parametrize(
    ("old", "new", "pair"),
    [((), (a_figure(),), [None, "50.00000"]), ((a_figure(),), (), ["50.00000", None])],
)
def test_a_place_that_comes_or_goes_differs(old, new, pair) -> None:
    (change,) = differences(a_document(*old), a_document(*new))
    assert change["availability"] == pair


def test_the_whole_comes_before_its_parts() -> None:
    new = a_document(a_figure(), a_figure("region", ""), a_figure("federation", "", region=""))
    assert [change["level"] for change in differences(a_document(), new)] == ["federation", "region", "site"]


def test_a_day_that_is_missing_on_one_side_differs() -> None:
    days = differing_days(a_document(S={"2026-03-01": [1]}), a_document(S={}), "S")
    assert [str(day) for day in days] == ["2026-03-01"]


def test_the_order_of_keys_changes_no_checksum() -> None:
    one, other = {"b": "é", "a": [1]}, {"a": [1], "b": "é"}
    assert checksum_of(canonical(one)) == checksum_of(canonical(other))
    assert json.loads(canonical(one)) == other
