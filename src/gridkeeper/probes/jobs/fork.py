"""Jobs on this machine itself, or through a local batch system whose command waits for the job (srun, qrsh)."""

import asyncio
from datetime import datetime

from django.conf import settings

from gridkeeper.core.status import Status
from gridkeeper.probes.jobs.adapters import Adapter
from gridkeeper.probes.jobs.orders import JobArguments, Order, Phase, Progress
from gridkeeper.probes.jobs.payload import write_script
from gridkeeper.probes.jobs.tools import require_program
from gridkeeper.probes.native.check import CheckArgumentError, CheckFailedError, Run, Target
from gridkeeper.probes.spawning import Raw, SpawnError, spawner

#: Plugins start in /, where nobody can write; a batch system would give the job a folder.
_HOME = 'cd "${TMPDIR:-/tmp}" || exit 1\n'


class ForkArguments(JobArguments, frozen=True, kw_only=True):
    """command: words before the payload's own, e.g. of a batch system, in a plugin folder; none runs it here."""

    command: tuple[str, ...] = ()


class _Session:
    """One process. It runs as plugins do: as nobody, with their limits, and nothing of it outlives it."""

    def __init__(self, _target: Target, arguments: ForkArguments, order: Order, run: Run) -> None:
        if arguments.command:
            require_program(arguments.command[0])
        _require_safe(order)
        self._argv = [*arguments.command, "/bin/sh", "-c", _HOME + write_script(order), order.name]
        self._run, self._name = run, order.name
        self.job, self.token = "", order.token
        self._process: asyncio.Task[Raw] | None = None

    async def match(self) -> list[str]:
        return ["local"]

    async def submit(self) -> None:
        left_s = max(0.1, self._run.timeout_s - self._run.elapsed_s)
        work = spawner().run(self._argv, timeout_s=left_s, limit_bytes=settings.GRIDKEEPER.log_limit_bytes)
        self._process = asyncio.create_task(work)
        self.job = self._name

    async def progress(self) -> Progress:
        raw = self._end()
        if raw is None:
            return Progress(Phase.RUNNING, "running")
        if raw.reason or raw.exit_status != 0:
            how = f"status {raw.exit_status}" if raw.exit_status is not None else f"signal {raw.signal}"
            said = raw.stderr.decode(errors="replace").strip().partition("\n")[0]
            return Progress(Phase.FAILED, "failed", f"{raw.reason or f'it ended with {how}'} {said}".strip())
        return Progress(Phase.DONE, "done")

    def _end(self) -> Raw | None:
        if self._process is None or not self._process.done():
            return None
        try:
            return self._process.result()
        except SpawnError as error:
            raise CheckFailedError(Status.UNKNOWN, f"the job cannot be started: {error}") from error

    async def output(self) -> str:
        raw = self._end()
        return raw.stdout.decode(errors="replace") if raw is not None else ""

    async def diagnosis(self) -> str:
        raw = self._end()
        return raw.stderr.decode(errors="replace")[:4000] if raw is not None else ""

    async def remove(self) -> str:
        await self.close()
        return ""

    async def remove_left(self, _now: datetime) -> str:
        """Whatever way we end, the process that starts jobs takes them with it (`probes.spawner`)."""
        return ""

    async def close(self) -> None:
        if self._process is not None:
            self._process.cancel()
            await asyncio.gather(self._process, return_exceptions=True)


def _require_safe(order: Order) -> None:
    """On our own machine a rider may start no other programs than tests may in any case."""
    for rider in order.riders:
        words = rider.arguments if isinstance(rider.arguments, list) else []
        if rider.probe == "run" and words:
            require_program(str(words[0]))
        if rider.probe == "ver" and isinstance(rider.arguments, dict) and rider.arguments.get("command"):
            raise CheckArgumentError(f"{rider.metric}: a job that runs here takes no `command`; use `run`")


FORK = Adapter("fork", ForkArguments, _Session)
