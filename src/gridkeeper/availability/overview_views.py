"""Pages that compare: Tier-0/1 sites, service types, good and bad hours, trends."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from gridkeeper.availability import charts, hours, queries, trends
from gridkeeper.availability.exports import download, download_rows
from gridkeeper.availability.grid import Grid, Line, Painter, lines, together
from gridkeeper.availability.grid_html import grid_html
from gridkeeper.availability.measures import value_of
from gridkeeper.availability.periods import Column, Step
from gridkeeper.availability.queries import Figure, Place
from gridkeeper.availability.state import State, url_of
from gridkeeper.availability.svg import bars_svg, tape_svg
from gridkeeper.availability.views import CLOCK, painter_of, part_url
from gridkeeper.core.windows import HOUR
from gridkeeper.registry.models import Service, Site

#: Word of the address -> tiers as the registry writes them, with or without the word.
_TIERS = {"0/1": ("0", "1"), "2": ("2",), "3": ("3",)}


@require_GET
def tiers(request: HttpRequest) -> HttpResponseBase:
    """All Tier-0 and Tier-1 sites on one page with the target line (the seeds' overview)."""
    state = State(request, timezone.now())
    tier = state.given.get("tier", "0/1")
    if tier not in _TIERS:
        raise Http404(f"The tier is {', '.join(_TIERS)}, not {tier!r}.")
    span = state.period
    order = _sites_of(tier)
    found: list[Figure] = []
    if order:
        found = queries.sums_of_steps(span.window, span.step, levels=("site",), report=state.report, site=sorted(order))
    if "format" in request.GET:
        return download(found, request.GET["format"], f"tier-{tier}-{state.report}-{span}")
    of_sites = sorted(lines(found), key=lambda line: (order[line.place.site], line.place.name))
    everything = together(of_sites, Place(report=state.report, level="federation"))
    painter = painter_of(state, found)
    grid = _tier_grid(state, painter, of_sites, everything, tier)
    columns = span.columns()
    context = state.context() | {
        "tier": tier,
        "tier_links": [(name, state.query(tier="" if name == "0/1" else name), name == tier) for name in _TIERS],
        "grid": grid,
        "table": grid_html(grid),
        "everything": everything.whole,
        "option": charts.courses({f"All Tier-{tier}": everything}, columns, state.targets),
        "multiples": [_multiple(state, line, order[line.place.site], columns) for line in of_sites],
    }
    return render(request, "availability/tiers.html", context)


def _sites_of(tier: str) -> dict[str, str]:
    """Key of each site of these tiers -> its tier."""
    wanted = Q()
    for number in _TIERS[tier]:
        wanted |= Q(tier=number) | Q(tier__iexact=f"Tier-{number}") | Q(tier__iexact=f"Tier {number}")
    return {key: word[-1] for key, word in Site.objects.filter(wanted).values_list("key", "tier")}


def _tier_grid(state: State, painter: Painter, of_sites: Sequence[Line], everything: Line, tier: str) -> Grid:
    below = [
        painter.row(
            line, kind="site", name=line.place.name, url=state.site_url(line.place.site),
            part_url=lambda column, site=line.place.site: part_url(state, site, column),  # type: ignore[misc]
        )
        for line in of_sites
    ]  # fmt: skip
    groups = [[painter.row(everything, kind="sum", name=f"All Tier-{tier}")], below] if below else []
    caption = f"{state.measure.capitalize()} in per cent of Tier-{tier} sites, {state.period.title}"
    return Grid(caption, "Site", painter.heads, list(painter.columns), groups)


def _multiple(state: State, line: Line, tier: str, columns: Sequence[Column]) -> dict[str, Any]:
    value = value_of(line.whole, state.measure)
    site = line.place.site
    label = f"{line.place.name}: {state.measure} by part of {state.period.title}; the table below holds the figures"
    return {
        "name": line.place.name,
        "tier": tier,
        "url": state.site_url(site),
        "value": value,
        "grade": state.targets.grade(value, state.measure),
        "is_met": state.targets.is_met(value, state.measure),
        "picture": bars_svg(
            line, columns, state.measure, state.targets, lambda column: part_url(state, site, column), label
        ),
    }


@require_GET
def services(request: HttpRequest) -> HttpResponseBase:
    """Every service type over all sites; one of them by site and instance."""
    state = State(request, timezone.now())
    chosen = state.given.get("service_type", "")
    span = state.period
    if chosen:
        found = queries.sums_of_steps(
            span.window, span.step, levels=("flavour", "service"), report=state.report, service_type=chosen
        )
    else:
        found = queries.sums_of_steps(
            span.window, span.step, levels=("flavour",), report=state.report, by=("service_type",)
        )
    if "format" in request.GET:
        return download(found, request.GET["format"], f"services-{chosen or 'all'}-{state.report}-{span}")
    painter = painter_of(state)
    groups = _instances(state, painter, found, chosen) if chosen else _types(state, painter, found)
    what = f"{chosen} by site and instance" if chosen else "service types"
    caption = f"{state.measure.capitalize()} in per cent of {what}, {span.title}"
    grid = Grid(caption, "Site, service" if chosen else "Service type", painter.heads, list(painter.columns), groups)
    context = state.context() | {
        "service_type": chosen, "grid": grid, "table": grid_html(grid), "all_types_url": state.query(service_type="")
    }  # fmt: skip
    return render(request, "availability/services.html", context)


def _types(state: State, painter: Painter, found: Sequence[Figure]) -> list[list[Any]]:
    return [
        [
            painter.row(
                line, kind="site", name=line.place.service_type,
                url=state.query(service_type=line.place.service_type),
            )
            for line in lines(found)
        ]
    ] if found else []  # fmt: skip


def _instances(state: State, painter: Painter, found: Sequence[Figure], chosen: str) -> list[list[Any]]:
    """All sites together, then each site with its services of the type."""
    of_type = lines(found)
    at_sites = [line for line in of_type if line.place.level == "flavour"]
    if not at_sites:
        return []
    pages = dict(
        Service.objects.filter(service_type__name=chosen).order_by("valid_from").values_list("hostname", "key")
    )
    everything = together(at_sites, Place(report=state.report, level="federation"))
    groups = [[painter.row(everything, kind="sum", name="All sites")]]
    for line in at_sites:
        site = line.place.site
        below = [each for each in of_type if each.place.level == "service" and each.place.site == site]
        groups.append([
            painter.row(line, kind="region", name=line.place.site_name or site, url=state.site_url(site)),
            *(
                painter.row(
                    each, kind="site", name=each.place.hostname,
                    url=url_of("portal:service", pages[host]) if (host := each.place.hostname) in pages else "",
                )
                for each in below
            ),
        ])  # fmt: skip
    return groups


@require_GET
def good_hours(request: HttpRequest) -> HttpResponseBase:
    """The seeds' summary: every site good or bad, hour by hour, and the fraction of good ones."""
    state = State(request, timezone.now())
    span = state.period
    is_short = span.step in (Step.HOUR, Step.DAY)
    region = state.given.get("region", "")
    where = {"region": region} if region else {}
    found = queries.hours_of_days(span.window, level="site", report=state.report, **where) if is_short else []
    days = list(span.window.days())
    until = max(0, min(len(days) * hours.HOURS, (state.now - span.window.start) // HOUR + 1))
    of_sites = hours.tapes(found, days, until)
    if "format" in request.GET:
        return download_rows(
            [_hour_row(tape) for tape in of_sites], request.GET["format"], f"hours-{state.report}-{span}"
        )
    grouped: dict[str, list[Any]] = {}
    for tape in of_sites:
        picture = tape_svg(tape, tape.place.name, len(days) * hours.HOURS)
        place = tape.place
        url = state.day_url(place.site, days[0]) if len(days) == 1 else state.site_url(place.site)
        grouped.setdefault(state.region_name(place), []).append((place.name, tape, picture, url))
    context = state.context() | {
        "is_short": is_short,
        "grouped": grouped,
        "good": sum(tape.good for tape in of_sites),
        "bad": sum(tape.bad for tape in of_sites),
        "fraction": hours.share(of_sites),
        "axis": CLOCK if len(days) == 1 else [str(day.day) for day in days],
        "is_day": len(days) == 1,
    }
    return render(request, "availability/hours.html", context)


def _hour_row(tape: hours.Tape) -> dict[str, Any]:
    share = tape.fraction.percent
    return {
        "region": tape.place.region, "region_name": tape.place.region_name, "site": tape.place.site,
        "site_name": tape.place.site_name, "good_hours": tape.good, "bad_hours": tape.bad,
        "good_percent": None if share is None else float(share),
    }  # fmt: skip


@require_GET
def trend_page(request: HttpRequest) -> HttpResponseBase:
    """What goes wrong most in the period."""
    state = State(request, timezone.now())
    window = state.period.window
    region = state.given.get("region", "")
    where = {"region": region} if region else {}
    worst = trends.worst_metrics(window, report=state.report, **where)
    context = state.context() | {
        "worst": worst,
        "worst_option": charts.ranking(
            [f"{each.metric} ({each.service_type})" for each in worst[:12]],
            [each.critical_s / 3600 for each in worst[:12]], "Hours critical",
        ),
        "site_outages": _linked(state, trends.longest_outages(window, report=state.report, level="site", **where)),
        "service_outages": _linked(
            state, trends.longest_outages(window, report=state.report, level="service", **where)
        ),
        "flapping_sites": _linked(state, trends.flapping(window, report=state.report, level="site", **where)),
        "flapping_services": _linked(state, trends.flapping(window, report=state.report, level="service", **where)),
    }  # fmt: skip
    return render(request, "availability/trends.html", context)


def _linked(state: State, found: Sequence[Any]) -> list[tuple[Any, str]]:
    """Each with its page: an outage's first day, else the site's figures."""
    return [
        (
            each,
            state.day_url(each.place.site, each.start.date())
            if hasattr(each, "start")
            else state.site_url(each.place.site),
        )
        for each in found
    ]
