"""The matrix as CSV and JSON: exactly the rows that the page shows, in its order."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse

from gridkeeper.core.status import Status
from gridkeeper.portal.matrix import Column, Line, Matrix, Part
from gridkeeper.portal.matrix_rules import Asked, Seen, VoStatus, cell
from gridkeeper.web.exports import csv_lines, plain

FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def export_matrix(found: Matrix, wanted: str, now: datetime) -> HttpResponseBase:
    if wanted not in FORMATS:
        text = f"format={wanted[:20]} is not offered here; use {' or '.join(FORMATS)}\n"
        return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
    name = f"matrix-{found.choice.service_type}-{now:%Y%m%dT%H%MZ}.{wanted}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if wanted == "json":
        return JsonResponse(_as_json(found, now), headers=headers)
    columns = ["region", "site", "service_type", "hostname", "overall"]
    for vo, tests in found.columns.items():
        columns += [f"{vo} status", *(f"{vo} {column.name}" for column in tests)]
    return StreamingHttpResponse(csv_lines(columns, _csv_rows(found)), content_type=FORMATS["csv"], headers=headers)


def _csv_rows(found: Matrix) -> Iterator[tuple[str, ...]]:
    for line in found.lines:
        words = [line.row.region, line.row.site, line.row.service_type, line.row.hostname, str(line.overall)]
        for columns, part in zip(found.columns.values(), line.parts, strict=True):
            words += [""] * (1 + len(columns)) if part is None else _words(found, part)
        yield tuple(words)


def _words(found: Matrix, part: Part) -> list[str]:
    letters = [
        "" if asked is None else cell(asked, seen, stages=found.stages)[1]
        for asked, seen in zip(part.asked, part.seen, strict=True)
    ]
    return [str(part.status), *letters]


def _as_json(found: Matrix, now: datetime) -> dict[str, Any]:
    return {
        "at": plain(now),
        "service_type": found.choice.service_type,
        "summary": {vo: {status: counts.get(status, 0) for status in VoStatus} for vo, counts in found.summary.items()},
        "rows": [_row_json(found, line) for line in found.lines],
    }


def _row_json(found: Matrix, line: Line) -> dict[str, Any]:
    vos = {
        vo: {"status": part.status, "tests": _tests_json(found, columns, part)}
        for (vo, columns), part in zip(found.columns.items(), line.parts, strict=True)
        if part is not None
    }
    place = {"region": line.row.region, "site": line.row.site, "service_type": line.row.service_type}
    return place | {"hostname": line.row.hostname, "overall": line.overall, "vos": vos}


def _tests_json(found: Matrix, columns: Iterable[Column], part: Part) -> dict[str, dict[str, str]]:
    return {
        column.name: _cell_json(asked, seen, found.stages)
        for column, asked, seen in zip(columns, part.asked, part.seen, strict=True)
        if asked is not None
    }


def _cell_json(asked: Asked, seen: Seen | None, stages: frozenset[str]) -> dict[str, str]:
    words = {"letter": cell(asked, seen, stages=stages)[1]}
    if seen is None:
        return words | {"status": Status.MISSING.name}
    return words | {"status": seen.status.name, "summary": seen.summary, "cause": seen.cause, "because": seen.root}
