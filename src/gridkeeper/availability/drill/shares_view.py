"""The page that says which regions or sites cost the federation's or a region's month how much."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability import queries
from gridkeeper.availability.drill.asked import Asked, month_of
from gridkeeper.availability.drill.shares import shares
from gridkeeper.availability.months import Month
from gridkeeper.availability.queries import Place
from gridkeeper.availability.rules import TARGETS, reasons


@require_GET
def why(request: HttpRequest) -> HttpResponse:
    """The regions of the federation, or the sites of the region that the address names, with what each lost."""
    asked = Asked.of(request, timezone.now())
    month = month_of(asked.given.get("month", ""), asked.today)
    region = asked.given.get("region", "")
    where = {"region": region} if region else {}
    level = "site" if region else "region"
    found = queries.sums_of_steps(month.window, None, levels=(level,), report=asked.report, **where)
    name = next((each.place.region_name for each in found), "") or region
    whole, parts = shares([(each.place, each.seconds) for each in found], asked.measure)
    here = reverse("availability:why_all")
    context = asked.switches() | {
        "name": name,
        "region": region,
        "month": month,
        "whole": whole,
        "value": whole.value(asked.measure),
        "shares": [(share, _url(share.place, asked, month)) for share in parts],
        "reasons": reasons(whole),
        "targets": TARGETS,
        "previous_url": here + asked.carried(month=str(month.previous), region=region),
        "next_url": here + asked.carried(month=str(month.next), region=region) if month < Month.of(asked.today) else "",
        "federation_url": here + asked.carried(month=str(month)),
    }
    return render(request, "availability/drill/shares.html", context)


def _url(place: Place, asked: Asked, month: Month) -> str:
    if place.level == "site":
        return reverse("availability:why", args=[place.site]) + asked.carried(month=str(month))
    return reverse("availability:why_all") + asked.carried(month=str(month), region=place.region)
