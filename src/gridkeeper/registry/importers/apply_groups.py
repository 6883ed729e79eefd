"""Scopes and service groups with their members."""

from collections.abc import Sequence
from typing import Any

from gridkeeper.registry.importers.records import GroupRecord, MemberRef, Record, Records
from gridkeeper.registry.importers.upsert import Run, Table, Wanted, close, decide, upsert, write
from gridkeeper.registry.models import Scope, Service, ServiceGroup, ServiceGroupMember


def apply_scopes(run: Run, records: Records) -> None:
    """The scopes that the source lists, and those that its objects bear without a list that names them."""
    table: Table[Scope] = Table(Scope, ["name"])
    first = {"valid_from": run.now}
    wanted = [_scope(record, first) for record in records.scopes]
    upsert(run, "scope", table, wanted)
    listed = {record.name for record in records.scopes}
    bearers: tuple[Sequence[Record], ...] = (records.ngis, records.sites, records.services, records.groups)
    borne = {str(name): record for part in bearers for record in part for name in record.fields.get("scopes", ())}
    missing = {name: record for name, record in borne.items() if name not in listed and (name,) not in table.current}
    for name, record in missing.items():
        run.find(
            "note", "scope", record, "the scope of an object was not listed; it was made as an optional one",
            "if only the operator grants it, mark it as reserved on its page", field="scope", value=name,
        )  # fmt: skip
    made = [Wanted[Scope](record, (name,), {"name": name}, first) for name, record in missing.items()]
    upsert(run, "scope", table, made)


def _scope(record: Record, first: dict[str, Any]) -> Wanted[Scope]:
    values = {"name": record.name, "valid_until": None, **record.fields}
    return Wanted(record, (record.name,), values, first, record.key)


def apply_groups(run: Run, records: Records) -> None:
    """Service groups; who is no longer a member is closed, with the group in one transaction."""
    if not records.groups:
        return
    table: Table[ServiceGroup] = Table(ServiceGroup, ["name"])
    wanted = [
        item for record in records.groups if decide(run, "service group", table, item := _group(run, record))
    ]  # fmt: skip
    members: Table[ServiceGroupMember] = Table(
        ServiceGroupMember, ["group_id", "service_id"], ServiceGroupMember.objects.current().select_related("group")
    )
    by_key = {service.key: service for service in run.services.values()}
    write(run, "service group", table, wanted, lambda batch: _write_members(run, members, batch, by_key))


def _group(run: Run, record: GroupRecord) -> Wanted[ServiceGroup]:
    values = {"name": record.name, "valid_until": None, **record.fields}
    return Wanted(record, (record.name,), values, {"valid_from": run.now}, record.key)


def _write_members(
    run: Run,
    table: Table[ServiceGroupMember],
    batch: Sequence[Wanted[ServiceGroup]],
    by_key: dict[str, Service],
) -> None:
    wanted: list[Wanted[ServiceGroupMember]] = []
    for item in batch:
        assert isinstance(item.record, GroupRecord)
        assert item.row is not None, "decide gave every wanted group its row"
        group = item.row.pk
        for member in dict.fromkeys(item.record.members):
            run.report.count("group member", "read")
            service = _service_of(run, member, by_key)
            if service is None:
                run.find(
                    "rejected", "group member", item.record, "the group names a service that is not registered",
                    "import the services first, then this file again", field="SERVICE_ENDPOINT",
                    name=f"{item.record.name}: {member.key} {member.ref}", value=f"{member.key} {member.ref}",
                )  # fmt: skip
                continue
            values = {"group_id": group, "service_id": service.pk}
            opening = {"valid_from": max(run.now, service.valid_from)}
            wanted.append(Wanted(item.record, (group, service.pk), values, opening))
    upsert(run, "group member", table, wanted)
    kept = {item.natural for item in wanted}
    groups = {item.row.pk for item in batch if item.row is not None and not item.is_new}
    close(run, "group member", [
        row for nature, row in table.current.items() if nature[0] in groups and nature not in kept
    ])  # fmt: skip


def _service_of(run: Run, member: MemberRef, by_key: dict[str, Service]) -> Service | None:
    keyed = by_key.get(member.key) if member.key else None
    return keyed or run.services.get(member.ref.anywhere) or run.services.get(member.ref)
