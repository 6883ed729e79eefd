"""The pages that explain: a site's day, a site's month. All state is in the address."""

from datetime import date, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability.drill import day_page, judging
from gridkeeper.availability.drill.asked import Asked, day_of
from gridkeeper.availability.drill.branches import Branch, Segment
from gridkeeper.availability.drill.groups import Group, group_of
from gridkeeper.availability.drill.links import service_urls
from gridkeeper.availability.drill.refusals import refuses
from gridkeeper.availability.drill.strips import strips
from gridkeeper.availability.models import Computation
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import TARGETS, reasons
from gridkeeper.core.windows import DAY


@require_GET
@refuses
def day(request: HttpRequest, key: str, day: str) -> HttpResponse:
    """Timelines of the site, its service types, services and tests; why the figure is what it is."""
    now = timezone.now()
    asked, when = Asked.of(request, now), day_of(day)
    found = group_of(key, asked)
    version = judging.Asked(when)
    tree = judging.judge_group(found, asked.report, [version], now).get(version)
    context = asked.switches() | {
        "site": found,
        "day": when,
        "is_today": when == asked.today,
        "tree": tree,
        "targets": TARGETS,
        "previous_day_url": _day_url(found, when - DAY, asked),
        "next_day_url": _day_url(found, when + DAY, asked) if when < asked.today else "",
        "site_url": reverse("availability:site", args=[found.key]) + asked.carried(month=str(Month.of(when))),
        "what_if_url": reverse("availability:what_if", args=[found.key]) + asked.carried(month=str(Month.of(when))),
        "computation": Computation.objects.filter(day=when, report=asked.report).first(),
        **(_explained(found, tree, asked, when) if tree else {}),
    }
    return render(request, "availability/day.html", context)


def _day_url(found: Group, day: date, asked: Asked, **changes: str) -> str:
    return reverse("availability:day", args=[found.key, day]) + asked.carried(**changes)


def _explained(found: Group, tree: Branch, asked: Asked, when: date) -> dict[str, Any]:
    behind = day_page.behind(tree)
    tell = day_page.telling(asked.report, behind)

    def moment_url(segment: Segment) -> str:
        return f"{_day_url(found, when, asked, at=f'{segment.start:%H:%M:%S}')}#instant"

    moment = _instant(asked, when)
    return {
        "value": tree.seconds.value(asked.measure),
        "reasons": reasons(tree.seconds),
        "losses": day_page.losses(behind, tell),
        "strips": list(strips(tree, found.name, service_urls(tree), tell, moment_url)),
        "periods": day_page.periods(tree, tell, moment_url),
        "moment": moment,
        "moment_text": f"{moment:%H:%M:%S}" if moment else "",
        "standing": day_page.standing(tree, moment) if moment else [],
        "hours": range(0, 25, 3),
    }


def _instant(asked: Asked, when: date) -> datetime | None:
    text = asked.given.get("at", "")
    moment = day_page.instant(text, when) if text else None
    if text and moment is None:
        raise Http404(f"{text!r} is no time of a day; write it as 03:12:45 (UTC).")
    return moment
