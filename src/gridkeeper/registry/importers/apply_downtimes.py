"""Downtimes, what they affect, and whom to tell that the past may be judged otherwise now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from simple_history.utils import bulk_create_with_history

from gridkeeper.core.windows import Window, merge_windows
from gridkeeper.registry.downtime_rows import details_of
from gridkeeper.registry.events import tell
from gridkeeper.registry.importers.records import DowntimeRecord, EndpointRef, Records, ServiceRef
from gridkeeper.registry.importers.upsert import BATCH, Run, Table, Wanted, decide, write
from gridkeeper.registry.models import Downtime, DowntimeEndpoint, DowntimeService, Endpoint, Service
from gridkeeper.registry.rules import classify
from gridkeeper.registry.signals import downtimes_changed

#: Of one downtime: service -> the addresses of it that are affected; none: all of it.
Affected = dict[int, frozenset[int]]


@dataclass
class _Present:
    """What stands in the registry: what each downtime affects, and which federation it belongs to."""

    affected: dict[int, dict[int, set[int]]] = field(default_factory=dict)
    owners: dict[int, int] = field(default_factory=dict)

    @classmethod
    def read(cls) -> "_Present":
        """Three columns of each affected service, two of each affected address."""
        found = cls()
        rows = DowntimeService.objects.values_list("downtime_id", "service_id", "service__site__ngi__federation_id")
        for downtime, service, federation in rows.iterator():
            found.affected.setdefault(downtime, {})[service] = set()
            found.owners[downtime] = federation
        addresses = DowntimeEndpoint.objects.values_list("affected__downtime_id", "affected__service_id", "endpoint_id")
        for downtime, service, endpoint in addresses:
            found.affected[downtime][service].add(endpoint)
        return found

    def of(self, item: Wanted[Downtime]) -> Affected:
        """What a downtime affects before this import."""
        if item.is_new or item.row is None:
            return {}
        return {service: frozenset(parts) for service, parts in self.affected.get(item.row.pk, {}).items()}


def apply_downtimes(run: Run, records: Records) -> None:
    """Downtimes with what they affect; one that names no registered service is rejected."""
    table: Table[Downtime] = Table(Downtime, [])
    present = _Present.read()
    addresses = _Addresses(run, records.downtimes)
    chosen: list[Wanted[Downtime]] = []
    affected: dict[int, Affected] = {}
    for record in records.downtimes:
        services = _services_of(run, record)
        item = Wanted[Downtime](record, (), _values(run, record), dict(record.initial), record.key)
        if services is None or not decide(run, "downtime", table, item, lambda row: present.owners.get(row.pk)):
            continue
        affected[id(item)] = addresses.of(record, services)
        item.differs = not item.is_new and present.of(item) != affected[id(item)]
        if item.differs and not run.policy.may_change_parts(run, "downtime", item, "services"):
            item.differs, affected[id(item)] = False, present.of(item)
        chosen.append(item)
    write(run, "downtime", table, chosen, lambda batch: _write_affected(run, batch, affected, present))


def _values(run: Run, record: DowntimeRecord) -> dict[str, Any]:
    """Its columns; whether it was declared in time goes by the notice that this federation asks for."""
    values = dict(record.fields)
    if values.get("declared_at"):
        notice = timedelta(hours=run.federation.notice_hours)
        values["classification"] = classify(values["declared_at"], values["start"], notice)
    return values


def _services_of(run: Run, record: DowntimeRecord) -> dict[ServiceRef, Service] | None:
    """The services that it names. None, with a finding, where it names none that is registered."""
    found, unknown = {}, []
    for ref in record.services:
        service = run.services.get(ref) or run.services.get(ref.anywhere)
        if service is None:
            unknown.append(str(ref))
        else:
            found[ref] = service
    if not unknown:
        return found
    level, problem = ("repaired", "leaves out services that are not registered") if found else (
        "rejected", "names only services that are not registered")  # fmt: skip
    run.find(
        level, "downtime", record, problem, "import the services first, then this file again",  # type: ignore[arg-type]
        field="services", value=", ".join(unknown),
    )  # fmt: skip
    return found or None


class _Addresses:
    """The addresses that downtimes name, by the source's key or by name; read only where one names any."""

    def __init__(self, run: Run, records: Sequence[DowntimeRecord]) -> None:
        self._run = run
        self._by: dict[tuple[int, str], int] = {}
        if not any(record.endpoints for record in records):
            return
        services = {service.pk for service in run.services.values()}
        for pk, service, key, name in Endpoint.objects.order_by("pk").values_list("pk", "service_id", "key", "name"):
            if service in services:
                self._by[service, f"key:{key}"] = pk
                self._by[service, f"name:{name}"] = pk

    def of(self, record: DowntimeRecord, services: dict[ServiceRef, Service]) -> Affected:
        """What the downtime affects; an address that is not registered is left out, and reported."""
        found: dict[int, set[int]] = {service.pk: set() for service in services.values()}
        for ref in record.endpoints:
            service = services.get(ref.service)
            if service is None:
                continue
            endpoint = self._find(service.pk, ref)
            if endpoint is not None:
                found[service.pk].add(endpoint)
                continue
            self._run.find(
                "repaired", "downtime", record, "names an address that is not registered; left out",
                "import the services with their endpoints first, then this file again", field="AFFECTED_ENDPOINTS",
                value=ref.name or ref.key,
            )  # fmt: skip
        return {service: frozenset(parts) for service, parts in found.items()}

    def _find(self, service: int, ref: EndpointRef) -> int | None:
        by_key = self._by.get((service, f"key:{ref.key}")) if ref.key else None
        return by_key if by_key is not None else self._by.get((service, f"name:{ref.name}"))


