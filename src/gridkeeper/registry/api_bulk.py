"""Many changes of the registry in one request, and the list of what may be asked there."""

from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from gridkeeper.people.actor import Actor
from gridkeeper.registry.api_bodies import lines_of
from gridkeeper.registry.api_changes import CHANGES, DryRun
from gridkeeper.registry.bulk import MAX_LINES, BulkLineIn, BulkRun, Mode, carry_out_all

router = Router(tags=["bulk"])
_Mode = Annotated[Mode, Query("atomic", description="atomic: all or none; keep_good: what is good stays.")]


class LineOut(Schema):
    """What became of one line."""

    index: int = Field(description="From 1.", examples=[5000])
    do: str = Field(examples=["site.edit"])
    outcome: str = Field(description="done, would be done, failed, or undone for another line's sake.")
    key: str = Field(description="Of the object that was made or changed.")
    errors: list[dict[str, Any]] = Field(examples=[[{"field": "country_code", "problem": "…", "remedy": "…"}]])


class BulkOut(Schema):
    """A line for each operation."""

    mode: Mode
    is_dry_run: bool
    count: int = Field(examples=[10000])
    failed: int = Field(examples=[2])
    lines: list[LineOut]


class OperationOut(Schema):
    """An operation that a line may name."""

    name: str = Field(examples=["site.edit"])
    needs_key: bool = Field(description="Whether it changes an object or makes one.")
    body: dict[str, Any] = Field(description="JSON Schema of its body.")


@router.get("/registry/operations", response=list[OperationOut], summary="Operations for bulk changes")
def list_operations(request: HttpRequest) -> list[dict[str, Any]]:
    """The names for `do`, each with the JSON Schema of its body."""
    return [
        {"name": made.name, "needs_key": made.of is not None, "body": made.body.json_schema()}
        for made in CHANGES.values()
    ]


@router.post(
    "/registry/bulk", response=BulkOut, summary="Many changes at once",
    openapi_extra={"requestBody": {"required": True, "content": {
        "application/json": {
            "schema": {"type": "array", "items": BulkLineIn.json_schema(), "maxItems": MAX_LINES},
            "example": [{"do": "site.edit", "key": "2G0", "body": {"tier": "2", "reason": "Pledged as Tier-2."}}],
        },
        "application/x-ndjson": {"schema": {"type": "string"}},
    }}},
)  # fmt: skip
def change_in_bulk(request: HttpRequest, mode: _Mode = "atomic", dry_run: DryRun = False) -> dict[str, Any]:
    """A JSON list, or JSON lines (`application/x-ndjson`), in order; every line is judged and reported.

    A line: {"do": "site.edit", "key": "2G0", "body": {...}}. What a line makes can be named with `ref`, and a later
    line writes {"$ref": NAME} for its key.
    """
    run: BulkRun = carry_out_all(
        Actor.of(request, "api"), lines_of(request, MAX_LINES), now=timezone.now(), mode=mode, is_dry_run=dry_run
    )
    return {
        "mode": mode, "is_dry_run": dry_run, "count": len(run.lines), "failed": run.failed, "lines": run.lines,
    }  # fmt: skip
