"""The audit trail and the runs of importers over the API."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from django.db.models import OuterRef, Q, Subquery
from django.http import Http404, HttpRequest
from ninja import Path, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted, require
from gridkeeper.registry.api_changes import DifferenceOut
from gridkeeper.registry.api_parameters import Key, Sort, Text, When
from gridkeeper.registry.audit_records import VERBS, differences, kind_of, name_of
from gridkeeper.registry.models import (
    ApiCredential,
    Downtime,
    DowntimeRecurrence,
    DowntimeService,
    Endpoint,
    Federation,
    ImportRun,
    Ngi,
    NgiMembership,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)
from gridkeeper.web.api import Limit, Offset, Page, paginate, sort
from gridkeeper.web.conditional import conditional
from gridkeeper.web.moments import as_of_of

router = Router(tags=["history"])

#: Word of the address -> model, the field that names an object, and its parts with the way to it.
_KINDS: Mapping[str, tuple[Any, str, tuple[tuple[Any, str], ...]]] = {
    "federations": (Federation, "key", ()),
    "regions": (Ngi, "key", ((NgiMembership, "ngi"),)),
    "sites": (Site, "key", ()),
    "services": (Service, "key", ((Endpoint, "service"),)),
    "endpoints": (Endpoint, "key", ()),
    "service-types": (ServiceType, "name", ()),
    "scopes": (Scope, "key", ()),
    "service-groups": (ServiceGroup, "key", ((ServiceGroupMember, "group"),)),
    "downtimes": (Downtime, "key", ((DowntimeService, "downtime"),)),
    "downtime-recurrences": (DowntimeRecurrence, "key", ()),
    "credentials": (ApiCredential, "key", ()),
}


class RecordOut(Schema):
    """One audit record: who changed what, when, by which way, why."""

    at: datetime
    kind: str = Field(examples=["site"])
    name: str
    verb: str = Field(description="added, changed or removed", examples=["changed"])
    who: str | None = Field(description="Null unless you are signed in.", examples=["alice"])
    source: str = Field(description="web, api, cli, import or system.", examples=["api"])
    address: str | None = Field(description="Of the client; null unless your role reads personal data.")
    reason: str
    fields: list[DifferenceOut] = Field(
        description="Of a change; values of contacts are null unless you are signed in."
    )


@router.get("/history/{kind}/{key}", response=list[RecordOut], summary="What was changed of an object")
@decorate_view(conditional)
def get_history(
    request: HttpRequest, kind: Key, key: Key, start: When = None, end: When = None,
    limit: Limit = 100, offset: Offset = 0,
) -> list[dict[str, Any]]:  # fmt: skip
    """Newest first, with its parts (endpoints of a service, members of a group). `kind` as in addresses: sites."""
    if kind not in _KINDS:
        raise Http404(f"nothing is called {kind[:40]!r}; use {', '.join(_KINDS)}")
    model, name, parts = _KINDS[kind]
    reader = Actor.of(request, "api")
    if model is ApiCredential:
        require(reader, "registry.read_personal_data")
    pk = model._default_manager.filter(**{name: key}).values_list("pk", flat=True).first()
    if pk is None:
        raise Http404(f"no {kind} of the key {key!r}")
    within = _within(start, end, as_of_of(request))
    found = _records(model, Q(id=pk) & within, limit + offset)
    for part, path in parts:
        found += _records(part, Q(**{path: pk}) & within, limit + offset)
    found.sort(key=lambda pair: (pair[0].history_date, pair[0].history_id), reverse=True)
    may_read = is_permitted(reader, "registry.read_personal_data")
    return [_shown(record, before, reader, may_read=may_read) for record, before in found[offset : offset + limit]]


def _within(start: datetime | None, end: datetime | None, moment: datetime | None) -> Q:
    condition = Q() if start is None else Q(history_date__gte=start)
    condition &= Q() if end is None else Q(history_date__lt=end)
    return condition if moment is None else condition & Q(history_date__lte=moment)


def _records(model: Any, condition: Q, most: int) -> list[tuple[Any, Any]]:
    """The newest records, each with the one before it of the same object: two queries."""
    records = model.history.model.objects
    before = records.filter(id=OuterRef("id"), history_id__lt=OuterRef("history_id")).order_by("-history_id")
    rows = list(
        records.filter(condition)
        .annotate(before_id=Subquery(before.values("history_id")[:1]))
        .select_related("history_user")
        .order_by("-history_id")[:most]
    )
    older = records.in_bulk([row.before_id for row in rows if row.before_id], field_name="history_id")
    return [(row, older.get(row.before_id)) for row in rows]


def _shown(record: Any, before: Any, reader: Actor, *, may_read: bool) -> dict[str, Any]:
    is_known = reader.user is not None
    is_change = record.history_type == "~" and before is not None
    who = record.history_user.get_username() if record.history_user else record.history_actor or "the installation"
    return {
        "at": record.history_date, "kind": kind_of(record), "name": name_of(record),
        "verb": VERBS[record.history_type], "who": who if is_known else None, "source": record.history_source,
        "address": record.history_address if may_read else None, "reason": record.history_change_reason or "",
        "fields": differences(before, record, may_read_personal=is_known) if is_change else [],
    }  # fmt: skip


class ImportRunOut(Schema):
    """One run of an importer."""

    id: int = Field(examples=[7])
    source: str = Field(examples=["gocdb"])
    started_at: datetime
    finished_at: datetime
    counts: dict[str, Any] = Field(description="By kind: created, changed, closed, unchanged, repaired, rejected.")

    @staticmethod
    def resolve_counts(run: ImportRun) -> Any:
        counts = run.report.get("counts", {}) if isinstance(run.report, dict) else {}
        return counts if isinstance(counts, dict) else {}


class ImportRunDetail(ImportRunOut):
    """The run with its whole report."""

    origin: str
    report: dict[str, Any]


@router.get("/import-runs", response=Page[ImportRunOut], summary="Runs of importers")
@decorate_view(conditional)
def list_import_runs(
    request: HttpRequest, source: Text = "", order: Sort = "", limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """Newest first, with how many records of each kind came in."""
    runs = ImportRun.objects.order_by("-started_at", "-pk")
    if source:
        runs = runs.filter(source=source)
    return paginate(request, sort(runs, order, {"started_at": "started_at", "source": "source"}), limit, offset)


@router.get("/import-runs/{run_id}", response=ImportRunDetail, summary="One run of an importer")
@decorate_view(conditional)
def get_import_run(request: HttpRequest, run_id: Annotated[int, Path(ge=0, le=2**62)]) -> ImportRun:
    """With every record that was repaired or rejected; for whose role reads personal data, for records hold it."""
    require(Actor.of(request, "api"), "registry.read_personal_data")
    run = ImportRun.objects.filter(pk=run_id).first()
    if run is None:
        raise Http404(f"there is no run {run_id}")
    return run
