"""The page that shows which days are computed, which wait and which failed, and computes one again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.availability import computation_actions, marks, permissions
from gridkeeper.availability.models import Computation, ComputationState, DayMark
from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.registry.action_pages import refuse

_PAGE = 60
#: What a day is said to be -> its colour.
STATES = {"computed": "grade-full", "running": "grade-good", "pending": "grade-near", "failed": "grade-low"}


@dataclass(frozen=True, slots=True)
class Line:
    """A day of the page."""

    day: date
    state: str
    computed_at: datetime | None
    took_ms: int
    reason: str
    reports: Sequence[Computation]
    is_today: bool

    @property
    def grade(self) -> str:
        return STATES[self.state]

    @property
    def ignored(self) -> int:
        return max((row.ignored for row in self.reports), default=0)


@require_safe
def computations(request: HttpRequest) -> HttpResponse:
    """Days, newest first; `state` narrows them."""
    state = request.GET.get("state", "")
    if state and state not in STATES:
        raise Http404(f"There is no state {state!r}; there are {', '.join(STATES)}.")
    days = _days_by_state()
    marked = DayMark.objects.order_by("-day")
    if state == "computed":
        marked = marked.exclude(day__in=set().union(*days.values()))
    elif state:
        marked = marked.filter(day__in=days[state])
    page = Paginator(marked, _PAGE).get_page(request.GET.get("page"))
    today = as_utc(timezone.now()).date()
    context = {
        "page": page,
        "lines": lines(list(page.object_list), today),
        "state": state,
        "states": STATES,
        "behind": len((days["pending"] | days["running"]) - {today}),
        "failed": len(days["failed"]),
        "may_compute": is_permitted(Actor.of(request), permissions.COMPUTE),
    }
    return render(request, "availability/computations.html", context)


def _days_by_state() -> dict[str, set[date]]:
    """The days that are not simply computed, each under what is most to be known of it."""
    failed, running = (
        set(Computation.objects.filter(state=state).values_list("day", flat=True))
        for state in (ComputationState.FAILED, ComputationState.RUNNING)
    )
    running -= failed
    return {"failed": failed, "running": running, "pending": set(marks.waiting_days()) - failed - running}


def lines(days: Sequence[DayMark], today: date) -> list[Line]:
    """How far each day is: one query."""
    by_day: dict[date, list[Computation]] = {}
    for row in Computation.objects.filter(day__in=[mark.day for mark in days]).order_by("report"):
        by_day.setdefault(row.day, []).append(row)
    return [_line(mark, by_day.get(mark.day, []), mark.day == today) for mark in days]


def _line(mark: DayMark, rows: Sequence[Computation], is_today: bool) -> Line:
    states = {row.state for row in rows}
    if ComputationState.FAILED in states:
        state = "failed"
    elif ComputationState.RUNNING in states:
        state = "running"
    elif marks.is_waiting(mark):
        state = "pending"
    else:
        state = "computed"
    return Line(mark.day, state, mark.computed_at, mark.took_ms, mark.reason, rows, is_today)


@require_POST
def again(request: HttpRequest, day: str) -> HttpResponseBase:
    """Marks a day, so that it is computed within a minute."""
    try:
        when = parse_date(day)
    except ValueError:
        when = None
    if when is None:
        raise Http404(f"{day!r} is not a day; write it as 2026-03-01.")
    try:
        computation_actions.compute_again(Actor.of(request), day=when, now=timezone.now())
        messages.success(request, f"{when} is computed again within a minute.")
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("availability:computations")
