"""Pages about roles: the role map, why somebody may do something, one's own roles, requests and their decision."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError, is_permitted
from gridkeeper.registry.action_pages import refuse
from gridkeeper.registry.models import RoleGrant, RoleRequest
from gridkeeper.registry.role_actions import confirm_roles
from gridkeeper.registry.role_forms import ConfirmForm, WhyForm
from gridkeeper.registry.role_queries import (
    ASKED_OF,
    LEVEL_WORDS,
    confirmations_due,
    decisions,
    explain,
    own_unconfirmed,
    requests_to_decide,
    with_objects,
)
from gridkeeper.registry.role_rules import CONFIRMED_FOR, confirmation_due
from gridkeeper.registry.roles import ACTIONS, LEVELS, ROLES, roles_of, roles_that_may
from gridkeeper.web.moments import moment_of

#: Decisions shown; the whole history is in each object's trail.
_MOST_DECISIONS = 100


@require_safe
def role_map(request: HttpRequest) -> HttpResponse:
    """The role map as tables: for each level, what each role allows there and below."""
    levels = [
        {
            "level": level,
            "word": LEVEL_WORDS[level],
            "roles": roles_of(level),
            "rows": [
                (words, [(name, action in ROLES[name].permissions) for name in roles_of(level)])
                for action, words in ACTIONS.items()
                if roles_that_may(action, level)
            ],
        }
        for level in LEVELS
        if roles_of(level)
    ]
    return render(request, "registry/role_map.html", {"levels": levels, "place": "map"})


@require_safe
def why(request: HttpRequest) -> HttpResponse:
    """Why may I, or somebody, do that there, or not? All of the question is in the address."""
    actor, now = Actor.of(request), moment_of(request)
    may_choose = is_permitted(actor, "registry.read_personal_data")
    is_asked = "action" in request.GET
    form = WhyForm(request.GET if is_asked else None, may_choose_person=may_choose)
    context: dict[str, Any] = {"form": form, "place": "why", "may_name_people": request.user.is_authenticated}
    is_valid = is_asked and form.is_valid()
    if is_valid:
        user = form.cleaned_data.get("person") or actor.user
        subject = form.cleaned_data["subject"]
        context["subject"] = subject
        if isinstance(user, User):
            context["found"] = explain(user, form.cleaned_data["action"], subject, now)
            context["is_self"] = actor.user is not None and user.pk == actor.user.pk
        else:
            context["is_signed_out"] = True
    return render(request, "registry/role_why.html", context, status=200 if is_valid or not is_asked else 422)


@require_safe
@login_required
def own_roles(request: HttpRequest) -> HttpResponse:
    """My roles, what I asked for, what I delegated, and what somebody should confirm."""
    user, now = request.user, moment_of(request)
    assert isinstance(user, User), "the view is for people who are signed in"
    in_force = set(RoleGrant.objects.in_force(now).filter(user=user).values_list("pk", flat=True))
    held = with_objects(RoleGrant.objects.filter(user=user)).select_related("delegated_by").order_by("role")
    due = {grant.pk: confirmation_due(grant.granted_at, grant.confirmed_at) for grant in own_unconfirmed(user, now)}
    rows = [(grant, grant.pk in in_force, grant.pk in due, due.get(grant.pk)) for grant in held]
    context = {
        "rows": rows,
        "requests": with_objects(RoleRequest.objects.filter(user=user)).select_related("decided_by")[:50],
        "lent": with_objects(RoleGrant.objects.filter(delegated_by=user)),
        "place": "own", "now": now,
    }  # fmt: skip
    return render(request, "registry/role_own.html", context)


@require_safe
@login_required
def requests(request: HttpRequest) -> HttpResponse:
    """What waits for my decision or confirmation, and what was decided."""
    return _requests(request, status=200)


def _requests(request: HttpRequest, *, status: int, error: str = "") -> HttpResponse:
    actor, now = Actor.of(request), moment_of(request)
    due = [(grant, confirmation_due(grant.granted_at, grant.confirmed_at)) for grant in confirmations_due(actor, now)]
    context = {
        "waiting": requests_to_decide(actor), "due": due, "decided": decisions(actor)[:_MOST_DECISIONS], "now": now,
        "years_days": CONFIRMED_FOR.days, "place": "requests", "error": error,
    }  # fmt: skip
    return render(request, "registry/role_requests.html", context, status=status)


@login_required
def confirm(request: HttpRequest) -> HttpResponse:
    """POST: the ticked roles are still right."""
    if request.method != "POST":
        return redirect("registry:role_requests")
    actor, now = Actor.of(request), timezone.now()
    form = ConfirmForm(request.POST, due=confirmations_due(actor, now))
    if not form.is_valid():
        return _requests(request, status=422, error=" ".join(_messages(form.errors.values())))
    try:
        confirmed = confirm_roles(actor, grants=list(form.cleaned_data["grants"]), now=now)
    except NotPermittedError as error:
        return refuse(request, error)  # type: ignore[return-value]
    except ValidationError as error:
        return _requests(request, status=422, error=" ".join(error.messages))
    messages.success(request, f"{len(confirmed)} role{'s are' if len(confirmed) != 1 else ' is'} confirmed for a year.")
    return redirect(reverse("registry:role_requests"))


def _messages(errors: Any) -> Sequence[str]:
    return [message for each in errors for message in each]


def why_address(action: str, subject: Any) -> str:
    """The page that explains that permission on that object.

    Raises KeyError for an action that is no permission of the role map.
    """
    levels = ASKED_OF[action]
    query = {"action": action} | ({"object": subject.lineage()[0]} if levels else {})
    return reverse("registry:role_why", query=query)
