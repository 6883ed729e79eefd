"""What stands in a published report: the figures of a month as canonical JSON, of which the checksum is taken."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

from gridkeeper.availability.levels import MEASURES
from gridkeeper.availability.measures import Targets
from gridkeeper.availability.models import Computation
from gridkeeper.availability.months import Month
from gridkeeper.availability.profiles.documents import ReportDocument
from gridkeeper.availability.profiles.in_force import InForce, ProfileMissingError
from gridkeeper.availability.rules import TARGETS, Seconds
from gridkeeper.availability.tables import DAY_TABLE
from gridkeeper.lake.scan import connect, lake_table_of, rows
from gridkeeper.lake.store import open_lake

#: Written into every document; a reader refuses what it does not know.
FORMAT = "gridkeeper-report/1"
#: Whose figures are published, in this order; what lies below can be found in the lake and may be computed again.
LEVELS = ("federation", "region", "site", "flavour")
_PLACE = ("level", "region", "site", "service_type")
_NAMES = ("region_name", "site_name")


def month_document(report: str, month: Month) -> dict[str, Any]:
    """The month's figures as they are now.

    {"format", "report", "month", "targets": {measure: per cent}, "region_kind" (as in the report's document),
     "figures": [{"level", "region", "region_name", "site", "site_name", "service_type", "availability",
        "reliability" (per cent as text, null: not computable), "total_s", ..., "weighted_..." where there are any}],
     "site_days": {site key: {day: [total_s, up_s, unknown_s, down_s, excluded_s, critical_s, flips]}},
     "days": {day: {"checksum", "inputs", "recomputations"}}}
    """
    definition = _definition(report, month)
    targets = Targets.asked_by(definition)
    return {
        "format": FORMAT,
        "report": report,
        "month": str(month),
        "targets": {name: str(targets.of(name)) for name in TARGETS},
        "region_kind": definition.region_kind,
        "figures": [_line(row) for row in _sums(report, month)],
        "site_days": _site_days(report, month),
        "days": _days(report, month),
    }


def _definition(report: str, month: Month) -> ReportDocument:
    """What the report was at the month's end, or the last day on which there was one."""
    for day in reversed(month.days()):
        with suppress(ProfileMissingError):
            return InForce.on(day).report(report).document
    return ReportDocument()


def canonical(document: Mapping[str, Any]) -> str:
    """The one way in which a document is written: keys in order, no blanks, UTF-8.

    >>> canonical({"b": 1, "a": None})
    '{"a":null,"b":1}'
    """
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def checksum_of(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, in hexadecimal digits: what `sha256sum` says of the download."""
    return hashlib.sha256(text.encode()).hexdigest()


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    seconds = Seconds.of(row)
    percents = {measure: _text(seconds.value(measure)) for measure in TARGETS}
    weighted = {name: value for name, value in row.items() if name.startswith("weighted_") and value is not None}
    return {name: row[name] for name in (*_PLACE, *_NAMES, *MEASURES)} | percents | weighted


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _sums(report: str, month: Month) -> list[dict[str, Any]]:
    """Sums of seconds over the month's days, in the order of the tree; a renamed place under its newest name."""

    def ask(days: Any) -> Any:
        sums = {name: days[name].sum() for name in days.columns if name in MEASURES or name.startswith("weighted_")}
        newest = {name: days[name].argmax(days.date) for name in _NAMES}
        return days.filter(days.level.isin(LEVELS)).group_by(list(_PLACE)).agg(**newest, **sums)

    found = _ask(report, month, ask)
    return sorted(found, key=lambda row: (LEVELS.index(row["level"]), *(row[name] for name in _PLACE[1:])))


def _site_days(report: str, month: Month) -> dict[str, dict[str, list[int]]]:
    found = _ask(report, month, lambda days: days.filter(days.level == "site").order_by("site", "date"))
    sites: dict[str, dict[str, list[int]]] = {}
    for row in found:
        sites.setdefault(row["site"], {})[row["date"].isoformat()] = [row[name] for name in MEASURES]
    return sites


def _ask(report: str, month: Month, question: Any) -> list[dict[str, Any]]:
    lake = open_lake()
    if not lake.files(DAY_TABLE.name, month.window):
        return []
    with connect() as con:
        days = lake_table_of(con, lake, DAY_TABLE.name, month.window)
        first, last = month.days()[0], month.days()[-1]
        return rows(question(days.filter((days.report == report) & (days.date >= first) & (days.date <= last))))


def _days(report: str, month: Month) -> dict[str, dict[str, Any]]:
    made = Computation.objects.filter(report=report, day__gte=month.days()[0], day__lte=month.days()[-1])
    return {
        row.day.isoformat(): {
            "checksum": row.checksum,
            "inputs": row.inputs,
            "recomputations": row.recomputations,
        }
        for row in made.exclude(checksum="").order_by("day")
    }


def differing_days(old: Mapping[str, Any], new: Mapping[str, Any], site: str) -> list[date]:
    """The days on which a site's seconds differ between two documents."""
    before, after = (document["site_days"].get(site, {}) for document in (old, new))
    return [date.fromisoformat(day) for day in sorted({*before, *after}) if before.get(day) != after.get(day)]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures that differ: {place..., "availability": [before, after], "reliability": [...], "days": [...]}."""
    before, after = (_by_place(document["figures"]) for document in (old, new))
    found = []
    for place in sorted({*before, *after}, key=lambda place: (LEVELS.index(place[0]), *place[1:])):
        was, now = before.get(place), after.get(place)
        if was is not None and now is not None and all(was.get(name) == now.get(name) for name in _COMPARED):
            continue
        words = now or was or {}
        pairs = {name: [each and each[name] for each in (was, now)] for name in TARGETS}
        days = [day.isoformat() for day in differing_days(old, new, place[2])] if place[0] == "site" else []
        found.append({name: words[name] for name in (*_PLACE, *_NAMES)} | pairs | {"days": days})
    return found


_COMPARED = MEASURES


def _by_place(figures: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], Mapping[str, Any]]:
    return {tuple(str(figure[name]) for name in _PLACE): figure for figure in figures}
