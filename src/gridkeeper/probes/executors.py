"""Where runs happen: in this process, in others of this machine, at workers elsewhere. The engine knows only this."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Remote(Executor, Protocol):
    """An executor whose results come from elsewhere: it lets go of them only once they are durable here."""

    @abstractmethod
    async def open(
        self,
        keep: Callable[[Instance, Sequence[Measured]], None],
        instance_of: Callable[[int], Instance | None],
    ) -> None:
        """Begins. keep: takes what comes late, after its run was given up; instance_of: what a series is run as."""

    @abstractmethod
    def require_running(self) -> None:
        """Raises what ended one of its jobs: without it, runs would wait for ever."""

    @abstractmethod
    def stored(self, ids: Sequence[str]) -> None:
        """These results are durable, or can never be."""

    @abstractmethod
    async def close(self) -> None:
        """Ends; everything that was stored is let go of."""


class Here:
    """In this process, on its event loop."""

    async def execute(self, instance: Instance, now: datetime) -> list[Measured]:
        return await run_instance(instance, now)
