"""Jobs through an ARC CE by its REST interface (ARC 6 documentation, "REST interface" and "xRSL")."""

import asyncio
import random
import re
from datetime import datetime

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter
from gridkeeper.probes.jobs.arc_rest import ArcArguments, ArcRest
from gridkeeper.probes.jobs.glue import parse_info
from gridkeeper.probes.jobs.names import is_left
from gridkeeper.probes.jobs.orders import Order, Phase, Progress
from gridkeeper.probes.jobs.payload import write_script
from gridkeeper.probes.native.check import CheckArgumentError, CheckFailedError, Run, Target

_SCRIPT, _OUTPUT, _ERRORS = "gridkeeper.sh", "stdout.txt", "stderr.txt"
#: States of A-REX as `diagnose/status` names them; ARC 6 documentation, "Job states".
_PHASES = {
    "ACCEPTED": Phase.QUEUED, "PREPARING": Phase.QUEUED, "SUBMIT": Phase.QUEUED, "INLRMS": Phase.RUNNING,
    "CANCELING": Phase.RUNNING, "FINISHING": Phase.RUNNING, "FINISHED": Phase.DONE, "DELETED": Phase.FAILED,
}  # fmt: skip
#: What A-REX writes into a job's errors when it ends in failure.
_FAILURE = re.compile(r"^.*(?:Failure|failure|Failed|failed|Reason:).*$", re.MULTILINE)
#: How long a removal is watched before we say that it is only ordered.
_WATCH_S = 2.0
#: Of the jobs with our credential so many are looked at after a trip, and so many removed: it is no long work.
_MOST_SEEN, _MOST_REMOVED = 100, 10


class _Session:
    """One job at an ARC CE."""

    def __init__(self, target: Target, arguments: ArcArguments, order: Order, run: Run) -> None:
        if arguments.queue and not re.fullmatch(r"[A-Za-z0-9._-]+", arguments.queue, re.ASCII):
            raise CheckArgumentError(f"arc: {arguments.queue!r} is no name of a queue")
        self._arguments, self._order, self._run = arguments, order, run
        self._rest = ArcRest(target, arguments, run)
        self._script = write_script(order).encode()
        self.job, self.token = "", order.token

    async def match(self) -> list[str]:
        service = parse_info(await self._rest.info())
        vo, queue = self._order.vo, self._arguments.queue
        known = [item.name for item in service.queues]
        if queue and queue not in known:
            text = f"list match: there is no queue {queue}; there are {', '.join(known) or 'none'}"
            raise CheckFailedError(Status.CRITICAL, text)
        fitting = [item.name for item in service.queues if item.takes(vo) and queue in {"", item.name}]
        if not fitting:
            states = ", ".join(f"{item.name} ({item.serving or 'no state'}, {' '.join(sorted(item.vos)) or 'all VOs'})"
                               for item in service.queues)  # fmt: skip
            text = f"list match: no queue takes jobs of {vo or 'any VO'}: {states or 'it publishes none'}"
            raise CheckFailedError(Status.CRITICAL, text[:500])
        return fitting

    async def submit(self) -> None:
        self.job = await self._rest.submit(describe(self._order, self._arguments))
        await self._rest.put(self.job, _SCRIPT, self._script)

    async def progress(self) -> Progress:
        found = await self._rest.diagnosis(self.job, "status")
        if found is None:
            raise CheckFailedError(Status.CRITICAL, f"job {self.job} is lost: the CE no longer knows it")
        word = found.strip()[:100]
        phase = _PHASES.get(word.removeprefix("PENDING:"), Phase.QUEUED)
        if phase == Phase.DONE:
            failure = await self._failure()
            return Progress(Phase.FAILED, word, failure) if failure else Progress(phase, word)
        return Progress(phase, word)

    async def _failure(self) -> str:
        """Why the job ended in failure; "" where it did not."""
        text = await self._rest.diagnosis(self.job, "failed")
        return (text or "").strip().replace("\n", "; ")[:400]

    async def output(self) -> str:
        return await self._rest.get(self.job, _OUTPUT)

    async def diagnosis(self) -> str:
        text = await self._rest.diagnosis(self.job, "errors") or ""
        telling = _FAILURE.findall(text)[-20:]
        return "\n".join(["what the CE wrote of the job:", *telling]) if telling else ""

    async def remove(self) -> str:
        await self._order_removal(self.job)
        end_s = self._run.elapsed_s + _WATCH_S
        while await self._rest.diagnosis(self.job, "status") is not None:
            if self._run.elapsed_s > end_s:
                return "the CE took the order to remove it, and has not done so yet"
            await asyncio.sleep(0.2)
        return ""

    async def _order_removal(self, job: str) -> None:
        await self._rest.act("kill", job)  # a job that has ended needs none, and says so: no matter
        code = await self._rest.act("clean", job)
        if code not in {200, 202, 404}:
            raise CheckFailedError(Status.CRITICAL, f"the CE answers {code or 'nothing that we know'} to its removal")

    async def remove_left(self, now: datetime) -> str:
        jobs = await self._rest.jobs()
        if len(jobs) > _MOST_SEEN:  # a robot of many: by lot, so that in the course of trips all are looked at
            jobs = random.sample(jobs, _MOST_SEEN)
        names = await self._rest.names(jobs) if jobs else {}
        left = [job for job, name in names.items() if is_left(name, now)][:_MOST_REMOVED]
        for job in left:
            await self._order_removal(job)
        return f"left by earlier trips and removed: {', '.join(names[job] for job in left)}" if left else ""

    async def close(self) -> None:
        """Nothing is held between two requests."""


def describe(order: Order, arguments: ArcArguments) -> str:
    """The job in xRSL. `requirements` stand in it as they are: relations such as (memory="2000").

    >>> order = Order("lhcb", (), "4711", datetime.fromisoformat("2026-11-21T17:00Z"))
    >>> describe(order, ArcArguments(queue="short"))[:47]
    '&(executable="gridkeeper.sh")(inputFiles=("grid'
    """
    relations = [
        f'(executable="{_SCRIPT}")(inputFiles=("{_SCRIPT}" ""))',
        f'(stdout="{_OUTPUT}")(stderr="{_ERRORS}")(outputFiles=("{_OUTPUT}" "")("{_ERRORS}" ""))',
        f'(jobname="{order.name}")(cputime="{arguments.minutes}")(walltime="{arguments.minutes}")',
        f'(queue="{arguments.queue}")' if arguments.queue else "",
        arguments.requirements,
    ]
    return "&" + "".join(relations)


ARC = Adapter("arc", ArcArguments, _Session)
