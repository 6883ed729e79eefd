"""GOCDB's downtimes: one element per service, or one with its services nested."""

from dataclasses import replace
from datetime import datetime

from gridkeeper.registry.importers.gocdb_fields import Item
from gridkeeper.registry.importers.records import DowntimeRecord, EndpointRef, Records, ServiceRef
from gridkeeper.registry.importers.times import TimeProblemError, parse_epoch, parse_formatted
from gridkeeper.registry.models import Classification, Severity
from gridkeeper.registry.rules import classify

_DESCRIPTION_LIMIT = 4000


def read_downtime(item: Item, records: Records) -> None:
    """Adds the downtime, or its service to the downtime of the same key that was read before."""
    key = (item.element.get("PRIMARY_KEY") or item.text("PRIMARY_KEY")).strip()
    item = item.named(f"downtime {key}")
    if not key:
        item.rejected("PRIMARY_KEY", "", "has no PRIMARY_KEY", "fetch it again from GOCDB")
        return
    services = _services(item)
    if not services:
        item.rejected("HOSTNAME", "", "names no service", "every downtime affects at least one service")
        return
    interval = _interval(item)
    severity = item.text("SEVERITY").upper()
    if interval is None:
        return
    if severity not in Severity.values:
        item.rejected("SEVERITY", severity, "is no severity", f"use {' or '.join(Severity.values)}")
        return
    record = DowntimeRecord(
        place=item.place, name=item.name, key=key, raw=item.raw, services=tuple(services), endpoints=_endpoints(item),
        keys=_keys(item),
        fields=_fields(item, severity, *interval),
    )  # fmt: skip
    _join(item, records, record)


def _join(item: Item, records: Records, record: DowntimeRecord) -> None:
    """PI answers repeat a downtime for each service: one downtime, many services."""
    known = next((number for number in _same_key(records, record.key)), None)
    if known is None:
        records.downtimes.append(record)
        return
    first = records.downtimes[known]
    if dict(first.fields) != dict(record.fields):
        item.repaired(
            "PRIMARY_KEY", record.key, "another element of that key says something else; the first one's words count",
            "fetch it again from GOCDB",
        )  # fmt: skip
    services = tuple(dict.fromkeys((*first.services, *record.services)))
    endpoints = tuple(dict.fromkeys((*first.endpoints, *record.endpoints)))
    records.downtimes[known] = replace(first, services=services, endpoints=endpoints)


def _same_key(records: Records, key: str | None) -> list[int]:
    """Elements of one downtime stand together in every answer; looking back over all of them would be quadratic."""
    last = len(records.downtimes) - 1
    return [last] if last >= 0 and records.downtimes[last].key == key else []


def _parts(item: Item) -> list[tuple[Item, ServiceRef]]:
    """The elements that name its services, each with the service: nested ones, or the downtime's own."""
    nested = [Item(item.report, item.kind, item.file, child) for child in item.children("SERVICES", "SERVICE")]
    return [
        (part, ServiceRef(part.text("SERVICE_TYPE"), part.text("HOSTNAME"), part.text("HOSTED_BY")))
        for part in (nested or [item])
    ]


def _services(item: Item) -> list[ServiceRef]:
    return [ref for _, ref in _parts(item) if ref.hostname and ref.service_type]


def _keys(item: Item) -> dict[ServiceRef, str]:
    """Keys of the services; in the other layout PRIMARY_KEY is the downtime's."""
    return {ref: key for part, ref in _parts(item) if part is not item and (key := part.text("PRIMARY_KEY"))}


def _endpoints(item: Item) -> tuple[EndpointRef, ...]:
    """The addresses of its services that it affects; none: the whole service."""
    return tuple(
        EndpointRef(ref, address.text("ID"), address.text("NAME"))
        for part, ref in _parts(item)
        for element in part.children("AFFECTED_ENDPOINTS", "ENDPOINT")
        for address in [Item(item.report, item.kind, item.file, element)]
    )


def _interval(item: Item) -> tuple[datetime, datetime] | None:
    try:
        start, end = _time(item, "START_DATE"), _time(item, "END_DATE")
    except TimeProblemError as error:
        item.rejected("START_DATE, END_DATE", item.text("START_DATE"), str(error), "correct the time")
        return None
    if end <= start:
        item.rejected("END_DATE", item.text("END_DATE"), "ends at or before its start", "correct the times")
        return None
    return start, end


def _time(item: Item, tag: str) -> datetime:
    """The epoch; where there is none, the formatted twin. Where both differ the epoch counts, and it is reported."""
    epoch, formatted = item.text(tag), item.text(f"FORMATED_{tag}")
    if not epoch:
        return parse_formatted(formatted)
    if "-" in epoch:
        return parse_formatted(epoch)
    moment = parse_epoch(epoch)
    if formatted and parse_formatted(formatted) != moment.replace(second=0):
        item.repaired(f"FORMATED_{tag}", formatted, f"is another instant than {tag}, which was taken", "nothing to do")
    return moment


def _fields(item: Item, severity: str, start: datetime, end: datetime) -> dict[str, object]:
    theirs = (item.element.get("CLASSIFICATION") or "").strip()
    declared_at = _declared_at(item)
    description = item.text("DESCRIPTION") or "(no description)"
    if len(description) > _DESCRIPTION_LIMIT:
        item.repaired("DESCRIPTION", description, f"was cut to {_DESCRIPTION_LIMIT} characters", "shorten it")
    known = Classification(theirs) if theirs in Classification.values else Classification.UNSCHEDULED
    return {
        "severity": severity,
        "source_severity": item.text("SEVERITY"),
        "classification": known if declared_at is None else classify(declared_at, start),
        "source_classification": theirs,
        "description": description[:_DESCRIPTION_LIMIT],
        "declared_at": declared_at,
        "start": start,
        "end": end,
    }


def _declared_at(item: Item) -> datetime | None:
    text = item.text("INSERT_DATE")
    if text:
        try:
            return parse_epoch(text) if "-" not in text else parse_formatted(text)
        except TimeProblemError as error:
            item.repaired("INSERT_DATE", text, f"{error}; the source's own classification was taken", "correct it")
            return None
    item.repaired("INSERT_DATE", text, "is missing; the source's own classification was taken", "nothing to do")
    return None
