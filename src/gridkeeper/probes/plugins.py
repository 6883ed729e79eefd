"""Running a Nagios plugin: no shell, a clean environment, limits, and nobody left behind at the deadline.

Source of the protocol: Nagios plugin guidelines, "Plugin Return Codes".
"""

import asyncio
import ctypes
import os
import pwd
import resource
import secrets
import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from gridkeeper.core.status import RESULT_STATUSES, Status
from gridkeeper.core.units import format_bytes
from gridkeeper.probes.native.check import Outcome
from gridkeeper.probes.perfdata import parse_output

#: A plugin that writes this much is flooding: it is killed instead of read on.
FLOOD_BYTES = 16 << 20
#: Address space, size of a file, processes of the plugin's user.
_MEMORY_BYTES, _FILE_BYTES, _PROCESSES = 2 << 30, 64 << 20, 512
#: How long a child that outlives its plugin may hold the output open.
_STRAGGLER_S = 0.3
_MARKER = "GRIDKEEPER_RUN"
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


@dataclass(frozen=True, slots=True)
class Raw:
    """How a process ended. reason: why it was ended, "" where it ended by itself."""

    stdout: bytes
    stderr: bytes
    stdout_bytes: int
    exit_status: int | None
    signal: int | None
    reason: str = ""


#: Process ids of the plugins that run now; what else is below us is a stray.
running: set[int] = set()


async def run_plugin(argv: Sequence[str], *, timeout_s: float, limit_bytes: int) -> Outcome:
    """Runs a plugin and reads its answer. Whatever goes wrong with it is UNKNOWN with the reason."""
    refusal = _refusal(argv)
    if refusal:
        return Outcome(Status.UNKNOWN, refusal)
    try:
        process = _Process(argv, limit_bytes)
    except OSError as error:
        return Outcome(Status.UNKNOWN, f"{argv[0]} cannot be started: {error.strerror}")
    return _outcome(await process.wait(timeout_s), limit_bytes)


def _refusal(argv: Sequence[str]) -> str:
    """Why this may not run; "" where it may."""
    if not argv or "\0" in "".join(argv):
        return "the test names no program, or an argument holds a zero byte"
    path = Path(argv[0])
    if not path.is_absolute() or ".." in path.parts:
        return f"{argv[0]} is no absolute path; name the plugin with its folder"
    if not any(path.is_relative_to(folder) for folder in settings.GRIDKEEPER.plugin_dirs):
        folders = ", ".join(map(str, settings.GRIDKEEPER.plugin_dirs))
        return f"{argv[0]} is not in a folder of plugins ({folders}); see GRIDKEEPER_PLUGIN_DIRS"
    return ""


