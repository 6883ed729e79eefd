"""The words of the judgement: its levels, how each is made of the one below, and what is counted.

Apart from the plan (plan.py), which needs Ibis; tables, queries and pages need the words alone.
"""

from enum import IntEnum

from gridkeeper.core.status import AND_ORDER, OR_ORDER, UNKNOWN_LIKE, UP, Status


class Level(IntEnum):
    """Who has a timeline, from the leaves to the root. A service is what ARGO calls endpoint, a flavour its service."""

    METRIC = 0
    SERVICE = 1
    FLAVOUR = 2
    SITE = 3
    REGION = 4
    FEDERATION = 5

    @property
    def label(self) -> str:
        return self.name.lower()


#: The operation by which a level is made of the one below (availability.md section 2).
OPERATIONS = {Level.SERVICE: AND_ORDER, Level.FLAVOUR: OR_ORDER, Level.SITE: AND_ORDER}

#: What the seconds of a period are counted as, and by which statuses.
SECONDS: dict[str, frozenset[Status]] = {
    "up_s": UP,
    "unknown_s": UNKNOWN_LIKE,
    "down_s": frozenset({Status.DOWNTIME}),
    "excluded_s": frozenset({Status.EXCLUDED}),
    "critical_s": frozenset({Status.CRITICAL}),
}
MEASURES = ("total_s", *SECONDS, "flips")
