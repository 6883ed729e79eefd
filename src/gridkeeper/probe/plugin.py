"""A plugin made of one function: arguments read, time kept, whatever goes wrong said in the plugin protocol."""

import asyncio
import inspect
import signal
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Generic, TypeVar

from gridkeeper.core.status import Status
from gridkeeper.probe.arguments import UsageError, parser_of, read
from gridkeeper.probe.run import Outcome, Run

Arguments = TypeVar("Arguments")
Body = Callable[[Arguments, Run], None] | Callable[[Arguments, Run], Awaitable[None]]


class Failed(Exception):  # noqa: N818  reads as the probe's verdict: `raise Failed("...")`
    """Ends the run with a verdict: CRITICAL unless said otherwise. The message is the first line."""

    def __init__(self, summary: str, status: Status = Status.CRITICAL) -> None:
        super().__init__(summary)
        self.status = status


class _TimedOutError(BaseException):
    """Raised by the alarm; no `except Exception` of a probe catches it."""


class Plugin(Generic[Arguments]):
    """What `@probe` makes of a function. `main()` is the program; the harness calls `run`."""

    def __init__(self, kind: type[Arguments], body: "Body[Arguments]") -> None:
        self.kind = kind
        self.body = body
        self.name = str(getattr(body, "__name__", "probe"))
        self.__doc__ = body.__doc__
        self._parser = parser_of(kind, self.name, (body.__doc__ or "").strip().partition("\n")[0])

    def __call__(self, arguments: Arguments, *, timeout_s: float = 30.0) -> Outcome:
        """Runs with these arguments. Never raises for what the probe does: that is an outcome."""
        run = Run()
        try:
            with _alarm(timeout_s):
                made = self.body(arguments, run)
                if inspect.isawaitable(made):
                    asyncio.run(_whole(made))
        except _TimedOutError:
            return _ended(run, Status.CRITICAL, f"no answer within {timeout_s:g} s")
        except Failed as verdict:
            return _ended(run, verdict.status, str(verdict))
        except OSError as error:
            return _ended(run, Status.CRITICAL, f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001  the probe's own fault: UNKNOWN, with where it happened
            where = traceback.format_exc().strip().splitlines()
            run.say(f"the probe itself failed{_during(run)}: {type(error).__name__}: {error}", Status.UNKNOWN)
            for line in where[-8:]:
                run.detail(line)
        return run.outcome()

    def run(self, words: Sequence[str]) -> Outcome:
        """As the program would with that command line, but returning."""
        try:
            arguments, timeout_s = read(self._parser, self.kind, words)
        except UsageError as error:
            return Outcome(Status.UNKNOWN, f"{self.name}: {error}")
        return self(arguments, timeout_s=timeout_s)

    def main(self) -> None:
        """The program: prints the outcome and ends with its code."""
        outcome = self.run(sys.argv[1:])
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()
        sys.exit(outcome.status.value)


def probe(kind: type[Arguments]) -> "Callable[[Body[Arguments]], Plugin[Arguments]]":
    """Decorates a function, plain or async, of (arguments, run). kind: a dataclass; each field is an argument.

    Raises TypeError at import for a field whose type cannot stand on a command line.
    """
    return lambda body: Plugin(kind, body)


async def _whole(made: Awaitable[None]) -> None:
    await made


def _during(run: Run) -> str:
    return f" while {run.current_stage}" if run.current_stage else ""


def _ended(run: Run, status: Status, words: str) -> Outcome:
    run.say(f"{words}{_during(run)}", status)
    return run.outcome()


@contextmanager
def _alarm(timeout_s: float) -> Iterator[None]:
    """Ends the block after that time. Signals reach the main thread alone: elsewhere the caller keeps the time."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimedOutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, timeout_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
