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
from gridkeeper.portal.result_causes import why_now, why_then
from gridkeeper.portal.result_charts import courses, durations
from gridkeeper.portal.result_places import places_for
from gridkeeper.portal.strips import moment_of, runs_of, segments, stamp_of
from gridkeeper.probes.actions import request_run
from gridkeeper.probes.models import LatestStatus, Test, TestKind
from gridkeeper.probes.perfdata import Item, parse_perfdata
from gridkeeper.probes.permissions import RUN_TEST
from gridkeeper.registry.models import Service
from gridkeeper.registry.queries import downtimes_at
from gridkeeper.web.moments import as_of_of, travels

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
@travels
def latest(request: HttpRequest, series: int) -> HttpResponse:
    """The newest result of a series, under an address that always leads to the newest."""
    past = as_of_of(request)
    if past is not None:
        return _page(request, series, 0, _newest_at(series, past))
    row = LatestStatus.objects.filter(series=series).first()
    if row is None:
        raise Http404("no result of this test was ever seen there")
    return _page(request, series, row.fact, row.executed_at)


def _newest_at(series: int, moment: datetime) -> datetime:
    """When the newest result of the week before that instant was measured. Raises Http404 where there is none."""
    found = open_facts().history(series, Window(moment - _WEEK, moment + timedelta(microseconds=1)), 1)
    if not found:
        raise Http404("this test said nothing in the week before that instant")
    return found[0].executed_at


@require_safe
@travels
def result(request: HttpRequest, series: int, fact: int) -> HttpResponse:
    """One result for ever."""
    return _page(request, series, fact, None)


@require_safe
@travels
def at(request: HttpRequest, series: int, stamp: int) -> HttpResponse:
    """The result of that time: how strips and lists of former results name one."""
    try:
        moment = moment_of(stamp)
    except OverflowError as error:
        raise Http404("no result is of that time") from error
    return _page(request, series, 0, moment)


def _page(request: HttpRequest, series: int, fact: int, executed_at: datetime | None) -> HttpResponse:
    past = as_of_of(request)
    now = past or timezone.now()
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
        "may_run": past is None and _is_run_by_us(test, service) and is_permitted(Actor.of(request), RUN_TEST, service),
        "cause": _cause(shown),
        "why": why_now(series, shown.fact.status)
        if shown.is_newest and past is None
        else why_then(facts, series, shown.fact.status, past or shown.fact.executed_at),
        "places": places_for(shown.key, test, shown.fact.status, shown.fact.executed_at)
        if shown.is_newest and past is None
        else None,
        **_history(facts, shown, test.validity_s if test else 86_400, now, is_past=past is not None),
        "is_past": past is not None,
        **_related(shown),
    }
    part = "portal/result_part.html" if request.headers.get("HX-Target") == "panel" else "portal/result.html"
    return render(request, part, context)


def _shown(facts: Facts, series: int, fact: int, executed_at: datetime | None) -> Shown:
    newest = LatestStatus.objects.filter(series=series).first()
    key = SeriesKey(newest.hostname, newest.service_type, newest.metric, newest.vo) if newest else facts.key_of(series)
    if key is None:
        raise Http404("no such series of results")
    log = None if executed_at else facts.log(series, None, fact)
    moment = executed_at or (log.executed_at if log else None)
    found = None if moment is None else _fact_at(facts, series, moment, fact)
    if found is None:
        raise Http404("that result is no longer kept; the newest one of this test is at .../latest/")
    return Shown(key, series, found, log or facts.log(series, moment, found.fact), newest)


def _fact_at(facts: Facts, series: int, moment: datetime, fact: int) -> Fact | None:
    around = facts.history(series, Window(moment, moment + timedelta(microseconds=1)))
    same = [item for item in around if (item.fact ^ fact) & 0xFFFF_FFFF == 0]
    return next(iter(same or around), None)


def _service_of(key: SeriesKey) -> Service | None:
    found = Service.objects.filter(hostname=key.hostname, service_type__name=key.service_type)
    return found.select_related("site__ngi", "service_type").order_by("valid_until", "-valid_from").first()


def _is_run_by_us(test: Test | None, service: Service | None) -> bool:
    """False where a request for a run could only be refused: a result from elsewhere, a test switched off."""
    if test is None or service is None:
        return False
    is_ours = test.kind != TestKind.PASSIVE or test.rides_in_id is not None
    return is_ours and test.is_enabled and service.is_monitored and service.valid_until is None


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


def _history(facts: Facts, shown: Shown, validity_s: int, now: datetime, *, is_past: bool) -> dict[str, Any]:
    """Strips and former results. Clocks of workers may be ahead of ours; of the past nothing later is shown."""
    end = now + timedelta(microseconds=1) if is_past else now + _DAY
    week = Window(now - _WEEK, now)
    runs = runs_of(facts, [shown.series], week, validity_s).get(shown.series, [])
    former = facts.history(shown.series, Window(now - _WEEK, end), _FORMER)
    known = facts.logs(former)
    logs = [known.get((item.series, item.executed_at, item.fact & 0xFFFF_FFFF)) for item in former]
    return {
        "day_strip": segments(shown.series, runs, Window(now - _DAY, now), validity_s),
        "week_strip": segments(shown.series, runs, week, validity_s),
        "former": [
            {"fact": item, "log": log, "is_this": item.seq == shown.fact.seq, "stamp": stamp_of(item.executed_at)}
            for item, log in zip(former, logs, strict=True)
        ],
        "durations": durations(former),
        "courses": courses([log for log in logs if log]),
    }


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
