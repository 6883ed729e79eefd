"""The engine's side of the process that starts plugins (`probes.spawner`): asks it, reads the plugins' output, waits.

An event loop's first spawner is started when the first plugin runs, and anew when it dies. One that starts a plugin
waits until the plugin's program is loaded: under load, further ones use the other cores meanwhile.
"""

import asyncio
import errno
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from gridkeeper.core.units import format_bytes
from gridkeeper.probes import spawner as program

log = structlog.get_logger(__name__)

#: A plugin that writes this much is flooding: it is killed instead of read on.
FLOOD_BYTES = 16 << 20
#: With so many runs in hand in each, another spawner is started.
_BUSY_RUNS = 16
_MOST_SPAWNERS = min(4, os.cpu_count() or 1)
#: So long a plugin may run before its output is read as it comes: until then the pipes hold 64 KiB.
_UNWATCHED_S = 0.1
#: What a plugin leaves behind is killed with it; so long its pipes may stay open after that.
_STRAGGLER_S = 0.3
#: How long a killed plugin may take to die: longer only in a system call that cannot be interrupted.
_DYING_S = 2.0


class SpawnError(Exception):
    """The plugin could not be started; the message says why."""


@dataclass(frozen=True, slots=True)
class Raw:
    """How a process ended, and what it wrote.

    stdout, stderr: what was kept; stdout_bytes: what there was
    exit_status, signal: one of them, or neither where its end was not seen
    reason: why it was ended, "" where it ended by itself
    left: processes that outlived it, and were killed
    """

    stdout: bytes
    stderr: bytes
    stdout_bytes: int
    exit_status: int | None = None
    signal: int | None = None
    reason: str = ""
    left: int = 0


class _Pipes:
    """Output and errors of one plugin; at most `limit_bytes` of each are kept.

    Most plugins end soon and write little: the pipes hold it until the end. Those of one that runs longer are read as
    it comes, from `watch` on.
    """

    def __init__(self, limit_bytes: int, on_flood: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_bytes = limit_bytes
        self._on_flood = on_flood
        self.is_flood = False
        self.closed = asyncio.Event()
        self._open: dict[int, int] = {}
        self._is_watched = False
        self.kept = (bytearray(), bytearray())
        self.seen = [0, 0]
        self.write_ends: list[int] = []
        for index in range(2):
            read_end, write_end = os.pipe()
            os.set_blocking(read_end, False)
            self._open[read_end] = index
            self.write_ends.append(write_end)

    def watch(self) -> None:
        """Reads from now on whatever comes, when it comes."""
        if not self._is_watched:
            self._is_watched = True
            for descriptor in self._open:
                self._loop.add_reader(descriptor, self._read, descriptor)

    def drain(self) -> None:
        """Reads what there is; what is at its end is closed."""
        for descriptor in list(self._open):
            with suppress(BlockingIOError):  # somebody still holds it
                while descriptor in self._open and not self.is_flood:
                    self._read(descriptor)

    def _read(self, descriptor: int) -> None:
        index = self._open[descriptor]
        part = os.read(descriptor, 65536)
        if not part:
            self._close(descriptor)
            return
        kept = self.kept[index]
        kept += part[: max(0, self._limit_bytes - len(kept))]
        self.seen[index] += len(part)
        if self.seen[index] > FLOOD_BYTES and not self.is_flood:
            self.is_flood = True
            self._on_flood()

    def _close(self, descriptor: int) -> None:
        if self._is_watched:
            self._loop.remove_reader(descriptor)
        os.close(descriptor)
        del self._open[descriptor]
        if not self._open:
            self.closed.set()

    def hand_over(self) -> None:
        """Closes our copies of the ends that the plugin writes to."""
        while self.write_ends:
            os.close(self.write_ends.pop())

    def close(self) -> None:
        self.hand_over()
        for descriptor in list(self._open):
            self._close(descriptor)


class Spawner:
    """The other process, and the runs that it has in hand."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._token = secrets.token_hex(8)
        self._numbers = count(1)
        self._ends: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._expired: set[int] = set()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        with theirs:
            self._pid = _start_program(theirs, self._token)
        self._loop.add_reader(self._channel, self._on_message)
        self.is_alive = True

    def __len__(self) -> int:
        """Runs in hand."""
        return len(self._ends)

    def belongs_to(self, loop: asyncio.AbstractEventLoop) -> bool:
        return self.is_alive and self._loop is loop

    async def run(self, argv: Sequence[str], *, timeout_s: float, limit_bytes: int) -> Raw:
        """Runs a program to its end, at the deadline at the latest. Raises SpawnError where it cannot be started."""
        number = next(self._numbers)
        end = self._ends[number] = self._loop.create_future()
        pipes = _Pipes(limit_bytes, lambda: self._kill(number))
        deadline = self._loop.call_later(timeout_s, self._expire, number)
        watching = self._loop.call_later(_UNWATCHED_S, pipes.watch)
        try:
            await self._send({"run": number, "argv": list(argv)}, pipes.write_ends)
            pipes.hand_over()
            message = await end
            pipes.drain()
            if not pipes.closed.is_set():
                pipes.watch()
                with suppress(TimeoutError):  # somebody else holds the pipes: what was read has to do
                    await asyncio.wait_for(pipes.closed.wait(), _STRAGGLER_S)
            reason = f"it ran longer than {timeout_s:.3g} s" if number in self._expired else ""
            if pipes.is_flood:
                reason = f"it wrote more than {format_bytes(FLOOD_BYTES)}"
            return _raw(pipes, message, reason)
        except asyncio.CancelledError:
            self._kill(number)
            raise
        finally:
            deadline.cancel()
            watching.cancel()
            self._expired.discard(number)
            del self._ends[number]
            pipes.close()

    def _expire(self, number: int) -> None:
        """Kills a plugin at its deadline; one that does not even die is given up a moment later.

        A hostile plugin may have stopped the process that starts plugins, whose user it shares: that one goes on.
        """
        self._expired.add(number)
        if self.is_alive:
            os.kill(self._pid, signal.SIGCONT)
        self._kill(number)
        self._loop.call_later(_DYING_S, self._give_up, number)

    def _give_up(self, number: int) -> None:
        end = self._ends.get(number)
        if end is not None and not end.done():
            end.set_result({"undying": True})

    async def _send(self, message: dict[str, Any], descriptors: list[int]) -> None:
        data = json.dumps(message).encode()
        if len(data) > program.MESSAGE_BYTES:
            raise SpawnError("its arguments are too long")
        while True:
            try:
                socket.send_fds(self._channel, [data], descriptors)
            except BlockingIOError:
                await asyncio.sleep(0.002)  # it is busy; nothing is lost
            except OSError as error:
                if error.errno == errno.EMSGSIZE:
                    raise SpawnError("its arguments are too long") from error
                self._die()
                raise SpawnError("the process that starts plugins has ended; it is started anew") from error
            else:
                return

    def _kill(self, number: int) -> None:
        try:
            self._channel.send(json.dumps({"kill": number}).encode())
        except BlockingIOError:
            self._loop.call_later(0.01, self._kill, number)
        except OSError:
            self._die()

    def _on_message(self) -> None:
        while True:
            try:
                data = self._channel.recv(4096)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._die()
                return
            message = json.loads(data)
            end = self._ends.get(message["end"])
            if end is not None and not end.done():
                end.set_result(message)

    def _die(self) -> None:
        """It has ended against our will: its plugins are nobody's children now, and are found by their marker."""
        if not self.is_alive:
            return
        log.error("the process that starts plugins has ended", plugins=len(self._ends))
        self.close()
        kill_marked(self._token)
        for end in self._ends.values():
            if not end.done():
                end.set_result({"error": "the process that starts plugins has ended; it is started anew"})

    def close(self) -> None:
        """Ends it, and with it every plugin that still runs."""
        if not self.is_alive:
            return
        self.is_alive = False
        if not self._loop.is_closed():
            self._loop.remove_reader(self._channel)
        self._channel.close()
        _await_end(self._pid)


def _start_program(channel: socket.socket, token: str) -> int:
    argv = [sys.executable, "-I", "-S", program.__file__, token]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, channel.fileno(), program.CHANNEL),
    ]
    if channel.fileno() == program.CHANNEL:  # dup2 onto itself would leave it to be closed at exec
        os.set_inheritable(channel.fileno(), True)
    return os.posix_spawn(argv[0], argv, {"LANG": "C.UTF-8"}, file_actions=actions, setsid=True, setsigmask=[])


