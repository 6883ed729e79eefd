"""Pages of metric profiles: which tests run for each VO on which service types, and their change."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.probes.permissions import EDIT_PROFILE
from gridkeeper.probes.profile_actions import (
    Line,
    Use,
    borrowed,
    change_profile,
    changed_lines,
    changes_between,
    effects_of,
    profile_of,
)
from gridkeeper.registry.action_pages import add_errors, refuse
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import ServiceType
from gridkeeper.vos.models import Vo

_CHOICES = ((Use.NONE, "not run"), (Use.RUN, "run"), (Use.CRITICAL, "critical"))


@dataclass(frozen=True, slots=True)
class Row:
    """A test on a service type as the page shows it. name: of its input"""

    line: Line
    test: Test
    use: Use

    @property
    def name(self) -> str:
        return f"{self.line.service_type}|{self.line.test}"


@require_safe
def profiles(request: HttpRequest) -> HttpResponse:
    """Every VO with how many tests it runs, or on whom it relies."""
    rows: dict[int, dict[str, Any]] = {
        vo.pk: {"vo": vo, "lines": 0, "critical": 0, "types": set()} for vo in Vo.objects.current().order_by("name")
    }
    entries = ProfileEntry.objects.current().values_list("vo_id", "service_type_id", "is_critical")
    for vo_id, type_id, is_critical in entries:
        if vo_id in rows:
            rows[vo_id]["lines"] += 1
            rows[vo_id]["critical"] += is_critical
            rows[vo_id]["types"].add(type_id)
    return render(request, "probes/profiles.html", {"rows": list(rows.values())})


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest, vo: str) -> HttpResponseBase:
    """A VO's profile by service type; whoever manages the VO changes it here. `?type=` adds tests of another type."""
    found = get_object_or_404(Vo.objects.current(), name=vo)
    lender = borrowed(found)
    own = profile_of(lender or found)
    wanted = _posted(request, own) if request.method == "POST" else own
    changes = changes_between(own, wanted)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        try:
            require(Actor.of(request), EDIT_PROFILE, found)
        except NotPermittedError as error:
            return refuse(request, error)
        if request.POST.get("step") == "save" and form.is_valid():
            answer = _save(request, found, changes, form)
            if answer is not None:
                return answer
        status = 200 if request.POST.get("step") == "preview" else 422
        form = ReasonForm(request.POST) if status == 422 else ReasonForm(None, initial=request.POST.dict())
    context = {
        "vo": found, "lender": lender, "types": _rows(wanted, request.GET.get("type", "")), "form": form,
        "choices": _CHOICES, "may_edit": is_permitted(Actor.of(request), EDIT_PROFILE, found),
        "changes": changed_lines(changes) if request.method == "POST" else [], "is_posted": request.method == "POST",
        "effects": effects_of(found, changes), "other_types": _other_types(wanted),
        "type": request.GET.get("type", ""),
    }  # fmt: skip
    return render(request, "probes/profile.html", context, status=status)


def _save(request: HttpRequest, vo: Vo, changes: dict[Line, Use], form: ReasonForm) -> HttpResponse | None:
    """Where to go when it is saved; None with the objections in the form."""
    try:
        reason = form.cleaned_data["reason"]
        number = change_profile(Actor.of(request), vo=vo, changes=changes, reason=reason, now=timezone.now())
    except ValidationError as error:
        add_errors(form, error)
        return None
    messages.success(request, f"{number} line{'' if number == 1 else 's'} of the profile of {vo.name} changed.")
    return redirect(reverse("probes:profile", args=[vo.name]))


def _posted(request: HttpRequest, own: dict[Line, Use]) -> dict[Line, Use]:
    """What was chosen; lines that the page did not show stay as they are."""
    wanted = dict(own)
    for name, value in request.POST.items():
        kind, mark, test = name.partition("|")
        if mark and str(value) in set(Use):
            wanted[Line(kind, test)] = Use(str(value))
    return {line: use for line, use in wanted.items() if use != Use.NONE}


def _rows(profile: dict[Line, Use], wanted_type: str) -> list[tuple[str, list[Row]]]:
    """By service type: tests of the profile, and those that other VOs or packs run on that type."""
    types = {line.service_type for line in profile}
    if ServiceType.objects.filter(name=wanted_type).exists():
        types.add(wanted_type)
    used = ProfileEntry.objects.current().filter(service_type__name__in=types)
    lines = {Line(*pair) for pair in used.values_list("service_type__name", "test__name")} | set(profile)
    tests = {test.name: test for test in Test.objects.all()}
    if wanted_type in types:
        lines |= {Line(wanted_type, name) for name in tests}
    rows = [Row(line, tests[line.test], profile.get(line, Use.NONE)) for line in lines if line.test in tests]
    rows.sort(key=lambda row: (row.test.position, row.test.name))
    return [(kind, [row for row in rows if row.line.service_type == kind]) for kind in sorted(types)]


def _other_types(profile: dict[Line, Use]) -> list[str]:
    types = {line.service_type for line in profile}
    return list(ServiceType.objects.exclude(name__in=types).order_by("name").values_list("name", flat=True))
