import pytest

from gridkeeper.availability.thresholds import ThresholdError, ThresholdRule, Thresholds


def rule(thresholds: str, host: str = "", group: str = "") -> ThresholdRule:
    return ThresholdRule.of({"metric": "m", "thresholds": thresholds, "host": host, "endpoint_group": group})


@pytest.mark.parametrize(
    ("thresholds", "perfdata", "argo", "ours"),
    [
        # ARGO: strictly inside alarms, WARNING first. Ours: outside alarms, CRITICAL first.
        ("time=1s;0:0.5;0.5:1", "time=0.2s", "WARNING", "CRITICAL"),
        ("time=1s;0:0.5;0.5:1", "time=0.5s", "OK", "OK"),  # on the edge of both
        ("time=1s;0:0.5;0.5:1", "time=0.7s", "CRITICAL", "WARNING"),
        ("time=1s;0:0.5;0.5:1", "time=0s", "OK", "CRITICAL"),
        ("time=1s;0:2;0:2", "time=1s", "WARNING", "OK"),  # both contain it
        ("time=1s;10;20", "time=5s", "WARNING", "OK"),  # 10 is 0:10
        ("time=1s;10;20", "time=15s", "CRITICAL", "WARNING"),
        ("time=1s;10;20", "time=25s", "OK", "CRITICAL"),
        ("time=1s;10:;~:-5", "time=11s", "WARNING", "CRITICAL"),
        ("time=1s;~:20;", "time=-3s", "WARNING", "OK"),
        ("time=1s;@20:30;", "time=25s", "OK", "WARNING"),
        ("time=1s;@20:30;", "time=20s", "WARNING", "WARNING"),
        ("time=1s;;5", "time=1s", "CRITICAL", "OK"),
        # Several labels: AND of those that alarm.
        ("a=1;0:2;; b=1;;0:2", "a=1 b=1", "CRITICAL", "OK"),
        ("a=1;0:2;;b=1;;0:2", "a=1;b=3", "WARNING", "CRITICAL"),
        ("a=1;0:2;;b=1;;0:2", "b=1;7;8 a=1;7;8", "CRITICAL", "OK"),
        # No value, no verdict.
        ("time=1s;0:0.5;0.5:1", "size=0.2", "OK", "OK"),
        ("time=1s;0:0.5;0.5:1", "time=U", "OK", "OK"),
        ("time=1s;0:0.5;0.5:1", "", "OK", "OK"),
        ("time=1s;0:0.5;0.5:1", "no performance data", "OK", "OK"),
    ],
)
def test_a_value_is_held_against_the_ranges(thresholds: str, perfdata: str, argo: str, ours: str) -> None:
    rules = Thresholds([rule(thresholds)])
    place = {"group": "g", "host": "h", "metric": "m"}
    assert rules.judged("OK", perfdata, mode="argo-compat", **place).status == argo
    assert rules.judged("OK", perfdata, mode="gridkeeper", **place).status == ours


def test_a_verdict_keeps_the_original_status_and_names_its_rule() -> None:
    verdict = Thresholds([rule("time=1s;0:0.5;0.5:1")]).judged(
        "CRITICAL", "time=0.2s", group="g", host="h", metric="m", mode="argo-compat"
    )
    assert verdict == ("WARNING", "CRITICAL", "time=1s;0.5;0.5:1")


def test_the_most_specific_rule_counts() -> None:
    texts = {("g", "h"): "a=1;1;", ("", "h"): "a=1;2;", ("g", ""): "a=1;3;", ("", ""): "a=1;4;"}
    every = {place: rule(text, host=place[1], group=place[0]) for place, text in texts.items()}
    order = [("g", "h"), ("", "h"), ("g", ""), ("", "")]
    for first in range(4):
        rules = Thresholds([every[place] for place in order[first:]])
        assert rules.most_specific(group="g", host="h", metric="m") == every[order[first]]
    some = Thresholds(every.values())
    assert some.most_specific(group="g", host="other", metric="m") == every["g", ""]
    assert some.most_specific(group="other", host="other", metric="m") == every["", ""]
    assert some.most_specific(group="g", host="h", metric="other") is None


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"thresholds": "a=1;2"}, "metric is missing"),
        ({"metric": "m"}, "thresholds is missing"),
        ({"metric": "m", "thresholds": "fast"}, "label"),
        ({"metric": "m", "thresholds": "a=1;9:x"}, "no threshold"),
        ({"metric": 7, "thresholds": "a=1"}, "write it as a text"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(document: dict[str, object], message: str) -> None:
    with pytest.raises(ThresholdError, match=message):
        ThresholdRule.of(document)
