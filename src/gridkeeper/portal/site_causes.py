"""Why what fails at a site fails: the root of each failure, and how much follows from it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gridkeeper.bus.facts import open_facts
from gridkeeper.core.status import Status
from gridkeeper.portal.matrix_seen import past_causes
from gridkeeper.probes.cause_queries import causes_now
from gridkeeper.probes.causes import FAILED, Cause
from gridkeeper.probes.models import LatestStatus


@dataclass(frozen=True, slots=True)
class Because:
    """Of a failing series: the root of its failure (None where it is one), and how many failures follow from it."""

    cause: Cause | None
    follows: int

    @property
    def is_told(self) -> bool:
        """Whether there is anything to say."""
        return self.cause is not None or self.follows > 0


def because_of(rows: Iterable[LatestStatus], past: datetime | None) -> dict[int, Because]:
    """For each of these rows that fails and of which something is known; of an instant, or of now (past None)."""
    failing = [row for row in rows if Status(row.hard_status) in FAILED]
    if not failing:
        return {}
    causes = causes_now() if past is None else past_causes(open_facts(), past)[1]
    follows = Counter(cause.series for cause in causes.values())
    found = {row.series: Because(causes.get(row.series), follows.get(row.series, 0)) for row in failing}
    return {series: because for series, because in found.items() if because.is_told}
