"""Statuses from performance data: the rules of a thresholds profile. Pure.

A rule names a metric and may name a host and a group; the most specific one counts. Its `thresholds` are written as
performance data, `label=value[uom];warning;critical;min;max`, one or more; the result's own value of each label is held
against the ranges. Source: availability.md section 4.

Two readings of a range: ours is Nagios' (a value outside alarms, CRITICAL is tried first), that of "argo-compat" is
ARGO's (a value strictly inside alarms, WARNING is tried first). `@` inverts both.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gridkeeper.probe.perfdata import Item, Range, is_alarming, parse_perfdata

WARNING, CRITICAL = "WARNING", "CRITICAL"
#: Where the next label starts; ARGO's connectors also write `a=1;2;3;b=4`.
_NEXT_LABEL = re.compile(r"(?:;|\s+)(?=[A-Za-z])")


class ThresholdError(ValueError):
    """A rule that cannot be read. Says which field, and what to write."""


class Verdict(NamedTuple):
    """A status after the thresholds; original and rule are empty where none of them spoke."""

    status: str
    original: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ThresholdRule:
    """The ranges by label that hold for a metric, on one host or on all, in one group or in all (empty)."""

    metric: str
    limits: Mapping[str, Item]
    host: str = ""
    group: str = ""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "ThresholdRule":
        """From `{"metric", "host"?, "endpoint_group"?, "thresholds"}`. Raises ThresholdError."""
        words = {name: _word(document, name) for name in ("metric", "host", "endpoint_group", "thresholds")}
        for name in ("metric", "thresholds"):
            if not words[name]:
                raise ThresholdError(f"{name} is missing; name the {name} that the rule is for")
        items, problems = _items(words["thresholds"])
        if problems or not items:
            reason = "; ".join(problems) or "there is no label=value;warning;critical"
            raise ThresholdError(f"thresholds: {reason}; write e.g. time=1s;0:0.5;0.5:1")
        limits = {item.label: item for item in items}
        return cls(words["metric"], limits, words["host"], words["endpoint_group"])

    def verdict(self, values: Mapping[str, float], mode: str, combine: Callable[[Sequence[str]], str]) -> str:
        """What the values call for: WARNING, CRITICAL, several labels combined; empty where none alarms."""
        tried = ((WARNING, CRITICAL), _is_inside) if mode == "argo-compat" else ((CRITICAL, WARNING), is_alarming)
        found = [_alarm(self.limits[label], value, *tried) for label, value in values.items() if label in self.limits]
        alarms = [status for status in found if status]
        return combine(alarms) if alarms else ""


def _word(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name) or ""
    if not isinstance(value, str):
        raise ThresholdError(f"{name} is {value!r:.60}; write it as a text")
    return value.strip()


def _items(text: str) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    return parse_perfdata(_NEXT_LABEL.sub(" ", text))


def _is_inside(limits: Range, value: float) -> bool:
    """ARGO's reading: strictly inside alarms, `@`: not strictly inside.

    >>> [_is_inside(Range(10, 20), value) for value in (10, 11, 20)]
    [False, True, False]
    """
    return (limits.start < value < limits.end) is not limits.is_inverted


def _alarm(item: Item, value: float, order: Sequence[str], calls: Callable[[Range, float], bool]) -> str:
    ranges = {WARNING: item.warning, CRITICAL: item.critical}
    for status in order:
        limits = ranges[status]
        if limits is not None and calls(limits, value):
            return status
    return ""


def worst(statuses: Sequence[str]) -> str:
    """The default profile's AND of what thresholds can say."""
    return CRITICAL if CRITICAL in statuses else WARNING


class Thresholds:
    """The rules of a profile; where two name the same, the later one counts."""

    def __init__(self, rules: Iterable[ThresholdRule] = ()) -> None:
        self._rules = {(rule.group, rule.host, rule.metric): rule for rule in rules}
        self._metrics = {metric for _, _, metric in self._rules}

    def __bool__(self) -> bool:
        return bool(self._rules)

    def most_specific(self, *, group: str, host: str, metric: str) -> ThresholdRule | None:
        """The rule of group, host and metric, else of host and metric, else of group and metric, else of the metric."""
        if metric not in self._metrics:
            return None
        places = ((group, host), ("", host), (group, ""), ("", ""))
        return next((rule for place in places if (rule := self._rules.get((*place, metric)))), None)

    def judged(
        self,
        status: str,
        perfdata: str,
        *,
        group: str,
        host: str,
        metric: str,
        mode: str = "gridkeeper",
        combine: Callable[[Sequence[str]], str] = worst,
    ) -> Verdict:
        """The status of a result with this performance data: the verdict where a range alarms, else its own."""
        rule = self.most_specific(group=group, host=host, metric=metric) if perfdata else None
        if rule is None:
            return Verdict(status)
        values = {item.label: item.value for item in _items(perfdata)[0] if item.value is not None}
        verdict = rule.verdict(values, mode, combine)
        if not verdict or verdict == status:
            return Verdict(status)
        return Verdict(verdict, status, " ".join(str(rule.limits[label]) for label in values if label in rule.limits))
