"""The page of the workers: who tests from where, whose network broke, and what people may do about it."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.models import EngineReport, Worker, WorkerState
from gridkeeper.probes.permissions import EDIT_WORKER
from gridkeeper.probes.places import REPORT, name_of_report
from gridkeeper.probes.worker_actions import forget_worker_key, set_worker_enabled
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.web.htmx import render_page_or_part

#: Which mark a worker's state bears; the word beside it is the state's own.
MARKS = {WorkerState.OK: Status.OK, WorkerState.SUSPECT: Status.WARNING, WorkerState.LOST: Status.CRITICAL}
_WORDS = {WorkerState.OK: "at work", WorkerState.SUSPECT: "in doubt", WorkerState.LOST: "lost"}
#: A worker that is there is heard every second; its row follows within some more.
_SILENT = timedelta(seconds=60)
#: A clock that is off by more makes the checks of lifetimes wrong there.
_CLOCK_OFF_S = 60
_EVENTS = 30


@require_safe
def workers(request: HttpRequest) -> HttpResponse:
    """Every worker with its state, and why; and what happened to them lately."""
    now = timezone.now()
    rows = rows_of_workers(now)
    counts = {state: sum(row["state"] == state for row in rows) for state in WorkerState}
    context = {
        "rows": rows,
        "sums": [(MARKS[state], _WORDS[state], count) for state, count in counts.items() if count],
        "events": worker_events(),
        "may_edit": is_permitted(Actor.of(request), EDIT_WORKER, None),
        "has_bus": bool(settings.GRIDKEEPER.bus_url),
        "is_embedded": settings.GRIDKEEPER.embedded_worker,
    }
    return render_page_or_part(request, "probes/workers.html", "probes/workers_part.html", context)


def rows_of_workers(now: datetime) -> list[dict[str, Any]]:
    """The workers with their newest figures; what needs somebody first, retired ones last."""
    reports = {one.name: one.figures for one in EngineReport.objects.filter(name__startswith=REPORT)}
    rows = []
    for worker in Worker.objects.all():
        figures = reports.get(name_of_report(worker.name), {})
        state = WorkerState(worker.state)
        # Where no scheduler runs, nobody notes that a worker is silent.
        is_silent = worker.last_seen_at < now - _SILENT
        rows.append(
            {
                "worker": worker, "figures": figures, "state": state, "mark": MARKS[state], "word": _WORDS[state],
                "is_silent": is_silent, "is_clock_off": abs(figures.get("clock_off_s", 0)) > _CLOCK_OFF_S,
            }
        )  # fmt: skip
    urgency = [WorkerState.SUSPECT, WorkerState.LOST, WorkerState.OK]
    return sorted(rows, key=lambda row: (not row["worker"].is_enabled, urgency.index(row["state"]), row["worker"].name))


def worker_events() -> list[dict[str, Any]]:
    """The newest changes of state of all workers, newest first."""
    records = Worker.history.order_by("-history_id").values_list(
        "name", "history_date", "state", "state_reason", "is_enabled", "history_change_reason", "history_actor"
    )[: 4 * _EVENTS]
    found: list[dict[str, Any]] = []
    for name, at, state, why, is_enabled, reason, actor in records:
        found.append(
            {
                "name": name, "at": at, "mark": MARKS[WorkerState(state)], "word": _WORDS[WorkerState(state)],
                "why": why or reason, "is_enabled": is_enabled, "actor": "" if actor == "system" else actor,
            }
        )  # fmt: skip
    return found[:_EVENTS]


class WorkerPage(ActionPage):
    """What is done to one worker leads back to the list."""

    permission = EDIT_WORKER

    def get_subject(self) -> Worker:
        return get_object_or_404(Worker, name=self.kwargs["name"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def after(self) -> str:
        return reverse("probes:workers")


class WorkerSwitch(WorkerPage):
    """Retires a worker, or lets it work again."""

    @property
    def title(self) -> str:  # type: ignore[override]  # a page that says what it would do
        return "Retire" if self.subject.is_enabled else "Let work again"

    verb = title

    @property
    def consequence(self) -> str:  # type: ignore[override]
        if self.subject.is_enabled:
            return "It is given nothing more to run; other workers that fit the tests' rules take over."
        return "It is given runs again within some seconds."

    @property
    def is_destructive(self) -> bool:  # type: ignore[override]
        return bool(self.subject.is_enabled)

    def act(self, form: ReasonForm) -> str:
        is_enabled = not self.subject.is_enabled
        reason = form.cleaned_data["reason"]
        set_worker_enabled(self.actor, worker=self.subject, is_enabled=is_enabled, reason=reason)
        return f"{self.subject} {'works again' if is_enabled else 'is retired'}."


class WorkerKeyForget(WorkerPage):
    """Lets a worker come with another key."""

    title = verb = "Forget its key"
    is_destructive = True
    consequence = (
        "Credentials are sealed for the key that the worker first came with. Once that is forgotten, the next key that "
        "comes under its name is taken: be sure that it is the worker's own."
    )

    def act(self, form: ReasonForm) -> str:
        forget_worker_key(self.actor, worker=self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return f"The key of {self.subject} is forgotten; the next one that it shows is kept."
