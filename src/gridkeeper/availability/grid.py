"""Figures as a table: who in the rows, when in the columns, colours by the targets. Pure; `grid_html` writes it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_DOWN, Decimal

from gridkeeper.availability.measures import Targets, value_of
from gridkeeper.availability.periods import Column
from gridkeeper.availability.queries import Figure, Place
from gridkeeper.availability.rules import Seconds, total
from gridkeeper.availability.weighted import Weighted

#: Heads of narrow columns.
_HEADS = {
    "availability": "Avail.", "reliability": "Reliab.", "uptime": "Uptime", "unknown": "Unkn.", "downtime": "Downt.",
    "excluded": "Excl.",
}  # fmt: skip
#: A part of a period: its first day, and the hour for hours.
Part = tuple[date, int | None]


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure. text: cut and not rounded, so that 99.9 is not 100."""

    text: str
    title: str
    grade: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line. kind: its class, site or region or sum; whole: the cells of the whole period, as `Grid.heads`.

    value: of the whole period, None where it is not computable
    """

    name: str
    url: str
    kind: str
    whole: list[Cell | None]
    cells: list[Cell | None]
    is_met: bool | None = None
    value: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows in groups, under heads for the whole period and columns for its parts."""

    caption: str
    corner: str
    heads: list[str]
    columns: list[Column]
    groups: list[list[Row]] = field(default_factory=list)

    @property
    def met(self) -> int:
        return self._sites(is_met=True)

    @property
    def missed(self) -> int:
        return self._sites(is_met=False)

    def _sites(self, *, is_met: bool) -> int:
        return sum(1 for group in self.groups for row in group if row.kind == "site" and row.is_met is is_met)


@dataclass(frozen=True, slots=True)
class Line:
    """The figures of one place over the period: by part and together."""

    place: Place
    parts: Mapping[Part, Seconds]
    whole: Seconds
    weighted: Weighted | None


def lines(figures: Iterable[Figure]) -> list[Line]:
    """A line for each place, in the order of the figures. A place that was renamed stands under its newest name."""
    parts: dict[tuple[str, ...], dict[Part, Seconds]] = {}
    places: dict[tuple[str, ...], Place] = {}
    weights: dict[tuple[str, ...], Weighted | None] = {}
    last: Place | None = None
    key: tuple[str, ...] = ()
    for figure in figures:
        if figure.place is not last:  # figures of one place mostly follow one another
            last = figure.place
            key = _key(last)
            places[key] = last
        of_place = parts.setdefault(key, {})
        part = (figure.day, figure.hour)
        of_place[part] = of_place[part] + figure.seconds if part in of_place else figure.seconds
        known = weights.get(key)
        weights[key] = known + figure.weighted if known and figure.weighted else known or figure.weighted
    return [Line(places[key], of, total(list(of.values())), weights[key]) for key, of in parts.items()]


def _key(place: Place) -> tuple[str, ...]:
    """What tells it from others whatever it is called."""
    return (place.level, place.region, place.site, place.function, place.service_type, place.hostname, place.metric)


def together(several: Iterable[Line], place: Place) -> Line:
    """The sum of several places: sums of seconds, with and without weights."""
    parts: dict[Part, Seconds] = {}
    weighted: Weighted | None = None
    for line in several:
        for part, seconds in line.parts.items():
            parts[part] = parts[part] + seconds if part in parts else seconds
        if line.weighted:
            weighted = weighted + line.weighted if weighted else line.weighted
    return Line(place, parts, total(list(parts.values())), weighted)


