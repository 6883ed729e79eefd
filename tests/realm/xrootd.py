"""A real xrootd: root:// and WebDAV with third-party copies, in a network namespace, since it binds every address."""

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.realm import Daemon, inside, namespace, open_folder
from tests.services import require_service

_T = TypeVar("_T")
PORT, HTTP_PORT = 1094, 8080
_USER = "xrootd"


@dataclass
class Xrootd:
    """A running server. folder: what it exports as /data; host and ports as clients in its namespace see them."""

    daemon: Daemon
    namespace: str
    folder: Path
    ready: Callable[[], bool]
    host: str = "localhost"
    address: str = "127.0.0.1"
    port: int = PORT
    http_port: int = HTTP_PORT

    @property
    def url(self) -> str:
        return f"root://{self.host}:{self.port}//data"

    @property
    def https_url(self) -> str:
        return f"https://{self.host}:{self.http_port}/data"

    @property
    def http_url(self) -> str:
        return f"http://{self.host}:{self.http_port}/data"

    def inside(self, function: Callable[[], _T]) -> _T:
        """What the function gives when run in the server's namespace."""
        return inside(self.namespace, function)

    def start(self) -> None:
        """Again, after `stop`."""
        self.daemon.start(self.ready)

    def stop(self) -> None:
        self.daemon.stop()

    def freeze(self) -> None:
        self.daemon.freeze()

    def thaw(self) -> None:
        """Restarts it, so that it does not do late what clients asked of it while it hung."""
        self.daemon.kill()
        self.start()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing can be written: its folder belongs to somebody else."""
        shutil.chown(self.folder, "root", "root")
        try:
            yield
        finally:
            shutil.chown(self.folder, _USER, _USER)

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """The exported folder is gone, and no writer can make it anew: what it held is not found, the server runs."""
        away, parent = self.folder.with_name("away"), self.folder.parent
        owner = parent.stat()
        self.folder.rename(away)
        os.chown(parent, 0, 0)
        try:
            yield
        finally:
            os.chown(parent, owner.st_uid, owner.st_gid)
            away.rename(self.folder)


@dataclass(frozen=True)
class _Tls:
    pair: Path | None
    ca_file: Path | None

    def lines(self, home: Path) -> str:
        """Of the configuration, with files of the server's own: it insists on a key that nobody else can read."""
        if self.pair is None:
            return ""
        for name in ("cert.pem", "key.pem"):
            shutil.copy(self.pair, home / name)
            (home / name).chmod(0o400)
        trusted = ""
        if self.ca_file is not None:
            shutil.copy(self.ca_file, home / "ca.pem")
            trusted = f"xrd.tlsca certfile {home}/ca.pem\n"
        return (
            f"xrd.tls {home}/cert.pem {home}/key.pem\n{trusted}http.exthandler xrdtpc libXrdHttpTPC.so\n"
            "http.desthttps no\n"
        )


@contextmanager
def xrootd(
    *, within: str = "", pair: Path | None = None, ca_file: Path | None = None, lines: str = ""
) -> Iterator[Xrootd]:
    """A server of its own.

    within: a namespace that exists, "" makes one
    pair: PEM file with certificate and key, for TLS (and https, third-party copies); without it, it speaks none
    ca_file: whom it trusts as a client of third-party copies
    lines: more of its configuration
    """
    require_service(shutil.which("xrootd") is not None, "xrootd")
    with ExitStack() as stack:
        place = within or stack.enter_context(namespace())
        home = stack.enter_context(open_folder(_USER))
        yield stack.enter_context(_started(home, place, _Tls(pair, ca_file), lines))


@contextmanager
def _started(home: Path, within: str, tls: _Tls, lines: str) -> Iterator[Xrootd]:
    data = home / "root" / "data"
    data.mkdir(parents=True)
    config = home / "xrootd.cfg"
    config.write_text(
        f"all.role server\nall.export /data\noss.localroot {home}/root\nall.adminpath {home}/admin\n"
        f"all.pidpath {home}/run\nxrd.port {PORT}\nxrd.network nodnr\nxrootd.chksum max 2 adler32 md5 crc32\n"
        f"xrd.protocol http:{HTTP_PORT} libXrdHttp.so\n{tls.lines(home)}{lines}\n"
    )
    for path in [home, *home.rglob("*")]:
        shutil.chown(path, _USER, _USER)
    argv = ["xrootd", "-c", config, "-n", "test"]

    def is_ready() -> bool:
        return inside(within, lambda: _answers(PORT) and _answers(HTTP_PORT))

    daemon = Daemon(argv, home / "daemon.log", namespace=within, user=_USER)
    try:
        daemon.start(is_ready)
        yield Xrootd(daemon, within, data, is_ready)
    finally:
        daemon.stop()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
