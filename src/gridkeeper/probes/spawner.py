"""The process that starts plugins: unprivileged, limited, parent of all of them. A program of its own.

`probes.spawning` starts it with a socket as descriptor 3 and talks to it in JSON messages, one a packet:

    -> {"run": 7, "argv": [...]} with two descriptors, for the plugin's output and its errors
    -> {"kill": 7}
    <- {"end": 7, "code": wait status, "left": processes that outlived it and were killed}
    <- {"end": 7, "error": "why it could not be started"}

Why a process between the engine and the plugins: it gives up root and sets the limits once, where `setpriv` before
each plugin costs three times the plugin; what a plugin leaves behind becomes its child (PR_SET_CHILD_SUBREAPER), and
so does whatever clears its environment and leaves its session; and when the engine dies, even by SIGKILL, it takes
all plugins with it. It imports nothing but the standard library, and runs with `-I -S`.
"""

import ctypes
import errno
import json
import os
import pwd
import resource
import select
import signal
import socket
import struct
import sys
import time

#: Bears the run's number, so that whoever left the plugin's session is still known to be its.
MARKER = "GRIDKEEPER_RUN"
CHANNEL = 3
#: Largest message: the arguments of one plugin.
MESSAGE_BYTES = 128 * 1024
#: Texts are UTF-8, and all else as in the C locale. LANG=C.UTF-8 means the same, but a plugin would read a dozen files
#: for it: a quarter of the time of a small one.
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_CTYPE": "C.UTF-8", "HOME": "/nonexistent"}
#: Address space, size of a file, open files, processes of the plugins' user.
_MEMORY_BYTES, _FILE_BYTES, _FILES, _PROCESSES = 2 << 30, 64 << 20, 256, 2048
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
#: How long the last plugins may take to die when the engine is gone.
_LAST_WAIT_S = 2.0
#: How often it tries to start what no process was left for.
_RETRY_MS = 20


def confine() -> None:
    """Gives up root for the user nobody, where there is one; sets limits; becomes the parent of orphans."""
    prctl(_PR_SET_CHILD_SUBREAPER)
    if os.geteuid() == 0:
        become_nobody()
    limits = {
        resource.RLIMIT_AS: _MEMORY_BYTES,
        resource.RLIMIT_FSIZE: _FILE_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _FILES,
    }
    if os.geteuid() != 0:
        limits[resource.RLIMIT_NPROC] = _PROCESSES
    for kind, value in limits.items():
        hard = resource.getrlimit(kind)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (least, least))
    os.umask(0o077)
    os.chdir("/")


def become_nobody() -> None:
    """Takes the identity of nobody for good: no way back, and no setuid program gives one."""
    try:
        user = pwd.getpwnam("nobody")
    except KeyError:
        return  # a container without users; there the limits must do
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    prctl(_PR_SET_NO_NEW_PRIVS)


