"""Recomputations in ARGO's documents: one may ask for all kinds at once, and comes back as it was sent."""

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.availability.recomputations import actions
from gridkeeper.availability.recomputations.argo import documents, wishes
from gridkeeper.people.actor import Actor
from tests.availability.days import at

pytestmark = pytest.mark.usefixtures("installation")

WHOLE = {
    "id": "6ac7d684-1f8e-4a02-a502-720e8f11e50b",
    "start_time": "2026-03-09T12:00:00Z",
    "end_time": "2026-03-09T23:00:00Z",
    "reason": "issue with metric checks",
    "report": "Critical",
    "exclude": ["SITE1", "SITE2"],
    "exclude_monitoring_source": [
        {"host": "mon01.example.foo", "start_time": "2026-03-09T12:00:00Z", "end_time": "2026-03-09T23:00:00Z"}
    ],
    "exclude_metrics": [{"metric": "check-1"}, {"metric": "check-2", "hostname": "host1.example.com"}],
    "applied_status_changes": [
        {"group": "Group-A", "state": "CRITICAL"},
        {"hostname": "Endpoint-d", "service": "Service-d", "group": "Group-A", "state": "OK"},
    ],
}


def test_a_document_of_all_kinds_comes_back_as_it_was_sent() -> None:
    rows = [actions.request(Actor.system(), wish, now=at(0)) for wish in wishes(WHOLE)]
    assert [row.kind for row in rows] == ["source", "results", "results", "status", "status", "groups"]
    assert [row.document.get("level") for row in rows if row.kind == "status"] == ["site", "service"]
    (back,) = documents(rows)
    assert {name: back[name] for name in WHOLE} == WHOLE
    assert (back["status"], back["history"]) == (
        "pending",
        [{"status": "pending", "timestamp": "2026-03-10T00:00:00Z"}],
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start_time": "yesterday"}, "start_time"),
        ({"end_time": None}, "end_time"),
        ({"exclude_metrics": [{"hostname": "a"}]}, "exclude_metrics"),
        ({"exclude_metrics": "a"}, "exclude_metrics"),
        ({"applied_status_changes": [{"state": "OK"}]}, "applied_status_changes"),
    ],
)
def test_it_names_the_field_that_cannot_be_meant(change, field) -> None:
    with pytest.raises(ValidationError) as refused:
        wishes(WHOLE | change)
    assert field in refused.value.message_dict


def test_a_document_that_asks_for_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="asks for nothing"):
        wishes({name: WHOLE[name] for name in ("start_time", "end_time", "reason", "report")})
