"""Where runs happen: in this process, in others of this machine, at workers elsewhere. The engine knows only this."""

from datetime import datetime
from typing import Protocol

from gridkeeper.probes.instances import Instance
from gridkeeper.probes.running import Measured, run_instance


class Executor(Protocol):
    """Runs an instance once, wherever it likes."""

    async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
        """What the run says of the instance and of what rides in it.

        What goes wrong with the service is a measurement. Raises only for faults of ours; a cancelled call leaves
        nothing running.
        """
        ...


class Here:
    """In this process, on its event loop."""

    async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
        return await run_instance(instance, now)
