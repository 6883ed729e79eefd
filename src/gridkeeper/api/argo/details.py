"""What results said in words: `/metric_result` of one host, `/latest` of a report's metrics."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gridkeeper.api.argo.expected_metrics import Metric
from gridkeeper.api.gocdb.xml import attribute, leaf
from gridkeeper.bus.facts import Fact, Facts, Log
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table, connect, rows

_LOW_BITS = 0xFFFF_FFFF
#: Results of one metric of a host on a day that are shown.
_MOST = 5_000
#: What a client may filter by, and which statuses that lets through.
FILTERS: dict[str, frozenset[Status]] = {
    "all": frozenset(Status),
    "non-ok": frozenset(Status) - {Status.OK},
    **{status.name.lower(): frozenset({status}) for status in Status},
}


@dataclass(frozen=True, slots=True)
class Said:
    """A result and its words."""

    at: datetime
    status: Status
    summary: str
    message: str

    @classmethod
    def of(cls, fact: Fact, log: Log | None) -> "Said":
        summary = log.summary if log else ""
        return cls(fact.executed_at, fact.status, summary, (log.output if log else "") or summary)


def of_host(
    facts: Facts, hostname: str, metric: str, window: Window, allowed: frozenset[Status]
) -> list[tuple[str, str, list[Said]]]:
    """(metric, service type, results in order) of what was heard of a host in the window; metric "": of all."""
    found: dict[tuple[str, str], list[Said]] = {}
    for row in facts.series().to_pylist():
        if row["hostname"] == hostname and metric in ("", row["metric"]):
            results = _said(facts, row["series"], window, allowed)
            found.setdefault((row["metric"], row["service_type"]), []).extend(results)
    return [(*key, sorted(found[key], key=lambda each: each.at)) for key in sorted(found) if found[key]]


def _said(facts: Facts, series: int, window: Window, allowed: frozenset[Status]) -> list[Said]:
    kept = [fact for fact in facts.history(series, window, _MOST) if fact.is_hard and fact.status in allowed]
    logs = facts.logs(kept)
    return [Said.of(fact, logs.get(_key(fact))) for fact in kept]


def _key(fact: Fact) -> tuple[int, datetime, int]:
    return fact.series, fact.executed_at, fact.fact & _LOW_BITS


def host_document(hostname: str, found: Iterable[tuple[str, str, list[Said]]], info: dict[str, Any]) -> dict[str, Any]:
    """The element of ARGO's list `root`."""
    metrics = [
        {"Name": metric, "Service": service_type, "Details": [_detail(each) for each in results]}
        for metric, service_type, results in found
    ]
    return {"Name": hostname, **info, "Metrics": metrics}


def _detail(said: Said) -> dict[str, str]:
    words = {"Value": said.status.name, "Summary": said.summary, "Message": said.message}
    return {"Timestamp": f"{said.at:%Y-%m-%dT%H:%M:%SZ}", **words}


@dataclass(frozen=True, slots=True)
class Latest:
    """What is asked of a day's newest results.

    limit: rows at most, 0 for all; is_strict: only the newest of each metric
    """

    window: Window
    allowed: frozenset[Status]
    limit: int
    is_strict: bool


def latest(facts: Facts, metrics: Sequence[Metric], asked: Latest) -> list[dict[str, str]]:
    """The newest results of these metrics first; those that said nothing that day are MISSING since midnight."""
    by_series: dict[int, list[Metric]] = {}
    for metric in metrics:
        by_series.setdefault(metric.series, []).append(metric)
    heard, found = _newest(facts, sorted(by_series), asked)
    logs = facts.logs(found)
    lines = [_line(metric, Said.of(fact, logs.get(_key(fact)))) for fact in found for metric in by_series[fact.series]]
    if Status.MISSING in asked.allowed:
        silent = (metric for metric in metrics if metric.series not in heard)
        lines += [_line(metric, Said(asked.window.start, Status.MISSING, "", "")) for metric in silent]
    return lines[: asked.limit] if asked.limit else lines


def _newest(facts: Facts, series: Sequence[int], asked: Latest) -> tuple[set[int], list[Fact]]:
    """The series that said anything, and the results that are wanted, newest first."""
    import ibis
    import pyarrow as pa

    with connect() as con:
        table = pa.table({"series": pa.array(series, pa.int64())})
        results = facts.results(con, asked.window)
        results = results.filter(results.is_hard).semi_join(arrow_table(con, table), "series")
        heard = {row["series"] for row in rows(results.select("series").distinct())}
        order = [ibis.desc("executed_at"), ibis.desc("seq")]
        if asked.is_strict:
            window = ibis.window(group_by="series", order_by=order)
            results = results.mutate(place=ibis.row_number().over(window))
            results = results.filter(results.place == 0).drop("place")
        results = results.filter(results.status.isin([status.value for status in asked.allowed]))
        ordered = results.order_by([*order, "series"])
        found = rows(ordered.limit(asked.limit) if asked.limit else ordered)
    names = Fact.__slots__
    return heard, [Fact(**{name: row[name] for name in names} | {"status": Status(row["status"])}) for row in found]


def _line(metric: Metric, said: Said) -> dict[str, str]:
    return {
        "endpoint_group": metric.site, "service": metric.service_type, "endpoint": metric.hostname,
        "metric": metric.metric, "timestamp": f"{said.at:%Y-%m-%dT%H:%M:%SZ}", "status": said.status.name,
        "summary": said.summary, "message": said.message,
    }  # fmt: skip


def host_as_xml(document: dict[str, Any]) -> Iterator[str]:
    """The same host as ARGO writes it in XML: `<host><metric><status><summary/><message/>`."""
    yield f' <host name="{attribute(document["Name"])}">\n'
    for metric in document["Metrics"]:
        yield f'  <metric name="{attribute(metric["Name"])}" service="{attribute(metric["Service"])}">\n'
        for each in metric["Details"]:
            yield f'   <status timestamp="{each["Timestamp"]}" value="{each["Value"]}">\n'
            yield leaf("summary", each["Summary"], 2) + leaf("message", each["Message"], 2)
            yield "   </status>\n"
        yield "  </metric>\n"
    yield " </host>\n"
