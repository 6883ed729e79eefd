"""The availability pages: the month of all sites, a site's month. All state is in the address."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability import pages, queries
from gridkeeper.availability.exports import download
from gridkeeper.availability.months import Month
from gridkeeper.availability.queries import Figure
from gridkeeper.availability.rules import AVAILABILITY_TARGET, RELIABILITY_TARGET, TARGETS, reasons, total
from gridkeeper.core.windows import as_utc
from gridkeeper.registry.models import Ngi, Service, Site


class _State:
    """What the address says: VO, measure, month. Raises Http404 saying what is wrong with it."""

    def __init__(self, request: HttpRequest, now: datetime) -> None:
        self.path = request.path
        self.given: dict[str, str] = {name: str(value) for name, value in request.GET.items() if name != "format"}
        self.vos = queries.reports()
        self.vo = request.GET.get("vo", "") or queries.default_report()
        if request.GET.get("vo") and self.vo not in self.vos:
            raise Http404(f"There is no VO {self.vo!r}; there are {', '.join(self.vos) or 'none'}.")
        self.measure = request.GET.get("measure", "availability")
        if self.measure not in pages.MEASURES:
            raise Http404(f"The measure is {' or '.join(pages.MEASURES)}, not {self.measure!r}.")
        self.today = as_utc(now).date()
        self.month = self._month(request.GET.get("month", ""))

    def _month(self, text: str) -> Month:
        try:
            return Month.parse(text) if text else Month.of(self.today)
        except ValueError as error:
            raise Http404(str(error)) from error

    @property
    def target(self) -> Any:
        return TARGETS[self.measure]

    def query(self, **changes: str) -> str:
        """The same view with something changed, as a query string; defaults are left out."""
        wanted = {name: value for name, value in (self.given | changes).items() if value}
        return f"?{urlencode(wanted)}" if wanted else self.path

    def carried(self, **changes: str) -> str:
        """What goes along to another page: VO, measure, month."""
        given = {name: self.given.get(name, "") for name in ("vo", "measure", "month")} | changes
        wanted = {name: value for name, value in given.items() if value}
        return f"?{urlencode(wanted)}" if wanted else ""

    def context(self) -> dict[str, Any]:
        month = self.month
        is_last = month >= Month.of(self.today)
        return {
            "state": self,
            "vo_links": [(name, self.query(vo=name), name == self.vo) for name in self.vos],
            "measure_links": [(name, self.query(measure=name), name == self.measure) for name in pages.MEASURES],
            "previous_url": self.query(month=str(month.previous)),
            "next_url": "" if is_last else self.query(month=str(month.next)),
            "this_month_url": "" if month == Month.of(self.today) else self.query(month=""),
            "csv_url": self.query(format="csv"),
            "json_url": self.query(format="json"),
            "targets": {"availability": AVAILABILITY_TARGET, "reliability": RELIABILITY_TARGET},
        }


@require_GET
def month(request: HttpRequest) -> HttpResponseBase:
    """Rows region > site, columns days."""
    state = _State(request, timezone.now())
    where: dict[str, Any] = {"region": state.given["region"]} if state.given.get("region") else {}
    sites = queries.figures(state.month.window, level="site", report=state.vo, **where)
    if "format" in request.GET:
        return download(sites, request.GET["format"], f"availability-{state.vo}-{state.month}")
    table = pages.month_table(
        sites,
        state.month,
        state.measure,
        site_url=lambda key: reverse("availability:site", args=[key]) + state.carried(),
        day_url=lambda key, day: reverse("availability:day", args=[key, day]) + state.carried(month=""),
        region_url=lambda key: state.query(region=key),
    )
    region = Ngi.objects.filter(key=state.given.get("region", "")).first()
    context = state.context() | {"table": table, "region": region, "all_regions_url": state.query(region="")}
    return render(request, "availability/month.html", context)


@require_GET
def site(request: HttpRequest, key: str) -> HttpResponseBase:
    """A bar a day with the target, and the sums of each service type and service."""
    now = timezone.now()
    state = _State(request, now)
    found = get_object_or_404(Site.objects.select_related("ngi"), key=key)
    own = queries.figures(state.month.window, level="site", report=state.vo, site=found.key)
    lower = _services(state, found)
    if "format" in request.GET:
        return download([*own, *lower], request.GET["format"], f"availability-{found.name}-{state.vo}-{state.month}")
    whole = total([figure.seconds for figure in own])
    urls = _service_urls(found)
    context = state.context() | {
        "site": found,
        "figures": [(figure, _day_url(found, figure.day, state)) for figure in own],
        "whole": whole,
        "value": whole.value(state.measure),
        "reasons": reasons(whole),
        "services": [
            (place, seconds, urls.get((place.service_type, place.hostname), ""))
            for place, seconds in pages.services(lower)
        ],
        "option": pages.bars(own, state.month, state.measure),
        "month_url": reverse("availability:month") + state.carried(),
        "now": now,
    }
    return render(request, "availability/site.html", context)


def _services(state: _State, found: Site) -> list[Figure]:
    window = state.month.window
    return [
        figure
        for level in ("flavour", "service")
        for figure in queries.figures(window, level=level, report=state.vo, site=found.key)
    ]


def _day_url(found: Site, day: date, state: _State) -> str:
    return reverse("availability:day", args=[found.key, day]) + state.carried(month="")


def _service_urls(found: Site) -> dict[Sequence[str], str]:
    """(service type, hostname) -> its page; the newest where a service was closed and registered again."""
    services = Service.objects.filter(site=found).select_related("service_type").order_by("valid_from")
    return {(service.service_type.name, service.hostname): _url("portal:service", service.key) for service in services}


def _url(name: str, *arguments: Any) -> str:
    """The page's address; empty where this installation has no such page."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
