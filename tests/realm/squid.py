"""A real Squid on a free port of loopback, with an origin to fetch from."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

from tests.realm import Daemon, inside, open_folder
from tests.services import free_port, require_service

_T = TypeVar("_T")
_USER = "proxy"


@dataclass
class Origin:
    """A web server; `objects` maps paths to bodies, `headers` go with each."""

    server: ThreadingHTTPServer
    objects: dict[str, bytes]
    headers: dict[str, str] = field(default_factory=lambda: {"Cache-Control": "max-age=600"})
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def origin(objects: dict[str, bytes] | None = None, *, within: str = "") -> Iterator[Origin]:
    """A web server on a free port of loopback, or of a namespace's."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            body = made.objects.get(self.path)
            self.send_response(200 if body is not None else 404)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            pass

    def listen() -> ThreadingHTTPServer:
        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    made = Origin(inside(within, listen) if within else listen(), objects or {"/object": b"an object of the origin"})
    # A short poll: closing waits for it.
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.close()


@dataclass
class Squid:
    """A running proxy; without a namespace clients reach it from everywhere."""

    daemon: Daemon
    origin: Origin
    port: int
    ready: Callable[[], bool]
    namespace: str = ""
    host: str = "localhost"
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def inside(self, function: Callable[[], _T]) -> _T:
        """What the function gives when run where the proxy is reached."""
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
    def without_caching(self) -> Iterator[None]:
        """The origin forbids keeping its objects: every answer is a MISS."""
        before, self.origin.headers = self.origin.headers, {"Cache-Control": "no-store"}
        try:
            yield
        finally:
            self.origin.headers = before

    @contextmanager
    def other_content(self, path: str, body: bytes) -> Iterator[None]:
        """The origin gives something else at a path; "" nothing at all. The proxy begins with no older copy."""
        before = dict(self.origin.objects)
        self.origin.objects[path] = body
        self.stop()
        self.start()
        try:
            yield
        finally:
            self.origin.objects.clear()
            self.origin.objects.update(before)


@contextmanager
def squid(*, within: str = "", lines: str = "") -> Iterator[Squid]:
    """A proxy of its own, and its origin.

    within: a namespace that exists, "" the one that we are in
    lines: of the configuration, before what allows loopback everything
    """
    require_service(shutil.which("squid") is not None, "squid")
    port = inside(within, free_port) if within else free_port()

    def is_ready() -> bool:
        return inside(within, lambda: _answers(port)) if within else _answers(port)

    with open_folder(_USER) as home, origin(within=within) as source:
        (home / "squid.conf").write_text(f"{lines}\n{_configuration(home, port)}")
        argv = ["squid", "-N", "-f", home / "squid.conf"]
        daemon = Daemon(argv, home / "daemon.log", namespace=within, user=_USER)
        try:
            daemon.start(is_ready)
            yield Squid(daemon, source, port, is_ready, within)
        finally:
            daemon.stop()


def _configuration(home: Path, port: int) -> str:
    return (
        f"http_port 127.0.0.1:{port}\nacl here src 127.0.0.1\nhttp_access allow here\nhttp_access deny all\n"
        f"cache_mem 8 MB\npid_filename {home}/squid.pid\ncache_log {home}/cache.log\naccess_log none\n"
        f"coredump_dir {home}\nshutdown_lifetime 0 seconds\nvisible_hostname squid.example.org\n"
        "connect_timeout 2 seconds\nread_timeout 5 seconds\npinger_enable off\nnetdb_filename none\n"
    )


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
