"""A real GridFTP server on a free port of loopback: one process a session, as inetd starts them."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.realm import Daemon, inside
from tests.services import free_port, require_service

_T = TypeVar("_T")


class GridAuthority:
    """A CA as grids know it: RSA, a folder of hashed names, a signing policy."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = rsa.generate_private_key(65537, 2048)
        self._name = _name("Grid CA")
        signed = self._builder("Grid CA", self._key, 300).add_extension(x509.BasicConstraints(True, None), True)
        self.file = folder / "ca.pem"
        self.file.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        self.folder = folder / "certificates"
        self.folder.mkdir()
        done = subprocess.run(
            ["openssl", "x509", "-hash", "-noout", "-in", self.file], capture_output=True, text=True, check=True
        )
        shutil.copy(self.file, self.folder / f"{done.stdout.strip()}.0")
        policy = "access_id_CA X509 '/DC=org/CN=Grid CA'\npos_rights globus CA:sign\ncond_subjects globus '\"*\"'\n"
        (self.folder / f"{done.stdout.strip()}.signing_policy").write_text(policy)

    def issue(self, name: str, *, days: float = 30) -> Path:
        """A PEM file with certificate and key, as a proxy's is."""
        key = rsa.generate_private_key(65537, 2048)
        builder = self._builder(name, key, days)
        signed = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        path = self._folder / f"{name}{days:g}.pem"
        form = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        path.write_bytes(
            signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(serialization.Encoding.PEM, *form)
        )
        path.chmod(0o400)
        return path

    def _builder(self, name: str, key: rsa.RSAPrivateKey, days: float) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60))
            .not_valid_after(now + timedelta(days=days))
        )


def _name(text: str) -> x509.Name:
    parts = (NameOID.DOMAIN_COMPONENT, "org"), (NameOID.COMMON_NAME, text)
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])


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
def gridftp(
    folder: Path, authority: GridAuthority, *, pair: Path, users: str = "", within: str = ""
) -> Iterator[Gridftp]:
    """A server of its own below `folder`.

    pair: its certificate and key, which must bear localhost
    users: lines of its grid-mapfile ('"/DC=org/CN=Robot" nobody')
    within: a namespace that exists, "" the one that we are in
    """
    programs = [shutil.which(name) for name in ("globus-gridftp-server", "systemd-socket-activate")]
    require_service(all(programs), "globus-gridftp-server")
    home = folder / "gridftp"
    home.mkdir()
    (home / "gridmap").write_text(f"{users}\n")
    port = inside(within, free_port) if within else free_port()
    environment = {
        "X509_USER_CERT": str(pair), "X509_USER_KEY": str(pair), "X509_CERT_DIR": str(authority.folder),
        "GRIDMAP": str(home / "gridmap"),
    }  # fmt: skip
    words = [f"--setenv={name}={value}" for name, value in environment.items()]
    argv = [
        programs[1] or "", "--listen", f"127.0.0.1:{port}", "--accept", "--inetd", *words,
        programs[0] or "", "-i", "-allow-root", "1",
    ]  # fmt: skip
    daemon = Daemon(argv, home / "daemon.log", namespace=within)

    def is_ready() -> bool:
        return inside(within, lambda: _answers(port)) if within else _answers(port)

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
