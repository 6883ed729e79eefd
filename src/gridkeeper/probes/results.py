"""The result of one run of a test: the value that engine, importers and API hand to `probes.ingest`."""

from dataclasses import dataclass
from datetime import datetime

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.core.windows import as_utc

#: Longest first line that is kept, in characters; `shared/domain/tests.md` section 3 asks for some kilobytes at most.
SUMMARY_LIMIT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a test said of one service endpoint, for one VO or for all.

    id: made by whoever observed; sending the same id again changes nothing
    key: hostname, service type, metric, VO ("" where the VO does not matter)
    status: OK, WARNING, CRITICAL or UNKNOWN
    executed_at: when it was measured, UTC
    duration_ms: how long the run took
    summary: first line of the output without its perfdata
    output: whole output, at most `log_limit_bytes` of it; a cut says so in its last line
    perfdata: as the plugin wrote it, 'label'=value[UOM];warn;crit;min;max ...
    worker: where it ran
    is_hard: false while retries may still overturn it; soft results change no hard status and no timeline
    cause: metric that failed and explains this one ("no result because of X"); "" where there is none
    """

    id: str
    key: SeriesKey
    status: Status
    executed_at: datetime
    duration_ms: int = 0
    summary: str = ""
    output: str = ""
    perfdata: str = ""
    worker: str = ""
    is_hard: bool = True
    cause: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "executed_at", as_utc(self.executed_at))
        if self.status not in RESULT_STATUSES:
            raise ValueError(f"a test reports {', '.join(s.name for s in RESULT_STATUSES)}, not {self.status.name}")
        if not self.id:
            raise ValueError("a result has an id made by its sender; give it one, e.g. a UUID")
