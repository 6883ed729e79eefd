"""The reports of a demo: the federation by tiers, with functions and weights; a service group; the sites' weights; and
somebody who asks for a day to be computed again."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from gridkeeper.availability.models import RecomputationKind
from gridkeeper.availability.profiles.actions import create
from gridkeeper.availability.profiles.weights import WeightGiven, set_weights
from gridkeeper.availability.recomputations.actions import request
from gridkeeper.availability.recomputations.documents import Wish
from gridkeeper.demo.topology import OPERATIONS_VO, DemoSite, draw
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.registry.models import Site

_ACTOR = Actor.system("demo")
_REASON = "demo"
#: A site is good while one of each of these is. Flavours of a CE may stand for each other, as kinds of storage may.
_FUNCTIONS: Mapping[str, Sequence[str]] = {
    "compute": ("CE", "ARC-CE", "CREAM-CE"), "storage": ("SE", "SRM"), "information": ("Site-BDII",),
    "file transfer": ("FTS",), "catalogue": ("LFC",),
}  # fmt: skip
_AGGREGATION: Mapping[str, Any] = {
    "metric_operation": "AND",
    "profile_operation": "AND",
    "functions": [
        {"name": name, "operation": "OR", "services": dict.fromkeys(types, "OR")} for name, types in _FUNCTIONS.items()
    ],
}
_REPORTS: Mapping[str, Mapping[str, Any]] = {
    "federation": {
        "title": "Federation by tiers",
        "description": "Demo: what is published every month. Sites count by their computing power.",
        "vo": OPERATIONS_VO,
        "aggregation": "functions",
        "region_kind": "tier",
        "weight": "hepspec",
        "filter": {"scopes": ["EGEE"], "infrastructures": ["Production"]},
    },
    "lhcb-core": {
        "title": "Storage of LHCb's core sites",
        "description": "Demo: a service group, judged by what lhcb calls critical.",
        "vo": "lhcb",
        "group_kind": "service_group",
        "region_kind": "federation",
        "targets": {"availability": 95, "reliability": 97, "unknown": 5},
    },
}
#: Computing power of a site of tier 0, 1, 2 and 3, in HEPSPEC06, before its own share is drawn.
_POWER_HS06 = (300_000, 90_000, 12_000, 2_000)


def seed_reports(sites: Sequence[DemoSite], since: datetime, now: datetime) -> None:
    """After the registry and the VOs; valid as long as the history is."""
    day = since.date()
    profiles: list[tuple[str, str, Mapping[str, Any]]] = [("aggregation", "functions", _AGGREGATION)]
    profiles += [("report", name, document) for name, document in _REPORTS.items()]
    for kind, name, document in profiles:
        create(_ACTOR, kind=kind, name=name, document=document, valid_from=day, reason=_REASON, now=now)
    set_weights(_ACTOR, _weights(sites, day), reason=_REASON, now=now)


def seed_recomputation(author: User, site: Site, now: datetime) -> None:
    """A request that waits for the federation's staff: three hours of the day before yesterday."""
    start = (now - timedelta(days=2)).replace(hour=9, minute=0, second=0, microsecond=0)
    wish = Wish(
        kind=RecomputationKind.GROUPS, start=start, end=start + timedelta(hours=3), document={"groups": [site.name]},
        reason="demo: the network between the tests and the site was cut, the site itself worked",
    )  # fmt: skip
    request(Actor(user=author), wish, now=now)


def _weights(sites: Sequence[DemoSite], day: date) -> list[WeightGiven]:
    known = {site.name: site for site in Site.objects.select_related("ngi")}
    return [
        WeightGiven(known[item.name], "hepspec", day, Decimal(_power_hs06(item)), "demo: pledged capacity")
        for item in sites
    ]


def _power_hs06(item: DemoSite) -> int:
    share = 0.5 + draw(f"power {item.name}")
    return round(_POWER_HS06[min(item.town.tier, 3)] * share / 100) * 100
