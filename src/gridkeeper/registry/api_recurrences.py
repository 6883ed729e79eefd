"""Rules of recurring downtimes, and many downtimes at once, over the API."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.decorators import decorate_view
from pydantic import ValidationError as ShapeError

from gridkeeper.people.actor import Actor
from gridkeeper.registry import recurrences as recurrence_actions
from gridkeeper.registry.api_bodies import BadLine, lines_of
from gridkeeper.registry.api_changes import Call, DryRun, change
from gridkeeper.registry.api_downtime_schemas import BulkReportOut, BulkRowIn, RecurrenceIn, RecurrenceOut
from gridkeeper.registry.api_inputs import Reason
from gridkeeper.registry.api_lookups import services_of
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, listed
from gridkeeper.registry.api_resources import Resource, with_count_of_records
from gridkeeper.registry.downtime_bulk import (
    MAX_ROWS,
    BulkFileError,
    BulkLine,
    BulkReport,
    BulkRow,
    declare_many,
    parse_csv,
)
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, Service
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional
from gridkeeper.web.problems import Problem

router = Router(tags=["downtimes"])
BulkMode = Annotated[Literal["keep_good", "atomic"], Query("keep_good", description="atomic: all or none.")]


def _recurrences() -> "QuerySet[DowntimeRecurrence]":
    made = Prefetch("downtimes", Downtime.objects.only("key", "recurrence", "start").order_by("-start", "pk"))
    rows = DowntimeRecurrence.objects.prefetch_related(made, Prefetch("services", Service.objects.only("key")))
    return with_count_of_records(rows).order_by("-declared_at", "pk")


RECURRENCES = Resource("recurrence", DowntimeRecurrence, _recurrences, RecurrenceOut, is_counted=True)


@router.get("/downtime-recurrences", response=ChangesPage[RecurrenceOut], summary="Rules of recurring downtimes")
@decorate_view(conditional)
def list_recurrences(
    request: HttpRequest, site: Text = "", service: Text = "",
    is_ended: Annotated[bool | None, Query(None)] = None, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest first. `site` is a name or a key, `service` a key."""
    rows = _recurrences()
    if site:
        at_site = Service.objects.filter(Q(site__name=site) | Q(site__key=site))
        rows = rows.filter(pk__in=DowntimeRecurrence.objects.filter(services__in=at_site).values("pk"))
    if service:
        rows = rows.filter(services__key=service)
    if is_ended is not None:
        rows = rows.filter(ended_at__isnull=not is_ended)
    return listed(
        request, RECURRENCES, rows, closed=True, changed_since=changed_since, order=order,
        fields={"first_start": "first_start", "declared_at": "declared_at"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/downtime-recurrences/{key}", response=RecurrenceOut, summary="One rule of recurring downtimes")
@decorate_view(conditional)
def get_recurrence(request: HttpRequest, key: Key) -> DowntimeRecurrence:
    """With the downtimes that it has made."""
    return RECURRENCES.note(request, RECURRENCES.find(key))


@change(
    router, "POST", "/downtime-recurrences", RECURRENCES, "declare", summary="Declare recurring downtimes", status=201
)
def declare_recurrence(call: Call, body: RecurrenceIn) -> DowntimeRecurrence:
    """Those of the next 60 days are declared at once; a dry run lists them among its changes."""
    return recurrence_actions.declare_recurrence(
        call.actor, services=services_of(body.services), rule=body.rule, first_start=body.first_start,
        timezone=body.timezone, duration=timedelta(seconds=body.duration_seconds), severity=body.severity,
        description=body.description, now=call.now,
    )  # fmt: skip


@change(router, "POST", "/downtime-recurrences/{key}/end", RECURRENCES, "end", summary="End recurring downtimes")
def end_recurrence(call: Call, recurrence: DowntimeRecurrence, body: Reason) -> DowntimeRecurrence:
    """It makes no more; those that have not begun are cancelled."""
    return recurrence_actions.end_recurrence(call.actor, recurrence=recurrence, reason=body.reason, now=call.now)


@router.post(
    "/downtimes/bulk", response=BulkReportOut, summary="Declare many downtimes",
    openapi_extra={"requestBody": {"required": True, "content": {
        "application/json": {"schema": {"type": "array", "items": BulkRowIn.json_schema(), "maxItems": MAX_ROWS}},
        "application/x-ndjson": {"schema": {"type": "string"}},
        "text/csv": {"schema": {"type": "string"}},
    }}},
)  # fmt: skip
def declare_in_bulk(
    request: HttpRequest, dry_run: DryRun = False,
    mode: BulkMode = "keep_good",
) -> BulkReport:  # fmt: skip
    """A JSON list, NDJSON, or CSV with the columns of the page "declare in bulk"; a line of report for each row.

    A row that repeats a downtime of the same services, times and severity declares nothing: files may be sent again.
    """
    actor, now = Actor.of(request, "api"), timezone.now()
    rows, rejected = _rows(request)
    if mode == "atomic" and not dry_run:
        report = declare_many(actor, rows=rows, now=now, is_dry_run=True, rejected=rejected)
        if report.rejected:
            return report
    return declare_many(actor, rows=rows, now=now, is_dry_run=dry_run, rejected=rejected)


def _rows(request: HttpRequest) -> tuple[list[BulkRow], list[BulkLine]]:
    if (request.content_type or "").startswith("text/csv"):
        try:
            return parse_csv(request.body.decode())
        except (BulkFileError, UnicodeDecodeError) as error:
            raise Problem(422, "The file cannot be read", str(error)) from error
    rows: list[BulkRow] = []
    rejected: list[BulkLine] = []
    for line, value in lines_of(request, MAX_ROWS):
        if isinstance(value, BadLine):
            rejected.append(BulkLine(line, "rejected", problems=(("", value.problem),)))
            continue
        try:
            rows.append(_row(line, BulkRowIn.model_validate(value)))
        except ShapeError as error:
            rejected.append(BulkLine(line, "rejected", problems=_problems(error)))
    return rows, rejected


def _row(line: int, row: BulkRowIn) -> BulkRow:
    return BulkRow(
        line, row.severity, row.start, row.end, row.description, row.site, tuple(row.services), tuple(row.endpoints)
    )


def _problems(error: ShapeError) -> tuple[tuple[str, str], ...]:
    found: Sequence[Any] = error.errors(include_url=False)
    return tuple((".".join(map(str, each["loc"])), str(each["msg"])) for each in found)
