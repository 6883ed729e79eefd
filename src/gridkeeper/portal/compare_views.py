"""The page that compares two moments of the matrix, and its exports."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.core.moments import MomentError, parse_moment
from gridkeeper.portal.addresses import address_with
from gridkeeper.portal.choices import filter_bar, read_choice, vo_names
from gridkeeper.portal.compare import COURSES, Change, Comparison, Course, Mark, read_comparison
from gridkeeper.portal.matrix_rules import VoStatus
from gridkeeper.portal.time_slider import moment_word
from gridkeeper.web.exports import csv_lines, plain

#: What the page compares with the present where the address does not say.
_USUAL = "24h"
#: Rows of the page; all of them are in the exports.
MOST_ROWS = 400
_COLUMNS = (
    "course", "region", "site", "service_type", "hostname", "vo", "status_before", "status_after", "test",
    "before", "after", "summary_before", "summary_after",
)  # fmt: skip


@require_safe
def compare(request: HttpRequest) -> HttpResponseBase:
    """The page, or its export with `format=csv` or `format=json`. from, to: instants; empty `to` is now."""
    now = timezone.now()
    known = vo_names()
    choice = read_choice(request.GET, known, request.COOKIES.get("vo", ""))
    context = filter_bar(request, choice, known, now)
    try:
        start, end = _moments(request.GET, now)
    except MomentError as error:
        words = {"error": str(error), "from_word": request.GET.get("from", ""), "to_word": request.GET.get("to", "")}
        return render(request, "portal/compare.html", context | words, status=422)
    found = read_comparison(choice, start, end, now)
    if wanted := request.GET.get("format", ""):
        return _export(found, wanted)
    return render(request, "portal/compare.html", context | _shown(request.GET, found, is_to_now=end >= now))


def _moments(query: QueryDict, now: datetime) -> tuple[datetime, datetime]:
    """Both instants, the earlier first."""
    start, end = parse_moment(query.get("from", "") or _USUAL, now), parse_moment(query.get("to", ""), now)
    return min(start, end), max(start, end)


def _shown(query: QueryDict, found: Comparison, *, is_to_now: bool) -> dict[str, Any]:
    wanted = query.get("show", "")
    changes = [
        change for change in found.changes if wanted not in Course.__members__.values() or change.course == wanted
    ]
    counts = found.counts()
    return {
        "found": found,
        "is_to_now": is_to_now,
        "from_word": moment_word(found.start),
        "to_word": "" if is_to_now else moment_word(found.end),
        "changes": changes[:MOST_ROWS],
        "left_out": max(0, len(changes) - MOST_ROWS),
        "courses": [
            (
                course,
                COURSES[course],
                counts[course],
                address_with(query, show="" if wanted == course else course),
                wanted == course,
            )
            for course in Course
        ],
        "statuses": list(VoStatus),
        "sums": [_sum(found, vo) for vo in found.after],
        "exports": [(word.upper(), address_with(query, format=word)) for word in ("csv", "json")],
    }


def _sum(found: Comparison, vo: str) -> tuple[str, list[tuple[VoStatus, int, int]]]:
    before, after = found.before.get(vo, {}), found.after[vo]
    return vo, [(status, before.get(status, 0), after.get(status, 0)) for status in VoStatus]


def _export(found: Comparison, wanted: str) -> HttpResponseBase:
    name = f"matrix-changes-{found.start:%Y%m%dT%H%MZ}-{found.end:%Y%m%dT%H%MZ}.{wanted}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if wanted == "csv":
        rows = (tuple(row.values()) for row in _rows(found))
        return StreamingHttpResponse(csv_lines(_COLUMNS, rows), content_type="text/csv; charset=utf-8", headers=headers)
    if wanted == "json":
        answer = {"from": plain(found.start), "to": plain(found.end), "changes": list(_rows(found))}
        return JsonResponse(answer, headers=headers)
    text = f"format={wanted[:20]} is not offered here; use csv or json\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")


def _rows(found: Comparison) -> Iterator[dict[str, Any]]:
    """A row a test that changed; one without a test where only the status did."""
    for change in found.changes:
        for test in change.tests or (None,):
            words = (test.test, test.before, test.after) if test else ("", None, None)
            yield dict(zip(_COLUMNS, [*_place(change), words[0], *_said(words[1], words[2])], strict=True))


def _place(change: Change) -> list[str]:
    row = change.row
    statuses = [str(change.before or ""), str(change.after or "")]
    return [str(change.course), row.region, row.site, row.service_type, row.hostname, change.vo, *statuses]


def _said(before: Mark | None, after: Mark | None) -> list[str]:
    letters = [mark.letter if mark else "" for mark in (before, after)]
    return [*letters, *(mark.summary if mark else "" for mark in (before, after))]
