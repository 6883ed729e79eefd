"""`/status/.../metrics`: what the results of metrics said, one entry a result.

A timeline begins with the result before the period (ARGO looks back one day), each day with the status that holds at
midnight (MISSING where nothing was heard for a day), and ends with the closing entry.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, cast

from gridkeeper.api.argo import statuses
from gridkeeper.api.argo.endpoints import Endpoints
from gridkeeper.api.argo.expected_metrics import Metric, expected_metrics
from gridkeeper.api.argo.question import Paging, Place
from gridkeeper.api.argo.reported import Reported
from gridkeeper.api.argo.statuses import View, entry
from gridkeeper.availability.levels import Level
from gridkeeper.availability.profiles.documents import ThresholdsDocument
from gridkeeper.availability.profiles.in_force import InForce
from gridkeeper.availability.thresholds import ThresholdRule, Thresholds
from gridkeeper.bus.facts import Facts, open_facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import DAY, Window

#: Results of one metric that are looked at; a day of one a minute, a month of one in half an hour.
_MOST = 2_000


@dataclass(frozen=True, slots=True)
class MetricView:
    """is_detailed: with performance data, and what thresholds made of a result"""

    view: View
    is_detailed: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """One result: when, what it said after the thresholds, and the words of the detailed view."""

    at: datetime
    value: str
    details: dict[str, str]


class Results:
    """The hard results of a report's metrics in a window, and of the day before."""

    def __init__(self, facts: Facts, window: Window, report: Reported, *, is_detailed: bool, now: datetime) -> None:
        self._facts = facts
        self._window = Window(window.start - DAY, max(window.start, min(window.end, now)))
        self._is_detailed = is_detailed
        self._thresholds = {day: _thresholds_of(report, day) for day in self._window.days()}

    def of(self, metrics: Sequence[Metric]) -> dict[int, list[Heard]]:
        """By series, in order; of two at one instant the later-received."""
        if self._is_detailed or any(self._thresholds.values()):
            return {metric.series: self._worded(metric) for metric in metrics}
        series = sorted({metric.series for metric in metrics})
        found: dict[int, dict[datetime, Heard]] = {}
        for row in self._facts.hard_results(series, self._window).to_pylist():
            moment = row["executed_at"]
            found.setdefault(row["series"], {})[moment] = Heard(moment, Status(row["status"]).name, {})
        return {number: list(by_moment.values()) for number, by_moment in found.items()}

    def _worded(self, metric: Metric) -> list[Heard]:
        newest = self._facts.history(metric.series, self._window, _MOST)
        hard = [fact for fact in reversed(newest) if fact.is_hard]
        logs = self._facts.logs(hard)
        heard = {}
        for fact in hard:
            log = logs.get((fact.series, fact.executed_at, fact.fact & 0xFFFF_FFFF))
            perfdata = log.perfdata if log else ""
            heard[fact.executed_at] = self._judged(metric, fact.executed_at, fact.status, perfdata)
        return list(heard.values())

    def _judged(self, metric: Metric, moment: datetime, status: Status, perfdata: str) -> Heard:
        thresholds = self._thresholds.get(moment.date()) or Thresholds()
        verdict = thresholds.judged(
            status.name, perfdata, group=metric.site, host=metric.hostname, metric=metric.metric
        )
        details = {
            "actual_data": perfdata if verdict.rule else "",
            "threshold_rule_applied": verdict.rule,
            "original_status": verdict.original,
        }
        shown = {name: word for name, word in details.items() if word} if self._is_detailed else {}
        return Heard(moment, verdict.status, shown)


def _thresholds_of(report: Reported, day: date) -> Thresholds | None:
    """Those of the report's profile on that day; None where it has none."""
    in_force = InForce.on(day)
    definition = next((each for each in in_force.reports() if each.name == report.name), None)
    version = in_force.thresholds(definition) if definition else None
    if version is None:
        return None
    rules = cast(ThresholdsDocument, version.document).rules
    return Thresholds(ThresholdRule.of(rule.document()) for rule in rules)


def timeline(heard: Sequence[Heard], window: Window, now: datetime) -> list[dict[str, str]]:
    """The entries of one metric, without the closing one."""
    before = [each for each in heard if each.at < window.start]
    held = before[-1] if before else None
    entries = [_entry(held)] if held else []
    for day in window.days():
        midnight = Window.of_day(day)
        if midnight.start >= now:
            break
        of_day = [each for each in heard if each.at in midnight]
        if held is not None and held.at < midnight.start - DAY:
            held = None
        if not of_day or of_day[0].at > midnight.start:
            entries.append(entry(midnight.start, held.value if held else Status.MISSING.name))
        entries += [_entry(each) for each in of_day]
        held = of_day[-1] if of_day else held
    return entries


def _entry(heard: Heard) -> dict[str, str]:
    return entry(heard.at, heard.value) | heard.details


def documents(
    window: Window, report: Reported, place: Place, view: MetricView, endpoints: Endpoints, now: datetime
) -> Iterator[dict[str, Any]]:
    """The elements of v2's list `groups`."""
    metrics = expected_metrics(window, report, place, now)
    heard = Results(open_facts(), window, report, is_detailed=view.is_detailed, now=now).of(metrics)
    for site, of_site in groupby(metrics, key=lambda each: each.site):
        services = []
        for service_type, of_type in groupby(of_site, key=lambda each: each.service_type):
            hosts = []
            for hostname, its in groupby(of_type, key=lambda each: each.hostname):
                timelines = [
                    {
                        "name": each.metric,
                        "statuses": view.view.closed(timeline(heard.get(each.series, ()), window, now)),
                    }
                    for each in its
                ]
                hosts.append({"name": hostname} | endpoints.info(hostname, service_type) | {"metrics": timelines})
            services.append({"name": service_type, "type": "service", "endpoints": hosts})
        yield {"name": site, "type": report.group_type, "services": services}


class Flat:
    """v2's flat list of one metric on all endpoints. A page ends after so many entries; nothing closes a timeline.

    after: what follows the list; complete when the list was taken
    """

    def __init__(
        self, window: Window, report: Reported, metric: str, view: MetricView, paging: Paging, now: datetime
    ) -> None:
        self._question = (window, report, Place(Level.METRIC, metric=metric), now)
        self._view = view
        self._paging = paging
        self.after: dict[str, Any] = {}

    def items(self) -> Iterator[dict[str, Any]]:
        endpoints = Endpoints.of_registry()
        page, following = statuses.paged(self._rows(), self._paging)
        for metric, rows in groupby(page, key=lambda row: row["of"]):
            place = {
                "name": metric.hostname, "service": metric.service_type, "supergroup": metric.site,
                "metric": metric.metric,
            }  # fmt: skip
            info = endpoints.info(metric.hostname, metric.service_type)
            yield place | info | {"statuses": [row["entry"] for row in rows]}
        self.after |= statuses.after_page(self._paging, bool(following))

    def _rows(self) -> Iterator[dict[str, Any]]:
        window, report, place, now = self._question
        metrics = _by_host(expected_metrics(window, report, place, now))
        heard = Results(open_facts(), window, report, is_detailed=self._view.is_detailed, now=now).of(metrics)
        for metric in metrics:
            for each in timeline(heard.get(metric.series, ()), window, now):
                yield {"of": metric, "entry": each}


def _by_host(metrics: Iterable[Metric]) -> list[Metric]:
    return sorted(metrics, key=lambda each: (each.hostname, each.service_type, each.site, each.metric))
