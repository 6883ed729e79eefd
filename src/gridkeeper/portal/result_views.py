"""The log of a result: what ran, where, what it said, what it means, what to do, how it was before."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.bus.facts import Fact, Facts, open_facts
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.portal.strips import runs_of, segments
from gridkeeper.probes.actions import request_run
from gridkeeper.probes.models import LatestStatus, Test
from gridkeeper.probes.perfdata import Item, parse_perfdata
from gridkeeper.probes.permissions import RUN_TEST
from gridkeeper.registry.models import Service
from gridkeeper.registry.queries import downtimes_at

#: Former results that the page lists.
_FORMER = 30
_DAY, _WEEK = timedelta(days=1), timedelta(days=7)
_RELATED = 12

#: What each status says of a result, in words.
VERDICTS = {
    Status.OK: "All well",
    Status.WARNING: "It works, and something wants attention",
    Status.CRITICAL: "It failed",
    Status.UNKNOWN: "The test could not tell",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A result with all that its page needs to say who it is of."""

    key: SeriesKey
    series: int
    fact: Fact
    log: Any
    newest: LatestStatus | None

    @property
    def is_newest(self) -> bool:
        return self.newest is not None and self.newest.executed_at == self.fact.executed_at


@require_safe
def latest(request: HttpRequest, series: int) -> HttpResponse:
    """The newest result of a series, under an address that always leads to the newest."""
    row = LatestStatus.objects.filter(series=series).first()
    if row is None:
        raise Http404("no result of this test was ever seen there")
    return _page(request, series, row.fact, row.executed_at)


@require_safe
def result(request: HttpRequest, series: int, fact: int) -> HttpResponse:
    """One result for ever."""
    return _page(request, series, fact, None)


def _page(request: HttpRequest, series: int, fact: int, executed_at: datetime | None) -> HttpResponse:
    now = timezone.now()
    facts = open_facts()
    shown = _shown(facts, series, fact, executed_at)
    test = Test.objects.filter(name=shown.key.metric).first()
    service = _service_of(shown.key)
    perfdata = parse_perfdata(shown.log.perfdata)[0] if shown.log else ()
    context = {
        "shown": shown,
        "status": shown.fact.status,
        "verdict": VERDICTS[shown.fact.status],
        "test": test,
        "service": service,
        "perfdata": [_row(item) for item in perfdata],
        "downtimes": downtimes_at(now, service=service) if service else [],
        "may_run": service is not None and is_permitted(Actor.of(request), RUN_TEST, service),
        "cause": _cause(shown),
        **_history(facts, shown, test.validity_s if test else 86_400, now),
        **_related(shown),
    }
    part = "portal/result_part.html" if request.headers.get("HX-Target") == "panel" else "portal/result.html"
    return render(request, part, context)


def _shown(facts: Facts, series: int, fact: int, executed_at: datetime | None) -> Shown:
    newest = LatestStatus.objects.filter(series=series).first()
    key = SeriesKey(newest.hostname, newest.service_type, newest.metric, newest.vo) if newest else facts.key_of(series)
    if key is None:
        raise Http404("no such series of results")
    log = facts.log(series, executed_at, fact)
    moment = executed_at or (log.executed_at if log else None)
    found = None if moment is None else _fact_at(facts, series, moment, fact)
    if found is None:
        raise Http404("that result is no longer kept; the newest one of this test is at .../latest/")
    return Shown(key, series, found, log, newest)


def _fact_at(facts: Facts, series: int, moment: datetime, fact: int) -> Fact | None:
    around = facts.history(series, Window(moment, moment + timedelta(microseconds=1)))
    same = [item for item in around if (item.fact ^ fact) & 0xFFFF_FFFF == 0]
    return next(iter(same or around), None)


def _service_of(key: SeriesKey) -> Service | None:
    found = Service.objects.filter(hostname=key.hostname, service_type__name=key.service_type)
    return found.select_related("site__ngi", "service_type").order_by("valid_until", "-valid_from").first()


def _row(item: Item) -> dict[str, Any]:
    limits = {"warning": item.warning, "critical": item.critical}
    return {"item": item, **{name: "" if value is None else str(value) for name, value in limits.items()}}


def _cause(shown: Shown) -> dict[str, str] | None:
    """The failed metric that explains this one, with the way to its log."""
    name = shown.log.cause if shown.log else ""
    if not name:
        return None
    key = shown.key
    found = [SeriesKey(key.hostname, key.service_type, name, vo).series for vo in (key.vo, "")]
    row = LatestStatus.objects.filter(series__in=found).first()
    url = reverse("portal:result_latest", args=[row.series]) if row else ""
    return {"metric": name, "url": url, "summary": row.summary if row else ""}


def _history(facts: Facts, shown: Shown, validity_s: int, now: datetime) -> dict[str, Any]:
    week = Window(now - _WEEK, now)
    runs = runs_of(facts, [shown.series], week, validity_s).get(shown.series, [])
    former = facts.history(shown.series, Window(now - _WEEK, now + _DAY), _FORMER)
    logs = facts.logs(former)
    rows = []
    for item in former:
        log = logs.get((item.series, item.executed_at, item.fact & 0xFFFF_FFFF))
        rows.append({"fact": item, "log": log, "is_this": item.seq == shown.fact.seq})
    return {
        "day_strip": segments(runs, Window(now - _DAY, now), validity_s),
        "week_strip": segments(runs, week, validity_s),
        "former": rows,
        "chart": _durations(rows),
    }


def _durations(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """How long the runs took, oldest first; None where there is nothing to compare."""
    if len(rows) < 3:
        return None
    ordered = rows[::-1]
    return {
        "grid": {"left": 50, "right": 12, "top": 12, "bottom": 24},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [f"{row['fact'].executed_at:%H:%M}" for row in ordered]},
        "yAxis": {"type": "value", "axisLabel": {"formatter": "{value} ms"}},
        "series": [
            {
                "type": "line", "symbolSize": 5, "lineStyle": {"color": "var(--gk-accent)"},
                "itemStyle": {"color": "var(--gk-accent)"}, "data": [row["fact"].duration_ms for row in ordered],
            }
        ],
    }  # fmt: skip


def _related(shown: Shown) -> dict[str, Any]:
    """The same test elsewhere where it is bad, and the other tests of this service."""
    key = shown.key
    same = LatestStatus.objects.filter(metric=key.metric, vo=key.vo).exclude(series=shown.series)
    others = LatestStatus.objects.filter(hostname=key.hostname, service_type=key.service_type).exclude(
        series=shown.series
    )
    bad = same.exclude(hard_status=Status.OK)
    return {
        "elsewhere": bad.order_by("hard_since")[:_RELATED],
        "elsewhere_bad": bad.count(),
        "elsewhere_all": same.count(),
        "others": others.order_by("vo", "metric"),
    }


@require_POST
def run_again(request: HttpRequest, series: int) -> HttpResponse:
    """Asks for a run of the series' test; the reader comes back to the newest result."""
    row = get_object_or_404(LatestStatus, series=series)
    test = get_object_or_404(Test, name=row.metric)
    service = Service.objects.current().filter(hostname=row.hostname, service_type__name=row.service_type).first()
    if service is None:
        raise Http404("the service is registered no more")
    try:
        request_run(Actor.of(request), service=service, test=test, vo=row.vo, now=timezone.now())
    except NotPermittedError as error:
        return render(request, "403.html", {"reason": str(error)}, status=403)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, "Asked for. The scheduler takes it within a second; the result comes with its run.")
    return redirect("portal:result_latest", series=series)
