"""Pages of the matrix: the whole, its refresh, what a row says on hover, the way from a cell to its log, exports."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from gridkeeper.core.identifiers import series_id
from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.portal.matrix import (
    ALL_TYPES,
    DEFAULT_TYPE,
    REFRESH_S,
    Choice,
    Matrix,
    Stamp,
    changed_services,
    read_matrix,
    read_stamp,
)
from gridkeeper.portal.matrix_exports import FORMATS, export_matrix
from gridkeeper.portal.matrix_html import body_of, cell_code, from_code, swapped_counts, swapped_rows
from gridkeeper.portal.matrix_rules import LETTERS, MEANINGS, VoStatus
from gridkeeper.probes.models import LatestStatus, Test
from gridkeeper.registry.models import Ngi, Service, ServiceType
from gridkeeper.vos.models import Vo

#: Most VOs side by side: more make a table that nobody can read.
MOST_VOS = 6
#: Boxes for VOs that stand in a line; with more VOs only the chosen ones have one, the others stand in a menu.
_BOXES = 10


def matrix(request: HttpRequest) -> HttpResponseBase:
    """The page, or its export with `format=csv` or `format=json`."""
    now = timezone.now()
    stamp = read_stamp(now)
    known = _vo_names()
    choice = read_choice(request.GET, known, request.COOKIES.get("vo", ""))
    wanted = request.GET.get("format", "")
    found = read_matrix(choice, now, with_summaries=bool(wanted))
    if wanted:
        return export_matrix(found, wanted, now)
    return render(request, "portal/matrix.html", _context(request, found, known, stamp))


def live(request: HttpRequest) -> HttpResponse:
    """What has changed since the page's stamp: 204 where nothing, the rows with new results, or the whole table."""
    now = timezone.now()
    stamp = read_stamp(now)
    before = Stamp.parse(request.GET.get("stamp", ""))
    if before == stamp:
        return HttpResponse(status=204)
    query = request.GET.copy()
    query.pop("stamp", None)
    choice = read_choice(query, _vo_names(), request.COOKIES.get("vo", ""))
    found = read_matrix(choice, now)
    context = _shown(query, found, stamp)
    if before is None or before.configuration != stamp.configuration or choice.statuses:
        return render(request, "portal/matrix_live.html", context | {"is_whole": True})
    changed = changed_services(before.seq)
    sites = {line.row.site_id for line in found.lines if (line.row.hostname, line.row.service_type) in changed}
    # the site's other rows too: their column "St." may have changed with it
    lines = [line for line in found.lines if line.row.site_id in sites]
    parts = {"rows": swapped_rows(found, lines), "region_counts": swapped_counts(found)}
    return render(request, "portal/matrix_live.html", context | parts)


def read_choice(query: QueryDict, known: Sequence[str], usual: str = "") -> Choice:
    """The choice that the address states; words that name nothing are left out, as after a VO has gone.

    usual: the VO that the reader last looked at, used where the address names none
    """
    operations = settings.GRIDKEEPER.operations_vo
    first = next((vo for vo in (usual, operations, *known) if vo in known), "")
    vos = [vo for vo in dict.fromkeys(query.getlist("vo")) if vo in known][:MOST_VOS]
    return Choice(
        vos=tuple(vos or [first] * bool(first)),
        service_type=_clean(query.get("type", "")) or _usual_type(),
        regions=tuple(filter(None, map(_clean, query.getlist("region")[:50]))),
        statuses=tuple(pair for word in query.getlist("status")[:50] if (pair := _status(word))),
        text=_clean(query.get("q", "")),
    )


def _usual_type() -> str:
    """The CE, as in the SFT report; every type where the federation has no such type."""
    return DEFAULT_TYPE if ServiceType.objects.filter(name=DEFAULT_TYPE).exists() else ALL_TYPES


def _clean(text: str) -> str:
    """Bounded, and without NUL, which PostgreSQL cannot compare with."""
    return text.replace("\0", "").strip()[:200]


