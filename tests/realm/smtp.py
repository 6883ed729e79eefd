"""A real SMTP server (aiosmtpd) in a process of its own, with STARTTLS; what it takes it throws away."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.certificates import Authority
from tests.realm import Daemon
from tests.services import free_port


@dataclass
class Smtp:
    """A running server. ca_file: who signed its certificate. Its breaks heal themselves at the end of their `with`."""

    daemon: Daemon
    folder: Path
    port: int
    ca_file: Path
    authority: Authority
    host: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"smtp://{self.host}:{self.port}"

    def start(self) -> None:
        self.daemon.start(self._is_ready)

    def stop(self) -> None:
        self.daemon.stop()

    def freeze(self) -> None:
        """It hangs: connections are taken by the kernel, nobody greets."""
        self.daemon.freeze()

    def thaw(self) -> None:
        self.daemon.thaw()

    @contextmanager
    def expired(self) -> Iterator[None]:
        """Restarted with a certificate that expired two days ago."""
        with self._started_as(_words(self.host, self.port, self.authority, days=-2)):
            yield

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Restarted as a server that lacks STARTTLS, as after a broken configuration."""
        with self._started_as(_words(self.host, self.port, None)):
            yield

    @contextmanager
    def _started_as(self, words: Sequence[str | Path]) -> Iterator[None]:
        before = self.daemon.argv
        self.stop()
        self.daemon.argv = words
        self.start()
        try:
            yield
        finally:
            self.stop()
            self.daemon.argv = before
            self.start()

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as made:
                return made.recv(4) == b"220 "
        except OSError:
            return False


def _words(host: str, port: int, authority: Authority | None, *, days: int = 30) -> Sequence[str | Path]:
    words: list[str | Path] = [sys.executable, "-m", "aiosmtpd", "-n", "-l", f"{host}:{port}"]
    if authority is not None:
        files = authority.issue(("CN", host), days=days, host=host)
        words += ["--tlscert", files.certificate, "--tlskey", files.key, "--no-requiretls"]
    return [*words, "-c", "aiosmtpd.handlers.Sink"]


@contextmanager
def running_smtp(folder: Path, *, host: str = "127.0.0.1") -> Iterator[Smtp]:
    """A server of its own on that address, by which its certificate names it."""
    port = free_port(host)
    authority = Authority(folder, "mail-ca")
    daemon = Daemon(_words(host, port, authority), folder / "smtp.log", {"PYTHONWARNINGS": "ignore"})
    smtp = Smtp(daemon, folder, port, authority.file, authority, host)
    try:
        smtp.start()
        yield smtp
    finally:
        smtp.stop()
