"""The tables of the lake that hold what was judged (docs/decisions/0007)."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from gridkeeper.availability.levels import MEASURES, WEIGHTED
from gridkeeper.core.status import Status
from gridkeeper.lake.tables import INSTANT, register_table

#: Where a figure or period stands: region and site are keys of the groups of the report's kinds, with the names of that
#: day; what is below the level is empty, `function` set for functions only.
PLACE = (
    "report", "level", "region", "region_name", "site", "site_name", "service_type", "hostname", "metric", "function",
)  # fmt: skip
_PLACE = [(name, pa.string()) for name in PLACE]
#: Seconds; and of sites, regions and the federation the same as often as the sites weigh. `weight` stands at sites.
_MEASURES = [
    *[(name, pa.int64()) for name in MEASURES],
    *[(name, pa.float64()) for name in ("weight", *WEIGHTED)],
]

#: The columns that came with functions and weights.
_OF_FIGURES, _OF_TIMELINES = ("function", "weight", *WEIGHTED), ("function",)

#: Seconds of a day of every node, metric to federation.
DAY_TABLE = register_table(
    "availability_day",
    pa.schema([("date", pa.date32()), *_PLACE, *_MEASURES]),
    sort_by=("report", "level", "region", "site", "function", "service_type", "hostname", "metric"),
    dictionaries=PLACE,
    added=(_OF_FIGURES,),
)

#: The same of every hour, services to federation.
HOUR_TABLE = register_table(
    "availability_hour",
    pa.schema([("date", pa.date32()), ("hour", pa.int8()), *_PLACE, *_MEASURES]),
    sort_by=("report", "level", "region", "site", "function", "service_type", "hostname", "hour"),
    dictionaries=PLACE,
    added=(_OF_FIGURES,),
)

#: Periods of one status, services to sites: its number, and the word that the day's operations profile has for it.
#: Those of metrics follow from the runs and are made when they are asked for.
TIMELINE_TABLE = register_table(
    "timelines",
    pa.schema(
        [
            ("date", pa.date32()),
            *_PLACE,
            ("start", INSTANT),
            ("end", INSTANT),
            ("status", pa.int8()),
            ("state", pa.string()),
        ]
    ),
    sort_by=("report", "level", "site", "function", "service_type", "hostname", "start"),
    dictionaries=(*PLACE, "status", "state"),
    added=(_OF_TIMELINES, ("state",)),
)


def state_of(row: Mapping[str, Any]) -> str:
    """The word of a period's status; rows from before profiles had states of their own give its number alone."""
    return row["state"] or Status(row["status"]).name
