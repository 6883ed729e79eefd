"""Profiles in the shapes of ARGO's API, out and in. Pure.

Shapes: ARGO's operations_profiles, aggregation_profiles, thresholds_profiles, metric_profiles, reports and weights
(https://argoeu.github.io/argo-web-api). What ARGO has no word for is left out on the way out and has its default on
the way in.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, cast

from gridkeeper.availability.models import ProfileKind
from gridkeeper.availability.profiles.documents import (
    AggregationDocument,
    Document,
    DocumentError,
    OperationsDocument,
    ReportDocument,
    ThresholdsDocument,
)
from gridkeeper.availability.topology_feeds import GROUP_TYPES, REGION_TYPES

#: What counts as up where a profile of ARGO's has these states: it keeps that in its code.
_UP = ("OK", "WARNING")
#: ARGO's context of a filter by tags of endpoints, and of groups.
_ENDPOINT, _GROUP = "argo.endpoint.filter.tags", "argo.group.filter.tags"
_GROUP_FIELD = "argo.group.filter.fields"


def to_argo(kind: str, identifier: str, name: str, day: date, document: Document) -> dict[str, Any]:
    """The object that ARGO's API answers with."""
    head = {"id": identifier, "date": day.isoformat(), "name": name}
    match document:
        case OperationsDocument():
            return head | _operations(document)
        case AggregationDocument():
            return head | _aggregation(document)
        case ThresholdsDocument():
            return head | {"rules": [_rule(rule.document()) for rule in document.rules]}
        case ReportDocument():
            return _report(identifier, name, document)
    raise TypeError(f"{kind}: no document of that kind is known")


def from_argo(kind: str, data: Any) -> tuple[str, dict[str, Any]]:
    """Name and document of one object of ARGO's, bare, in a list or in its envelope.

    Raises DocumentError where it is not of that shape. The document is not checked yet: `actions` do that.
    """
    found = _unwrapped(data)
    readers = {
        ProfileKind.OPERATIONS: _from_operations, ProfileKind.AGGREGATION: _from_aggregation,
        ProfileKind.THRESHOLDS: _from_thresholds, ProfileKind.REPORT: _from_report,
    }  # fmt: skip
    try:
        name = found.get("name") or cast("Mapping[str, Any]", found.get("info") or {}).get("name") or ""
        return str(name), readers[ProfileKind(kind)](found)
    except KeyError as error:
        raise DocumentError([(str(error.args[0]), "is missing, which ARGO's shape of it has")]) from error
    except (TypeError, AttributeError) as error:
        raise DocumentError([("", f"is not of the shape that ARGO gives it: {error}")]) from error


