"""Real servers for tests: started on free loopback ports in folders of their own, stopped by their own pid."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest


def require_service(is_present: bool, what: str) -> None:
    """Skips where a service is not installed; fails where CI demands it."""
    if is_present:
        return
    if os.environ.get("GRIDKEEPER_REQUIRE_SERVICES") == "1":
        pytest.fail(f"{what} is not installed, and GRIDKEEPER_REQUIRE_SERVICES=1 demands it")
    pytest.skip(f"{what} is not installed")


def free_port(address: str = "127.0.0.1") -> int:
    """A port below those that the kernel gives to whoever connects, who could take it while a server restarts."""
    while True:
        port = secrets.randbelow(12_000) + 20_000
        with closing(socket.socket()) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return port


def wait_for_port(port: int, *, seconds: float = 20, address: str = "127.0.0.1") -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _wait_for_answer(url: str, seconds: float = 30.0) -> None:
    """It listens a moment before it answers."""
    end = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL of its own; yields the URL of an empty database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    require_service(bool(found) and shutil.which("runuser") is not None, "PostgreSQL")
    binaries = found[-1].parent
    # The server refuses to run as root.
    become = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    if become:
        shutil.chown(data, "postgres", "postgres")
        for parent in data.parents:
            if parent.stat().st_uid == os.geteuid() and parent != Path("/") and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    options = ["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8", "--locale=C"]
    subprocess.run(
        [*become, str(binaries / "initdb"), "-D", str(data), *options], check=True, capture_output=True, cwd="/"
    )
    port = free_port()
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [*become, str(binaries / "postgres"), "-D", str(data), *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
    )  # fmt: skip
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        wait_for_port(port)
        _wait_for_answer(url)
        yield url
    finally:
        # The first line of its pid file is the server itself, not runuser.
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
        server.wait(20)
