"""The VO part of an import: called by `registry.importers.apply` between services and downtimes."""

from collections.abc import Sequence
from typing import Any

from gridkeeper.registry.importers.apply import later_step
from gridkeeper.registry.importers.records import Records, ServiceRecord, ServiceRef
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, close, decide, upsert, write
from gridkeeper.registry.importers.vanished import close_with, on_services_closed
from gridkeeper.registry.models import Service
from gridkeeper.vos.models import Vo, VoSupport


def register() -> None:
    """Hooks the step into the importers; called once, when the application is ready."""
    later_step(apply_vos)
    on_services_closed(_close_support_of)
    close_with("VO", _close_vos)


def apply_vos(run: Run, records: Records) -> None:
    """VOs, then the support that services of this import declare; what they no longer declare is closed."""
    table: Table[Vo] = Table(Vo, ["name"])
    wanted = [item for record in records.vos if decide(run, "VO", table, item := _vo(run, record))]
    write(run, "VO", table, wanted)
    vos = {vo.name: vo for vo in Vo.objects.current()}
    _apply_support(run, [record for record in records.services if record.vos or records.vos], vos)


def _vo(run: Run, record: Any) -> Wanted[Vo]:
    values: dict[str, Any] = {"name": record.name, **record.fields}
    initial: dict[str, Any] = {"valid_from": run.now}
    known = Vo.objects.filter(key=record.key).first() if record.key and not record.is_open else None
    if record.is_open:
        values["valid_until"] = None
    elif known is None or known.valid_until is None:
        values["valid_until"] = run.now
    return Wanted(record, (record.name,), values, initial, record.key)


def _apply_support(run: Run, records: Sequence[ServiceRecord], vos: dict[str, Vo]) -> None:
    services = {
        record.name: run.services[ref]
        for record in records
        if (ref := ServiceRef(record.ref.service_type, record.ref.hostname)) in run.services
    }
    rows = (
        VoSupport.objects.current().filter(service__in=services.values()).select_related("service__service_type", "vo")
    )
    table: Table[VoSupport] = Table(VoSupport, ["vo_id", "service_id"], rows)
    wanted = [
        item
        for record in records
        if record.name in services
        for name in record.vos
        if (item := _support(run, record, services[record.name], name, vos))
    ]
    upsert(run, "VO support", table, wanted)
    kept = {item.natural for item in wanted}
    gone = [row for nature, row in table.current.items() if nature not in kept and row.pk]
    if gone:
        close(run, "VO support", gone)


def _support(
    run: Run, record: ServiceRecord, service: Service, name: str, vos: dict[str, Vo]
) -> Wanted[VoSupport] | None:
    run.report.count("VO support", "read")
    vo = vos.get(name)
    if vo is None:
        run.find(
            "rejected", "VO support", record, "the VO is not registered, or closed", "import the VO first", value=name
        )
        return None
    values = {"vo_id": vo.pk, "service_id": service.pk}
    return Wanted(record, (vo.pk, service.pk), values, {"valid_from": max(run.now, service.valid_from)})


def _close_support_of(run: Run, services: list[Service]) -> None:
    rows = list(VoSupport.objects.current().filter(service__in=services))
    if rows:
        close(run, "VO support", rows)


def _close_vos(run: Run, kind: str, keys: list[str]) -> None:
    rows = list(Vo.objects.current().filter(key__in=keys))
    support = list(VoSupport.objects.current().filter(vo__in=rows))
    if support:
        close(run, "VO support", support)
    if rows:
        close(run, kind, rows)
