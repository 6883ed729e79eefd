"""What the availability pages show, made from figures: the month's table and a site's bars. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from gridkeeper.availability.months import Month
from gridkeeper.availability.queries import Figure, Place, by_place
from gridkeeper.availability.rules import TARGETS, Seconds, grade, total

MEASURES = ("availability", "reliability")


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure of the month's table. text: whole per cent, cut and not rounded, so that 99.9 is not 100."""

    text: str
    title: str
    grade: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line: a site, or the sum of a region or of all."""

    name: str
    url: str
    cells: list[Cell | None]
    whole: Cell
    seconds: Seconds
    is_met: bool | None


@dataclass(frozen=True, slots=True)
class Group:
    """A region with its sum and its sites."""

    name: str
    key: str
    row: Row
    sites: list[Row]


@dataclass(frozen=True, slots=True)
class MonthTable:
    """The month of all regions."""

    days: list[date]
    groups: list[Group]
    everything: Row | None
    met: int = 0
    missed: int = 0


def cell(seconds: Seconds, measure: str, *, what: str, places: int = 0, url: str = "") -> Cell:
    """A figure as a cell; a dash, with the word in the title, where it is not computable."""
    value = seconds.value(measure)
    if value is None:
        return Cell("–", f"{what}: not computable, nothing was known", "none", url)
    shown = value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
    return Cell(str(shown), f"{what}: {value:.2f} %", grade(value, measure), url)


def month_table(
    sites: Sequence[Figure],
    month: Month,
    measure: str,
    *,
    site_url: Callable[[str], str],
    day_url: Callable[[str, date], str],
    region_url: Callable[[str], str],
) -> MonthTable:
    """Rows region > site, columns days; sums of seconds at the end of each row and of each region."""
    days = month.days()

    def row(name: str, url: str, figures: Sequence[Figure], site: str = "") -> Row:
        by_day: dict[date, Seconds] = {}
        for figure in figures:
            by_day[figure.day] = by_day.get(figure.day, Seconds()) + figure.seconds
        cells = [
            cell(by_day[day], measure, what=f"{name} {day}", url=day_url(site, day) if site else "")
            if day in by_day
            else None
            for day in days
        ]
        whole = total(list(by_day.values()))
        value = whole.value(measure)
        summed = cell(whole, measure, what=f"{name} {month}", places=2)
        return Row(name, url, cells, summed, whole, None if value is None else value >= TARGETS[measure])

    groups = []
    for (key, name), figures in _by_region(sites).items():
        rows = [row(place.name, site_url(place.site), own, place.site) for place, own in by_place(figures).items()]
        groups.append(Group(name, key, row(name, region_url(key), figures), rows))
    lines = [line for group in groups for line in group.sites]
    everything = row("All regions", "", sites) if sites else None
    met, missed = (sum(1 for line in lines if line.is_met is wanted) for wanted in (True, False))
    return MonthTable(days, groups, everything, met, missed)


def _by_region(sites: Sequence[Figure]) -> dict[tuple[str, str], list[Figure]]:
    """Figures by region, under the newest name of each."""
    names = {figure.place.region: figure.place.region_name or figure.place.region for figure in sites}
    grouped: dict[tuple[str, str], list[Figure]] = {}
    for figure in sorted(sites, key=lambda one: (names[one.place.region], one.place.region)):
        grouped.setdefault((figure.place.region, names[figure.place.region]), []).append(figure)
    return grouped


def bars(figures: Sequence[Figure], month: Month, measure: str) -> dict[str, Any]:
    """An ECharts option: a bar a day, the target as a line. The colours are those of the status they come near to."""
    by_day = {figure.day: figure.seconds.value(measure) for figure in figures}
    target = TARGETS[measure]
    colours = {"full": "var(--s-ok)", "good": "var(--s-ok)", "near": "var(--s-warning)", "low": "var(--s-critical)"}
    data = [
        None
        if (value := by_day.get(day)) is None
        else {"value": float(round(value, 2)), "itemStyle": {"color": colours[grade(value, measure)]}}
        for day in month.days()
    ]
    line = {"yAxis": float(target), "label": {"formatter": f"target {target} %", "position": "insideEndTop"}}
    return {
        "grid": {"left": 44, "right": 12, "top": 16, "bottom": 28},
        "tooltip": {"trigger": "axis"},
        "xAxis": {"type": "category", "data": [str(day.day) for day in month.days()], "axisTick": {"show": False}},
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": [
            {
                "type": "bar",
                "name": measure.capitalize(),
                "data": data,
                "barCategoryGap": "25%",
                "markLine": {
                    "symbol": "none",
                    "silent": True,
                    "data": [line],
                    "lineStyle": {"color": "var(--gk-ink)", "type": "dashed"},
                    "label": {"color": "var(--gk-ink)"},
                },
            }
        ],
    }


def services(figures: Sequence[Figure]) -> list[tuple[Place, Seconds]]:
    """The sums of each service type, followed by its services."""
    summed = [(place, total([figure.seconds for figure in own])) for place, own in by_place(figures).items()]
    return sorted(summed, key=lambda item: (item[0].service_type, item[0].hostname))
