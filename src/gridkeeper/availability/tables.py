"""The tables of the lake that hold what was judged (docs/decisions/0007)."""

import pyarrow as pa

from gridkeeper.availability.levels import MEASURES
from gridkeeper.lake.tables import INSTANT, register_table

#: Where a figure or period stands: report is the VO's name; region and site are keys, with the names of that day.
PLACE = ("report", "level", "region", "region_name", "site", "site_name", "service_type", "hostname", "metric")
_PLACE = [(name, pa.string()) for name in PLACE]
_MEASURES = [(name, pa.int64()) for name in MEASURES]

#: Seconds of a day of every node, metric to federation.
DAY_TABLE = register_table(
    "availability_day",
    pa.schema([("date", pa.date32()), *_PLACE, *_MEASURES]),
    sort_by=("report", "level", "region", "site", "service_type", "hostname", "metric"),
    dictionaries=PLACE,
)

#: The same of every hour, services to federation.
HOUR_TABLE = register_table(
    "availability_hour",
    pa.schema([("date", pa.date32()), ("hour", pa.int8()), *_PLACE, *_MEASURES]),
    sort_by=("report", "level", "region", "site", "service_type", "hostname", "hour"),
    dictionaries=PLACE,
)

#: Periods of one status, services to sites. Those of metrics follow from the runs and are made when they are asked for.
TIMELINE_TABLE = register_table(
    "timelines",
    pa.schema([("date", pa.date32()), *_PLACE, ("start", INSTANT), ("end", INSTANT), ("status", pa.int8())]),
    sort_by=("report", "level", "site", "service_type", "hostname", "start"),
    dictionaries=(*PLACE, "status"),
)
