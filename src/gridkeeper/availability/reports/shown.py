"""A month's document as pages and the printed report show it. Pure; see `publishing.document` for what it holds."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from gridkeeper.availability.levels import MEASURES, region_title
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import Seconds, grade
from gridkeeper.core.units import percent

#: Percentages of a line, in the order in which they are shown.
SHOWN = ("availability", "reliability")


@dataclass(frozen=True, slots=True)
class Day:
    """A day of a site: how it is coloured, and its figure in words."""

    day: date
    grade: str
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A place with its figures. is_met: whether both targets were; None where either is not computable.

    weighted: the same figures with each site counted as often as it weighs; {} where nothing has a weight
    """

    level: str
    name: str
    key: str
    values: Mapping[str, Decimal | None]
    weighted: Mapping[str, Decimal | None]
    seconds: Seconds
    is_met: bool | None
    days: list[Day | None] = field(default_factory=list)
    parts: list["Line"] = field(default_factory=list)

    @property
    def cells(self) -> list[tuple[Decimal | None, str]]:
        """Each figure with the class of its colour."""
        return [(value, grade(value, name)) for name, value in self.values.items()]

    @property
    def unknown(self) -> Decimal | None:
        return self.seconds.unknown_percent

    @property
    def downtime(self) -> Decimal | None:
        return percent(self.seconds.down_s, self.seconds.total_s)


@dataclass(frozen=True, slots=True)
class Shown:
    """A month: the federation, its regions with their sites, and each site's service types below it."""

    report: str
    month: Month
    targets: Mapping[str, Decimal]
    federation: Line | None
    regions: list[Line]

    @property
    def sites(self) -> list[Line]:
        return [site for region in self.regions for site in region.parts]

    @property
    def missed(self) -> list[Line]:
        """The sites that did not meet a target, the worst first."""
        found = [site for site in self.sites if site.is_met is False]
        return sorted(found, key=lambda site: (site.values["availability"] or Decimal(0), site.name))

    @property
    def met(self) -> int:
        return sum(1 for site in self.sites if site.is_met)

    @property
    def has_weights(self) -> bool:
        return any(line.weighted for line in [*self.regions, *([self.federation] if self.federation else [])])


def shown(document: Mapping[str, Any]) -> Shown:
    """From a document of `publishing.document`."""
    month = Month.parse(document["month"])
    targets = {name: Decimal(text) for name, text in document["targets"].items()}
    figures = list(document["figures"])

    def lines(level: str, **where: str) -> Iterator[Line]:
        own = (row for row in figures if row["level"] == level and all(row[name] == key for name, key in where.items()))
        return (_line(row, targets) for row in own)

    def site(line: Line, region: str) -> Line:
        days = list(_days(document["site_days"].get(line.key, {}), month))
        return _with(line, days, _by_name(lines("flavour", region=region, site=line.key)))

    regions = [
        _with(
            replace(region, name=region_title(document.get("region_kind", ""), region.name)),
            [],
            _by_name(site(each, region.key) for each in lines("site", region=region.key)),
        )
        for region in _by_name(lines("region"))
    ]
    return Shown(document["report"], month, targets, next(lines("federation"), None), regions)


def _by_name(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (line.name.casefold(), line.key))


def _with(line: Line, days: list[Day | None], parts: list[Line]) -> Line:
    return Line(line.level, line.name, line.key, line.values, line.weighted, line.seconds, line.is_met, days, parts)


def _line(row: Mapping[str, Any], targets: Mapping[str, Decimal]) -> Line:
    level = row["level"]
    key = {"site": row["site"], "region": row["region"], "flavour": row["service_type"]}.get(level, "")
    name = {"site": row["site_name"], "region": row["region_name"], "flavour": key}.get(level, "") or key
    seconds = Seconds.of(row)
    values = {measure: seconds.value(measure) for measure in SHOWN}
    known = [value >= targets[measure] for measure, value in values.items() if value is not None]
    is_met = None if len(known) < len(values) and all(known) else all(known)
    return Line(level, name or "Federation", key, values, _weighted(row), seconds, is_met)


def _weighted(row: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """By the same formulas, from seconds times weights; rounded as the others are."""
    if not row.get("weighted_total_s"):  # nothing there has a weight
        return {}
    total, up, unknown, down, excluded = (
        Decimal(str(row.get(f"weighted_{name}") or 0))
        for name in ("total_s", "up_s", "unknown_s", "down_s", "excluded_s")
    )
    known = total - excluded - unknown
    return {"availability": _ratio(up, known), "reliability": _ratio(up, known - down)}


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return None if whole <= 0 else percent(int(part * 1000), int(whole * 1000))


def _days(by_day: Mapping[str, list[int]], month: Month) -> Iterator[Day | None]:
    for day in month.days():
        found = by_day.get(day.isoformat())
        if found is None:
            yield None
            continue
        value = Seconds.of(dict(zip(MEASURES, found, strict=True))).value("availability")
        text = "not computable" if value is None else f"{value:.2f} %"
        yield Day(day, grade(value, "availability"), f"{day}: {text}")
