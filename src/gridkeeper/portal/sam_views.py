"""Pages of SAM's view and of LHCb's, and their exports. With `as_of` they show that instant."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.portal.addresses import address_with
from gridkeeper.portal.choices import filter_bar, read_choice, vo_names
from gridkeeper.portal.matrix import ALL_TYPES, Choice, Column
from gridkeeper.portal.sam import Codes, SamLine, SamTable, TypeTable, read_sam, read_tests
from gridkeeper.portal.sam_html import rows_by_site, rows_of
from gridkeeper.portal.sam_rules import DESCRIPTIONS, SamCode
from gridkeeper.web.exports import csv_lines, plain
from gridkeeper.web.moments import as_of_of, travels

_FORMATS = ("csv", "json")
_CSV = "text/csv; charset=utf-8"
_MOST_WORDS = 50
#: Nodes on one page: a browser lays out one wide table of all nodes of a federation too slowly to scroll.
PAGE_ROWS = 100


@require_safe
@travels
def sam(request: HttpRequest) -> HttpResponseBase:
    """A service type's nodes with SAM's codes, or the export with `format=csv` or `format=json`."""
    now, past = timezone.now(), as_of_of(request)
    known = vo_names()
    choice = read_choice(request.GET, known, request.COOKIES.get("vo", ""))
    codes = _codes(request.GET)
    found = read_sam(choice, codes, past or now, is_past=past is not None)
    if wanted := request.GET.get("format", ""):
        return _export(f"sam-{choice.service_type}", wanted, past or now, _columns(found), _rows(found), _sums(found))
    page = Paginator(found.lines, PAGE_ROWS).get_page(request.GET.get("page"))  # the nearest that exists
    context = {
        "groups": [_group(vo, columns, found.borrowed.get(vo, "")) for vo, columns in found.columns.items()],
        "body": rows_of(replace(found, lines=tuple(page.object_list))),
        "count": len(found.lines),
        "page": page,
        "pages": _pages(request.GET, page),
        "stats": _stats(request.GET, found, codes),
        "sum_vos": list(found.sums),
    }
    return render(request, "portal/sam.html", context | _frame(request, choice, known, now, codes))


@require_safe
@travels
def tests(request: HttpRequest) -> HttpResponseBase:
    """A VO's tests site by site, or the export."""
    now, past = timezone.now(), as_of_of(request)
    known = vo_names()
    query = request.GET.copy()
    query.setdefault("type", ALL_TYPES)
    choice = read_choice(query, known, request.COOKIES.get("vo", ""))
    choice = replace(choice, vos=choice.vos[:1])
    codes = _codes(request.GET)
    found = read_tests(choice, codes, past or now, is_past=past is not None)
    if wanted := request.GET.get("format", ""):
        columns = ("site", "service_type", "service_name", "status", "test", "code")
        return _export(f"tests-{''.join(choice.vos[:1])}", wanted, past or now, columns, _test_rows(found), {})
    tables = [(table, _group("", table.columns, "")[2], rows_by_site(table)) for table in found]
    context = {"tables": tables, "count": sum(len(table.rows) for table in found), "vo": "".join(choice.vos[:1])}
    return render(request, "portal/sam_tests.html", context | _frame(request, choice, known, now, codes))


def _codes(query: QueryDict) -> Codes:
    """`ERROR`, or `lhcb:ERROR` for one of the VOs shown; words that are none are left out."""
    words = (word.rpartition(":") for word in query.getlist("status")[:_MOST_WORDS])
    return [(vo, SamCode(code)) for vo, _, code in words if code in SamCode.__members__]


def _frame(request: HttpRequest, choice: Choice, known: Sequence[str], now: datetime, codes: Codes) -> dict[str, Any]:
    return filter_bar(request, choice, known, now) | {
        "is_filtered": bool(choice.regions or choice.text or codes or "type" in request.GET),
        # those without a VO are the boxes of the form
        "chosen_statuses": {f"{vo}:{code}" for vo, code in codes if vo},
        "codes": [(code, DESCRIPTIONS[code], not codes or ("", code) in codes) for code in SamCode],
        "exports": [(word.upper(), address_with(request.GET, page="", format=word)) for word in _FORMATS],
    }


def _group(vo: str, columns: Sequence[Column], owner: str) -> tuple[str, str, list[tuple[Column, str]]]:
    return vo, owner, [(column, reverse("probes:test", args=[column.name])) for column in columns]


def _pages(query: QueryDict, page: "Page[SamLine]") -> list[tuple[int, str, str, bool]]:
    """Of every page its number, the first and last site on it, its address, and whether it is this one."""
    lines, size = page.paginator.object_list, page.paginator.per_page
    found = []
    for number in page.paginator.page_range:
        part = lines[(number - 1) * size : number * size]
        words = f"{part[0].row.site} to {part[-1].row.site}" if part else ""
        found.append(
            (number, words, address_with(query, page="" if number == 1 else str(number)), number == page.number)
        )
    return found


def _stats(
    query: QueryDict, found: SamTable, codes: Codes
) -> list[tuple[SamCode, str, bool, list[tuple[int, str, bool]]]]:
    """SAM's list of codes: whether shown, and the sum of each VO, which switches the filter to these rows alone."""
    lines = []
    for code in SamCode:
        sums = []
        for vo, counts in found.sums.items():
            is_on = (vo, code) in codes
            sums.append(
                (counts.get(code, 0), address_with(query, page="", status="" if is_on else f"{vo}:{code}"), is_on)
            )
        lines.append((code, DESCRIPTIONS[code], not codes or ("", code) in codes, sums))
    return lines


def _columns(found: SamTable) -> list[str]:
    names = ["region", "site", "service_type", "node", "status"]
    for vo, columns in found.columns.items():
        names += [f"{vo} status", *(f"{vo} {column.name}" for column in columns)]
    return names


def _rows(found: SamTable) -> Iterator[list[str]]:
    for line in found.lines:
        words = [line.row.region, line.row.site, line.row.service_type, line.row.hostname, str(line.code)]
        for columns, part in zip(found.columns.values(), line.parts, strict=True):
            if part is None:
                words += [""] * (1 + len(columns))
            else:
                words += [str(part.code), *(str(cell.code) if cell else "" for cell in part.cells)]
        yield words


def _sums(found: SamTable) -> dict[str, Any]:
    return {"sums": {vo: {code: counts.get(code, 0) for code in SamCode} for vo, counts in found.sums.items()}}


def _test_rows(found: Sequence[TypeTable]) -> Iterator[list[str]]:
    for table in found:
        for row, part in table.rows:
            for cell in filter(None, part.cells):
                yield [row.site, table.service_type, row.hostname, str(part.code), cell.test, str(cell.code)]


def _export(
    name: str, wanted: str, at: datetime, columns: Sequence[str], rows: Iterator[list[str]], more: dict[str, Any]
) -> HttpResponseBase:
    """Exactly the rows that the page shows."""
    headers = {"Content-Disposition": f'attachment; filename="{name}-{at:%Y%m%dT%H%MZ}.{wanted}"'}
    if wanted == "csv":
        lines = csv_lines(columns, (tuple(row) for row in rows))
        return StreamingHttpResponse(list(lines), content_type=_CSV, headers=headers)
    if wanted == "json":
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        return JsonResponse({"at": plain(at), **more, "rows": listed}, headers=headers)
    text = f"format={wanted[:20]} is not offered here; use {' or '.join(_FORMATS)}\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")