def _await_end(pid: int, patience_s: float = 4.0) -> None:
    """Waits for the process; one that does not end in time is killed."""
    end = time.monotonic() + patience_s
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return
        time.sleep(0.005)


def kill_marked(token: str) -> int:
    """Kills every process that bears a marker with that token; returns how many."""
    marker = f"{program.MARKER}={token}:".encode()
    found = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if any(word.startswith(marker) for word in (entry / "environ").read_bytes().split(b"\0")):
                os.kill(int(entry.name), signal.SIGKILL)
                found += 1
        except OSError:
            continue  # ended meanwhile, or not ours
    return found


def _raw(pipes: _Pipes, message: dict[str, Any], reason: str) -> Raw:
    if "error" in message:
        raise SpawnError(message["error"])
    status = died_of = None
    if "undying" in message:
        reason += f" and was still there {_DYING_S:g} s after it was killed"
    else:
        code = os.waitstatus_to_exitcode(message["code"])
        status, died_of = (code, None) if code >= 0 else (None, -code)
    out, err = (bytes(kept) for kept in pipes.kept)
    return Raw(out, err, pipes.seen[0], status, died_of, reason, message.get("left", 0))


_started: list[Spawner] = []


def spawner() -> Spawner:
    """The spawner of the running event loop with the fewest runs in hand."""
    loop = asyncio.get_running_loop()
    for one in [one for one in _started if not one.belongs_to(loop)]:
        one.close()
        _started.remove(one)
    least = min(_started, key=len, default=None)
    if least is None or (len(least) >= _BUSY_RUNS and len(_started) < _MOST_SPAWNERS):
        least = Spawner()
        _started.append(least)
    return least


def close_spawner() -> None:
    """Ends all spawners; to be called when no plugin runs any more."""
    while _started:
        _started.pop().close()
