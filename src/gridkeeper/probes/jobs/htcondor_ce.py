"""Jobs through an HTCondor-CE, with HTCondor's own client tools: its protocol has no other public client.

Source: HTCondor manual, condor_submit (-spool, -remote), condor_q (-json), condor_transfer_data, condor_rm;
job status codes: "Job ClassAd Attributes", JobStatus.
"""

import json
import re
from datetime import datetime
from typing import Any

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter
from gridkeeper.probes.jobs.names import left_at
from gridkeeper.probes.jobs.orders import JobArguments, Order, Phase, Progress
from gridkeeper.probes.jobs.payload import write_script
from gridkeeper.probes.jobs.tools import Tools
from gridkeeper.probes.native.check import CheckFailedError, Run, Target

_PORT = 9619
_SCRIPT, _OUTPUT, _ERRORS = "gridkeeper.sh", "stdout.txt", "stderr.txt"
_STATES = {
    1: ("idle", Phase.QUEUED), 2: ("running", Phase.RUNNING), 3: ("removed", Phase.FAILED),
    4: ("completed", Phase.DONE), 5: ("held", Phase.FAILED), 6: ("transferring output", Phase.RUNNING),
    7: ("suspended", Phase.QUEUED),
}  # fmt: skip
_ASKED = "JobStatus,HoldReason,RemoveReason,ExitCode,ExitBySignal,ExitSignal"
_TERSE = re.compile(r"^(\d{1,18}\.\d{1,9}) - ", re.MULTILINE | re.ASCII)


class CondorArguments(JobArguments, frozen=True, kw_only=True):
    """tools: folder of condor_submit and its like; "" takes /usr/bin. requirements: lines of the submit description."""

    tools: str = ""


class _Session:
    """One job at an HTCondor-CE."""

    def __init__(self, target: Target, arguments: CondorArguments, order: Order, run: Run) -> None:
        self._host = target.hostname
        self._pool = f"{target.hostname}:{arguments.port or target.port or _PORT}"
        self._arguments, self._order = arguments, order
        script = write_script(order).encode()
        self.job, self.token = "", order.token
        self._tools = Tools(target, arguments.tools, run)
        self._tools.write(_SCRIPT, script, mode=0o700)

    async def match(self) -> list[str]:
        asked = ("-schedd", "-pool", self._pool, "-json", "-attributes", "Name,TotalRunningJobs,TotalIdleJobs")
        found = _objects(await self._tools.call("condor_status", *asked, doing="list match"), "list match")
        names = [str(item.get("Name", ""))[:100] for item in found]
        if not names:
            raise CheckFailedError(Status.CRITICAL, f"list match: {self._pool} knows no scheduler")
        # Whoever may not write there may ask all the same: that is told apart before a job is lost over it.
        words = ("-pool", self._pool, "-name", self._host, "-type", "SCHEDD", "WRITE")
        await self._tools.call("condor_ping", *words, doing="list match: asking for the right to submit")
        return names

    async def submit(self) -> None:
        description = self._tools.write("job.sub", self._describe().encode())
        words = ("-spool", "-terse", "-pool", self._pool, "-remote", self._host, str(description))
        said = await self._tools.call("condor_submit", *words, doing="job submission")
        found = _TERSE.search(said)
        if found is None:
            raise CheckFailedError(Status.CRITICAL, "job submission: condor_submit named no job", said[:4000])
        self.job = found[1]

    def _describe(self) -> str:
        folder, given = self._tools.folder, self._tools.environment
        left_s = int(left_at(self._order.ends_at).timestamp())
        lines = {
            "universe": "vanilla", "executable": str(folder / _SCRIPT), "initialdir": str(folder),
            "output": _OUTPUT, "error": _ERRORS, "log": "job.log", "batch_name": self._order.name,
            "should_transfer_files": "YES", "when_to_transfer_output": "ON_EXIT",
            # If we are killed nobody fetches or removes it: spooled output would wait ten days, an idle job for ever.
            "periodic_remove": f"time() > {left_s}", "leave_in_queue": f"JobStatus == 4 && time() < {left_s}",
        }  # fmt: skip
        if "X509_USER_PROXY" in given:
            lines["x509userproxy"] = given["X509_USER_PROXY"]
        if "BEARER_TOKEN_FILE" in given:
            lines |= {"use_scitokens": "true", "scitokens_file": given["BEARER_TOKEN_FILE"]}
        text = "\n".join(f"{name} = {value}" for name, value in lines.items())
        return f"{text}\n{self._arguments.requirements}\nqueue 1\n"

    async def progress(self) -> Progress:
        words = (self.job, "-pool", self._pool, "-name", self._host, "-json", "-attributes", _ASKED)
        found = _objects(await self._tools.call("condor_q", *words, doing=f"state of job {self.job}"), "condor_q")
        if not found:
            raise CheckFailedError(Status.CRITICAL, f"job {self.job} is lost: the CE no longer knows it")
        state = found[0].get("JobStatus")
        word, phase = _STATES.get(state if isinstance(state, int) else 0, (f"state {state}", Phase.QUEUED))
        return Progress(phase, word, _reason(found[0]) if phase == Phase.FAILED else "")

    async def output(self) -> str:
        words = ("-pool", self._pool, "-name", self._host, self.job)
        await self._tools.call("condor_transfer_data", *words, doing=f"fetching the output of job {self.job}")
        return self._tools.read(_OUTPUT, "the job's output")

    async def diagnosis(self) -> str:
        words = (self.job, "-pool", self._pool, "-name", self._host, "-better-analyze")
        return (await self._tools.call("condor_q", *words, doing=f"analysing job {self.job}"))[:4000]

    async def remove(self) -> str:
        words = ("-pool", self._pool, "-name", self._host, self.job)
        await self._tools.call("condor_rm", *words, doing=f"removing job {self.job}")
        return ""

    async def remove_left(self, _now: datetime) -> str:
        """The CE was told when the job is of no use any more."""
        return ""

    async def close(self) -> None:
        self._tools.close()


def _objects(text: str, what: str) -> list[dict[str, Any]]:
    """The list of ClassAds that a tool wrote; nothing at all stands for an empty one."""
    try:
        found = json.loads(text) if text.strip() else []
    except (ValueError, RecursionError) as error:
        raise CheckFailedError(Status.CRITICAL, f"{what}: the answer is no JSON", text[:4000]) from error
    if not isinstance(found, list):
        raise CheckFailedError(Status.CRITICAL, f"{what}: the answer is no list", text[:4000])
    return [item for item in found if isinstance(item, dict)]


def _reason(job: dict[str, Any]) -> str:
    why = job.get("HoldReason") or job.get("RemoveReason")
    return str(why)[:400] if why else ""


HTCONDOR_CE = Adapter("htcondor-ce", CondorArguments, _Session)
