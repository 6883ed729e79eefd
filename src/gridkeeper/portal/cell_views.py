"""What a cell of the matrix says on hover, and the way from it to its log; now, or at an instant of the past."""

from datetime import datetime, timedelta

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone

from gridkeeper.bus.facts import open_facts
from gridkeeper.bus.standing import standing_at
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.portal.matrix_html import because, cell_code, from_code
from gridkeeper.portal.matrix_rules import Seen
from gridkeeper.portal.matrix_seen import explained_of
from gridkeeper.portal.strips import moment_of, stamp_of
from gridkeeper.portal.time_slider import moment_word
from gridkeeper.probes.models import LatestStatus, Test
from gridkeeper.registry.models import Service
from gridkeeper.web.moments import PARAMETER


def titles(request: HttpRequest, row: str) -> JsonResponse:
    """Address of each cell of a row -> its title with result, age and first line; asked for on hover."""
    service = _service(row)
    now = timezone.now()
    tests = dict(Test.objects.values_list("name", "pk"))
    rows = LatestStatus.objects.filter(hostname=service.hostname, service_type=service.service_type.name)
    newest = list(rows.filter(metric__in=tests))
    explained = explained_of([each.series for each in newest if each.hard_status])
    return JsonResponse(
        {
            f"{cell_code(tests[each.metric], each.vo)}/{row}": _title(each, explained.get(each.series), now)
            for each in newest
        }
    )


def _title(newest: LatestStatus, explained: Seen | None, now: datetime) -> str:
    status = Status(newest.hard_status)
    age = format_duration(max(0, int((now - newest.executed_at).total_seconds())))
    words = [f"{newest.metric}: {status.name}", f"{age} ago", newest.summary]
    if status is not Status.OK:
        words.insert(1, f"since {newest.hard_since:%Y-%m-%d %H:%M} UTC")
    return "\n".join(word for word in [*words, *(because(explained) if explained else [])] if word)


def latest(request: HttpRequest, code: str, row: str, vo: str = "") -> HttpResponse:
    """From a cell to the log of the newest result of its series."""
    test, service = _test(code), _service(row)
    series = series_id(service.hostname, service.service_type.name, test.name, vo)
    fact = LatestStatus.objects.filter(series=series).values_list("fact", flat=True).first()
    if fact is None:
        raise Http404(f"{test.name} on {service.hostname} has no result yet")
    return redirect("portal:result", series, fact)


def latest_at(request: HttpRequest, code: str, row: str, stamp: int, vo: str = "") -> HttpResponse:
    """From a cell of the past to the log of the result that it showed."""
    test, service = _test(code), _service(row)
    try:
        moment = moment_of(stamp)
    except OverflowError as error:
        raise Http404("no result is of that time") from error
    series = series_id(service.hostname, service.service_type.name, test.name, vo)
    found = standing_at(open_facts(), moment, timedelta(seconds=test.validity_s), [series])
    if not found:
        raise Http404(f"{test.name} on {service.hostname} had no result at {moment_word(moment)}")
    address = reverse("portal:result_at", args=[series, stamp_of(found[0].executed_at)])
    return HttpResponseRedirect(f"{address}?{PARAMETER}={moment_word(moment)}")


def _test(code: str) -> Test:
    return get_object_or_404(Test, pk=from_code(code))


def _service(row: str) -> Service:
    return get_object_or_404(Service.objects.select_related("service_type"), pk=from_code(row))
