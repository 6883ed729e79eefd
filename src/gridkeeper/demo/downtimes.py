"""The downtimes of the demo, as values: the registry is told of them, and the listeners keep to them.

Pure: the same sites and the same beginning give the same downtimes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridkeeper.core.windows import Window
from gridkeeper.demo.faults import plan_faults
from gridkeeper.demo.topology import DemoSite, draw

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
#: One downtime for so many sites.
_SITES_EACH = 6


@dataclass(frozen=True, slots=True)
class DemoDowntime:
    """A downtime of a whole site, or of its CE alone where it is only a warning. is_outage: the site is really down."""

    site: DemoSite
    description: str
    is_outage: bool
    window: Window
    declared_at: datetime


#: Description, is it an outage, then start, end and declaration relative to the first start of the demo.
_PLAN: tuple[tuple[str, bool, timedelta, timedelta, timedelta], ...] = (
    ("Upgrade of the middleware to the current release", True, -2 * _HOUR, 10 * _HOUR, -3 * _DAY),
    ("Migration of the storage pool", True, 30 * _HOUR, 54 * _HOUR, -1 * _DAY),
    ("Replacement of the batch server", True, -9 * _DAY, -9 * _DAY + 12 * _HOUR, -14 * _DAY),
    ("Network maintenance, short interruptions", False, -1 * _HOUR, 3 * _HOUR, -4 * _DAY),
    ("Cooling failure, worker nodes drained", True, -1 * _HOUR, 6 * _HOUR, -1 * _HOUR),
    ("Upgrade of the air conditioning", True, -17 * _DAY, -16 * _DAY, -25 * _DAY),
    ("Power works in the computing hall", True, -5 * _HOUR, 20 * _HOUR, -6 * _DAY),
    ("Kernel updates, nodes rebooted in turn", False, 20 * _HOUR, 26 * _HOUR, -1 * _HOUR),
    ("Broken fibre to the institute", True, -4 * _DAY, -4 * _DAY + 7 * _HOUR, -4 * _DAY),
)


def plan_downtimes(sites: Sequence[DemoSite], begun_at: datetime) -> list[DemoDowntime]:
    """Current, coming and past ones, scheduled and not, one a site, at sites that the plan of faults spares.

    A demo of six sites has one, a demo of sixty all of them.
    """
    faulty = plan_faults(sites)
    spared = [site for site in sites[1:] if site.name not in faulty]
    order = sorted(spared, key=lambda site: draw(f"downtime {site.name}"))
    return [
        DemoDowntime(site, f"Demo: {text}", is_outage, Window(begun_at + start, begun_at + end), begun_at + declared)
        for site, (text, is_outage, start, end, declared) in zip(
            order, _PLAN[: len(sites) // _SITES_EACH], strict=False
        )
    ]


def sites_out(downtimes: Sequence[DemoDowntime], at: datetime) -> frozenset[str]:
    """Names of the sites that are down at that time because they said so."""
    return frozenset(item.site.name for item in downtimes if item.is_outage and at in item.window)
