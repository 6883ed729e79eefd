"""Pages of a VO's policy, of proposals that wait for a second manager, and of the changes of its good sites."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.registry.action_pages import add_errors, refuse
from gridkeeper.selection import proposals as actions
from gridkeeper.selection.actions import policy_of
from gridkeeper.selection.change_views import vo_of, waiting
from gridkeeper.selection.changes import changes_of
from gridkeeper.selection.errors import SelectionError
from gridkeeper.selection.forms import DecisionForm, PolicyForm
from gridkeeper.selection.models import Proposal, ProposalState
from gridkeeper.selection.permissions import DECIDE, SET_POLICY
from gridkeeper.selection.preview import preview_wish
from gridkeeper.selection.views import common
from gridkeeper.selection.wishes import PolicyChange, Wish
from gridkeeper.vos.models import Vo

_DECIDED = 50
#: Proposals whose effect the page shows unasked: each costs two judgements of all sites.
_EFFECTS = 3
_PAGE = 100


def policy(request: HttpRequest) -> HttpResponseBase:
    """Whether changes need two, and how old a result may be; previewed first."""
    now = timezone.now()
    vo, known = vo_of(request, now)
    context = common(request, "policy", vo.name if vo else "", known)
    if vo is None:
        return render(request, "selection/policy.html", context)
    actor, standing = Actor.of(request), policy_of(vo)
    initial = {"needs_approval": standing.needs_approval, "freshest_s": standing.freshest_s}
    form, status = PolicyForm(initial=initial), 200
    if request.method == "POST":
        form = PolicyForm(request.POST)
        try:
            require(actor, SET_POLICY, vo)
        except NotPermittedError as error:
            return refuse(request, error)
        if form.is_valid() and request.POST.get("step") == "save" and (url := _set(request, actor, vo, form, now)):
            return redirect(url)
        status = 200 if form.is_valid() else 422
        if "freshest_s" in form.cleaned_data:
            context["effect"] = preview_wish(vo, Wish(policy=_change(form)), "", now)
    context |= {"form": form, "policy": standing, "may_edit": is_permitted(actor, SET_POLICY, vo)}
    return render(request, "selection/policy.html", context, status=status)


def _change(form: PolicyForm) -> PolicyChange:
    return PolicyChange(bool(form.cleaned_data["needs_approval"]), form.cleaned_data["freshest_s"])


def _set(request: HttpRequest, actor: Actor, vo: Vo, form: PolicyForm, now: datetime) -> str:
    """Where it goes on; "" where the action refuses."""
    try:
        asked = actions.ask(actor, vo=vo, wish=Wish(policy=_change(form)), reason=form.cleaned_data["reason"], now=now)
    except ValidationError as error:
        add_errors(form, error)
        return ""
    if asked is not None:
        return waiting(request, asked)
    messages.success(request, f"The policy of {vo.name} holds from now on.")
    return request.get_full_path()


@require_safe
def proposals(request: HttpRequest) -> HttpResponseBase:
    """What waits, with its effect as of now, and what was decided."""
    now = timezone.now()
    vo, known = vo_of(request, now)
    context = common(request, "proposals", vo.name if vo else "", known)
    if vo is not None:
        actor = Actor.of(request)
        rows = Proposal.objects.filter(vo=vo).select_related("author", "decided_by", "vo")
        context |= {
            "waiting": [
                _shown(row, actor, now, with_effect=place < _EFFECTS or request.GET.get("effect") == str(row.pk))
                for place, row in enumerate(rows.filter(state=ProposalState.OPEN))
            ],
            "decided": [
                (row, Wish.from_json(row.change).sentences) for row in rows.exclude(state=ProposalState.OPEN)[:_DECIDED]
            ],
            "policy": policy_of(vo),
        }
    return render(request, "selection/proposals.html", context)


def _shown(row: Proposal, actor: Actor, now: datetime, *, with_effect: bool) -> dict[str, Any]:
    wish = Wish.from_json(row.change)
    may_decide = is_permitted(actor, DECIDE, row.vo)
    is_own = actor.user is not None and actor.user.pk == row.author_id
    effect, problem = None, ""
    try:
        if with_effect:
            effect = preview_wish(row.vo, wish, row.author.get_username() if row.author else "", now)
    except SelectionError as error:  # what it names may be gone since
        problem = str(error)
    return {
        "proposal": row, "sentences": wish.sentences, "effect": effect, "problem": problem,
        "may_decide": may_decide and not is_own, "may_withdraw": may_decide and is_own,
    }  # fmt: skip


@require_POST
def decide(request: HttpRequest, proposal: int, verb: str) -> HttpResponseBase:
    """Approves, rejects or withdraws."""
    found = get_object_or_404(Proposal.objects.select_related("vo", "author"), pk=proposal)
    form = DecisionForm(request.POST)
    decision = form.cleaned_data["decision"] if form.is_valid() else ""
    actor, now = Actor.of(request), timezone.now()
    try:
        if verb == "approve":
            actions.approve(actor, proposal=found, decision=decision, now=now)
            messages.success(request, f"Approved and made; good sites of {found.vo.name} are judged by it from now on.")
        elif verb == "reject":
            actions.reject(actor, proposal=found, decision=decision, now=now)
            messages.success(request, "Rejected; nothing was changed.")
        elif verb == "withdraw":
            actions.withdraw(actor, proposal=found, now=now)
            messages.success(request, "Withdrawn; nothing was changed.")
        else:
            raise Http404(f"{verb} is no verb of a proposal")
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    except SelectionError as error:
        messages.error(request, str(error))
    return redirect(f"{reverse('selection:proposals')}?{urlencode({'vo': found.vo.name})}")


@require_safe
def changes(request: HttpRequest) -> HttpResponseBase:
    """When sites, and where asked for services, became good or bad; newest first."""
    vo, known = vo_of(request, timezone.now())
    context = common(request, "changes", vo.name if vo else "", known)
    if vo is not None:
        wants_services = request.GET.get("services", "") == "1"
        rows = changes_of(vo.name, sites_only=not wants_services)
        text = request.GET.get("q", "").replace("\0", "").strip()[:100]
        if text:
            rows = rows.filter(site__icontains=text)
        query = {"vo": vo.name, **({"services": "1"} if wants_services else {}), **({"q": text} if text else {})}
        context |= {
            "page": Paginator(rows, _PAGE).get_page(request.GET.get("page")),
            "wants_services": wants_services, "text": text, "query": urlencode(query),
            "atom": f"{reverse('feeds:good-sites_atom')}?{urlencode({'vo': vo.name})}",
        }  # fmt: skip
    return render(request, "selection/changes.html", context)
