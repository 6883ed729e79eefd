"""Real grid services for tests: daemons of their own, on loopback or inside a network namespace that only they have."""

import ctypes
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from tests.services import require_service

_T = TypeVar("_T")
_names = count()
_CLONE_NEWNET = 0x40000000


@dataclass
class Daemon:
    """One server process. `argv` runs in the foreground; its words go to `log`."""

    argv: Sequence[str | Path]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    namespace: str = ""
    user: str = ""
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, ready: Callable[[], bool], *, seconds: float = 20) -> "Daemon":
        """Starts it and waits until `ready`; raises RuntimeError with the end of its log where it never is."""
        words = [str(word) for word in self.argv]
        if self.user and os.geteuid() == 0:
            words = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups", *words]
        if self.namespace:
            words = ["ip", "netns", "exec", self.namespace, *words]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", start_new_session=True,
                env=os.environ | self.environment,
            )  # fmt: skip
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{words[0]} did not become ready:\n{self.log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        return self

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def freeze(self) -> None:
        """Hangs it: connections are still taken by the kernel, and nobody answers."""
        self._signal(signal.SIGSTOP)
        if self.is_running and self.process is not None:
            # On a busy machine its threads answer a little longer; the parent hears when the last one stands.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once, as a crash does."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait(10)

    def stop(self, *, seconds: float = 10) -> None:
        """Ends it in order, and by force where that takes too long."""
        if self.process is None or self.process.poll() is not None:
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def _signal(self, number: int) -> None:
        """To its whole session: some daemons have children."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)


@contextmanager
def open_folder(user: str = "") -> Iterator[Path]:
    """A folder that a daemon's own user may enter. Pytest's are not: each new session of it closes them again."""
    with TemporaryDirectory(prefix="gridkeeper-realm-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        if user and os.geteuid() == 0:
            shutil.chown(folder, user, user)
        yield folder


def require_namespaces() -> None:
    """Skips where network namespaces cannot be made here."""
    found = shutil.which("ip") is not None and os.geteuid() == 0
    is_able = found and subprocess.run(["ip", "netns", "list"], capture_output=True, check=False).returncode == 0
    require_service(is_able, "ip with the right to make network namespaces")


@contextmanager
def namespace() -> Iterator[str]:
    """A network namespace with nothing but a loopback of its own; what still runs in it at the end is killed."""
    require_namespaces()
    name = f"gk{os.getpid()}n{next(_names)}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
        yield name
    finally:
        found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False)
        for pid in found.stdout.split():
            os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", name], check=True)


def inside(name: str, function: Callable[[], _T]) -> _T:
    """What the function gives when run in that namespace: in a thread of its own, which alone enters it."""
    answer: list[Any] = []

    def run() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", name).open() as place:
            if libc.setns(place.fileno(), _CLONE_NEWNET):
                answer.append(OSError(ctypes.get_errno(), f"the namespace {name} cannot be entered"))
                return
        try:
            answer.append(function())
        except BaseException as error:  # noqa: BLE001  # handed on to the caller
            answer.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(answer[0], BaseException):
        raise answer[0]
    result: _T = answer[0]
    return result
