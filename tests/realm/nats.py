"""A NATS server with JetStream, which keeps what it holds through a crash."""

import shutil
import socket
from collections.abc import Sequence
from pathlib import Path

from tests.realm import Daemon, inside
from tests.services import free_port, require_service


class Nats:
    """One server. `start` again after `kill`: it has what it had."""

    def __init__(
        self, folder: Path, *, namespace: str = "", address: str = "127.0.0.1", more: Sequence[str] = ()
    ) -> None:
        """more: lines of its configuration"""
        require_service(shutil.which("nats-server") is not None, "nats-server")
        folder.mkdir(parents=True, exist_ok=True)
        self.address, self.namespace = address, namespace
        self.port = 4222 if namespace else free_port(address)
        configuration = folder / "nats.conf"
        store = f'jetstream {{ store_dir: "{folder / "store"}" }}'
        configuration.write_text("\n".join([f"listen: {address}:{self.port}", store, *more]) + "\n")
        argv = [shutil.which("nats-server") or "nats-server", "-c", configuration]
        self.daemon = Daemon(argv, folder / "nats.log", namespace=namespace)

    @property
    def url(self) -> str:
        return f"nats://{self.address}:{self.port}"

    def start(self) -> "Nats":
        self.daemon.start(self._answers)
        return self

    def kill(self) -> None:
        self.daemon.kill()

    def stop(self) -> None:
        self.daemon.stop()

    def _answers(self) -> bool:
        return inside(self.namespace, self._greets) if self.namespace else self._greets()

    def _greets(self) -> bool:
        try:
            with socket.create_connection((self.address, self.port), timeout=1) as connection:
                connection.settimeout(1)
                return connection.recv(4) == b"INFO"
        except OSError:
            return False
