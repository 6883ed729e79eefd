"""The pages of published months, below /reports/. A version's address and content never change."""

import base64
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.availability import permissions, queries
from gridkeeper.availability.models import PublishedReport
from gridkeeper.availability.months import Month
from gridkeeper.availability.publishing import queries as published_queries
from gridkeeper.availability.publishing.actions import publish
from gridkeeper.availability.publishing.document import month_document
from gridkeeper.availability.reports.access import may_read, may_read_drafts, sign_in
from gridkeeper.availability.reports.downloads import TABLES, WRITERS
from gridkeeper.availability.reports.pdf import PdfMissingError, pdf_of
from gridkeeper.availability.reports.shown import shown
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted

#: What never changes may be kept for a year.
_FOR_EVER = "max-age=31536000, immutable"
#: Changes of a version that its page lists.
_MOST_CHANGES = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every published month, newest first, with its versions."""
    months: dict[tuple[str, str], list[PublishedReport]] = {}
    for row in published_queries.published():
        months.setdefault((row.month, row.report), []).append(row)
    readable = [rows for (_, report), rows in months.items() if may_read(request, report)]
    context = {"months": [(rows[0], Month.parse(rows[0].month).title, rows) for rows in readable]}
    return render(request, "availability/reports/index.html", context)


@require_safe
def report(request: HttpRequest, report: str, month: str, version: int | None = None) -> HttpResponse:
    """A month as it was published; the newest version, or the one that the address names."""
    when = _month(month)
    if not may_read(request, report):
        return sign_in(request)
    versions = published_queries.versions(report, when)
    if not versions:
        return _unpublished(request, report, when)
    row = _chosen(versions, version)
    context = _context(request, row) | {
        "versions": versions,
        "newest": versions[0],
        "changes": row.changes[:_MOST_CHANGES],
        "more_changes": max(0, len(row.changes) - _MOST_CHANGES),
        "may_publish": row.version == versions[0].version and _may_publish(request),
    }
    return render(request, "availability/reports/report.html", context)


def _context(request: HttpRequest, row: PublishedReport) -> dict[str, Any]:
    document = published_queries.content(row)
    here = reverse("reports:version", args=[row.report, row.month, row.version])
    return {
        "row": row,
        "found": shown(document),
        "document": document,
        "days_made": sorted(document.get("days", {}).items()),
        "permanent": request.build_absolute_uri(here),
        "base": here,
    }


def _unpublished(request: HttpRequest, report: str, month: Month) -> HttpResponse:
    if report not in queries.reports() and not published_queries.published(report=report).exists():
        raise Http404(f"There is no report {report!r}.")
    context = {
        "report": report,
        "month": month,
        "is_over": timezone.now() >= month.window.end,
        "may_publish": _may_publish(request),
    }
    return render(request, "availability/reports/unpublished.html", context, status=404)


@require_safe
def json_document(request: HttpRequest, report: str, month: str, version: int) -> HttpResponse:
    """The bytes of which the checksum is."""
    row = _row(request, report, month, version)
    if isinstance(row, HttpResponse):
        return row
    digest = base64.b64encode(bytes.fromhex(row.checksum)).decode()
    headers = {"ETag": f'"{row.checksum}"', "Repr-Digest": f"sha-256=:{digest}:"}
    return _file(request, row.document.encode(), "application/json", f"{_name(row)}.json", headers)


@require_safe
def table(request: HttpRequest, report: str, month: str, version: int, table: str, form: str) -> HttpResponse:
    """A table of the document as CSV or Parquet."""
    if table not in TABLES or form not in WRITERS:
        raise Http404(f"There is no {table}.{form}; there are {', '.join(TABLES)} as {', '.join(WRITERS)}.")
    row = _row(request, report, month, version)
    if isinstance(row, HttpResponse):
        return row
    write, content_type = WRITERS[form]
    return _file(request, write(published_queries.content(row), table), content_type, f"{_name(row)}-{table}.{form}")


@require_safe
def printable(request: HttpRequest, report: str, month: str, version: int) -> HttpResponse:
    """The month for printing."""
    row = _row(request, report, month, version)
    if isinstance(row, HttpResponse):
        return row
    return _pdf(request, _context(request, row), f"{_name(row)}.pdf")


@require_safe
def draft(request: HttpRequest, report: str, month: str) -> HttpResponse:
    """The month for printing as its figures are now, published or not; it says so."""
    when = _month(month)
    if not may_read_drafts(request, report):
        return sign_in(request)
    document = month_document(report, when)
    if not document["figures"]:
        raise Http404(f"{report} has no figures of {when.title}.")
    days = sorted(document["days"].items())
    context = {
        "row": None,
        "found": shown(document),
        "document": document,
        "days_made": days,
        "made_at": timezone.now(),
    }
    return _pdf(request, context, f"availability-{report}-{when}-draft.pdf")


def _pdf(request: HttpRequest, context: dict[str, Any], name: str) -> HttpResponse:
    try:
        content = pdf_of(context | {"gridkeeper": settings.GRIDKEEPER})
    except PdfMissingError as error:
        return render(request, "availability/reports/no_pdf.html", {"reason": str(error)}, status=503)
    headers = {} if context["row"] else {"Cache-Control": "no-cache"}
    return _file(request, content, "application/pdf", name, headers, inline=True)


@require_POST
def publish_month(request: HttpRequest, report: str, month: str) -> HttpResponse:
    """Publishes the month's figures as they are now, as the next version."""
    when = _month(month)
    try:
        reason = request.POST.get("reason", "")
        row = publish(Actor.of(request), report=report, month=when, now=timezone.now(), reason=reason)
    except ValidationError as error:
        for text in error.messages:
            messages.error(request, text)
        return redirect("reports:report", report, str(when))
    except NotPermittedError as error:
        return render(request, "403.html", {"reason": str(error)}, status=403)
    messages.success(request, f"{when.title} is published as version {row.version}.")
    return redirect("reports:version", report, str(when), row.version)


def _row(request: HttpRequest, report: str, month: str, version: int) -> PublishedReport | HttpResponse:
    """The version, or the answer to who may not read it."""
    if not may_read(request, report):
        return sign_in(request)
    row = published_queries.version(report, _month(month), version)
    if row is None:
        raise Http404(f"{report} {month} has no version {version}.")
    return row


def _chosen(versions: list[PublishedReport], number: int | None) -> PublishedReport:
    found = versions[0] if number is None else next((row for row in versions if row.version == number), None)
    if found is None:
        raise Http404(f"There is no version {number}; the newest is {versions[0].version}.")
    return found


def _month(text: str) -> Month:
    try:
        return Month.parse(text)
    except ValueError as error:
        raise Http404(str(error)) from error


def _may_publish(request: HttpRequest) -> bool:
    return is_permitted(Actor.of(request), permissions.PUBLISH)


def _name(row: PublishedReport) -> str:
    return f"availability-{row.report}-{row.month}-v{row.version}"


def _file(
    request: HttpRequest,
    content: bytes,
    content_type: str,
    name: str,
    headers: dict[str, str] | None = None,
    *,
    inline: bool = False,
) -> HttpResponse:
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in name)
    # What somebody unknown may read, anybody may keep.
    kept = f"{'private' if request.user.is_authenticated else 'public'}, {_FOR_EVER}"
    disposition = f'{"inline" if inline else "attachment"}; filename="{safe}"'
    standard = {"Cache-Control": kept, "Content-Disposition": disposition}
    return HttpResponse(content, content_type=content_type, headers=standard | (headers or {}))