def metric_profile(identifier: str, name: str, lines: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The critical metrics of a VO, from pairs of service type and metric.

    >>> metric_profile("1", "ops", [("SRM", "put"), ("SRM", "get")])["services"]
    [{'service': 'SRM', 'metrics': ['put', 'get']}]
    """
    services: dict[str, list[str]] = {}
    for service_type, metric in lines:
        services.setdefault(service_type, []).append(metric)
    listed = [{"service": service_type, "metrics": metrics} for service_type, metrics in services.items()]
    return {"id": identifier, "name": name, "description": f"Critical metrics of {name}", "services": listed}


def weights(identifier: str, kind: str, day: date, values: Mapping[str, float]) -> dict[str, Any]:
    """Weights of sites by their names."""
    groups = [{"name": name, "value": value} for name, value in sorted(values.items())]
    head = {"id": identifier, "date": day.isoformat(), "name": kind, "weight_type": kind, "group_type": "SITES"}
    return head | {"groups": groups}


def _unwrapped(data: Any) -> Mapping[str, Any]:
    if isinstance(data, Mapping) and isinstance(data.get("data"), Sequence) and not isinstance(data["data"], str):
        data = data["data"]
    if isinstance(data, Sequence) and not isinstance(data, str):
        if len(data) != 1:
            raise DocumentError([("", f"there are {len(data)} profiles in it; give one at a time")])
        data = data[0]
    if not isinstance(data, Mapping):
        raise DocumentError([("", f"is {data!r:.60}; give the JSON object of a profile")])
    return data


def _operations(document: OperationsDocument) -> dict[str, Any]:
    tables = [
        {"name": name, "truth_table": [{"a": a, "b": b, "x": result} for a, b, result in rows]}
        for name, rows in sorted(document.operations.items())
    ]
    defaults = document.defaults.document()
    return {"available_states": list(document.states), "defaults": defaults, "operations": tables}


def _from_operations(found: Mapping[str, Any]) -> dict[str, Any]:
    states = list(found["available_states"])
    tables = {
        each["name"]: [[row["a"], row["b"], row["x"]] for row in each["truth_table"]] for each in found["operations"]
    }
    up = found.get("up", [state for state in states if state in _UP])
    return {"states": states, "up": up, "defaults": dict(found["defaults"]), "operations": tables}


def _aggregation(document: AggregationDocument) -> dict[str, Any]:
    groups = [
        {
            "name": function.name,
            "operation": function.operation,
            "services": [{"name": name, "operation": operation} for name, operation in function.services.items()],
        }
        for function in document.functions
    ]
    operations = {"metric_operation": document.metric_operation, "profile_operation": document.profile_operation}
    return {"namespace": "", "endpoint_group": "sites"} | operations | {"metric_profile": {}, "groups": groups}


def _from_aggregation(found: Mapping[str, Any]) -> dict[str, Any]:
    functions = [
        {
            "name": group["name"],
            "operation": group["operation"],
            "services": {each["name"]: each["operation"] for each in group["services"]},
        }
        for group in found["groups"]
    ]
    return {name: found[name] for name in ("metric_operation", "profile_operation")} | {"functions": functions}


def _rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Without the words that are empty, as ARGO writes them."""
    return {name: value for name, value in rule.items() if value}


def _from_thresholds(found: Mapping[str, Any]) -> dict[str, Any]:
    names = ("metric", "host", "endpoint_group", "thresholds")
    return {"rules": [{name: rule[name] for name in names if rule.get(name)} for rule in found["rules"]]}


def _report(identifier: str, name: str, document: ReportDocument) -> dict[str, Any]:
    group = {"type": REGION_TYPES[document.region_kind], "group": {"type": GROUP_TYPES[document.group_kind]}}
    targets = document.targets.document()
    chosen = {
        "metric": document.vo, "operations": document.operations, "aggregation": document.aggregation,
        "thresholds": document.thresholds,
    }  # fmt: skip
    profiles = [{"id": "", "name": profile, "type": kind} for kind, profile in chosen.items() if profile]
    return {
        "id": identifier,
        "tenant": "",
        "disabled": False,
        "info": {"name": name, "description": document.description or document.title, "created": "", "updated": ""},
        "computations": {"ar": True, "status": True, "trends": ["flapping", "status", "tags"]},
        "thresholds": {measure: targets[measure] for measure in ("availability", "reliability")}
        | {"uptime": 0, "unknown": targets["unknown"] / 100, "downtime": 0},
        "topology_schema": {"group": group},
        "weight": document.weight,
        "profiles": profiles,
        "filter_tags": list(_filter_tags(document)),
    }


def _filter_tags(document: ReportDocument) -> Iterable[dict[str, str]]:
    wanted = document.filter
    yield from ({"name": "scope", "value": scope, "context": _ENDPOINT} for scope in wanted.scopes)
    yield from ({"name": "infrastructure", "value": word, "context": _GROUP} for word in wanted.infrastructures)
    yield from ({"name": "certification", "value": word, "context": _GROUP} for word in wanted.certifications)
    yield from ({"name": name, "value": value, "context": _ENDPOINT} for name, value in wanted.tags.items())


def _from_report(found: Mapping[str, Any]) -> dict[str, Any]:
    schema = found["topology_schema"]["group"]
    profiles = {each["type"]: each["name"] for each in found.get("profiles", ())}
    thresholds = found.get("thresholds") or {}
    targets = {name: thresholds[name] for name in ("availability", "reliability") if thresholds.get(name)}
    if thresholds.get("unknown"):
        targets["unknown"] = round(100 * thresholds["unknown"], 5)
    chosen = {kind: profiles[kind] for kind in ("operations", "aggregation", "thresholds") if kind in profiles}
    return chosen | {
        "vo": profiles.get("metric", ""),
        "description": found.get("info", {}).get("description", ""),
        "group_kind": _ours(GROUP_TYPES, schema["group"]["type"]),
        "region_kind": _ours(REGION_TYPES, schema["type"]),
        "weight": found.get("weight", ""),
        "filter": _from_filter_tags(found.get("filter_tags", ())),
        "targets": targets,
    }


def _ours(words: Mapping[str, str], theirs: str) -> str:
    """Our kind of group; a word that is none of theirs stays, and is refused with the ones that we know."""
    return next((ours for ours, theirs_too in words.items() if theirs_too == theirs.upper()), theirs)


def _from_filter_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    lists = {"scope": "scopes", "infrastructure": "infrastructures", "certification": "certifications"}
    found: dict[str, Any] = {"tags": {}}
    for tag in tags:
        name, value = tag["name"], tag["value"]
        if tag.get("context") == _GROUP_FIELD:
            raise DocumentError([("filter_tags", f"{name}={value} filters by names of groups; we filter by tags only")])
        if name in lists:
            found.setdefault(lists[name], []).extend(word.strip() for word in value.split("|") if word.strip())
        else:
            found["tags"][name] = value
    return found
