"""Pages of weights: what each site counts on a day, and the import that changes it."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.availability.models import Weight
from gridkeeper.availability.permissions import EDIT_WEIGHT
from gridkeeper.availability.profiles.exchange import weights_of, weights_to_csv
from gridkeeper.availability.profiles.forms import WeightsForm
from gridkeeper.availability.profiles.weights import kinds, remove_weight, set_weights, value_text
from gridkeeper.core.windows import as_utc
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.registry.models import Site
from gridkeeper.web.lists import Link


@require_safe
def weights(request: HttpRequest) -> HttpResponseBase:
    """The weights of a kind that hold on a day (`?kind=`, `?day=`), with those before; `?format=csv`: all rows."""
    known = kinds()
    kind = request.GET.get("kind", "") or (known[0] if known else "")
    day = _day(request.GET.get("day", ""))
    rows = Weight.objects.filter(kind=kind).select_related("site__ngi").order_by("site__name", "valid_from")
    if request.GET.get("format") == "csv":
        headers = {"Content-Disposition": f'attachment; filename="weights-{kind}.csv"'}
        return HttpResponse(weights_to_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)
    lines = _lines(rows, day)
    total = sum(line["now"].value for line in lines.values() if line["now"])
    without = Site.objects.current().filter(certification="Certified").exclude(pk__in=lines)
    context = {
        "kinds": known, "kind": kind, "day": day, "lines": list(lines.values()), "total": value_text(Decimal(total)),
        "without": list(without.order_by("name").values_list("name", flat=True)) if lines else [],
        "may_edit": is_permitted(Actor.of(request), EDIT_WEIGHT),
    }  # fmt: skip
    return render(request, "availability/profiles/weights.html", context)


def _lines(rows: Iterable[Weight], day: date) -> dict[int, dict[str, Any]]:
    """Id of a site -> the site, its row that holds on the day, that as text, and (text, since) of its others."""
    lines: dict[int, dict[str, Any]] = {}
    for row in rows:
        line = lines.setdefault(row.site_id, {"site": row.site, "now": None, "text": "", "others": []})
        text = value_text(row.value)
        if row.valid_from > day:
            line["others"].append((text, row.valid_from))
            continue
        if line["now"]:
            line["others"].append((line["text"], line["now"].valid_from))
        line["now"], line["text"] = row, text
    return lines


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else as_utc(timezone.now()).date()
    except ValueError as error:
        raise Http404(f"{text[:20]!r} is no day; write it as 2026-03-01.") from error


class ImportWeights(ActionPage):
    """Weights as lines of text or as a file: all of them, or none."""

    permission, title, verb = EDIT_WEIGHT, "Set weights", "Set them"
    consequence = (
        "A weight holds from its day until the next one of the site and kind. Figures of regions since then are made "
        "anew; those of sites stay as they are."
    )

    def get_subject(self) -> None:
        return None

    @property
    def heading(self) -> str:
        return self.title

    def breadcrumbs(self) -> list[Link]:
        month = reverse("availability:month")
        return [Link("Availability", month), Link("Weights", reverse("availability:weights"))]

    def get_form(self, data: Any) -> WeightsForm:
        known = kinds()
        kind = self.request.GET.get("kind", "") or (known[0] if known else "hepspec")
        initial = {"valid_from": as_utc(timezone.now()).date(), "kind": kind}
        return WeightsForm(data, files=self.request.FILES if data is not None else None, initial=initial)

    def act(self, form: WeightsForm) -> str:
        given = form.cleaned_data
        rows = weights_of(
            form.bytes(), kind=given["kind"], valid_from=given["valid_from"], source=self.actor.name[:100]
        )
        number = set_weights(self.actor, rows, reason=given["reason"], now=timezone.now())
        return f"{number} of {len(rows)} weights are new or changed."

    def after(self) -> str:
        return reverse("availability:weights")


class RemoveWeight(ActionPage):
    """Takes one row back."""

    permission, title, verb = EDIT_WEIGHT, "Take a weight back", "Take it back"
    is_destructive = True
    consequence = "The one before it holds on; without one the site does not count in weighted figures."

    def get_subject(self) -> Weight:
        return get_object_or_404(Weight.objects.select_related("site"), pk=self.kwargs["pk"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def breadcrumbs(self) -> list[Link]:
        return [Link("Weights", self.after())]

    def act(self, form: ReasonForm) -> str:
        said = str(self.subject)
        remove_weight(self.actor, self.subject, reason=form.cleaned_data["reason"], now=timezone.now())
        return f"{said} is taken back."

    def after(self) -> str:
        return f"{reverse('availability:weights')}?kind={self.subject.kind}"
