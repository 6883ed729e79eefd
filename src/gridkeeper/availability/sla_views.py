"""The page of service levels: budgets, burn rates and forecasts of a month, classes C and H, the three-month rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from gridkeeper.availability import queries
from gridkeeper.availability.exports import download_rows
from gridkeeper.availability.grid import Line, lines
from gridkeeper.availability.measures import Targets, value_of
from gridkeeper.availability.months import Month
from gridkeeper.availability.periods import Kind, Span, Step
from gridkeeper.availability.queries import Place
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.sla import MONTHS_TO_PROPOSAL, Budget, Outlook, Standing, standing
from gridkeeper.availability.state import State
from gridkeeper.availability.svg import share_svg
from gridkeeper.core.windows import Window
from gridkeeper.registry.models import ServiceType

#: The newest days whose rate the forecast goes by.
_RECENT = timedelta(days=7)
_MEASURES = ("availability", "reliability")
#: Outlooks that ask for somebody's attention.
_PRESSING = (Outlook.LOST, Outlook.AT_RISK)


@dataclass(frozen=True, slots=True)
class Promise:
    """A place held against its target: the line of a table.

    months: the complete months before, oldest first, with the grade of each
    """

    place: Place
    budget: Budget
    value: Decimal | None
    picture: SafeString
    url: str
    months: Sequence[tuple[str, Decimal | None, str]] = ()
    standing: Standing = Standing.GOOD
    service_class: str = ""


@require_GET
def sla(request: HttpRequest) -> HttpResponseBase:
    """A month, by default this one."""
    state = State(request, timezone.now())
    span = Span.of(Kind.MONTH, min(state.period.last, max(state.today, state.period.first)))
    state.period = span
    measure = state.measure if state.measure in _MEASURES else _MEASURES[0]
    state.measure = measure
    promises = _of_sites(state, span)
    if "format" in request.GET:
        return download_rows([_row(each) for each in promises], request.GET["format"], f"sla-{state.report}-{span}")
    services = _of_services(state, span)
    counted = {outlook: sum(each.budget.outlook is outlook for each in promises) for outlook in Outlook}
    context = state.context() | {
        "measure_links": [(name, state.query(measure=name), name == measure) for name in _MEASURES],
        "promises": promises,
        "pressing": [each for each in promises if each.budget.outlook in _PRESSING],
        "calm": [each for each in promises if each.budget.outlook not in _PRESSING],
        "counted": [(outlook, count) for outlook, count in counted.items() if count],
        "at_risk": [each for each in promises if each.standing is not Standing.GOOD],
        "services": len(services),
        "pressing_services": [each for each in services if each.budget.outlook in _PRESSING],
        "is_going_on": span.elapsed_s(state.now) < span.window.seconds,
        "elapsed": 100 * span.elapsed_s(state.now) / span.window.seconds,
        "before": [month.short_title for month in _before(span)],
        "class_targets": sorted(state.targets.classes.items()),
        "months_to_proposal": MONTHS_TO_PROPOSAL,
    }
    return render(request, "availability/sla.html", context)


def _before(span: Span) -> list[Month]:
    month = Month.of(span.first)
    found = [month]
    while len(found) <= MONTHS_TO_PROPOSAL:
        found.insert(0, found[0].previous)
    return found[:-1]


def _of_sites(state: State, span: Span) -> list[Promise]:
    """The worst first. One question for the months, one for the newest days."""
    months = _before(span)
    window = Window(months[0].window.start, span.window.end)
    by_month = lines(queries.sums_of_steps(window, Step.MONTH, levels=("site",), report=state.report))
    recent = _recent(state, span, "site")
    target = state.targets.availability if state.measure == "availability" else state.targets.reliability
    found = []
    for line in by_month:
        seconds = line.parts.get((span.first, None))
        if seconds is None:
            continue  # not judged this month: what was before no longer binds anybody
        before = [_value(line, month, "availability") for month in months]
        budget = Budget(target, state.measure, seconds, recent.get(_key(line.place), Seconds()), _left_s(state, span))
        found.append(
            Promise(
                line.place, budget, value_of(seconds, state.measure), budget_picture(budget, state, span),
                state.site_url(line.place.site),
                [
                    (month.short_title, value, state.targets.grade(value, "availability"))
                    for month, value in zip(months, before, strict=True)
                ],
                standing(before, state.targets.availability),
            )
        )  # fmt: skip
    return sorted(found, key=_worst_first)


def _value(line: Line, month: Month, measure: str) -> Decimal | None:
    seconds = line.parts.get((month.window.start.date(), None))
    return None if seconds is None else value_of(seconds, measure)


def _left_s(state: State, span: Span) -> int:
    return span.window.seconds - span.elapsed_s(state.now)


def _recent(state: State, span: Span, level: str) -> dict[tuple[str, ...], Seconds]:
    """The newest week of the month until now, of each place."""
    end = min(span.window.end, datetime.combine(state.today, time(), UTC) + timedelta(days=1))
    window = Window(max(span.window.start, end - _RECENT), end)
    if window.seconds <= 0:
        return {}
    found = queries.sums_of_steps(window, None, levels=(level,), report=state.report)
    return {_key(figure.place): figure.seconds for figure in found}


def _key(place: Place) -> tuple[str, ...]:
    return (place.region, place.site, place.service_type)


def _worst_first(promise: Promise) -> Any:
    order = list(Outlook)
    return (order.index(promise.budget.outlook), -promise.budget.used_percent, promise.place.name)


def budget_picture(budget: Budget, state: State, span: Span) -> SafeString:
    """How much of the budget is used, with a mark where it should be by now."""
    used = min(100.0, budget.used_percent)
    kind = {Outlook.LOST: "low", Outlook.AT_RISK: "near"}.get(budget.outlook, "good")
    elapsed = 100 * span.elapsed_s(state.now) / span.window.seconds
    label = f"{budget.used_percent:.0f} % of the budget used, {elapsed:.0f} % of the month passed"
    return share_svg([(kind, used)], label, [elapsed] if elapsed < 100 else [])


def _of_services(state: State, span: Span) -> list[Promise]:
    """Service types with a class at each site, against what the class asks; the worst first."""
    classes = dict(ServiceType.objects.exclude(service_class="").values_list("name", "service_class"))
    classes |= state.targets.service_classes
    if not classes:
        return []
    window = span.window
    found = queries.sums_of_steps(window, None, levels=("flavour",), report=state.report, service_type=sorted(classes))
    recent = _recent(state, span, "flavour")
    promises = []
    for figure in found:
        service_class = classes[figure.place.service_type]
        target = _class_target(state.targets, service_class, state.measure)
        if target is None:
            continue
        own = recent.get(_key(figure.place), Seconds())
        budget = Budget(target, state.measure, figure.seconds, own, _left_s(state, span))
        promises.append(
            Promise(
                figure.place, budget, value_of(figure.seconds, state.measure), budget_picture(budget, state, span),
                state.site_url(figure.place.site), service_class=service_class,
            )
        )  # fmt: skip
    return sorted(promises, key=_worst_first)


def _class_target(targets: Targets, service_class: str, measure: str) -> Decimal | None:
    asked = targets.classes.get(service_class)
    if asked is None:
        return None
    return asked.availability if measure == "availability" else asked.reliability


def _row(promise: Promise) -> dict[str, Any]:
    """A line of the download."""
    place, budget = promise.place, promise.budget
    return {
        "region": place.region, "region_name": place.region_name, "site": place.site, "site_name": place.site_name,
        "measure": budget.measure, "target": float(budget.target), "value": _number(promise.value),
        "outlook": budget.outlook.value, "forecast": _number(budget.forecast), "best": _number(budget.best),
        "worst": _number(budget.worst), "budget_s": budget.allowed_s, "used_s": budget.used_s, "left_s": budget.left_s,
        "burn_rate": budget.burn_rate, "standing": promise.standing.value,
    }  # fmt: skip


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
