"""The steps of an import: records -> rows, parents before children. Higher floors add theirs with `later_step`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from gridkeeper.registry.importers.apply_certifications import apply_certifications
from gridkeeper.registry.importers.apply_downtimes import apply_downtimes
from gridkeeper.registry.importers.apply_groups import apply_groups, apply_scopes
from gridkeeper.registry.importers.apply_people import apply_people
from gridkeeper.registry.importers.records import (
    NgiRecord,
    Record,
    Records,
    ServiceRecord,
    ServiceRef,
    SiteRecord,
)
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, close, decide, upsert, write
from gridkeeper.registry.models import (
    Endpoint,
    Ngi,
    Service,
    ServiceType,
    Site,
)

Step = Callable[[Run, Records], None]

#: Steps of the floors above (VOs and what they may use), run between services and downtimes.
_later_steps: list[Step] = []


#: How the report calls services that only downtimes remember.
_PAST = "past service"


def later_step(step: Step) -> None:
    """Adds a step of a floor above; called in its AppConfig.ready."""
    if step not in _later_steps:
        _later_steps.append(step)


def apply(run: Run, records: Records) -> None:
    """Upserts everything; what cannot go in is in the report."""
    apply_service_types(run, records)
    apply_scopes(run, records)
    apply_ngis(run, records)
    apply_sites(run, records)
    apply_services(run, records)
    apply_endpoints(run, records)
    apply_past_services(run, records)
    apply_groups(run, records)
    for step in _later_steps:
        step(run, records)
    apply_downtimes(run, records)
    apply_certifications(run, records)
    apply_people(run, records)


def _opening(since: datetime | None, now: datetime) -> dict[str, Any]:
    """Columns of a new dated row: valid since the source first testifies to it, else from now on."""
    return {"valid_from": min(since or now, now)}


def apply_service_types(run: Run, records: Records) -> None:
    table: Table[ServiceType] = Table(ServiceType, ["name"])
    wanted = [_service_type(record) for record in records.service_types]
    for item in wanted:
        # Keys of service types are not unique in real data, and (type, hostname) goes by the name.
        existing = table.current.get(item.natural)
        if existing is not None and existing.key:
            item.values.pop("key", None)
    upsert(run, "service type", table, wanted)
    known = {str(item.natural[0]) for item in wanted}
    users = (*records.services, *records.past_services) if records.makes_parents else ()
    used = {record.ref.service_type: record for record in users}
    missing = [record for name, record in used.items() if name not in known and (name,) not in table.current]
    for record in missing:
        run.find(
            "repaired", "service type", record, "the service type of a service was not listed; it was made",
            "describe it on its page", field="service type", value=record.ref.service_type,
        )  # fmt: skip
    made = [
        Wanted[ServiceType](record, (record.ref.service_type,), {"name": record.ref.service_type}) for record in missing
    ]
    upsert(run, "service type", table, made)
    run.service_types = {row.name: row for row in ServiceType.objects.all()}


def _service_type(record: Record) -> Wanted[ServiceType]:
    values = {"name": record.name, **record.fields}
    return Wanted(record, (record.name,), values | ({"key": record.key} if record.key else {}))


def apply_ngis(run: Run, records: Records) -> None:
    table: Table[Ngi] = Table(Ngi, ["name"])
    known = {record.name for record in records.ngis} | {row.name for row in table.current.values()}
    first = {site.ngi: site for site in reversed(records.sites) if site.ngi and site.ngi not in known}
    made = [_region_of(run, site) for site in first.values()] if records.makes_parents else []
    wanted = []
    for record in (*records.ngis, *made):
        values = {"name": record.name, "federation_id": run.federation.pk, "valid_until": None, **record.fields}
        wanted.append(Wanted[Ngi](record, (record.name,), values, _opening(None, run.now), record.key))
    upsert(run, "region", table, wanted, lambda row: row.federation_id)


def _region_of(run: Run, site: SiteRecord) -> NgiRecord:
    """A region that the source names without describing it."""
    record = NgiRecord(place=site.place, name=site.ngi, raw=site.raw)
    run.find(
        "repaired", "region", record, "the region is not registered; it was made from its name",
        "describe it in the source, or on its page", field="region", value=site.ngi,
    )  # fmt: skip
    return record


def apply_sites(run: Run, records: Records) -> None:
    table: Table[Site] = Table(Site, ["name"], Site.objects.select_related("ngi"))
    ngis = {ngi.name: ngi for ngi in Ngi.objects.current()}
    wanted = [item for record in records.sites if (item := _site(run, record, ngis))]
    upsert(run, "site", table, wanted, lambda row: row.ngi.federation_id)
    _apply_site_parts(run, records)
    run.sites = {site.name: site for site in Site.objects.current().filter(ngi__federation=run.federation)}


def _site(run: Run, record: SiteRecord, ngis: dict[str, Ngi]) -> Wanted[Site] | None:
    ngi = ngis.get(record.ngi)
    if ngi is None or ngi.federation_id != run.federation.pk:
        problem = "its region is not registered" if ngi is None else "its region belongs to another federation"
        run.find(
            "rejected", "site", record, problem, "import the region first, correct its name, or name its --federation",
            field="region", value=record.ngi,
        )  # fmt: skip
        return None
    values = {"name": record.name, "ngi_id": ngi.pk, "valid_until": None, **record.fields}
    return Wanted(record, (record.name,), values, {**_opening(record.since, run.now), **record.initial}, record.key)


def _apply_site_parts(run: Run, records: Records) -> None:
    """Columns that a record of their own tells, after the sites themselves."""
    rows = Site.objects.current().filter(ngi__federation=run.federation)
    table: Table[Site] = Table(Site, ["name"], rows)
    wanted = []
    for part in records.site_parts:
        if (part.name,) in table.current:
            wanted.append(Wanted[Site](part, (part.name,), dict(part.fields)))
        else:
            run.find("rejected", "site", part, "the site is not registered", "import get_site first", value=part.name)
    upsert(run, "site", table, wanted)


def apply_services(run: Run, records: Records) -> None:
    rows = Service.objects.select_related("service_type", "site__ngi")
    table: Table[Service] = Table(Service, ["service_type_id", "hostname"], rows)
    wanted = [item for record in records.services if (item := _service(run, record))]
    wanted = [item for item in wanted if decide(run, "service", table, item, lambda row: row.site.ngi.federation_id)]
    endpoints: Table[Endpoint] = Table(Endpoint, ["service_id", "name"])
    write(run, "service", table, wanted, lambda batch: _write_endpoints(run, endpoints, batch))
    current = Service.objects.current().filter(site__ngi__federation=run.federation).select_related("service_type")
    run.services |= {ServiceRef(service.service_type.name, service.hostname): service for service in current}


def _service(run: Run, record: ServiceRecord) -> Wanted[Service] | None:
    site = run.sites.get(record.ref.site)
    service_type = run.service_types.get(record.ref.service_type)
    if site is None or service_type is None:
        word, value = ("site", record.ref.site) if site is None else ("service type", record.ref.service_type)
        run.find(
            "rejected", "service", record, f"its {word} is not registered",
            f"import the {word} first, or correct its name", field=word, value=value,
        )  # fmt: skip
        return None
    values = {
        "site_id": site.pk,
        "service_type_id": service_type.pk,
        "hostname": record.ref.hostname,
        "valid_until": None,
        **record.fields,
    }
    natural = (service_type.pk, record.ref.hostname)
    return Wanted(record, natural, values, _opening(record.since, run.now), record.key)


def _write_endpoints(run: Run, table: Table[Endpoint], batch: Sequence[Wanted[Service]]) -> None:
    """The endpoints of a batch of services; those that a service no longer has are closed."""
    wanted: list[Wanted[Endpoint]] = []
    for item in batch:
        assert isinstance(item.record, ServiceRecord)
        service = _row(item)
        for record in item.record.endpoints:
            run.report.count("endpoint", "read")
            values = {"service_id": service.pk, "name": record.name, "valid_until": None, **record.fields}
            natural = (service.pk, record.name)
            wanted.append(
                Wanted(record, natural, values, _opening(item.record.since, run.now), _free_key(table, record, service))
            )
    upsert(run, "endpoint", table, wanted)
    kept = {item.natural for item in wanted}
    services = {_row(item).pk for item in batch if not item.is_new and not item.record.is_partial}  # type: ignore[attr-defined]
    gone = [row for nature, row in table.current.items() if nature[0] in services and nature not in kept]
    close(run, "endpoint", [row for row in gone if row.valid_until is None])


def apply_endpoints(run: Run, records: Records) -> None:
    """Addresses that stand by themselves; the service keeps its other ones."""
    if not records.endpoints:
        return
    table: Table[Endpoint] = Table(Endpoint, ["service_id", "name"])
    wanted = []
    for record in records.endpoints:
        service = run.services.get(record.service) or run.services.get(record.service.anywhere)
        if service is None:
            run.find(
                "rejected", "endpoint", record, "its service is not registered",
                "import the service first, or correct its type and host", field="hostname", value=record.service,
            )  # fmt: skip
            continue
        values = {"service_id": service.pk, "name": record.name, "valid_until": None, **record.fields}
        item = Wanted[Endpoint](record, (service.pk, record.name), values, _opening(None, run.now), record.key)
        wanted.append(item)
    upsert(run, "endpoint", table, wanted)


def _free_key(table: Table[Endpoint], record: Record, service: Service) -> str | None:
    """The source's number of an endpoint, unless another source's endpoint bears it: numbers are small there."""
    holder = table.by_key.get(record.key) if record.key else None
    return record.key if holder is None or holder.service_id == service.pk else None


def _row(wanted: Wanted[Any]) -> Any:
    assert wanted.row is not None, "decide gave every wanted object its row"
    return wanted.row


def apply_past_services(run: Run, records: Records) -> None:
    """Services that only downtimes remember: found again by site, type and host or resource, else made as closed."""
    known: dict[ServiceRef, Service] = {}
    by_key: dict[str, Service] = {}
    rows = Service.objects.filter(site__ngi__federation=run.federation).select_related("service_type", "site")
    for row in rows.order_by("pk"):
        by_key[row.key] = row
        for name in (row.hostname, row.properties.get("resource", "")):
            known.setdefault(ServiceRef(row.service_type.name, name, row.site.name), row)
    table: Table[Service] = Table(Service, [], [])
    wanted = []
    for record in (*records.past_services, *_gone_services(run, records)):
        run.report.count(_PAST, "read")
        service = known.get(record.ref) or by_key.get(record.key or "")
        if service is not None:
            run.services[record.ref] = service
            run.report.count(_PAST, "unchanged")
        elif item := _past_service(run, record):
            wanted.append(item)
    wanted = [item for item in wanted if decide(run, _PAST, table, item)]
    for item in write(run, _PAST, table, wanted):
        assert isinstance(item.record, ServiceRecord)
        run.services[item.record.ref] = _row(item)


def _gone_services(run: Run, records: Records) -> list[ServiceRecord]:
    """Services that only a downtime still names: history outlives them, as closed services of their site."""
    found: dict[ServiceRef, ServiceRecord] = {}
    told = {record.ref for record in records.past_services}
    for record in records.downtimes:
        for ref in record.services:
            is_here = ref in run.services or ref.anywhere in run.services or ref in told
            if is_here or ref.site not in run.sites or ref.service_type not in run.service_types:
                continue
            start, end = record.fields["start"], record.fields["end"]
            known = found.get(ref)
            found[ref] = ServiceRecord(
                place=record.place, name=str(ref), ref=ref, key=record.keys.get(ref), raw=record.raw,
                fields={"in_production": False, "is_monitored": False},
                since=min(start, known.since or start) if known else start,
                until=max(end, known.until or end) if known else end,
            )  # fmt: skip
    for gone in found.values():
        run.find(
            "note", "downtime", gone, "names a service that is not registered any more; kept with a closed service",
            "nothing to do: history outlives the topology", field="services", value=gone.ref,
        )  # fmt: skip
    return list(found.values())


def _past_service(run: Run, record: ServiceRecord) -> Wanted[Service] | None:
    item = _service(run, record)
    if item is None:
        return None
    opening = item.initial["valid_from"]
    item.values["valid_until"] = max(opening, min(record.until or run.now, run.now))
    return item
