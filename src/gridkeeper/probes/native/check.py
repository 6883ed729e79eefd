"""What all native checks share: target, outcome, arguments, the clock of one run."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gridkeeper.core.status import Status


class CheckArgumentError(ValueError):
    """Arguments that a check does not know or cannot use; the message names them and what it takes."""


class CheckFailedError(Exception):
    """The check is over: the outcome says how. Raised by its parts, never seen outside of `run`."""

    def __init__(self, status: Status, summary: str, output: str = "") -> None:
        super().__init__(summary)
        self.status = status
        self.summary = summary
        self.output = output


@dataclass(frozen=True, slots=True)
class Target:
    """What a check is of.

    hostname: name of the service's host; also the name that its certificate must bear
    address: IP address to use instead of asking DNS; "" asks DNS
    port: of the service's URL; 0 where the URL names none
    url: of the service; "" where it has none
    """

    hostname: str
    address: str = ""
    port: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check says. perfdata: in the plugins' own form."""

    status: Status
    summary: str
    output: str = ""
    perfdata: str = ""


class Arguments(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Base of every check's arguments; `port` 0 takes the target's."""

    port: int = 0
    warning_s: float | None = None
    critical_s: float | None = None


@dataclass(slots=True)
class Run:
    """The clock of one run: what is being done, and how long there is."""

    timeout_s: float
    stage: str = "starting"
    started_s: float = field(default_factory=time.monotonic)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s

    @contextmanager
    def doing(self, stage: str):  # type: ignore[no-untyped-def]
        """Names what is being done, for the text of a time-out or a lost connection."""
        self.stage = stage
        yield


@dataclass(frozen=True, slots=True)
class Check:
    """A native check.

    name: as tests name it in `command`
    arguments: struct of what it takes
    body: the check itself; raises CheckFailedError or gives the outcome
    """

    name: str
    arguments: type[Arguments]
    body: Callable[[Target, Any, Run], Awaitable[Outcome]]

    def parse(self, arguments: Any) -> Arguments:
        """The check's arguments. Raises CheckArgumentError."""
        try:
            return msgspec.convert(arguments, self.arguments)
        except msgspec.ValidationError as error:
            known = ", ".join(item.name for item in msgspec.structs.fields(self.arguments))
            raise CheckArgumentError(f"{self.name}: {error}; it takes {known}") from error

    async def run(self, target: Target, arguments: Arguments, timeout_s: float) -> Outcome:
        """Runs the check. A passed deadline, a refused or lost connection become outcomes that say so."""
        run = Run(timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                outcome = await self.body(target, arguments, run)
        except CheckFailedError as error:
            return Outcome(error.status, error.summary, error.output, _timing(run, arguments))
        except TimeoutError:
            summary = f"timed out after {timeout_s:g} s while {run.stage}"
            return Outcome(Status.CRITICAL, summary, perfdata=_timing(run, arguments))
        except ConnectionRefusedError:
            return Outcome(Status.CRITICAL, f"connection refused while {run.stage}")
        except (ConnectionError, asyncio.IncompleteReadError, EOFError) as error:
            return Outcome(Status.CRITICAL, f"the connection was lost while {run.stage}: {error or 'closed'}")
        except OSError as error:
            return Outcome(Status.CRITICAL, f"{error.strerror or error} while {run.stage}")
        return _with_timing(outcome, run, arguments)


def _timing(run: Run, arguments: Arguments) -> str:
    limits = [f"{value:g}" if value is not None else "" for value in (arguments.warning_s, arguments.critical_s)]
    return f"time={run.elapsed_s:.6f}s;{limits[0]};{limits[1]};0"


def _with_timing(outcome: Outcome, run: Run, arguments: Arguments) -> Outcome:
    """Adds the time, and judges it where the test sets limits."""
    status, summary = outcome.status, outcome.summary
    for limit, worse in ((arguments.critical_s, Status.CRITICAL), (arguments.warning_s, Status.WARNING)):
        if limit is not None and run.elapsed_s > limit and status == Status.OK:
            status, summary = worse, f"slow: {run.elapsed_s:.3f} s, limit {limit:g} s; {summary}"
    perfdata = " ".join(filter(None, [_timing(run, arguments), outcome.perfdata]))
    return Outcome(status, summary, outcome.output, perfdata)
