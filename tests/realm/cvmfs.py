"""A signed CVMFS repository as a stratum serves it, and a web server that gives it out."""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo
from cryptography.x509.oid import NameOID

from tests.realm.squid import Origin, origin


@cache
def _key(_number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    """What is published; `files` signs it anew, `signer` 1 is one that the whitelist does not name."""

    name: str = "test.example.org"
    revision: int = 7
    published_at: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(hours=1))
    expires_at: datetime = field(default_factory=lambda: datetime.now(UTC) + timedelta(days=20))
    replicated_at: datetime | None = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=10))
    signer: int = 0

    def files(self) -> dict[str, bytes]:
        """Paths and bodies, as on a stratum."""
        body = zlib.compress(_certificate(self.signer).public_bytes(serialization.Encoding.PEM))
        name = _sha1(body)
        manifest = (
            f"C{'ab' * 20}\nB1000\nRd41d8cd98f00b204e9800998ecf8427e\nD240\nS{self.revision}\nGyes\nAno\n"
            f"N{self.name}\nX{name}\nT{int(self.published_at.timestamp())}\n"
        )
        fingerprint = _certificate(0).fingerprint(hashes.SHA1()).hex(":").upper()
        whitelist = (
            f"{self.expires_at - timedelta(days=30):%Y%m%d%H%M%S}\nE{self.expires_at:%Y%m%d%H%M%S}\n"
            f"N{self.name}\n{fingerprint} # the release manager\n"
        )
        files = {
            ".cvmfspublished": _signed(
                manifest, lambda data: _key(self.signer).sign(data, padding.PKCS1v15(), hashes.SHA1())
            ),
            ".cvmfswhitelist": _signed(whitelist, lambda data: _key(9).sign(data, padding.PKCS1v15(), NoDigestInfo())),
            f"data/{name[:2]}/{name[2:]}X": body,
        }
        if self.replicated_at is not None:
            files[".cvmfs_last_snapshot"] = f"{self.replicated_at:%a %b %d %H:%M:%S UTC %Y}\n".encode()
        return {f"/cvmfs/{self.name}/{path}": content for path, content in files.items()}


def master_key() -> bytes:
    """PEM of the public key that whitelists are signed with."""
    formats = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return _key(9).public_key().public_bytes(*formats)


@contextmanager
def stratum(repository: Repository | None = None, *, within: str = "") -> Iterator[Origin]:
    """A web server with the repository; put the `files` of another one into its `objects` to change it."""
    with origin((repository or Repository()).files(), within=within) as server:
        yield server


def _signed(text: str, sign: Callable[[bytes], bytes]) -> bytes:
    digest = _sha1(text.encode())
    return f"{text}--\n{digest}\n".encode() + sign(digest.encode())


@cache
def _certificate(number: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test.example.org {number}")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(_key(number).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=300))
        .sign(_key(number), hashes.SHA256())
    )
