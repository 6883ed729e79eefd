"""The pages of recomputations: the list, the request with its preview, and one with what it changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.availability import permissions, topology
from gridkeeper.availability.models import Recomputation, RecomputationState
from gridkeeper.availability.recomputations import actions, queries
from gridkeeper.availability.recomputations.documents import check
from gridkeeper.availability.recomputations.forms import RequestForm
from gridkeeper.availability.recomputations.rules import Change
from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.registry.action_pages import ActionPage, refuse
from gridkeeper.registry.permissions import sites_where
from gridkeeper.web.lists import Link

_PAGE = 50
_VERBS = {"approve": actions.approve, "reject": actions.reject, "withdraw": actions.withdraw, "revert": actions.revert}
#: Verb -> the state that it leads to, what its button says, what follows.
BUTTONS: Mapping[str, tuple[str, str, str]] = {
    "approve": (RecomputationState.APPROVED, "Approve", "The figures of its days are made again within a minute."),
    "reject": (RecomputationState.REJECTED, "Reject", "No figure changes."),
    "withdraw": (RecomputationState.WITHDRAWN, "Withdraw", "No figure changes."),
    "revert": (RecomputationState.REVERTED, "Revert", "The figures of its days are made again without it."),
}


@require_safe
def recomputations(request: HttpRequest) -> HttpResponse:
    """All of them, newest first; `state` and `report` narrow the list."""
    state = request.GET.get("state", "")
    if state and state not in RecomputationState.values:
        raise Http404(f"There is no state {state!r}; there are {', '.join(RecomputationState.values)}.")
    found = queries.recomputations(state=state, report=request.GET.get("report", ""))
    page = Paginator(found, _PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "state": state,
        "states": RecomputationState.choices,
        "waiting": Recomputation.objects.filter(state=RecomputationState.REQUESTED).count(),
        "lines": [(row, subject(row)) for row in page],
    }
    return render(request, "availability/recomputations/list.html", context)


def subject(row: Recomputation) -> str:
    """What it is about, in words: "CE-js of CE at INFN-T1"."""
    said = row.document
    words = [
        ", ".join(said[name]) for name in ("metrics", "hosts", "functions", "services", "groups") if said.get(name)
    ]
    text = " of ".join(words) or said.get("source", "")
    return f"{text} is {said['status']}" if said.get("status") else text


def may_ask(actor: Actor) -> bool:
    """May ask for something, at least for one site: the form then checks what is named."""
    if is_permitted(actor, permissions.REQUEST_RECOMPUTATION):
        return True
    return sites_where(actor, "edit_site").exists()


class Request(ActionPage):
    """The form of a request; its preview judges the days twice."""

    title = "Ask for a recomputation"
    verb = "Ask for it"
    has_preview = True
    consequence = (
        "Nothing changes until the federation's staff approves it. Then the days are computed again, what changed is "
        "kept, and it can be reverted."
    )
    template_name = "availability/recomputations/request.html"

    @property
    def heading(self) -> str:
        return self.title

    def get_subject(self) -> None:
        return None

    def check(self) -> None:
        if not may_ask(self.actor):
            require(self.actor, permissions.REQUEST_RECOMPUTATION)

    def get_form(self, data: Any) -> RequestForm:
        names = [report.name for report in topology.reports_of(timezone.now().date())]
        return RequestForm(data, reports=names, initial=_initial(self.request.GET))

    def act(self, form: RequestForm) -> str:
        now = timezone.now()
        wish = form.wish()
        self.added = actions.request(self.actor, wish, now=now, preview=self._seen(form, now))
        return "Asked. The federation's staff decides."

    def _seen(self, form: RequestForm, now: datetime) -> dict[str, Any]:
        from gridkeeper.availability.recomputations.preview import preview

        wish = form.wish()
        change = Change("", check(wish, now), Window(wish.start, wish.end), frozenset(wish.reports))
        return preview(change, now)

    def _preview(self, request: HttpRequest, form: Any, effects: Any) -> HttpResponse:
        actions.check_request(self.actor, form.wish(), now=timezone.now())
        return self._show(request, form, foreseen_changes=self._seen(form, timezone.now()))

    def after(self) -> str:
        if self.added is not None:
            return reverse("availability:recomputation", args=[self.added.key])
        return reverse("availability:recomputations")

    def breadcrumbs(self) -> Sequence[Link]:
        return [Link("Availability", reverse("availability:month")), Link("Recomputations", self.after())]


def _initial(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the address says already: a page that leads here fills in what it is about."""
    names = ("kind", "groups", "services", "hosts", "metrics", "source", "level")
    words: dict[str, Any] = {name: str(given[name]) for name in names if given.get(name)}
    for name in ("start", "end"):
        moment = parse_datetime(str(given.get(name, "")).replace(" ", "+")) if given.get(name) else None
        if moment is not None:
            words[name] = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    return words


@require_safe
def recomputation(request: HttpRequest, key: str) -> HttpResponse:
    """One of them: what was asked and why, what was decided, what it changes or did change.

    `look`: what it would change is worked out now, for who decides about one that came without a preview
    """
    row = get_object_or_404(queries.recomputations(), key=key)
    actor = Actor.of(request)
    decides = is_permitted(actor, permissions.DECIDE_RECOMPUTATION)
    is_author = actor.user is not None and actor.user.pk == row.author_id
    may = {"approve": decides, "reject": decides, "revert": decides, "withdraw": is_author or decides}
    steps = actions.STEPS[row.state]
    context = {
        "row": row,
        "subject": subject(row),
        "buttons": [(verb, *rest) for verb, (state, *rest) in BUTTONS.items() if state in steps and may[verb]],
        "waits": RecomputationState.APPROVED in steps and not decides,
        "changes": row.effects or row.preview or _looked_at(request, row, decides=decides),
        "can_look": decides and row.state == RecomputationState.REQUESTED,
        "is_done": bool(row.effects),
        "history": row.history.all()[:_PAGE],
    }
    return render(request, "availability/recomputations/one.html", context)


def _looked_at(request: HttpRequest, row: Recomputation, *, decides: bool) -> dict[str, Any]:
    if not (decides and "look" in request.GET and row.state == RecomputationState.REQUESTED):
        return {}
    from gridkeeper.availability.recomputations.preview import preview

    return preview(queries.change_of(row), timezone.now())


@require_POST
def step(request: HttpRequest, key: str) -> HttpResponseBase:
    """`verb` = approve, reject, withdraw or revert, with a `reason`; back to the page."""
    row = get_object_or_404(Recomputation, key=key)
    act = _VERBS.get(request.POST.get("verb", ""))
    if act is None:
        messages.error(request, f"Choose one of {', '.join(_VERBS)}.")
        return redirect("availability:recomputation", key)
    try:
        done = act(Actor.of(request), row, reason=request.POST.get("reason", ""), now=timezone.now())
        messages.success(request, f"{done.get_state_display()}.")
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect("availability:recomputation", key)
