"""Pages of the matrix: the whole, now or at an instant of the past, its refresh, exports."""

from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from gridkeeper.portal.addresses import address_with
from gridkeeper.portal.choices import filter_bar, read_choice, vo_names
from gridkeeper.portal.matrix import ALL_TYPES, Choice, Matrix, read_matrix
from gridkeeper.portal.matrix_exports import FORMATS, export_matrix
from gridkeeper.portal.matrix_html import body_of, columns_of, swapped_counts, swapped_rows
from gridkeeper.portal.matrix_rules import LETTERS, MEANINGS, VoStatus
from gridkeeper.portal.matrix_stamp import REFRESH_S, Stamp, changed_services, read_stamp, sites_of
from gridkeeper.web.moments import as_of_of, travels

#: So many changed services at once, and it is not worth telling which sites they stand at.
_MANY = 500


@travels
def matrix(request: HttpRequest) -> HttpResponseBase:
    """The page, or its export with `format=csv` or `format=json`. With `as_of` it shows that instant."""
    now, past = timezone.now(), as_of_of(request)
    stamp = read_stamp(now)
    known = vo_names()
    choice = read_choice(request.GET, known, request.COOKIES.get("vo", ""))
    wanted = request.GET.get("format", "")
    found = read_matrix(choice, past or now, is_past=past is not None, with_summaries=bool(wanted))
    if wanted:
        return export_matrix(found, wanted, past or now)
    context = _shown(request.GET, found, stamp) | filter_bar(request, choice, known, now)
    return render(request, "portal/matrix.html", context | _explained(request.GET, choice))


def live(request: HttpRequest) -> HttpResponse:
    """What has changed since the page's stamp: 204 where nothing, the rows with new results, or the whole table."""
    now = timezone.now()
    stamp = read_stamp(now)
    before = Stamp.parse(request.GET.get("stamp", ""))
    if before == stamp:
        return HttpResponse(status=204)
    query = request.GET.copy()
    query.pop("stamp", None)
    choice = read_choice(query, vo_names(), request.COOKIES.get("vo", ""))
    found = read_matrix(choice, now)
    context = _shown(query, found, stamp)
    changed = changed_services(before.seq) if before else set()
    if before is None or before.configuration != stamp.configuration or choice.statuses or len(changed) > _MANY:
        return render(request, "portal/matrix_live.html", context | {"is_whole": True})
    # the site's other rows too: their column "St." and what follows from a failure may have changed with it
    sites = sites_of(changed)
    lines = [line for line in found.lines if line.row.site_id in sites]
    parts = {"rows": swapped_rows(found, lines), "region_counts": swapped_counts(found)}
    return render(request, "portal/matrix_live.html", context | parts)


def _explained(query: QueryDict, choice: Choice) -> dict[str, Any]:
    """Legends, exports, and why nothing is shown."""
    return {
        "empty_reason": _empty_reason(choice),
        "exports": [(word.upper(), address_with(query, format=word)) for word in FORMATS],
        "legend": [(status, MEANINGS[status]) for status in VoStatus],
        "letters": [(kind.value, *LETTERS[kind]) for kind in LETTERS],
    }


def _shown(query: QueryDict, found: Matrix, stamp: Stamp) -> dict[str, Any]:
    """What page and refresh both show."""
    choice = found.choice
    return {
        "choice": choice,
        "chosen_statuses": {status if not vo else f"{vo}:{status}" for vo, status in choice.statuses},
        "groups": [_Group(vo, found.borrowed.get(vo, ""), _heads(found, vo)) for vo in choice.vos],
        "summary": [_summary_line(query, found, vo) for vo in choice.vos],
        "summary_statuses": list(VoStatus),
        "suffix": found.suffix,
        "columns": columns_of(found),
        "body": body_of(found),
        "count": len(found.lines),
        "has_rows": any(found.summary[vo] for vo in choice.vos),
        "live_url": f"{reverse('portal:matrix_live')}{address_with(query, stamp=str(stamp))}",
        "refresh_s": REFRESH_S,
    }


def _empty_reason(choice: Choice) -> str:
    kind = "service" if choice.service_type == ALL_TYPES else f"service of type {choice.service_type}"
    return (
        f"No monitored {kind} at a certified site supports {' or '.join(choice.vos)}. "
        "Choose another VO or service type, or say at a service which VOs it supports."
    )


class _Head(NamedTuple):
    abbreviation: str
    title: str
    url: str
    is_critical: bool


class _Group(NamedTuple):
    """The columns of a VO. owner: whose profile it uses, "" for its own."""

    vo: str
    owner: str
    heads: list[_Head]

    @property
    def width(self) -> int:
        return 1 + len(self.heads)


def _heads(found: Matrix, vo: str) -> list[_Head]:
    return [
        _Head(column.abbreviation, column.title, reverse("probes:test", args=[column.name]), column.is_critical)
        for column in found.columns[vo]
    ]


def _summary_line(query: QueryDict, found: Matrix, vo: str) -> dict[str, Any]:
    counts = found.summary[vo]
    chosen = {status for name, status in found.choice.statuses if name in ("", vo)}
    switches = [
        (
            status,
            counts.get(status, 0),
            address_with(query, status="" if status in chosen else f"{vo}:{status}"),
            status in chosen,
        )
        for status in VoStatus
    ]
    return {"vo": vo, "switches": switches, "total": sum(counts.values()), "all_url": address_with(query, status="")}
