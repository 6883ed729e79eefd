"""Directories of one small day in ARGO's shapes; a test says only what matters to it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DATE = "2022-01-14"
BEFORE = "2022-01-13"
STATES = ["OK", "WARNING", "UNKNOWN", "MISSING", "CRITICAL", "DOWNTIME"]
AND = ["OK", "WARNING", "UNKNOWN", "MISSING", "DOWNTIME", "CRITICAL"]  # the last that occurs
OR = ["MISSING", "DOWNTIME", "UNKNOWN", "CRITICAL", "WARNING", "OK"]


def truth_table(order: list[str]) -> list[dict[str, str]]:
    """Half of the table of an operation that picks the last of an order that occurs."""
    pairs = [(a, b) for number, a in enumerate(STATES) for b in STATES[number:]]
    return [{"a": a, "b": b, "x": max(a, b, key=order.index)} for a, b in pairs]


OPERATIONS = {
    "id": "1",
    "name": "egi_ops",
    "available_states": STATES,
    "defaults": {"down": "DOWNTIME", "missing": "MISSING", "unknown": "UNKNOWN"},
    "operations": [{"name": "AND", "truth_table": truth_table(AND)}, {"name": "OR", "truth_table": truth_table(OR)}],
}


def aggregation(functions: dict[str, dict[str, str]], operation: str = "OR", profile: str = "AND") -> dict[str, Any]:
    """functions: name -> service -> operation."""
    groups = [
        {"name": name, "operation": operation, "services": [{"name": s, "operation": o} for s, o in services.items()]}
        for name, services in functions.items()
    ]
    return {
        "id": "2", "name": "agg", "namespace": "", "endpoint_group": "sites", "metric_operation": "AND",
        "profile_operation": profile, "metric_profile": {"id": "3", "name": "mp"}, "groups": groups,
    }  # fmt: skip


def metric_profile(services: dict[str, list[str]], date: str = DATE) -> dict[str, Any]:
    lines = [{"service": service, "metrics": metrics} for service, metrics in services.items()]
    return {"id": "3", "date": date, "name": "mp", "services": lines}


def endpoint(group: str, service: str, hostname: str) -> dict[str, Any]:
    return {"date": DATE, "group": group, "type": "SITES", "service": service, "hostname": hostname, "tags": {}}


def result(at: str, status: str, **fields: Any) -> dict[str, Any]:
    """A result of the only metric of the only endpoint, unless it says of which. at: 03:00:00, or a whole instant."""
    names = {"service": "CE", "hostname": "ce1", "metric": "m1"} | fields
    timestamp = at if "T" in at else f"{DATE}T{at}Z"
    return {"timestamp": timestamp, "status": status, "monitoring_host": "mon1", **names}


def yesterday(at: str, status: str, **fields: Any) -> dict[str, Any]:
    return result(f"{BEFORE}T{at}Z", status, **fields)


def envelope(data: Any) -> dict[str, Any]:
    return {"status": {"message": "Success", "code": "200"}, "data": data}


def write_day(
    directory: Path,
    results: Iterable[dict[str, Any]] = (),
    previous: Iterable[dict[str, Any]] = (),
    **files: Any,
) -> Path:
    """A directory with one endpoint ce1 of CE at SITE, with the metric m1; `files` replace or add by name."""
    contents = {
        "topology_groups": [{"date": DATE, "group": "NGI", "type": "NGI", "subgroup": "SITE", "tags": {}}],
        "topology_endpoints": [endpoint("SITE", "CE", "ce1")],
        "metric_profiles": [metric_profile({"CE": ["m1"]})],
        "aggregation_profiles": [aggregation({"compute": {"CE": "OR"}})],
        "operations": envelope([OPERATIONS]),
    } | files
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        if content is not None:
            (directory / f"{name}.json").write_text(json.dumps(content))
    for name, records in (("metric_data", results), ("metric_data_previous", previous)):
        (directory / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return directory
