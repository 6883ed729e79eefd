"""The pages of figures: a period of all sites, a site's period. All state is in the address."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability import charts, hours, queries
from gridkeeper.availability.exports import download
from gridkeeper.availability.grid import Grid, Line, Painter, lines, period_grid, together, worst_first
from gridkeeper.availability.grid_html import grid_html
from gridkeeper.availability.measures import value_of
from gridkeeper.availability.months import Month
from gridkeeper.availability.periods import Column, Step
from gridkeeper.availability.queries import Figure, Place
from gridkeeper.availability.rules import reasons
from gridkeeper.availability.state import State, url_of
from gridkeeper.availability.svg import tape_svg
from gridkeeper.registry.models import Service, Site

#: Labels under a day.
CLOCK = [f"{hour:02d}" for hour in range(0, 25, 3)]
_LEVELS = ("federation", "region", "site")
#: Longest period whose hours a page shows one by one.
_HOURLY = (Step.HOUR, Step.DAY)


def painter_of(state: State, figures: Sequence[Figure] = ()) -> Painter:
    """Beside the measure that was chosen stand the other of the two main ones, and what was not known."""
    mains = ("availability", "reliability", "unknown")
    return Painter(
        state.measure, state.targets, state.period.columns(), str(state.period),
        [name for name in mains if name != state.measure], any(figure.weighted for figure in figures),
    )  # fmt: skip


def part_url(state: State, site: str, column: Column) -> str:
    """Where a part of a site's period leads: a day to what explains it, a longer part to the site's figures of it."""
    if state.period.step in _HOURLY:
        return state.day_url(site, column.start)
    return state.site_url(site, period=column.period)


@require_GET
def month(request: HttpRequest) -> HttpResponseBase:
    """Rows region > site, columns the parts of the period."""
    state = State(request, timezone.now())
    region = state.given.get("region", "")
    levels, where = (_LEVELS[1:], {"region": region}) if region else (_LEVELS, {})
    span = state.period
    found = queries.sums_of_steps(span.window, span.step, levels=levels, report=state.report, **where)
    if "format" in request.GET:
        return download(found, request.GET["format"], f"availability-{state.report}-{span}")
    grid = period_grid(
        found, painter_of(state, found),
        caption=f"{state.measure.capitalize()} in per cent by site, {span.title}, report {state.report}",
        site_url=lambda place: state.site_url(place.site),
        part_url=lambda place, column: part_url(state, place.site, column),
        region_url=lambda place: state.query(region=place.region),
        region_name=state.region_name, words=state.words,
    )  # fmt: skip
    is_flat = state.given.get("order") == "worst"
    if is_flat:
        grid = worst_first(grid, state.measure)
    names = {figure.place.region: state.region_name(figure.place) for figure in found}
    context = state.context() | {
        "grid": grid,
        "table": grid_html(grid),
        "everything": grid.groups[0][0] if grid.groups else None,
        "regions": len(names) - (0 if region else 1),
        "region": names.get(region, region),
        "all_regions_url": state.query(region=""),
        "order_links": [
            (f"by {state.words[0]}", state.query(order=""), not is_flat),
            ("worst first", state.query(order="worst"), is_flat),
        ],
        "why_url": _why_url(state, region),
    }
    return render(request, "availability/month.html", context)


@require_GET
def site(request: HttpRequest, key: str) -> HttpResponseBase:
    """Overall, by function and service type, by instance: each by part of the period, and its hours."""
    state = State(request, timezone.now())
    span = state.period
    found = queries.sums_of_steps(
        span.window, span.step, levels=("site", "function", "flavour", "service"), report=state.report, site=key
    )
    place = _place_of(key, found)
    if "format" in request.GET:
        return download(found, request.GET["format"], f"availability-{place.name}-{state.report}-{span}")
    by_level: dict[str, list[Line]] = {name: [] for name in ("site", "function", "flavour", "service")}
    for line in lines(found):
        by_level[line.place.level].append(line)
    # A site that changed its region has a line under each of them.
    own = together(by_level["site"], place)
    value = value_of(own.whole, state.measure)
    columns = span.columns()
    context = state.context() | {
        "site": place,
        "region_name": state.region_name(place),
        "site_page_url": url_of("portal:site", key) or f"/sites/{key}/",
        "own": own,
        "whole": own.whole,
        "value": value,
        "reasons": reasons(own.whole),
        "table": grid_html(_services_grid(state, own, by_level)),
        "option": charts.bars(own, columns, state.measure, state.targets),
        "spent_option": charts.spent(own, columns),
        "parts": _parts(state, key, own),
        "calendar": _calendar(state, key),
        "month_url": reverse("availability:month") + state.carried(),
        "region_url": reverse("availability:month") + state.carried(region=place.region),
        "clock": CLOCK,
        **_explanations(state, key),
    }
    return render(request, "availability/site.html", context)


def _place_of(key: str, found: Sequence[Figure]) -> Place:
    """The site or group; raises Http404 where neither figures nor the registry know it."""
    of_site = [figure.place for figure in found if figure.place.level == "site"]
    if of_site:
        return of_site[-1]
    known = Site.objects.select_related("ngi").filter(key=key).first()
    if known is None:
        raise Http404(f"There is no site {key!r}.")
    return Place(
        report="", level="site", region=known.ngi.key, region_name=known.ngi.name, site=key, site_name=known.name
    )


def _services_grid(state: State, own: Line, by_level: dict[str, list[Line]]) -> Grid:
    """The seeds' three reports of a site under one another: overall, individual services, service instances."""
    painter = painter_of(state)
    site = own.place.site
    urls = _service_urls(site)
    groups = [[painter.row(own, kind="sum", name="Overall", part_url=lambda column: part_url(state, site, column))]]
    flavours = {line.place.service_type for line in by_level["flavour"]}
    # A function that is one service type of the same name says nothing of its own.
    functions = [line for line in by_level["function"] if line.place.function not in flavours]
    if functions:
        groups.append([painter.row(line, kind="function", name=line.place.function) for line in functions])
    for flavour in by_level["flavour"]:
        name = flavour.place.service_type
        below = [line for line in by_level["service"] if line.place.service_type == name]
        head = painter.row(flavour, kind="region", name=name, url=url_of("availability:services") + state.carried(
            service_type=name))  # fmt: skip
        groups.append([head, *(
            painter.row(line, kind="site", name=line.place.hostname, url=urls.get((name, line.place.hostname), ""))
            for line in below
        )])  # fmt: skip
    caption = f"{state.measure.capitalize()} in per cent of {own.place.name} by service type and service"
    return Grid(caption, "Service type, service", painter.heads, list(painter.columns), groups)


