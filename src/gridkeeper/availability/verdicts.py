"""What the thresholds of a report make of results: a day's results with the verdicts on their performance data.

The facts stay as they came, so that the status that a test reported is kept. Where the log of a result has expired its
own status stands.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from gridkeeper.availability.thresholds import Thresholds
from gridkeeper.availability.tree import Expected
from gridkeeper.bus.facts import Facts
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.scan import arrow_table

if TYPE_CHECKING:  # the plan needs Ibis, for which no page is to wait
    from gridkeeper.availability.plan_inputs import Table

#: A log's fact is the whole hash or, from a compacted day, its low 32 bits.
_LOW_BITS = 0xFFFF_FFFF
_COLUMNS = ("series", "executed_at", "seq", "status", "is_hard")


class Place(NamedTuple):
    """What rules name. group: the name of the first group, in the order of the tree, that the service stands in"""

    group: str
    host: str
    metric: str


@dataclass(frozen=True, slots=True)
class Ranges:
    """Thresholds, and the series that one of their rules speaks of."""

    thresholds: Thresholds
    places: Mapping[int, Place]

    @classmethod
    def of(
        cls, thresholds: Thresholds | None, expected: Iterable[Expected], names: Mapping[str, str]
    ) -> "Ranges | None":
        """Those of what is expected; names: of groups by key. None where no rule speaks of any of it."""
        if not thresholds:
            return None
        places: dict[int, Place] = {}
        for line in expected:
            path = line.path
            place = Place(names.get(path.site, path.site), path.hostname, path.metric)
            if line.series not in places and thresholds.most_specific(**place._asdict()):
                places[line.series] = place
        return cls(thresholds, places) if places else None

    def series(self, con: Any) -> "Table":
        """The numbers of the series, as a table of one column."""
        return arrow_table(con, pa.table({"series": pa.array(sorted(self.places), pa.int64())}))


def judged_results(con: Any, facts: Facts, results: "Table", window: Window, ranges: Ranges) -> "Table":
    """The results of those series with the statuses that the ranges give them, as `status_runs` takes them."""
    own = results.semi_join(ranges.series(con), "series").select(*_COLUMNS, "fact").to_pyarrow()
    if not own.num_rows:
        return arrow_table(con, own.select(list(_COLUMNS)))
    said = facts.words(con, window, "perfdata").semi_join(ranges.series(con), "series").to_pyarrow()
    perfdata = {
        (row["series"], row["executed_at"], row["fact"] & _LOW_BITS): row["perfdata"] for row in said.to_pylist()
    }
    statuses = []
    for row in own.select(["series", "executed_at", "fact", "status"]).to_pylist():
        words = perfdata.get((row["series"], row["executed_at"], row["fact"] & _LOW_BITS)) or ""
        place = ranges.places[row["series"]]
        verdict = ranges.thresholds.judged(Status(row["status"]).name, words, **place._asdict())
        statuses.append(Status[verdict.status].value)
    column = own.schema.get_field_index("status")
    judged = own.set_column(column, "status", pa.array(statuses, own.schema.field("status").type))
    return arrow_table(con, judged.select(list(_COLUMNS)))
