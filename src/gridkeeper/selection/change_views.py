"""Pages that change what decides good sites: critical tests and list entries, each with a preview of its effect."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.action_pages import add_errors, refuse
from gridkeeper.registry.models import Site
from gridkeeper.selection.errors import UnknownVoError
from gridkeeper.selection.forms import EntryForm, ReasonForm, RemovalForm
from gridkeeper.selection.models import ListEntry, Proposal
from gridkeeper.selection.permissions import EDIT_LISTS, SET_CRITICAL
from gridkeeper.selection.preview import Effect, preview_critical_tests, preview_entry, preview_wish
from gridkeeper.selection.profiles import Profile, profile_at, vo_at
from gridkeeper.selection.proposals import ask
from gridkeeper.selection.rules import Entry, ListWord
from gridkeeper.selection.views import chosen_vo, common
from gridkeeper.selection.wishes import CriticalChange, Listing, Removal, Wish
from gridkeeper.vos.models import Vo

#: Ended entries that the page of the lists shows.
_ENDED = 50


def vo_of(request: HttpRequest, now: datetime) -> tuple[Vo | None, list[str]]:
    name, known = chosen_vo(request)
    try:
        return (vo_at(name, now) if name else None), known
    except UnknownVoError as error:
        raise Http404(str(error)) from error


class Choosable(NamedTuple):
    """A test of a service type that the VO may choose. is_critical None: its profile does not have it."""

    service_type: str
    test: Test
    is_critical: bool | None

    @property
    def word(self) -> str:
        """What its box is called in the form."""
        return f"{self.service_type}/{self.test.name}"


def critical_tests(request: HttpRequest) -> HttpResponseBase:
    """The tests of a VO with boxes for its managers. A choice is previewed first, and saved on the second step."""
    now = timezone.now()
    vo, known = vo_of(request, now)
    context = common(request, "tests", vo.name if vo else "", known)
    if vo is None:
        return render(request, "selection/tests.html", context)
    actor = Actor.of(request)
    profile = profile_at(vo.name, now)
    offered = choosable(profile)
    context |= {"profile": profile, "may_edit": is_permitted(actor, SET_CRITICAL, vo), "form": ReasonForm()}
    ticked = {each.word for each in offered if each.is_critical}
    status = 200
    if request.method == "POST":
        ticked = set(request.POST.getlist("critical"))
        form = ReasonForm(request.POST)
        changes = [
            CriticalChange(each.service_type, each.test.name, each.word in ticked)
            for each in offered
            if (each.word in ticked) is not bool(each.is_critical)
        ]
        try:
            require(actor, SET_CRITICAL, vo)
        except NotPermittedError as error:
            return refuse(request, error)
        if request.POST.get("step") == "save" and changes and form.is_valid():
            return _saved(request, actor, vo, changes, form.cleaned_data["reason"], now)
        status = 200 if form.is_valid() else 422
        context |= {"form": form, "effect": preview_critical_tests(vo, changes, now), "changes": changes}
    context["types"] = _by_type(offered, ticked)
    return render(request, "selection/tests.html", context, status=status)


def choosable(profile: Profile) -> list[Choosable]:
    """The tests of the profile, and those that other VOs run on services of the same types."""
    own = {
        (line.service_type, line.test.name): Choosable(line.service_type, line.test, line.is_critical)
        for line in profile.lines
    }
    others = ProfileEntry.objects.current().filter(test__is_enabled=True).select_related("test", "service_type")
    for entry in others:
        key = (entry.service_type.name, entry.test.name)
        own.setdefault(key, Choosable(key[0], entry.test, None))
    return sorted(own.values(), key=lambda each: (each.service_type, each.test.position, each.test.name))


def _by_type(offered: Sequence[Choosable], ticked: set[str]) -> list[tuple[str, list[tuple[Choosable, bool]]]]:
    types: dict[str, list[tuple[Choosable, bool]]] = {}
    for each in offered:
        types.setdefault(each.service_type, []).append((each, each.word in ticked))
    return list(types.items())


def _saved(
    request: HttpRequest, actor: Actor, vo: Vo, changes: Sequence[CriticalChange], reason: str, now: datetime
) -> HttpResponseBase:
    asked = ask(actor, vo=vo, wish=Wish(critical=tuple(changes)), reason=reason, now=now)
    if asked is None:
        messages.success(request, f"{len(changes)} changed for {vo.name}; good sites are judged by it from now on.")
    return redirect(request.get_full_path() if asked is None else waiting(request, asked))


def waiting(request: HttpRequest, asked: Proposal) -> str:
    """Says that a change is proposed; returns where that stands."""
    messages.info(request, f"Proposed. It is made when another manager of {asked.vo.name} agrees.")
    return f"{reverse('selection:proposals')}?{urlencode({'vo': asked.vo.name})}"


def lists(request: HttpRequest) -> HttpResponseBase:
    """The entries that hold and those that ended, with the form for managers of the VO."""
    now = timezone.now()
    vo, known = vo_of(request, now)
    context = common(request, "lists", vo.name if vo else "", known)
    if vo is None:
        return render(request, "selection/lists.html", context)
    actor = Actor.of(request)
    form, status = EntryForm(), 200
    if request.method == "POST":
        form = EntryForm(request.POST)
        try:
            require(actor, EDIT_LISTS, vo)
            if (
                form.is_valid()
                and request.POST.get("step") == "save"
                and (url := _added(request, actor, vo, form, now))
            ):
                return redirect(url)
        except NotPermittedError as error:
            return refuse(request, error)
        status = 200 if form.is_valid() else 422
        context["effect"] = _effect(vo, form, actor, now) if form.is_valid() else None
    elif removal := _removal(vo, request.GET.get("without", "")):
        context |= {"removal": removal, "effect": preview_wish(vo, Wish(remove=(removal,)), "", now)}
    return render(request, "selection/lists.html", context | _entries(vo, actor, form, now), status=status)


def _removal(vo: Vo, number: str) -> Removal | None:
    """The removal whose effect is asked for; None where there is no such entry."""
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    entry = ListEntry.objects.filter(vo=vo, pk=int(number), removed_at=None).select_related("site").first()
    return None if entry is None else Removal(entry.pk, entry.site.key, entry.site.name, entry.kind)


def _entries(vo: Vo, actor: Actor, form: Form, now: datetime) -> dict[str, Any]:
    entries = ListEntry.objects.filter(vo=vo).select_related("site", "author")
    holds = Q(expires_at=None) | Q(expires_at__gt=now)
    may_edit = is_permitted(actor, EDIT_LISTS, vo)
    return {
        "form": form,
        "may_edit": may_edit,
        "standing": entries.filter(holds, removed_at=None),
        "ended": entries.exclude(holds & Q(removed_at=None))[:_ENDED],
        "site_names": Site.objects.current().values_list("name", flat=True) if may_edit else [],
    }


def _added(request: HttpRequest, actor: Actor, vo: Vo, form: Form, now: datetime) -> str:
    """Where it goes on; "" where the action refuses: the form then says why."""
    data = form.cleaned_data
    listing = Listing(data["site"].key, data["site"].name, data["kind"], data["reason"], data["expires_at"])
    try:
        asked = ask(actor, vo=vo, wish=Wish(add=(listing,)), reason=data["reason"], now=now)
    except ValidationError as error:
        add_errors(form, error)
        return ""
    if asked is not None:
        return waiting(request, asked)
    messages.success(request, f"{listing.name} is on the {listing.kind} list of {vo.name}.")
    return request.get_full_path()


def _effect(vo: Vo, form: Form, actor: Actor, now: datetime) -> Effect:
    data = form.cleaned_data
    entry = Entry(ListWord(data["kind"]), data["reason"], actor.name, now, data["expires_at"])
    return preview_entry(vo, data["site"], entry, now)


@require_POST
def remove(request: HttpRequest, entry: int) -> HttpResponseBase:
    """Takes an entry off, with the reason."""
    found = get_object_or_404(ListEntry.objects.select_related("vo", "site"), pk=entry)
    form = RemovalForm(request.POST)
    url = f"{reverse('selection:lists')}?{urlencode({'vo': found.vo.name})}"
    try:
        require(Actor.of(request), EDIT_LISTS, found.vo)
        if not form.is_valid():
            messages.error(request, f"{found.site.name} stays on the list: give the reason for taking it off.")
        elif found.removed_at is not None:
            messages.info(request, f"{found.site.name} was taken off before.")
        else:
            url = _removed(request, found, form.cleaned_data["reason"]) or url
    except NotPermittedError as error:
        return refuse(request, error)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    return redirect(url)


def _removed(request: HttpRequest, entry: ListEntry, reason: str) -> str:
    """Where it goes on, where that is not the list."""
    wish = Wish(remove=(Removal(entry.pk, entry.site.key, entry.site.name, entry.kind),))
    asked = ask(Actor.of(request), vo=entry.vo, wish=wish, reason=reason, now=timezone.now())
    if asked is not None:
        return waiting(request, asked)
    messages.success(request, f"{entry.site.name} is off the {entry.kind} list of {entry.vo.name}.")
    return ""