def _parts(state: State, key: str, own: Line) -> list[tuple[Column, Any, str]]:
    return [
        (column, own.parts[part], part_url(state, key, column))
        for column in state.period.columns()
        if (part := (column.start, column.hour)) in own.parts
    ]


def _calendar(state: State, key: str) -> list[tuple[date, Any, Any, str]]:
    """Day, tape and its picture, address; nothing for long periods."""
    span = state.period
    if span.step not in _HOURLY:
        return []
    found = queries.hours_of_days(span.window, level="site", report=state.report, site=key)
    days = list(span.window.days())
    return [
        (tape.first, tape, tape_svg(tape, str(tape.first), hours.HOURS), state.day_url(key, tape.first))
        for tape in hours.by_day(found, days, state.today, state.now.hour)
    ]


def _why_url(state: State, region: str) -> str:
    """The page that says who cost the month how much; "" for other periods."""
    month = Month.of(state.period.first)
    if str(month) != str(state.period):
        return ""
    return reverse("availability:why_all") + state.to_explain(month=str(month), region=region)


def _explanations(state: State, key: str) -> dict[str, str]:
    """The pages that explain a month: only months have them."""
    month = Month.of(state.period.first)
    if str(month) != str(state.period):
        return {}
    asked = state.to_explain(month=str(month))
    found = {name: url_of(f"availability:{name}", key) for name in ("why", "what_if")}
    return {f"{name}_url": url + asked for name, url in found.items() if url}


def _service_urls(site: str) -> dict[tuple[str, str], str]:
    """(service type, hostname) -> its page; the newest where a service was closed and registered again."""
    services = Service.objects.filter(site__key=site).select_related("service_type").order_by("valid_from")
    return {
        (service.service_type.name, service.hostname): url_of("portal:service", service.key) for service in services
    }
