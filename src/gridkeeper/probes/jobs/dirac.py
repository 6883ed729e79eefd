"""Jobs through DIRAC's workload management, with DIRAC's own commands, sent to the site that is tested.

Source: DIRAC documentation, "Commands Reference", WorkloadManagement: dirac-wms-job-submit, -status, -get-output,
-logging-info, -kill, -delete; dirac-admin-get-site-mask.
"""

import re
from datetime import datetime

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter
from gridkeeper.probes.jobs.orders import JobArguments, Order, Phase, Progress
from gridkeeper.probes.jobs.payload import write_script
from gridkeeper.probes.jobs.tools import Tools
from gridkeeper.probes.native.check import CheckArgumentError, CheckFailedError, Run, Target

_SCRIPT, _OUTPUT, _ERRORS = "gridkeeper.sh", "stdout.txt", "stderr.txt"
_PHASES = {
    "Running": Phase.RUNNING, "Completing": Phase.RUNNING, "Completed": Phase.RUNNING, "Stalled": Phase.RUNNING,
    "Done": Phase.DONE, "Failed": Phase.FAILED, "Killed": Phase.FAILED, "Deleted": Phase.FAILED,
}  # fmt: skip
_ID = re.compile(r"JobID\s*[=:]\s*\[?(\d{1,18})", re.ASCII)
_STATE = re.compile(r"\bStatus=([A-Za-z]+);?\s*(?:MinorStatus=([^;\n]*))?", re.ASCII)
_SITE = re.compile(r"[A-Za-z0-9]+\.[A-Za-z0-9.-]+", re.ASCII)


class DiracArguments(JobArguments, frozen=True, kw_only=True):
    """site: DIRAC's name of it, e.g. LCG.CERN.ch; tools: folder of DIRAC's commands, "" takes /usr/bin.

    requirements: lines of JDL
    """

    site: str
    tools: str = ""


class _Session:
    """One job in DIRAC."""

    def __init__(self, target: Target, arguments: DiracArguments, order: Order, run: Run) -> None:
        if not _SITE.fullmatch(arguments.site):
            raise CheckArgumentError(f"dirac: {arguments.site!r} is no name of a site as DIRAC writes it (LCG.CERN.ch)")
        self._arguments, self._order = arguments, order
        script = write_script(order).encode()
        self.job, self.token = "", order.token
        self._tools = Tools(target, arguments.tools, run)
        self._tools.write(_SCRIPT, script, mode=0o700)

    async def match(self) -> list[str]:
        said = await self._tools.call("dirac-admin-get-site-mask", doing="list match")
        if self._arguments.site not in said.split():
            text = f"list match: {self._arguments.site} is not in the site mask: DIRAC sends it no jobs"
            raise CheckFailedError(Status.CRITICAL, text, said[:4000])
        return [self._arguments.site]

    async def submit(self) -> None:
        description = self._tools.write("job.jdl", self._describe().encode())
        said = await self._tools.call("dirac-wms-job-submit", str(description), doing="job submission")
        found = _ID.search(said)
        if found is None:
            raise CheckFailedError(Status.CRITICAL, "job submission: DIRAC named no job", said[:4000])
        self.job = found[1]

    def _describe(self) -> str:
        return (
            f'JobName = "{self._order.name}";\nJobGroup = "gridkeeper";\nSite = "{self._arguments.site}";\n'
            f'Executable = "{_SCRIPT}";\nInputSandbox = {{"{self._tools.folder / _SCRIPT}"}};\n'
            f'StdOutput = "{_OUTPUT}";\nStdError = "{_ERRORS}";\n'
            f'OutputSandbox = {{"{_OUTPUT}", "{_ERRORS}"}};\n{self._arguments.requirements}\n'
        )

    async def progress(self) -> Progress:
        said = await self._tools.call("dirac-wms-job-status", self.job, doing=f"state of job {self.job}")
        found = _STATE.search(said)
        if found is None:
            raise CheckFailedError(Status.CRITICAL, f"state of job {self.job}: DIRAC names none", said[:4000])
        state, minor = found[1], (found[2] or "").strip()
        phase = _PHASES.get(state, Phase.QUEUED)
        return Progress(phase, f"{state}, {minor}"[:100] if minor else state, minor if phase == Phase.FAILED else "")

    async def output(self) -> str:
        words = ("-D", str(self._tools.folder), self.job)
        await self._tools.call("dirac-wms-job-get-output", *words, doing=f"fetching the output of job {self.job}")
        return self._tools.read(f"{self.job}/{_OUTPUT}", "the job's output")

    async def diagnosis(self) -> str:
        doing = f"asking for the history of job {self.job}"
        return (await self._tools.call("dirac-wms-job-logging-info", self.job, doing=doing))[:4000]

    async def remove(self) -> str:
        # A job that runs must be killed before it can be deleted; one that has ended is deleted all the same.
        await self._tools.call("dirac-wms-job-kill", self.job, doing=f"killing job {self.job}")
        await self._tools.call("dirac-wms-job-delete", self.job, doing=f"removing job {self.job}")
        return ""

    async def remove_left(self, _now: datetime) -> str:
        """Not looked for: jobs left behind have the job group gridkeeper, and are removed by hand."""
        return ""

    async def close(self) -> None:
        self._tools.close()


DIRAC = Adapter("dirac", DiracArguments, _Session)
