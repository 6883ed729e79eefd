"""The pages of a site's month: why its figure is what it is, and what it would be under a supposition."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability.drill import month_page
from gridkeeper.availability.drill.asked import Asked, month_of
from gridkeeper.availability.drill.branches import Branch
from gridkeeper.availability.drill.groups import Group, group_of
from gridkeeper.availability.drill.refusals import refuses
from gridkeeper.availability.drill.suppositions import SupposedDowntime, Supposition
from gridkeeper.availability.drill.what_if import ComparedDay, WhatIf, judged_services, what_if
from gridkeeper.availability.models import RecomputationKind
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import TARGETS, reasons
from gridkeeper.core.windows import Window

#: Between the two words of a form's choice; neither a metric's name nor a service type holds it.
_BETWEEN = "|"


@require_GET
@refuses
def why(request: HttpRequest, key: str) -> HttpResponse:
    """What cost the month's figure what, and on which days."""
    now = timezone.now()
    asked = Asked.of(request, now)
    group = group_of(key, asked)
    month = month_of(asked.given.get("month", ""), asked.today)
    found = month_page.explain(group, asked.report, month, asked.measure, now)
    context = _context(asked, group, month, "availability:why") | {
        "found": found,
        "value": found.whole.value(asked.measure),
        "reasons": reasons(found.whole),
        "days": [(each, _day_url(group, each.day, asked)) for each in found.days],
        "costs": [(cost, [(day, _day_url(group, day, asked)) for day in cost.days]) for cost in found.costs],
    }
    return render(request, "availability/drill/why.html", context)


def _context(asked: Asked, group: Group, month: Month, page: str) -> dict[str, Any]:
    here = reverse(page, args=[group.key])

    def at(month: Month, address: str = here) -> str:
        return address + asked.carried(month=str(month))

    return asked.switches() | {
        "site": group,
        "month": month,
        "targets": TARGETS,
        "previous_url": at(month.previous),
        "next_url": at(month.next) if month < Month.of(asked.today) else "",
        "site_url": at(month, reverse("availability:site", args=[group.key])),
        "why_url": at(month, reverse("availability:why", args=[group.key])),
        "what_if_url": at(month, reverse("availability:what_if", args=[group.key])),
    }


def _day_url(group: Group, day: date, asked: Asked) -> str:
    return reverse("availability:day", args=[group.key, day]) + asked.carried()


@require_GET
@refuses
def suppose(request: HttpRequest, key: str) -> HttpResponse:
    """A form of what might have been, and what it would have made of the figures."""
    now = timezone.now()
    asked = Asked.of(request, now)
    group = group_of(key, asked)
    month = month_of(asked.given.get("month", ""), asked.today)
    problems: list[str] = []
    supposition = supposition_of(request, problems)
    found = None
    if not supposition.is_empty and not problems:
        found = what_if(group, asked.report, month, supposition, now)
    services = judged_services(group, asked.report, _days_of(month, asked.today), now)
    context = _context(asked, group, month, "availability:what_if") | {
        "services": _choices(services, supposition),
        "metrics": _metrics(services, supposition),
        "kept": [(name, asked.given[name]) for name in ("report", "vo", "measure") if name in asked.given],
        "problems": problems,
        "ask_url": _ask_url(group, month, supposition) if found else "",
        "found": found,
        "rows": _rows(found) if found else [],
        "days": [(each, _changed(each, asked), _day_url(group, each.day, asked)) for each in found.days]
        if found
        else [],
        "is_met": _is_met(found, asked) if found else None,
    }
    return render(request, "availability/drill/what_if.html", context, status=422 if problems else 200)


def supposition_of(request: HttpRequest, problems: list[str]) -> Supposition:
    """What the form says; what cannot be meant is added to the problems."""
    services = [_pair(text) for text in request.GET.getlist("down")]
    window = _window(request.GET.get("from", ""), request.GET.get("until", ""), problems) if services else None
    if services and window is None and not problems:
        problems.append("Say from when until when the services would have been in downtime.")
    downtimes = tuple(SupposedDowntime(*service, window) for service in services) if window else ()
    without = frozenset(_pair(text) for text in request.GET.getlist("without"))
    return Supposition(downtimes, without)