@dataclass(frozen=True, slots=True)
class Painter:
    """Makes rows of lines for one measure.

    other: the measures whose whole stands beside it
    has_weights: a column for the weighted figure
    """

    measure: str
    targets: Targets
    columns: Sequence[Column]
    period: str
    other: Sequence[str] = ()
    has_weights: bool = False

    @property
    def heads(self) -> list[str]:
        weighted = ["Weighted"] if self.has_weights else []
        return [_HEADS[self.measure], *weighted, *[_HEADS[name] for name in self.other]]

    def row(
        self, line: Line, *, kind: str, name: str, url: str = "", part_url: Callable[[Column], str] | None = None
    ) -> Row:
        cells = [
            self.cell(value_of(line.parts[part], self.measure), f"{name} {column.title}", url=part_url(column))
            if (part := (column.start, column.hour)) in line.parts and part_url
            else self._plain(line, column, name)
            for column in self.columns
        ]
        value = value_of(line.whole, self.measure)
        what = f"{name} {self.period}"
        whole: list[Cell | None] = [self.cell(value, what, places=2)]
        if self.has_weights:
            # Of one site the weight says nothing.
            weighted = line.weighted if kind != "site" else None
            whole.append(self.cell(weighted.value(self.measure), f"{what}, weighted", places=2) if weighted else None)
        whole += [self._beside(value_of(line.whole, other), f"{what}, {other}", other) for other in self.other]
        return Row(name, url, kind, whole, cells, self.targets.is_met(value, self.measure), value)

    def _beside(self, value: Decimal | None, what: str, measure: str) -> Cell:
        """Coloured only where the target is missed, so that the measure that was chosen stands out."""
        cell = self.cell(value, what, places=2, measure=measure)
        return replace(cell, grade="plain") if self.targets.is_met(value, measure) else cell

    def _plain(self, line: Line, column: Column, name: str) -> Cell | None:
        seconds = line.parts.get((column.start, column.hour))
        return None if seconds is None else self.cell(value_of(seconds, self.measure), f"{name} {column.title}")

    def cell(self, value: Decimal | None, what: str, *, places: int = 0, measure: str = "", url: str = "") -> Cell:
        """A figure as a cell; a dash, with the words in the title, where it is not computable."""
        if value is None:
            return Cell("–", f"{what}: not computable, nothing was known", "none", url)
        shown = value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
        return Cell(str(shown), f"{what}: {value:.2f} %", self.targets.grade(value, measure or self.measure), url)


def period_grid(
    figures: Sequence[Figure], painter: Painter, *, caption: str,
    site_url: Callable[[Place], str], part_url: Callable[[Place, Column], str], region_url: Callable[[Place], str],
    region_name: Callable[[Place], str], words: tuple[str, str],
) -> Grid:  # fmt: skip
    """Rows federation, then region > site. figures: of these three levels; without the federation's: one region's.

    words: what the report calls its regions and sites
    """
    by_level: dict[str, list[Line]] = {"federation": [], "region": [], "site": []}
    for line in lines(figures):
        by_level[line.place.level].append(line)
    sites: dict[str, list[Line]] = {}
    for line in by_level["site"]:
        sites.setdefault(line.place.region, []).append(line)
    groups = [[painter.row(line, kind="sum", name=f"All {words[0]}s")] for line in by_level["federation"]]
    for region in by_level["region"]:
        head = painter.row(region, kind="region", name=region_name(region.place), url=region_url(region.place))
        below = [
            painter.row(
                line, kind="site", name=line.place.name, url=site_url(line.place),
                part_url=lambda column, place=line.place: part_url(place, column),  # type: ignore[misc]
            )
            for line in sites.get(region.place.region, ())
        ]  # fmt: skip
        groups.append([head, *below])
    return Grid(caption, f"{words[0].capitalize()}, {words[1]}", painter.heads, list(painter.columns), groups)


def worst_first(grid: Grid, measure: str) -> Grid:
    """Its sites without their regions, by the measure; those of which nothing is known stand last."""
    sites = [row for group in grid.groups for row in group if row.kind == "site"]
    is_more_worse = measure in ("unknown", "downtime", "excluded")

    def place(row: Row) -> tuple[bool, Decimal, str]:
        value = row.value or Decimal(0)
        return (row.value is None, -value if is_more_worse else value, row.name)

    sums = [group for group in grid.groups if group and group[0].kind == "sum"]
    corner = grid.corner.rpartition(", ")[2].capitalize()
    return replace(grid, corner=corner, groups=[*sums, sorted(sites, key=place)])
