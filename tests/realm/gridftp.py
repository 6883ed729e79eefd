"""A real GridFTP server on a free port of loopback: one process a session, as inetd starts them."""

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tests.realm import Daemon, inside, open_folder
from tests.realm.grid_ca import GridAuthority, Pair
from tests.services import free_port, require_service

_T = TypeVar("_T")


@dataclass
class Gridftp:
    """A running server."""

    daemon: Daemon
    port: int
    ready: Callable[[], bool]
    namespace: str = ""
    host: str = "localhost"
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"gsiftp://{self.host}:{self.port}/"

    def inside(self, function: Callable[[], _T]) -> _T:
        """What the function gives when run where the server is reached."""
        return inside(self.namespace, function) if self.namespace else function()

    def start(self) -> None:
        """Again, after `stop`."""
        self.daemon.start(self.ready)

    def stop(self) -> None:
        self.daemon.stop()

    def freeze(self) -> None:
        self.daemon.freeze()

    def thaw(self) -> None:
        self.daemon.thaw()


@contextmanager
def gridftp(authority: GridAuthority, *, host: Pair, users: str = "", within: str = "") -> Iterator[Gridftp]:
    """A server of its own.

    host: its certificate and key
    users: lines of its grid-mapfile ('"/DC=org/DC=gridkeeper/CN=robot" nobody')
    within: a namespace that exists, "" the one that we are in
    """
    programs = [shutil.which(name) for name in ("globus-gridftp-server", "systemd-socket-activate")]
    require_service(all(programs), "globus-gridftp-server")
    port = inside(within, free_port) if within else free_port()

    def is_ready() -> bool:
        return inside(within, lambda: _answers(port)) if within else _answers(port)

    with open_folder() as home:
        (home / "gridmap").write_text(f"{users}\n")
        environment = {
            "X509_USER_CERT": host.certificate, "X509_USER_KEY": host.key, "X509_CERT_DIR": authority.folder,
            "GRIDMAP": home / "gridmap",
        }  # fmt: skip
        argv = [
            programs[1] or "", "--listen", f"127.0.0.1:{port}", "--accept", "--inetd",
            *(f"--setenv={name}={value}" for name, value in environment.items()),
            programs[0] or "", "-i", "-allow-root", "1",
        ]  # fmt: skip
        daemon = Daemon(argv, home / "daemon.log", namespace=within)
        try:
            daemon.start(is_ready)
            yield Gridftp(daemon, port, is_ready, within)
        finally:
            daemon.stop()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
