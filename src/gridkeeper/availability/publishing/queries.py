"""What pages and the API ask of published reports."""

import json
from typing import Any

from django.db.models import QuerySet

from gridkeeper.availability.models import PublishedReport
from gridkeeper.availability.months import Month


def versions(report: str, month: Month) -> list[PublishedReport]:
    """All versions of a month, newest first."""
    return list(_of(report, month).select_related("author"))


def newest(report: str, month: Month) -> PublishedReport | None:
    """The version that counts; None where the month is not published."""
    return _of(report, month).select_related("author").first()


def version(report: str, month: Month, number: int) -> PublishedReport | None:
    """One version; None where there is none of that number."""
    return _of(report, month).filter(version=number).select_related("author").first()


def published(*, report: str = "") -> "QuerySet[PublishedReport]":
    """Every version, without its document, newest month first."""
    found = PublishedReport.objects.select_related("author").defer("document")
    return found.filter(report=report) if report else found


def content(published: PublishedReport) -> dict[str, Any]:
    """The document as `document.month_document` describes it."""
    read: dict[str, Any] = json.loads(published.document)
    return read


def _of(report: str, month: Month) -> "QuerySet[PublishedReport]":
    return PublishedReport.objects.filter(report=report, month=str(month)).order_by("-version")
