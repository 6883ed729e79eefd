"""Pages of tests: what there is, what each means, where it fails."""

from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.actions import set_test_enabled
from gridkeeper.probes.models import Test
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.probes.queries import counts_by_status, ordered_counts, test_rows, troubled, uses_of
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.web.htmx import render_page_or_part

_MOST_TROUBLED = 50


@require_safe
def tests(request: HttpRequest) -> HttpResponse:
    """Every test with its documentation and how it stands."""
    text = request.GET.get("q", "").strip()[:200]
    found = Test.objects.all()
    if text:
        found = found.filter(Q(name__icontains=text) | Q(abbreviation__icontains=text) | Q(title__icontains=text))
    context = {"rows": test_rows(found), "q": text, "total": Test.objects.count()}
    context["may_edit"] = is_permitted(Actor.of(request), EDIT_TEST)
    return render_page_or_part(request, "probes/tests.html", "probes/tests_part.html", context)


@require_safe
def test(request: HttpRequest, name: str) -> HttpResponse:
    """One test: what it proves, what to do, who uses it, where it fails."""
    found = get_object_or_404(Test.objects.prefetch_related("depends_on", "riders"), name=name)
    rows = troubled(found)
    context = {
        "test": found,
        "counts": ordered_counts(counts_by_status([found.name]).get(found.name, {})),
        "uses": uses_of(found),
        "troubled": rows[:_MOST_TROUBLED],
        "troubled_count": rows.count(),
        "may_edit": is_permitted(Actor.of(request), EDIT_TEST, found),
    }
    return render(request, "probes/test.html", context)


class TestSwitch(ActionPage):
    """Switches a test off, or on again, for everybody."""

    __test__ = False

    permission = EDIT_TEST

    @property
    def title(self) -> str:  # type: ignore[override]  # a page that says what it would do
        return "Switch off" if self.subject.is_enabled else "Switch on"

    verb = title

    @property
    def consequence(self) -> str:  # type: ignore[override]
        if self.subject.is_enabled:
            return "It is not run any more anywhere. When its last results have grown too old, it is missing."
        return "It is run again everywhere, within its interval."

    @property
    def is_destructive(self) -> bool:  # type: ignore[override]
        return bool(self.subject.is_enabled)

    def get_subject(self) -> Test:
        return get_object_or_404(Test, name=self.kwargs["name"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def act(self, form: ReasonForm) -> str:
        is_enabled = not self.subject.is_enabled
        set_test_enabled(self.actor, test=self.subject, is_enabled=is_enabled, reason=form.cleaned_data["reason"])
        return f"{self.subject} is switched {'on' if is_enabled else 'off'}."