def prctl(option: int) -> None:
    """Switches a property of this process on. Raises OSError."""
    if ctypes.CDLL(None, use_errno=True).prctl(option, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


class Children:
    """Process ids of the direct children: plugins and orphans."""

    def __init__(self) -> None:
        try:
            self._list = os.open("/proc/self/task/%d/children" % os.getpid(), os.O_RDONLY | os.O_CLOEXEC)  # noqa: UP031
        except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
            self._list = -1

    def all(self) -> list[int]:
        if self._list >= 0:
            return [int(word) for word in self._read().split()]
        with os.scandir("/proc") as entries:
            return [int(e.name) for e in entries if e.name.isdigit() and parent_of(e.name) == os.getpid()]

    def are_only(self, count: int) -> bool:
        """True where there are so many and no more: nobody has left an orphan. Quick, for after every plugin."""
        return self._list >= 0 and self._read().count(b" ") == count

    def _read(self) -> bytes:
        found, part = b"", os.pread(self._list, 65536, 0)
        while part:
            found += part
            part = os.pread(self._list, 65536, len(found))
        return found


def parent_of(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0  # ended meanwhile


def run_of(pid: int, sessions: dict[int, int]) -> int:
    """Number of the run that a process belongs to, by its session or its marker; 0 where neither tells."""
    try:
        session = os.getsid(pid)
        if session in sessions:
            return sessions[session]
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            words = file.read().split(b"\0")
    except OSError:
        return 0  # ended meanwhile, or hides its environment
    found = [word for word in words if word.startswith(f"{MARKER}=".encode())]
    number = found[0].rpartition(b":")[2] if found else b""
    return int(number) if number.isdigit() else 0


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # ended meanwhile, or became somebody else by a setuid program


class Spawner:
    """Starts plugins, reports their ends, and lets nothing outlive them."""

    def __init__(self, channel: socket.socket, token: str) -> None:
        self._channel = channel
        self._token = token
        #: Process id, which is the session's, of each running plugin -> number of its run.
        self._runs: dict[int, int] = {}
        #: Those that no process was left for, because some plugin had them all, until it ends.
        self._waiting: dict[int, tuple[list[str], list[int]]] = {}
        self._children = Children()

    def serve(self) -> None:
        """Works until the engine closes the channel or is gone; then ends everything."""
        woken, wake = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self._channel, select.POLLIN)
        poller.register(woken, select.POLLIN)
        while True:
            ready = dict(poller.poll(_RETRY_MS if self._waiting else 1000))
            if self._channel.fileno() in ready and not self._receive():
                break
            if woken in ready:
                os.read(woken, 4096)
            if woken in ready or not ready:  # now and then without being woken
                self._reap()
                self._start_waiting()
        self._end_all()

    def _receive(self) -> bool:
        """Obeys one message; False at the end of the channel."""
        # Not socket.recv_fds: that of Python 3.11 ignores the flag which keeps the descriptors from later plugins.
        data, ancillary, _, _ = self._channel.recvmsg(MESSAGE_BYTES, socket.CMSG_LEN(8), socket.MSG_CMSG_CLOEXEC)
        if not data:
            return False
        descriptors = [number for *_, packed in ancillary for number in struct.unpack("2i", packed)]
        message = json.loads(data)
        if "run" in message:
            self._start(message["run"], message["argv"], descriptors)
        else:
            self._kill(message["kill"])
        return True

    def _start(self, number: int, argv: list[str], descriptors: list[int]) -> None:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, descriptors[0], 1),
            (os.POSIX_SPAWN_DUP2, descriptors[1], 2),
        ]
        environment = {**_ENVIRONMENT, MARKER: f"{self._token}:{number}"}
        try:
            pid = os.posix_spawn(
                argv[0], argv, environment, file_actions=actions, setsid=True, setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGTERM],
            )  # fmt: skip
        except BlockingIOError:
            self._waiting[number] = argv, descriptors
            return
        except (OSError, ValueError) as error:
            self._tell({"end": number, "error": getattr(error, "strerror", None) or str(error)})
        else:
            self._runs[pid] = number
        close_all(descriptors)

    def _start_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for number, (argv, descriptors) in waiting.items():
            self._start(number, argv, descriptors)

    def _kill(self, number: int) -> None:
        """Kills a plugin and its process group; the rest is swept when its end is noticed."""
        if number in self._waiting:
            close_all(self._waiting.pop(number)[1])
            self._tell({"end": number, "error": "no process was left for it, and none became free in its time"})
        for pid, running in self._runs.items():
            if running == number:
                kill_group(pid)

    def _reap(self) -> None:
        ended: dict[int, int] = {}
        is_any = False
        while True:
            try:
                pid, code = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            is_any = True
            if pid in self._runs:
                kill_group(pid)
                ended[pid] = code
        if not is_any:
            return
        sessions = dict(self._runs)
        numbers = {self._runs.pop(pid): code for pid, code in ended.items()}
        left = self._sweep(sessions)
        for number, code in numbers.items():
            # Who hid both session and marker is counted to the one that ended just now, where it was only one.
            hidden = left.get(0, 0) if len(numbers) == 1 else 0
            self._tell({"end": number, "code": code, "left": left.get(number, 0) + hidden})

    def _sweep(self, sessions: dict[int, int]) -> dict[int, int]:
        """Kills orphans of runs that ended; returns how many by run. Their own children follow when they are reaped."""
        left: dict[int, int] = {}
        if self._children.are_only(len(self._runs)):
            return left
        running = set(self._runs.values())
        for pid in self._children.all():
            if pid in self._runs:
                continue
            number = run_of(pid, sessions)
            if number not in running:
                kill(pid)
                left[number] = left.get(number, 0) + 1
        return left

    def _tell(self, message: dict[str, object]) -> None:
        try:
            self._channel.send(json.dumps(message).encode())
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.ECONNRESET):
                raise  # the engine is gone; the end of the channel follows

    def _end_all(self) -> None:
        for pid in self._runs:
            kill_group(pid)
        end = time.monotonic() + _LAST_WAIT_S
        while time.monotonic() < end:
            for pid in self._children.all():
                kill(pid)
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.005)
            except ChildProcessError:
                return


def close_all(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left, or it became somebody else


def close_others() -> None:
    """Closes what the engine left open to be inherited, and keeps the channel itself from the plugins."""
    with os.scandir("/proc/self/fd") as entries:
        descriptors = [int(entry.name) for entry in entries]
    for descriptor in descriptors:
        if descriptor > CHANNEL:
            try:
                os.close(descriptor)
            except OSError:
                continue  # the one that listed them
    os.set_inheritable(CHANNEL, False)


def main() -> None:
    close_others()
    channel = socket.socket(fileno=CHANNEL)
    # Ctrl-C reaches the whole group of the terminal; the engine decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        confine()
    except OSError as error:
        sys.stderr.write(f"plugins cannot be run: this process cannot be confined: {error}\n")
        sys.exit(1)
    Spawner(channel, sys.argv[1]).serve()


if __name__ == "__main__":
    main()
