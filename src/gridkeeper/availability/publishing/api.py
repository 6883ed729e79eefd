"""Published months over HTTP: their versions, one with its figures, and the next one."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from ninja import Path, Router, Schema
from ninja.decorators import decorate_view
from pydantic import ConfigDict, Field

from gridkeeper.availability.models import PublishedReport
from gridkeeper.availability.months import Month
from gridkeeper.availability.publishing import actions, queries
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import KeyText
from gridkeeper.registry.api_parameters import Text
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.web.api import Limit, Offset, Page, paginate
from gridkeeper.web.conditional import conditional
from gridkeeper.web.problems import Problem

router = Router(tags=["availability"])
MonthText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", examples=["2026-03"])]


class PublishIn(Schema):
    """A month to publish."""

    model_config = ConfigDict(extra="forbid")

    report: KeyText = Field(examples=["dteam"])
    month: MonthText
    reason: str = Field("", max_length=300, pattern=r"^[^\x00]*$", description="Needed from the second version on.")


class PublishedOut(Schema):
    """A version of a published month. It never changes; a correction is the next version."""

    id: int
    report: str
    month: str
    version: int
    published_at: datetime
    reason: str
    checksum: str = Field(description="SHA-256 of the document, as `sha256sum` says it of the download.")
    changes: list[dict[str, Any]] = Field(description="What differs from the version before, and why.")
    outdated_since: datetime | None = Field(description="Since when the figures are known to differ from it.")


def _rows() -> "QuerySet[PublishedReport]":
    return with_version(queries.published(), "record").order_by("-month", "report", "-version")


PUBLISHED = Resource("published_report", PublishedReport, _rows, PublishedOut, key="id", version="record")


@router.get("/availability/published", response=Page[PublishedOut], summary="Published months")
@decorate_view(conditional)
def list_published(
    request: HttpRequest, report: Text = "", month: Text = "", limit: Limit = 100, offset: Offset = 0
) -> dict[str, Any]:
    """All versions, newest month first."""
    only = {name: value for name, value in (("report", report), ("month", month)) if value}
    return paginate(request, _rows().filter(**only), limit, offset)


@router.get(
    "/availability/published/{report}/{month}/{version}", summary="A published version",
    openapi_extra={"responses": {200: {"description": "The document that the checksum is of."}}},
)  # fmt: skip
@decorate_view(conditional)
def get_published(
    request: HttpRequest, report: Annotated[str, Path(max_length=100)], month: Annotated[str, Path(max_length=7)],
    version: Annotated[int, Path(ge=1, le=1_000_000)],
) -> HttpResponse:  # fmt: skip
    """The figures as they were published, byte for byte."""
    try:
        found = queries.version(report, Month.parse(month), version)
    except ValueError as error:
        raise Problem(422, "No such month", str(error)) from error
    if found is None:
        raise Http404(f"{report} has no version {version} of {month}; GET /api/v1/availability/published lists them")
    return HttpResponse(found.document, content_type="application/json", headers={"X-Checksum-Sha256": found.checksum})


@change(router, "POST", "/availability/published", PUBLISHED, "publish", summary="Publish a month", status=201)
def publish(call: Call, body: PublishIn) -> PublishedReport:
    """Its next version; by the federation's staff."""
    try:
        month = Month.parse(body.month)
    except ValueError as error:
        raise Problem(422, "No such month", str(error)) from error
    return actions.publish(call.actor, report=body.report, month=month, now=call.now, reason=body.reason)
