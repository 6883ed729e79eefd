"""Writing probes in Python: a Nagios plugin from one typed function, and a client that reports results.

    from dataclasses import dataclass
    from gridkeeper.probe import Range, Run, probe

    MANY, TOO_MANY = Range(0, 100), Range(0, 1000)

    @dataclass(frozen=True)
    class Arguments:
        host: str
        warning_jobs: Range = MANY
        critical_jobs: Range = TOO_MANY

    @probe(Arguments)
    def check_queue(arguments: Arguments, run: Run) -> None:
        run.stage("asking the batch system")
        run.measure("jobs", 12, warning=arguments.warning_jobs, critical=arguments.critical_jobs)
        run.say("12 jobs wait")

    if __name__ == "__main__":
        check_queue.main()

Only the standard library is imported: a plugin starts for every run. `gridkeeper.probe.testing` is the harness for
tests. How to: docs/howto/probes.md.
"""

from gridkeeper.core.status import Status
from gridkeeper.probe.perfdata import Item, Range
from gridkeeper.probe.plugin import Failed, Plugin, probe
from gridkeeper.probe.reporting import Observed, Receipt, Reporter, ReportingError
from gridkeeper.probe.run import Outcome, Run

__all__ = [
    "Failed",
    "Item",
    "Observed",
    "Outcome",
    "Plugin",
    "Range",
    "Receipt",
    "Reporter",
    "ReportingError",
    "Run",
    "Status",
    "probe",
]
