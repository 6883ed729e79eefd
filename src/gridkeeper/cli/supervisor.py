"""One parent that starts the roles, restarts one that dies, and stops them in order."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

log = structlog.get_logger(__name__)

#: A role that dies again and again is started again after 1, 2, 4 ... at most this many seconds.
_LONGEST_PAUSE_S = 30
#: A role that has run this long is healthy again: its next restart is at once.
_HEALTHY_AFTER_S = 60
#: After SIGTERM a role has this long to finish what it holds.
_GRACE_S = 15


@dataclass(frozen=True, slots=True)
class Role:
    """A process of the installation.

    name: as in logs
    argv: words of the command
    env: added to the parent's environment
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def command(cls, name: str, *words: str) -> "Role":
        """The role that `gridkeeper WORDS` runs, by this same Python."""
        return cls(name, [sys.executable, "-m", "gridkeeper.cli.main", *words])


@dataclass(slots=True)
class _Child:
    role: Role
    process: "subprocess.Popen[bytes]"
    started_s: float
    failures: int = 0
    restart_at_s: float | None = None


class Supervisor:
    """Runs roles until it is told to stop. Started in the order given, stopped in the reverse order."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self._roles = list(roles)
        self._children: list[_Child] = []
        self._is_stopping = False

    def start(self) -> None:
        """Starts every role. Ctrl-C and SIGTERM ask for a stop from now on."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        for role in self._roles:
            self._children.append(_Child(role, self._spawn(role), time.monotonic()))

    def run(self, duration_s: float | None = None) -> int:
        """Starts, watches until told to stop (or for `duration_s`), stops. Returns the exit status, 0."""
        self.start()
        self.watch(duration_s)
        self.stop()
        return 0

    def add(self, role: Role) -> None:
        """Starts one more role, which is looked after and stopped as the others are."""
        self._roles.append(role)
        self._children.append(_Child(role, self._spawn(role), time.monotonic()))

    def tend(self) -> None:
        """Restarts what has died, once; for a caller that has other work between."""
        for child in self._children:
            self._look_after(child)

    def watch(self, duration_s: float | None = None) -> None:
        """Restarts what dies; returns when a stop is asked for or the time is over."""
        end = None if duration_s is None else time.monotonic() + duration_s
        while not self._is_stopping and (end is None or time.monotonic() < end):
            self.tend()
            time.sleep(0.2)

    def stop(self) -> None:
        """SIGTERM to each in reverse order, SIGKILL to what is still there after the grace period."""
        self._is_stopping = True
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
            try:
                child.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                log.warning("role does not stop, killing it", role=child.role.name)
                self._kill_group(child.process)
                child.process.wait()

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _spawn(self, role: Role) -> "subprocess.Popen[bytes]":
        # A session of its own: Ctrl-C of the terminal reaches the parent alone, which stops the roles in order.
        return subprocess.Popen(role.argv, env={**os.environ, **role.env}, start_new_session=True)

    def _look_after(self, child: _Child) -> None:
        now_s = time.monotonic()
        if child.restart_at_s is not None:
            if now_s >= child.restart_at_s:
                child.process, child.started_s, child.restart_at_s = self._spawn(child.role), now_s, None
            return
        status = child.process.poll()
        if status is None:
            return
        child.failures = 0 if now_s - child.started_s > _HEALTHY_AFTER_S else child.failures + 1
        pause_s = min(_LONGEST_PAUSE_S, 2 ** max(0, child.failures - 1)) if child.failures else 0
        log.error("role died, starting it again", role=child.role.name, exit_status=status, pause_s=pause_s)
        child.restart_at_s = now_s + pause_s

    @staticmethod
    def _kill_group(process: "subprocess.Popen[bytes]") -> None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return  # it ended between the time-out and now