def _status(word: str) -> tuple[str, VoStatus] | None:
    """`CT`, or `lhcb:CT` for one of the VOs shown."""
    vo, _, status = word.rpartition(":")
    return (vo, VoStatus(status)) if status in VoStatus.__members__ else None


def _vo_names() -> list[str]:
    return list(Vo.objects.current().values_list("name", flat=True))


def _context(request: HttpRequest, found: Matrix, known: Sequence[str], stamp: Stamp) -> dict[str, Any]:
    types = list(ServiceType.objects.values_list("name", flat=True))
    return _shown(request.GET, found, stamp) | {
        "known_vos": known,
        "is_filtered": bool(
            found.choice.regions or found.choice.text or found.choice.statuses or "type" in request.GET
        ),
        "empty_reason": _empty_reason(found.choice),
        "boxed_vos": known if len(known) <= _BOXES else found.choice.vos,
        "more_vos": [] if len(known) <= _BOXES else [vo for vo in known if vo not in found.choice.vos],
        "service_types": types
        if found.choice.service_type in (*types, ALL_TYPES)
        else [found.choice.service_type, *types],
        "all_types": ALL_TYPES,
        "regions": Ngi.objects.current().values_list("name", flat=True),
        "exports": [(word.upper(), _with(request.GET, format=word)) for word in FORMATS],
        "legend": [(status, MEANINGS[status]) for status in VoStatus],
        "letters": [(kind.value, *LETTERS[kind]) for kind in LETTERS],
        "statuses": list(VoStatus),
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
        "body": body_of(found),
        "count": len(found.lines),
        "has_rows": any(found.summary[vo] for vo in choice.vos),
        "live_url": f"{reverse('portal:matrix_live')}{_with(query, stamp=str(stamp))}",
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
            _with(query, status="" if status in chosen else f"{vo}:{status}"),
            status in chosen,
        )
        for status in VoStatus
    ]
    return {"vo": vo, "switches": switches, "total": sum(counts.values()), "all_url": _with(query, status="")}


def _with(query: QueryDict, **changes: str) -> str:
    """The address with those parameters replaced; an empty one is taken away."""
    kept = [(name, value) for name, values in query.lists() for value in values if name not in changes and value]
    return "?" + urlencode([*kept, *((name, value) for name, value in changes.items() if value)])


def titles(request: HttpRequest, row: str) -> JsonResponse:
    """Address of each cell of a row -> its title with result, age and first line; asked for on hover."""
    service = _service(row)
    now = timezone.now()
    tests = dict(Test.objects.values_list("name", "pk"))
    rows = LatestStatus.objects.filter(hostname=service.hostname, service_type=service.service_type.name)
    found = {}
    for newest in rows.filter(metric__in=tests):
        found[f"{cell_code(tests[newest.metric], newest.vo)}/{row}"] = _title(newest, now)
    return JsonResponse(found)


def _title(newest: LatestStatus, now: datetime) -> str:
    status = Status(newest.hard_status)
    age = format_duration(max(0, int((now - newest.executed_at).total_seconds())))
    words = [f"{newest.metric}: {status.name}", f"{age} ago", newest.summary]
    if status is not Status.OK:
        words.insert(1, f"since {newest.hard_since:%Y-%m-%d %H:%M} UTC")
    return "\n".join(word for word in words if word)


def latest(request: HttpRequest, code: str, row: str, vo: str = "") -> HttpResponse:
    """From a cell to the log of the newest result of its series."""
    test = get_object_or_404(Test, pk=from_code(code))
    service = _service(row)
    series = series_id(service.hostname, service.service_type.name, test.name, vo)
    fact = LatestStatus.objects.filter(series=series).values_list("fact", flat=True).first()
    if fact is None:
        raise Http404(f"{test.name} on {service.hostname} has no result yet")
    return redirect("portal:result", series, fact)


def _service(row: str) -> Service:
    return get_object_or_404(Service.objects.select_related("service_type"), pk=from_code(row))
