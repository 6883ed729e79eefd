"""The page of a node's history, and its exports."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.bus.facts import open_facts
from gridkeeper.core.windows import Window
from gridkeeper.portal.addresses import address_with
from gridkeeper.portal.choices import clean, vo_names
from gridkeeper.portal.node_history import TestHistory, flips_of, history_of
from gridkeeper.registry.models import Downtime, Service
from gridkeeper.web.exports import csv_lines, plain
from gridkeeper.web.moments import as_of_of, travels

#: Days that the page offers; the first is what it shows unasked.
_DAYS = (1, 7, 30)
#: Changes that the page lists; all of them are in the exports, as periods.
_MOST_FLIPS = 200
_COLUMNS = ("service_type", "hostname", "test", "vo", "status", "start", "end")


@require_safe
@travels
def node(request: HttpRequest, hostname: str) -> HttpResponseBase:
    """Strips of every test on that host, its changes and downtimes; the periods with `format=csv` or `format=json`."""
    end = as_of_of(request) or timezone.now()
    hostname = clean(hostname)
    days = next((days for days in _DAYS if request.GET.get("days") == str(days)), _DAYS[0])
    window = Window(end - timedelta(days=days), end)
    known = vo_names()
    vos = [vo for vo in dict.fromkeys(request.GET.getlist("vo")) if vo in known]
    history = history_of(open_facts(), hostname, window, vos)
    services = Service.objects.current().filter(hostname=hostname).select_related("site__ngi", "service_type")
    if not history and not services:
        raise Http404(f"no service stands on {hostname}, and no test said anything of it in these {days} days")
    if wanted := request.GET.get("format", ""):
        return _export(hostname, wanted, window, history)
    context = {
        "hostname": hostname,
        "services": services,
        "window": window,
        "groups": [(kind, list(tests)) for kind, tests in groupby(history, key=lambda test: test.key.service_type)],
        "flips": flips_of(history)[:_MOST_FLIPS],
        "downtimes": _downtimes(services, window),
        "days": [(each, address_with(request.GET, days=str(each)), each == days) for each in _DAYS],
        "vos": [(vo, address_with(request.GET, vo=vo), vos == [vo]) for vo in known],
        "all_vos": (address_with(request.GET, vo=""), not vos),
        "exports": [(word.upper(), address_with(request.GET, format=word)) for word in ("csv", "json")],
    }
    return render(request, "portal/node.html", context)


def _downtimes(services: Iterable[Service], window: Window) -> "QuerySet[Downtime]":
    found = Downtime.objects.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=window.end))
    found = found.filter(services__in=[service.pk for service in services], start__lt=window.end, end__gt=window.start)
    return found.distinct().order_by("-start")


def _periods(history: Sequence[TestHistory]) -> Iterator[tuple[Any, ...]]:
    for test in history:
        key = test.key
        for period in test.periods:
            yield key.service_type, key.hostname, key.metric, key.vo, period.status.name, period.start, period.end


def _export(hostname: str, wanted: str, window: Window, history: Sequence[TestHistory]) -> HttpResponseBase:
    name = f"history-{hostname}-{_word(window.start)}-{_word(window.end)}.{wanted}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if wanted == "csv":
        lines = csv_lines(_COLUMNS, _periods(history))
        return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)
    if wanted == "json":
        rows = [dict(zip(_COLUMNS, map(plain, row), strict=True)) for row in _periods(history)]
        answer = {"hostname": hostname, "from": plain(window.start), "to": plain(window.end), "periods": rows}
        return JsonResponse(answer, headers=headers)
    text = f"format={wanted[:20]} is not offered here; use csv or json\n"
    return HttpResponse(text, status=400, content_type="text/plain; charset=utf-8")


def _word(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%MZ}"
