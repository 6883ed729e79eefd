"""A report as ARGO's clients see it: its name, the types of its groups, and what it is made by."""

import uuid
from dataclasses import dataclass
from datetime import date

from gridkeeper.api.argo.refusal import RefusedError
from gridkeeper.availability.profiles.documents import ReportDocument
from gridkeeper.availability.profiles.in_force import InForce, ReportDefinition
from gridkeeper.availability.topology_feeds import GROUP_TYPES, REGION_TYPES
from gridkeeper.people.actor import Actor

#: ARGO's identifiers are UUIDs; what has none with us gets one of its name, the same on every installation.
_NAMESPACE = uuid.UUID("5b1b7a0a-6d0f-5f0e-9a4c-0d3c5a1e2f11")


def identifier(kind: str, name: str) -> str:
    """The UUID of a profile or report.

    >>> identifier("reports", "dteam")
    'a1797582-aa6a-57b0-bd24-7e66cdb6629c'
    """
    return str(uuid.uuid5(_NAMESPACE, f"{kind}/{name}"))


@dataclass(frozen=True, slots=True)
class Reported:
    """group_type: of its groups (ARGO: endpoint groups); region_type: of the groups above (ARGO: groups)"""

    name: str
    group_type: str
    region_type: str
    document: ReportDocument

    @classmethod
    def of(cls, definition: ReportDefinition) -> "Reported":
        document = definition.document
        return cls(definition.name, GROUP_TYPES[document.group_kind], REGION_TYPES[document.region_kind], document)


def visible_reports(actor: Actor, day: date) -> list[Reported]:
    """The reports of a day that this reader may see: all, but for nobody only the public ones."""
    found = [Reported.of(definition) for definition in InForce.on(day).reports()]
    return [report for report in found if report.document.is_public or _is_known(actor)]


def _is_known(actor: Actor) -> bool:
    return actor.user is not None or bool(actor.credential)


def report_named(actor: Actor, name: str, day: date, today: date) -> Reported:
    """The report as it is on that day, else as it is today: its figures may be older than its definition.

    Raises RefusedError 404, as where there is none, so for a report that the reader may not see.
    """
    for each in dict.fromkeys((min(day, today), today)):
        for report in visible_reports(actor, each):
            if report.name == name:
                return report
    words = f"The report with the name {name[:100]} does not exist"
    raise RefusedError(404, words, "GET /api/v2/reports lists those there are")
