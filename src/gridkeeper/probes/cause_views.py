"""The page of causes: what fails because of what now, the rules, and what was learned."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.cause_actions import decide_cause, declare_cause, remove_cause
from gridkeeper.probes.cause_queries import causes_now
from gridkeeper.probes.causes import Cause
from gridkeeper.probes.models import CauseRule, LatestStatus, Reach, Test
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import PlainForm, ReasonForm, reason_field
from gridkeeper.registry.models import ServiceType
from gridkeeper.web.lists import Link

#: Consequences of one cause that are shown; the rest is counted.
_MOST_SHOWN = 20
#: Causes that are shown; those with most consequences come first.
_MOST_CAUSES = 25
#: Proposals that are shown until all are asked for; those seen most often come first.
_MOST_PROPOSALS = 10


@require_safe
def causes(request: HttpRequest) -> HttpResponse:
    """What fails now under its causes, the rules in force, and proposals that wait."""
    rules = CauseRule.objects.select_related("cause", "cause_type", "effect", "effect_type", "author")
    trees = _trees()
    proposals = rules.filter(accepted_at=None, rejected_at=None).order_by("-support")
    most = None if request.GET.get("proposals") == "all" else _MOST_PROPOSALS
    context = {
        "trees": trees[:_MOST_CAUSES],
        "trees_left_out": max(0, len(trees) - _MOST_CAUSES),
        "rules": rules.exclude(accepted_at=None).filter(rejected_at=None),
        "proposals": proposals[:most],
        "proposal_count": proposals.count(),
        "rejected": rules.exclude(rejected_at=None),
        "may_edit": is_permitted(Actor.of(request), EDIT_TEST, None),
    }
    return render(request, "probes/causes.html", context)


def _trees() -> list[dict[str, Any]]:
    """Each cause with what follows from it, the one with most consequences first."""
    found = causes_now()
    by_root: dict[int, list[tuple[int, Cause]]] = {}
    for series, cause in found.items():
        by_root.setdefault(cause.series, []).append((series, cause))
    rows = {row.series: row for row in LatestStatus.objects.filter(series__in=[*found, *by_root])}
    trees = [
        {
            "root": rows[root],
            "site": members[0][1].site,
            "count": len(members),
            "effects": [(rows[series], cause) for series, cause in members[:_MOST_SHOWN]],
            "more": max(0, len(members) - _MOST_SHOWN),
        }
        for root, members in by_root.items()
    ]
    return sorted(trees, key=lambda tree: (-tree["count"], tree["root"].hostname))


class CauseForm(PlainForm):
    """A rule: what is the cause, what follows from it, how far it reaches."""

    cause = forms.ModelChoiceField(Test.objects.all(), label="While this test fails")
    cause_type = forms.ModelChoiceField(
        ServiceType.objects.all(), required=False, label="on services of type", empty_label="any type"
    )
    effect = forms.ModelChoiceField(
        Test.objects.all(), required=False, label="failures of this test", empty_label="every test"
    )
    effect_type = forms.ModelChoiceField(
        ServiceType.objects.all(), required=False, label="of services of type", empty_label="any type"
    )
    reach = forms.ChoiceField(
        choices=Reach.choices, initial=Reach.SITE, label="are its consequences within",
        help_text="They stay visible, marked as consequences, below their cause.",
    )  # fmt: skip
    reason = reason_field()


class CauseNew(ActionPage):
    """Declares a rule."""

    permission, title, verb = EDIT_TEST, "New rule of causes", "Declare"
    consequence = "Nothing is hidden: consequences are still shown, under their cause and marked apart."

    def get_subject(self) -> Any:
        return None

    def get_form(self, data: Any) -> CauseForm:
        return CauseForm(data)

    @property
    def heading(self) -> str:
        return self.title

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests")), Link("Causes", reverse("probes:causes"))]

    def after(self) -> str:
        return reverse("probes:causes")

    def act(self, form: CauseForm) -> str:
        return f"From now on, {declare_cause(self.actor, now=timezone.now(), **form.cleaned_data)}."


class _RulePage(CauseNew):
    """Something done to one rule, with a reason."""

    consequence = ""

    def get_subject(self) -> CauseRule:
        return get_object_or_404(CauseRule, pk=self.kwargs["rule"])

    def get_form(self, data: Any) -> ReasonForm:  # type: ignore[override]
        return ReasonForm(data)

    @property
    def heading(self) -> str:
        return f"{self.title}: {self.subject}"


class CauseAccept(_RulePage):
    """Accepts what was learned."""

    title, verb = "Accept", "Accept"

    def act(self, form: Any) -> str:
        reason = form.cleaned_data["reason"]
        rule = decide_cause(self.actor, rule=self.subject, is_accepted=True, reason=reason, now=timezone.now())
        return f"Accepted: {rule}."


class CauseReject(_RulePage):
    """Rejects what was learned."""

    title, verb = "Reject", "Reject"
    consequence = "It is not proposed again."

    def act(self, form: Any) -> str:
        reason = form.cleaned_data["reason"]
        rule = decide_cause(self.actor, rule=self.subject, is_accepted=False, reason=reason, now=timezone.now())
        return f"Rejected: {rule}."


class CauseRemove(_RulePage):
    """Removes a declared rule."""

    title, verb, is_destructive = "Remove the rule", "Remove", True

    def act(self, form: Any) -> str:
        remove_cause(self.actor, rule=self.subject, reason=form.cleaned_data["reason"])
        return f"Removed: {self.subject}."
