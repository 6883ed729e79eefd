"""The words of the judgement: its levels and what is counted.

Apart from the plan (plan.py), which needs Ibis; tables, queries and pages need the words alone.
"""

from enum import IntEnum


class Level(IntEnum):
    """Who has a timeline or a figure, from the leaves to the root.

    A service is what ARGO calls endpoint, a flavour its service, a site its group, a region its supergroup.
    """

    METRIC = 0
    SERVICE = 1
    FLAVOUR = 2
    FUNCTION = 3
    SITE = 4
    REGION = 5
    FEDERATION = 6

    @property
    def label(self) -> str:
        return self.name.lower()


#: Levels whose timelines are combined from those of the level below (availability.md section 2).
COMBINED = (Level.SERVICE, Level.FLAVOUR, Level.FUNCTION, Level.SITE)
#: Levels that have timelines; regions and the federation have sums of figures only.
WITH_TIMELINES = (Level.METRIC, *COMBINED)

#: What the seconds of a period are counted as; which states count as what says the operations profile.
SECONDS = ("up_s", "unknown_s", "down_s", "excluded_s", "critical_s")
MEASURES = ("total_s", *SECONDS, "flips")
#: The same of regions and the federation, each site's counted as often as it weighs.
WEIGHTED = tuple(f"weighted_{name}" for name in MEASURES)


def region_title(kind: str, name: str) -> str:
    """What a region is called on pages; kind: the report's kind of regions. In the registry a tier is a number.

    >>> region_title("tier", "1"), region_title("region", "Italy")
    ('Tier-1', 'Italy')
    """
    return f"Tier-{name}" if kind == "tier" and name.isdecimal() else name