@lru_cache(maxsize=1)
def _become_nobody() -> tuple[str, ...]:
    """Words before the plugin's that give up root; none where we are not root. setpriv costs half a millisecond."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        return ()
    user = pwd.getpwnam("nobody")
    return (setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs", "--")


class _Process:
    """A plugin that runs, as a session of its own; its end comes by a pidfd, its output by non-blocking pipes."""

    def __init__(self, argv: Sequence[str], limit_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._marker = secrets.token_hex(8)
        self._limit_bytes = limit_bytes
        self._kept = {"out": bytearray(), "err": bytearray()}
        self._seen = {"out": 0, "err": 0}
        self._open: dict[int, str] = {}
        self._closed = asyncio.Event()
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._reason = ""
        self._pid = self._spawn([*_become_nobody(), *argv])
        self._pidfd = os.pidfd_open(self._pid)
        self._loop.add_reader(self._pidfd, self._on_end)
        running.add(self._pid)
        self._limit()

    def _spawn(self, argv: list[str]) -> int:
        pipes = {"out": os.pipe(), "err": os.pipe()}
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, pipes["out"][1], 1),
            (os.POSIX_SPAWN_DUP2, pipes["err"][1], 2),
        ]
        environment = {**_ENVIRONMENT, _MARKER: self._marker}
        try:
            pid = os.posix_spawn(
                argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGTERM],
            )  # fmt: skip
        except OSError:
            for read_end, _ in pipes.values():
                os.close(read_end)
            raise
        finally:
            for _, write_end in pipes.values():
                os.close(write_end)
        for name, (read_end, _) in pipes.items():
            os.set_blocking(read_end, False)
            self._open[read_end] = name
            self._loop.add_reader(read_end, self._on_output, read_end)
        return pid

    def _limit(self) -> None:
        """Sets limits from outside: before exec nothing of ours may run in the child of a threaded process."""
        limits = {
            resource.RLIMIT_AS: _MEMORY_BYTES,
            resource.RLIMIT_FSIZE: _FILE_BYTES,
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_NOFILE: 256,
        }
        if _become_nobody():
            limits[resource.RLIMIT_NPROC] = _PROCESSES
        for kind, value in limits.items():
            try:
                resource.prlimit(self._pid, kind, (value, value))
            except (ProcessLookupError, PermissionError):
                return  # it ended already; its end is waiting in the pidfd

    def _on_output(self, descriptor: int) -> None:
        name = self._open[descriptor]
        part = os.read(descriptor, 65536)
        if not part:
            self._close(descriptor)
            return
        room = self._limit_bytes - len(self._kept[name])
        self._kept[name] += part[: max(0, room)]
        self._seen[name] += len(part)
        if self._seen[name] > FLOOD_BYTES and not self._reason:
            self._reason = f"it wrote more than {format_bytes(FLOOD_BYTES)}"
            self._kill()

    def _close(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        del self._open[descriptor]
        if not self._open:
            self._closed.set()

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._ended.set_result(os.waitpid(self._pid, 0)[1])
        running.discard(self._pid)

    async def wait(self, timeout_s: float) -> Raw:
        """Its end, at the deadline at the latest."""
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(self._ended)
        except TimeoutError:
            self._reason = f"it ran longer than {timeout_s:g} s"
            self._kill()
        except asyncio.CancelledError:
            self._kill()
            await self._collect()
            raise
        return await self._collect()

    async def _collect(self) -> Raw:
        code = await self._ended
        try:
            async with asyncio.timeout(_STRAGGLER_S):
                await self._closed.wait()
        except TimeoutError:
            self._kill()
        self._kill_group()
        for descriptor in list(self._open):
            self._close(descriptor)
        exit_status = os.waitstatus_to_exitcode(code)
        return Raw(
            bytes(self._kept["out"]), bytes(self._kept["err"]), self._seen["out"],
            exit_status if exit_status >= 0 else None, -exit_status if exit_status < 0 else None, self._reason,
        )  # fmt: skip

    def _kill_group(self) -> None:
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return  # nobody of its session is left

    def _kill(self) -> None:
        """Kills the plugin, its session, and whoever left the session: they still bear the run's marker.

        What a plugin starts with a cleared environment in a session of its own stays; `reap_strays` finds it.
        """
        self._kill_group()
        marker = f"{_MARKER}={self._marker}".encode()
        for pid in _processes():
            if marker in _environment_of(pid):
                _kill_one(pid)


def _processes() -> list[int]:
    return [int(entry.name) for entry in os.scandir("/proc") if entry.name.isdigit()]


def _environment_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""  # ended, or not ours


def _kill_one(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # ended meanwhile


def adopt_orphans() -> None:
    """Makes this process the parent of orphans below it (PR_SET_CHILD_SUBREAPER), so that none escapes to init."""
    pr_set_child_subreaper = 36
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(pr_set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def reap_strays() -> int:
    """Kills and reaps adopted orphans: children of ours that are no running plugin. Returns how many there were."""
    count = 0
    for thread in Path("/proc/self/task").iterdir():
        try:
            children = (thread / "children").read_text().split()
        except OSError:
            continue  # the thread ended
        for pid in map(int, children):
            if pid in running:
                continue
            _kill_one(pid)
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue  # a thread was faster
            count += 1
    return count


def _outcome(raw: Raw, limit_bytes: int) -> Outcome:
    """The plugin's answer as an outcome. Source: plugin guidelines; anything but 0 to 3 is UNKNOWN, with the reason."""
    output = parse_output(raw.stdout.decode(errors="replace"))
    text = output.text
    if raw.stdout_bytes > limit_bytes:
        text += f"\n… cut: {format_bytes(raw.stdout_bytes)} in all, {format_bytes(limit_bytes)} are kept"
    stderr = raw.stderr.decode(errors="replace").strip()
    if stderr:
        text += f"\n[standard error]\n{stderr}"
    if output.problems:
        text += "\n[performance data] " + "; ".join(output.problems[:5])
    reason = _reason(raw)
    if reason:
        said = output.summary or stderr.partition("\n")[0]
        return Outcome(Status.UNKNOWN, f"{reason}{f'; it said: {said}' if said else ''}"[:500], text, output.perfdata)
    summary = output.summary or stderr.partition("\n")[0] or "(no output)"
    return Outcome(RESULT_STATUSES[raw.exit_status or 0], summary, text, output.perfdata)


def _reason(raw: Raw) -> str:
    """Why the answer counts for nothing; "" where it counts."""
    if raw.reason:
        return f"the plugin was killed: {raw.reason}"
    if raw.signal is not None:
        return f"the plugin was ended by signal {signal.Signals(raw.signal).name}"
    if raw.exit_status not in range(4):
        return f"the plugin ended with status {raw.exit_status}, which is none of 0 to 3"
    return ""
