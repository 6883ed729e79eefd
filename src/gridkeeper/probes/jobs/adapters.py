"""What a round trip asks of a kind of computing element, and the kinds that there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from gridkeeper.probes.jobs.orders import JobArguments, Order, Progress
from gridkeeper.probes.native.check import CheckArgumentError, Run, Target


class Session(Protocol):
    """One job at one computing element. What goes wrong raises one of `native.check.FAILURES`.

    job: its identifier once it was accepted, "" before
    token: that the payload repeats at its beginning and end; "" where the payload is not ours
    """

    job: str
    token: str

    async def match(self) -> list[str]:
        """Names of the queues that would take the job. Raises CheckFailedError where there is none, with the reason."""

    async def submit(self) -> None:
        """Hands the job over and sets `job` as soon as there is one to remove."""

    async def progress(self) -> Progress:
        """How far it is."""

    async def output(self) -> str:
        """What the payload wrote."""

    async def diagnosis(self) -> str:
        """What the computing element knows of a job that failed or is stuck, for the log; "" where it knows nothing."""

    async def remove(self) -> str:
        """Ends and removes the job. What is still to be said of it: "" where it is gone for certain."""

    async def remove_left(self, now: datetime) -> str:
        """Removes what trips that were killed left there (`names.is_left`). What it removed; "" for nothing.

        Kinds whose jobs end with the process, or at a time that the computing element was told, have nothing to do.
        """

    async def close(self) -> None:
        """Lets go of what the session holds on this side; raises nothing."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A kind of computing element.

    name: as tests of kind `job` name it in `command`
    arguments: struct of what it takes
    begin: a session; raises CheckFailedError where target or arguments are of no use
    """

    name: str
    arguments: type[JobArguments]
    begin: Callable[[Target, Any, Order, Run], Session]


@cache
def adapters() -> dict[str, Adapter]:
    """All kinds by name."""
    from gridkeeper.probes.jobs.arc import ARC
    from gridkeeper.probes.jobs.dirac import DIRAC
    from gridkeeper.probes.jobs.fork import FORK
    from gridkeeper.probes.jobs.htcondor_ce import HTCONDOR_CE
    from gridkeeper.probes.jobs.plain import PLAIN

    return {adapter.name: adapter for adapter in (PLAIN, ARC, FORK, HTCONDOR_CE, DIRAC)}


def adapter_named(name: str) -> Adapter:
    """ "" and "job" are the plain protocol. Raises CheckArgumentError that lists what there is."""
    found = adapters().get("plain" if name in {"", "job"} else name)
    if found is None:
        raise CheckArgumentError(f"there is no kind of job {name!r}; there are {', '.join(sorted(adapters()))}")
    return found
