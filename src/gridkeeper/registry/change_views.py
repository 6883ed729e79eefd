"""What changed between two instants: a page and an operation of the API."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from ninja import Query, Router, Schema
from pydantic import Field

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.people.actor import Actor
from gridkeeper.registry.changes import KINDS, LIMIT, Comparison, compare
from gridkeeper.web.exports import csv_lines
from gridkeeper.web.moments import streams_past
from gridkeeper.web.problems import Problem

router = Router(tags=["registry"])
_DEFAULT = timedelta(days=1)


def _instants(start: str, end: str, now: datetime) -> tuple[datetime, datetime]:
    """Raises MomentError; also where they stand in the wrong order."""
    until = parse_moment(end, now)
    since = parse_moment(start, now) if start.strip() else until - _DEFAULT
    if since > until:
        raise MomentError(f"the first instant ({since:%Y-%m-%d %H:%M} UTC) lies after the second; swap them")
    return since, until


@require_safe
@streams_past
def changes(request: HttpRequest) -> HttpResponse:
    """`?from=&to=&kind=`: the last day where nothing is said; `format=csv` exports."""
    now, kinds = timezone.now(), [kind for kind in request.GET.getlist("kind") if kind in KINDS]
    context: dict[str, Any] = {
        "kinds": KINDS, "chosen": kinds, "limit": LIMIT, "from_text": request.GET.get("from", ""),
        "to_text": request.GET.get("to", ""),
    }  # fmt: skip
    try:
        since, until = _instants(context["from_text"], context["to_text"], now)
    except MomentError as error:
        return render(request, "registry/changes.html", context | {"problem": str(error)}, status=400)
    found = compare(since, until, kinds=kinds or list(KINDS), reader=Actor.of(request))
    if request.GET.get("format") == "csv":
        return _csv(found)
    return render(request, "registry/changes.html", context | {"found": found, "since": since, "until": until})


def _csv(found: Comparison) -> HttpResponse:
    rows = [
        (each.kind, each.name, each.verb, *field)
        for each in found.differences
        for field in [(item.label, item.old, item.new) for item in each.fields] or [("", "", "")]
    ]
    lines = csv_lines(("kind", "name", "change", "field", "old", "new"), rows)
    headers = {"Content-Disposition": 'attachment; filename="changes.csv"'}
    return HttpResponse("".join(lines), content_type="text/csv; charset=utf-8", headers=headers)


class FieldOut(Schema):
    """A field that differs."""

    label: str = Field(examples=["contact email"])
    old: str
    new: str


class DifferenceOut(Schema):
    """An object that is different, new or gone."""

    kind: str = Field(examples=["site"])
    name: str = Field(examples=["EXAMPLE-T2"])
    verb: str = Field(description="added, changed or gone", examples=["changed"])
    url: str
    fields: list[FieldOut]


class ComparisonOut(Schema):
    """The differences between two instants."""

    since: datetime
    until: datetime
    is_cut: bool = Field(description=f"True where there are more than {LIMIT}; ask for fewer kinds or a shorter time.")
    differences: list[DifferenceOut]


@router.get("/changes", response=ComparisonOut, summary="What differs between two instants")
def get_changes(
    request: HttpRequest,
    since: Annotated[str, Query("", alias="from", max_length=60, pattern=r"^[^\x00]*$")] = "",
    until: Annotated[str, Query("", alias="to", max_length=60, pattern=r"^[^\x00]*$")] = "",
    kind: Annotated[list[str], Query([], max_length=20)] = [],  # noqa: B006  ninja copies it
) -> Any:
    """`from` and `to` are ISO instants, or how long ago ("24h"); without them the last day. All kinds unless named."""
    if unknown := sorted(set(kind) - set(KINDS)):
        raise Problem(422, "Unknown kind", f"{', '.join(unknown)}: use {', '.join(KINDS)}")
    try:
        start, end = _instants(since, until, timezone.now())
    except MomentError as error:
        raise Problem(422, "No such instants", str(error)) from error
    found = compare(start, end, kinds=kind or list(KINDS), reader=Actor.of(request, "api"))
    return {"since": start, "until": end, "is_cut": found.is_cut, "differences": found.differences}
