"""A real OpenSSH server, into which nobody can log in."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.realm import Daemon
from tests.services import free_port, require_service

_PROGRAM = "/usr/sbin/sshd"


@dataclass
class Sshd:
    """A running server. Its breaks heal themselves at the end of their `with`."""

    daemon: Daemon
    folder: Path
    port: int
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"ssh://{self.host}:{self.port}"

    @property
    def fingerprint(self) -> str:
        """Of its host key, as ssh-keygen prints it."""
        found = subprocess.run(
            ["ssh-keygen", "-lf", str(self.folder / "key.pub")], check=True, capture_output=True, text=True
        )
        return found.stdout.split()[1]

    def start(self) -> None:
        self.daemon.start(self._is_ready)

    def stop(self) -> None:
        self.daemon.stop()

    def freeze(self) -> None:
        """It hangs: connections are taken by the kernel, nobody says a word."""
        self.daemon.freeze()

    def thaw(self) -> None:
        self.daemon.thaw()

    @contextmanager
    def other_key(self) -> Iterator[None]:
        """Restarted with another host key, as after a reinstallation, or with somebody in between."""
        self.stop()
        for name in ("key", "key.pub"):
            (self.folder / name).rename(self.folder / f"{name}.kept")
        _make_key(self.folder)
        self.start()
        try:
            yield
        finally:
            self.stop()
            for name in ("key", "key.pub"):
                (self.folder / f"{name}.kept").replace(self.folder / name)
            self.start()

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as made:
                return made.recv(4) == b"SSH-"
        except OSError:
            return False


def _make_key(folder: Path) -> None:
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL)


@contextmanager
def running_sshd(folder: Path, *, host: str = "127.0.0.1") -> Iterator[Sshd]:
    """A server of its own on that address."""
    require_service(Path(_PROGRAM).exists() and shutil.which("ssh-keygen") is not None, "openssh-server")
    Path("/run/sshd").mkdir(exist_ok=True)  # it refuses to start without, whatever the configuration says
    port = free_port(host)
    _make_key(folder)
    lines = [f"ListenAddress {host}", f"Port {port}", f"HostKey {folder}/key", f"PidFile {folder}/sshd.pid",
             "UsePAM no", "StrictModes no", "PasswordAuthentication no", "MaxStartups 100"]  # fmt: skip
    (folder / "sshd.conf").write_text("\n".join(lines) + "\n")
    daemon = Daemon([_PROGRAM, "-D", "-e", "-f", folder / "sshd.conf"], folder / "sshd.log")
    sshd = Sshd(daemon, folder, port, host)
    try:
        sshd.start()
        yield sshd
    finally:
        sshd.stop()
