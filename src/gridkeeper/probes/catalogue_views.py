"""Pages that change the catalogue: a new test, an edit with a trial, versions and their differences."""

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError, is_permitted, require
from gridkeeper.probes.catalogue import content_of, differences
from gridkeeper.probes.catalogue_actions import create_test, edit_test, restore_version
from gridkeeper.probes.catalogue_forms import TestForm
from gridkeeper.probes.models import ProfileEntry, Test, TestVersion, Trial
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.probes.try_actions import request_trial
from gridkeeper.registry.action_pages import ActionPage, add_errors, refuse
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Service
from gridkeeper.registry.trail import FieldChange
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.lists import Link

#: Services that the form of a trial offers.
_OFFERED = 100


class _DefinitionPage(ActionPage):
    """A form of a definition, with a button that tries it."""

    permission, template_name, has_preview = EDIT_TEST, "probes/definition.html", True
    subject: Test | None

    def get_form(self, data: Any) -> TestForm:
        return TestForm(data, test=self.subject, is_trial=bool(data) and data.get("step") == "try")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if request.POST.get("step") == "try":
            return self._try(request)
        return super().post(request, **kwargs)

    def _try(self, request: HttpRequest) -> HttpResponse:
        """The same page with what was typed, and the trial at its head."""
        form = self.get_form(request.POST)
        trial = None
        if form.is_valid():
            try:
                name = self.subject.name if self.subject else form.cleaned_data["name"]
                trial = request_trial(
                    self.actor, name=name, content=form.content(), service=form.service(),
                    vo=form.cleaned_data["try_vo"], now=timezone.now(),
                )  # fmt: skip
            except ValidationError as error:
                add_errors(form, _on_form(error))
        return self._show(request, form, status=200 if trial else 422, trial=trial)

    def _look_again(self, form: Any) -> None:
        """After "somebody was faster" the form says what stands now, keeps the input, and may be sent again."""
        if form.has_error("__all__", code="conflict"):
            self.subject = self.get_subject()
            form.data = form.data.copy()
            form.data["seen"] = self.subject.version if self.subject else ""

    def offered(self) -> list[Service]:
        """Services that the test runs on already, for the list below the field."""
        entries = ProfileEntry.objects.current()
        if self.subject is not None:
            entries = entries.filter(test=self.subject)
        found = Service.objects.current().filter(service_type__in=entries.values("service_type"), is_monitored=True)
        return list(found.select_related("service_type").order_by("hostname")[:_OFFERED])


def _on_form(error: ValidationError) -> ValidationError:
    """A trial's objections beside the fields of the form."""
    if not hasattr(error, "error_dict"):
        return error
    names = {"service": "try_on", "vo": "try_vo"}
    return ValidationError({names.get(name, name): problems for name, problems in error.error_dict.items()})


class TestNew(_DefinitionPage):
    __test__ = False
    title, verb = "New test", "Add the test"
    consequence = "It runs nowhere until it is put into a profile."
    added: Test | None = None

    def get_subject(self) -> None:
        return None

    @property
    def heading(self) -> str:
        return self.title

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests"))]

    def after(self) -> str:
        return self.added.get_absolute_url() if self.added else reverse("probes:tests")

    def act(self, form: TestForm) -> str:
        self.added = create_test(
            self.actor, name=form.cleaned_data["name"], content=form.content(), reason=form.cleaned_data["reason"],
            now=timezone.now(),
        )  # fmt: skip
        return f"{self.added} is added; now put it into a profile."


class TestEdit(_DefinitionPage):
    __test__ = False
    title, verb = "Edit", "Save as a new version"
    subject: Test

    def get_subject(self) -> Test:
        return get_object_or_404(Test.objects.prefetch_related("depends_on"), name=self.kwargs["name"])

    @property
    def consequence(self) -> str:  # type: ignore[override]
        pack = f" Upgrades of the pack {self.subject.pack} keep what you change." if self.subject.pack else ""
        return f"Version {self.subject.version} stays readable. It runs as the new one within seconds.{pack}"

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests")), Link(str(self.subject), self.after())]

    def changes_of(self, form: TestForm) -> list[FieldChange]:
        found = differences(content_of(self.subject), form.content())
        return [FieldChange(item.label, item.old, item.new) for item in found]

    def act(self, form: TestForm) -> str:
        changed = edit_test(
            self.actor, test=self.subject, changes=form.content(), reason=form.cleaned_data["reason"],
            seen=form.cleaned_data["seen"], now=timezone.now(),
        )  # fmt: skip
        if changed.version == self.subject.version:
            return "Nothing was changed."
        return f"{changed} is version {changed.version} now."


@require_safe
def versions(request: HttpRequest, name: str) -> HttpResponse:
    """`?from=&to=`: what two versions say differently; the last two where nothing is said."""
    test = get_object_or_404(Test, name=name)
    kept = list(TestVersion.objects.filter(test=test).select_related("author"))
    older, newer = _chosen(request, kept)
    context = {
        "test": test, "versions": kept, "older": older, "newer": newer,
        "differences": differences(older.content, newer.content) if older and newer else [],
        "may_edit": is_permitted(Actor.of(request), EDIT_TEST, test),
    }  # fmt: skip
    return render(request, "probes/versions.html", context)


def _chosen(request: HttpRequest, kept: list[TestVersion]) -> tuple[TestVersion | None, TestVersion | None]:
    by_number = {str(item.version): item for item in kept}
    newer = by_number.get(request.GET.get("to", ""), kept[0] if kept else None)
    before = [item for item in kept if newer is not None and item.version < newer.version]
    return by_number.get(request.GET.get("from", ""), before[0] if before else None), newer


class VersionRestore(ActionPage):
    """Takes a definition back."""

    permission, title, verb = EDIT_TEST, "Take back", "Take it back"
    consequence = "What that version said becomes a new version; none is lost."

    def get_subject(self) -> Test:
        return get_object_or_404(Test, name=self.kwargs["name"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    @property
    def heading(self) -> str:
        return f"Take {self.subject} back to version {self.kwargs['version']}"

    def act(self, form: ReasonForm) -> str:
        version, reason = self.kwargs["version"], form.cleaned_data["reason"]
        test = restore_version(self.actor, test=self.subject, version=version, reason=reason, now=timezone.now())
        return f"{test} says again what version {version} said."


@require_safe
def trial(request: HttpRequest, trial_id: int) -> HttpResponseBase:
    """How a trial stands: the part for htmx, a page that renews itself for everybody else."""
    try:
        require(Actor.of(request), EDIT_TEST)
    except NotPermittedError as error:
        return refuse(request, error)
    found = get_object_or_404(Trial.objects.select_related("service__service_type"), pk=trial_id)
    context = {"trial": found, "outcomes": _with_status(found)}
    return render_page_or_part(request, "probes/trial.html", "probes/trial_part.html", context)


def _with_status(found: Trial) -> list[dict[str, Any]]:
    return [item | {"status": Status[item["status"]]} for item in found.outcomes]


@require_safe
def compare_link(request: HttpRequest, name: str) -> HttpResponseBase:
    """From the choice of two versions to their address, in order."""
    numbers = sorted(int(word) for word in request.GET.getlist("v") if word.isascii() and word.isdigit())
    pair = {"from": numbers[0], "to": numbers[-1]} if numbers else {}
    return redirect(f"{reverse('probes:versions', args=[name])}?{urlencode(pair)}")
