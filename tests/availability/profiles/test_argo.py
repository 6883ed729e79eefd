"""Profiles go out in ARGO's shapes and come back as they were."""

from datetime import date

import pytest

from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.profiles.argo import from_argo, to_argo
from gridkeeper.availability.profiles.documents import DocumentError, parse

DAY = date(2026, 3, 1)
REPORT = {
    "vo": "dteam", "operations": "ours", "aggregation": "critical", "group_kind": "service_group",
    "region_kind": "project", "weight": "hepspec", "targets": {"availability": 90, "reliability": 95, "unknown": 12.5},
    "filter": {"scopes": ["EGI", "wlcg"], "infrastructures": ["Production"], "tags": {"POWER": "low"}},
}  # fmt: skip
DOCUMENTS = {
    "operations": DEFAULT_OPERATIONS.document(),
    "aggregation": {
        "metric_operation": "AND", "profile_operation": "AND",
        "functions": [{"name": "compute", "operation": "OR", "services": {"CREAM-CE": "OR", "ARC-CE": "AND"}}],
    },
    "thresholds": {"rules": [{"metric": "http", "host": "a.example", "thresholds": "time=1s;0:0.5;0.5:1"}]},
    "report": REPORT,
}  # fmt: skip


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("wrapped", ["bare", "list", "envelope"])
def test_what_goes_out_comes_back(kind, wrapped):
    document = parse(kind, DOCUMENTS[kind])
    sent = to_argo(kind, "id-1", "critical", DAY, document)
    data = {"bare": sent, "list": [sent], "envelope": {"status": {"code": "200"}, "data": [sent]}}[wrapped]
    name, back = from_argo(kind, data)
    assert name == "critical"
    assert parse(kind, back) == document


def test_shapes_are_those_of_argo():
    operations = to_argo("operations", "id-1", "ours", DAY, parse("operations", DOCUMENTS["operations"]))
    assert operations["available_states"][:2] == ["OK", "WARNING"]
    assert operations["defaults"] == {"down": "DOWNTIME", "missing": "MISSING", "unknown": "UNKNOWN"}
    assert {"a": "OK", "b": "OK", "x": "OK"} in operations["operations"][0]["truth_table"]
    aggregation = to_argo("aggregation", "id-2", "critical", DAY, parse("aggregation", DOCUMENTS["aggregation"]))
    assert aggregation["groups"] == [
        {
            "name": "compute", "operation": "OR",
            "services": [{"name": "CREAM-CE", "operation": "OR"}, {"name": "ARC-CE", "operation": "AND"}],
        }
    ]  # fmt: skip
    report = to_argo("report", "id-3", "critical", DAY, parse("report", REPORT))
    assert report["topology_schema"] == {"group": {"type": "PROJECT", "group": {"type": "SERVICEGROUPS"}}}
    assert report["thresholds"]["unknown"] == 0.125
    assert {"id": "", "name": "dteam", "type": "metric"} in report["profiles"]


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("aggregation", [{}, {}], "there are 2 profiles in it"),
        ("aggregation", "text", "give the JSON object"),
        ("aggregation", {"name": "x"}, "groups: is missing"),
        ("operations", {"available_states": ["OK"], "operations": [{"name": "AND"}]}, "truth_table: is missing"),
        ("report", {"info": {"name": "r"}}, "topology_schema: is missing"),
    ],
)
def test_it_says_what_is_not_argos_shape(kind, data, said):
    with pytest.raises(DocumentError, match=said):
        from_argo(kind, data)
