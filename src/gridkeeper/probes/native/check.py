"""What all native checks share: target, outcome, arguments, the clock of one run."""

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

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


_A = TypeVar("_A", bound=Arguments)
#: What may go wrong on the way to a service and back; anything else is a fault of ours.
FAILURES = (CheckFailedError, TimeoutError, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Handed:
    """Private files of one run that let it act for a VO; "" where it was handed none. They end with the run.

    proxy_path: X.509 proxy (RFC 3820): certificate, key and chain in one PEM file
    token_path: bearer token, the text alone
    """

    proxy_path: str = ""
    token_path: str = ""


@dataclass(slots=True)
class Run:
    """The clock of one run: what is being done, and how long there is.

    credential: what the run may act with; None where its test needs nothing
    secrets: texts that no outcome may repeat, also where the other side says them
    """

    timeout_s: float
    stage: str = "starting"
    started_s: float = field(default_factory=time.monotonic)
    credential: Handed | None = None
    secrets: list[str] = field(default_factory=list, repr=False)
    step: str = ""

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.started_s

    def doing(self, stage: str) -> "_Doing":
        """Names what is being done, for the text of a time-out or a lost connection: it stays named after one."""
        return _Doing(self, f"{self.step}, {stage}" if self.step else stage)

    @contextmanager
    def taking(self, step: str) -> Iterator[None]:
        """Names a step of several, in front of what is being done in it: "reading <url>, waiting for the answer"."""
        before, self.step = self.step, step
        try:
            yield
        finally:  # after a failure there may be other steps, to clean up; the stage stays named
            self.step = before


class _Doing:
    """A context of `Run.doing`: every exchange enters several, which a generator would make four times as slow."""

    __slots__ = ("_before", "_run", "_stage")

    def __init__(self, run: Run, stage: str) -> None:
        self._run = run
        self._stage = stage

    def __enter__(self) -> None:
        self._before, self._run.stage = self._run.stage, self._stage

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._run.stage = self._before


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
        return parse_arguments(self.name, self.arguments, arguments)

    async def run(
        self, target: Target, arguments: Arguments, timeout_s: float, credential: Handed | None = None
    ) -> Outcome:
        """Runs the check. A passed deadline, a refused or lost connection become outcomes that say so."""
        run = Run(timeout_s, credential=credential)
        try:
            async with asyncio.timeout(timeout_s):
                outcome = await self.body(target, arguments, run)
        except FAILURES as error:
            outcome = replace(outcome_of(error, run), perfdata=_timing(run, arguments))
        else:
            outcome = _with_timing(outcome, run, arguments)
        return without_secrets(outcome, run) if run.secrets else outcome


def parse_arguments(name: str, kind: type[_A], arguments: Any) -> _A:
    """Arguments as a struct; numbers may come as text, as macros make them. Raises CheckArgumentError."""
    try:
        return msgspec.convert(arguments, kind, strict=False)
    except msgspec.ValidationError as error:
        known = ", ".join(item.name for item in msgspec.structs.fields(kind))
        raise CheckArgumentError(f"{name}: {error}; it takes {known}") from error


def outcome_of(error: BaseException, run: Run) -> Outcome:
    """What a failure on the way says of the service, with what was being done."""
    if isinstance(error, CheckFailedError):
        return Outcome(error.status, error.summary, error.output)
    if isinstance(error, TimeoutError):
        return Outcome(Status.CRITICAL, f"timed out after {run.timeout_s:g} s while {run.stage}")
    if isinstance(error, ConnectionRefusedError):
        return Outcome(Status.CRITICAL, f"connection refused while {run.stage}")
    if isinstance(error, EOFError):
        return Outcome(Status.CRITICAL, f"the server closed the connection while {run.stage}")
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message or str(error)
        return Outcome(Status.CRITICAL, f"the certificate is not trusted while {run.stage}: {why}")
    if isinstance(error, ssl.SSLError):
        return Outcome(Status.CRITICAL, f"TLS failed while {run.stage}: {error.reason or error}")
    # asyncio's own text names the address again and not the reason.
    words = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
    return Outcome(Status.CRITICAL, f"the connection failed while {run.stage}: {words or type(error).__name__}")


def without_secrets(outcome: Outcome, run: Run) -> Outcome:
    """The outcome without what the run was handed: a server may say back what it was told."""
    summary, output, perfdata = outcome.summary, outcome.output, outcome.perfdata
    for secret in filter(None, run.secrets):
        summary, output, perfdata = (text.replace(secret, "[removed]") for text in (summary, output, perfdata))
    return Outcome(outcome.status, summary, output, perfdata)


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