def _pair(text: str) -> tuple[str, str]:
    first, between, second = text.partition(_BETWEEN)
    if not between:
        raise Http404(f"{text!r} names nothing; choose from the list.")
    return first, second


def _window(first: str, last: str, problems: list[str]) -> Window | None:
    if not first or not last:
        return None
    moments = []
    for text in (first, last):
        try:
            moments.append(datetime.fromisoformat(text).replace(tzinfo=UTC))
        except ValueError:
            problems.append(f"{text!r} is no time; write it as 2026-03-01T14:30 (UTC).")
    if len(moments) == 2 and moments[1] <= moments[0]:
        problems.append("The downtime ends before it begins; exchange the two.")
    return Window(*moments) if len(moments) == 2 and not problems else None


def _days_of(month: Month, today: date) -> list[date]:
    """The newest days of the month that have begun, of which one will tell what there is."""
    return [day for day in month.days() if day <= today][-3:]


Services = Mapping[tuple[str, str], set[str]]


def _choices(services: Services, supposition: Supposition) -> list[dict[str, Any]]:
    chosen = {(each.service_type, each.hostname) for each in supposition.downtimes}
    return [_choice(*pair, is_chosen=pair in chosen) for pair in services]


def _metrics(services: Services, supposition: Supposition) -> list[dict[str, Any]]:
    pairs = {(metric, service_type) for (service_type, _), metrics in services.items() for metric in metrics}
    return [_choice(*pair, is_chosen=pair in supposition.without) for pair in sorted(pairs)]


def _choice(first: str, second: str, *, is_chosen: bool) -> dict[str, Any]:
    return {"value": f"{first}{_BETWEEN}{second}", "first": first, "second": second, "is_chosen": is_chosen}


def _ask_url(group: Group, month: Month, supposition: Supposition) -> str:
    """The request for a recomputation that would make it so, where one does; it is filled in."""
    if supposition.downtimes and not supposition.without:
        window = supposition.downtimes[0].window
        about = {
            "kind": RecomputationKind.STATUS, "level": "service", "status": "DOWNTIME",
            "services": ", ".join(sorted({each.service_type for each in supposition.downtimes})),
            "hosts": ", ".join(sorted({each.hostname for each in supposition.downtimes})),
        }  # fmt: skip
    elif supposition.without and not supposition.downtimes:
        window = month.window
        about = {
            "kind": RecomputationKind.RESULTS,
            "services": ", ".join(sorted({service_type for _, service_type in supposition.without})),
            "metrics": ", ".join(sorted({metric for metric, _ in supposition.without})),
        }
    else:
        return ""
    times = {name: f"{moment:%Y-%m-%dT%H:%M}" for name, moment in (("start", window.start), ("end", window.end))}
    wanted = about | {"groups": group.name} | times
    return f"{reverse('availability:recomputation_new')}?{urlencode(wanted)}"


def _rows(found: WhatIf) -> list[dict[str, Any]]:
    """The month's figures and seconds, before and after."""
    compared = found.month
    shown = [
        {"name": name, "before": before, "after": after, "difference": compared.difference(name), "target": target}
        for name, target in TARGETS.items()
        for before, after in [compared.values(name)]
    ]
    names = {"critical_s": "Critical", "down_s": "Declared downtime", "unknown_s": "Unknown", "up_s": "Up"}
    times = [
        {"name": text, "before_s": getattr(compared.before, name), "after_s": getattr(compared.after, name)}
        for name, text in names.items()
    ]
    return [*shown, *times]


def _changed(day: ComparedDay, asked: Asked) -> dict[str, Any]:
    before, after = day.compared.values(asked.measure)
    return {
        "before": before, "after": after, "difference": day.compared.difference(asked.measure),
        "strips": [_strip(tree) for tree in (day.before, day.after)],
    }  # fmt: skip


def _strip(tree: Branch | None) -> list[dict[str, Any]]:
    segments = tree.segments if tree else []
    return [{"start": each.start, "end": each.end, "status": each.status} for each in segments]


def _is_met(found: WhatIf, asked: Asked) -> tuple[bool | None, bool | None]:
    before, after = found.month.values(asked.measure)
    return tuple(None if value is None else value >= asked.target for value in (before, after))  # type: ignore[return-value]