def _write_affected(
    run: Run, batch: Sequence[Wanted[Downtime]], affected: dict[int, Affected], present: _Present
) -> None:
    """What a downtime affects is written, and corrected, in the transaction of the downtime itself."""
    new: list[DowntimeService] = []
    for item in batch:
        downtime, wanted, before = _pk(item), affected[id(item)], present.of(item)
        new += [
            DowntimeService(downtime_id=downtime, service_id=service) for service in sorted(set(wanted) - set(before))
        ]
        if gone := set(before) - set(wanted):
            DowntimeEndpoint.objects.filter(affected__downtime_id=downtime, affected__service__in=gone).delete()
            DowntimeService.objects.filter(downtime_id=downtime, service_id__in=gone).delete()
    if new:
        bulk_create_with_history(new, DowntimeService, batch_size=BATCH, **run.audit)
    _write_addresses(run, batch, affected, present)
    _announce(run, [item for item in batch if item.is_new or item.is_changed])
    if run.policy.is_news:
        _tell(run, batch)


def _tell(run: Run, batch: Sequence[Wanted[Downtime]]) -> None:
    """People who follow a site here hear of what was declared in the registry that this one follows."""
    for item in batch:
        assert item.row is not None
        if item.row.end > run.now and (item.is_new or item.is_changed):
            kind = "downtime.declared" if item.is_new else "downtime.changed"
            tell(kind, item.row, run.actor, run.now, **details_of(item.row))


def _write_addresses(
    run: Run, batch: Sequence[Wanted[Downtime]], affected: dict[int, Affected], present: _Present
) -> None:
    """The affected addresses of services; most downtimes affect services as a whole and need no query here."""
    new, gone = [], []
    for item in batch:
        before = present.of(item)
        for service, parts in affected[id(item)].items():
            known = before.get(service, frozenset())
            new += [(_pk(item), service, endpoint) for endpoint in sorted(parts - known)]
            gone += [(_pk(item), service, endpoint) for endpoint in known - parts]
    for downtime, service, endpoint in gone:
        DowntimeEndpoint.objects.filter(
            affected__downtime_id=downtime, affected__service_id=service, endpoint_id=endpoint
        ).delete()
    if not new:
        return
    rows = DowntimeService.objects.filter(downtime_id__in={downtime for downtime, _, _ in new})
    ids = {(row.downtime_id, row.service_id): row.pk for row in rows}
    made = [
        DowntimeEndpoint(affected_id=ids[downtime, service], endpoint_id=endpoint)
        for downtime, service, endpoint in new
    ]
    bulk_create_with_history(made, DowntimeEndpoint, batch_size=BATCH, **run.audit)


def _pk(item: Wanted[Downtime]) -> int:
    assert item.row is not None, "decide gave every wanted downtime its row"
    return int(item.row.pk)


def _announce(run: Run, batch: Iterable[Wanted[Downtime]]) -> None:
    """Tells later floors which past may be judged otherwise now, in the transaction of the change."""
    windows = []
    for item in batch:
        assert item.row is not None
        downtime, before = item.row, item.before
        windows.append(Window(downtime.start, max(downtime.start, min(downtime.end, run.now))))
        start, end = before.get("start", downtime.start), before.get("end", downtime.end)
        windows.append(Window(start, max(start, min(end, run.now))))
    for window in merge_windows(windows):
        downtimes_changed.send(sender=Downtime, window=window)
