"""The filters of OSG's topology pages (its README, "Filters"): numbers, and switches that are `on`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.http import QueryDict

from gridkeeper.feeds.parameters import refuse

#: Parameter -> what its numbers name.
KINDS = {
    "facility": "facility", "site": "site", "rg": "resource group", "service": "service type",
    "sc": "support centre", "voown": "VO that owns", "vo": "VO",
}  # fmt: skip
#: Old programs send dozens of parameters that chose columns of a page long gone; OSG ignores them too, and so do we.
_SEL = "_sel[]"


@dataclass(frozen=True, slots=True)
class OsgFilters:
    """What is asked for; None and an absent kind are no filter.

    numbers: kind -> the numbers wanted; past: how long ago a downtime may have ended, None for any time
    """

    numbers: Mapping[str, frozenset[int]] = field(default_factory=dict)
    is_production: bool | None = None
    is_active: bool | None = None
    is_disabled: bool | None = None
    is_hidden: bool | None = None
    has_wlcg: bool = False
    past: timedelta | None = timedelta(0)

    def wants(self, kind: str, number: int) -> bool:
        """Whether an object of that number fits."""
        return kind not in self.numbers or number in self.numbers[kind]

    def is_shown_at(self, end: datetime, now: datetime) -> bool:
        """Whether a downtime that ends then is told now."""
        return self.past is None or now - end <= self.past


def read_osg_filters(query: QueryDict) -> OsgFilters:
    """Raises BadParameterError naming the parameter, in the cases in which OSG's own server refuses."""
    return OsgFilters(
        numbers={kind: _numbers(query, kind) for kind in KINDS if kind in query},
        is_production=_grid_type(query),
        is_active=_flag(query, "active") if "active" in query else None,
        is_disabled=_flag(query, "disable") if "disable" in query else None,
        is_hidden=_flag(query, "service_hidden") if "service_hidden" in query else None,
        has_wlcg="has_wlcg" in query,
        past=_past(query.get("downtime_attrs_showpast", "")),
    )


def _flag(query: QueryDict, name: str) -> bool:
    value = query.get(f"{name}_value", "")
    return value == "1" if value in {"0", "1"} else refuse(f"{name}_value", f"{value[:20]!r} is neither 0 nor 1")


def _grid_type(query: QueryDict) -> bool | None:
    if "gridtype" not in query:
        return None
    is_first, is_second = query.get("gridtype_1") == "on", query.get("gridtype_2") == "on"
    if not (is_first or is_second):
        refuse("gridtype", "set gridtype_1=on (production), gridtype_2=on (integration test bed) or both")
    return None if is_first and is_second else is_first


def _past(text: str) -> timedelta | None:
    if text == "all":
        return None
    if not text:
        return timedelta(0)
    if not text.isdecimal() or len(text) > 6:
        refuse("downtime_attrs_showpast", f"{text[:20]!r} is no number of days; write 0, 7, ... or all")
    return timedelta(days=int(text))


def _numbers(query: QueryDict, kind: str) -> frozenset[int]:
    """Of `facility_10009=on` and `facility_sel[]=10009`, repeated."""
    found = set()
    for text in query.getlist(kind + _SEL):
        if not text.isdecimal() or len(text) > 12:
            refuse(kind + _SEL, f"{text[:20]!r} is no number of a {KINDS[kind]}")
        found.add(int(text))
    for name in query:
        number = name.removeprefix(f"{kind}_")
        if number != name and number.isdecimal() and len(number) <= 12 and query.get(name) == "on":
            found.add(int(number))
    if not found:
        refuse(kind, f"give the number of at least one {KINDS[kind]}: {kind}_1=on or {kind}_sel[]=1")
    return frozenset(found)
