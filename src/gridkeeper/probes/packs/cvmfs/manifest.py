"""Manifest and white list of a CVMFS repository, and the signatures that bind them.

Source: CernVM-FS documentation, "Repository manifest (.cvmfspublished)" and "Repository whitelist (.cvmfswhitelist)".
"""

import binascii
import hashlib
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

#: What CVMFS signs and lists with.
_SHA1 = hashes.SHA1()  # noqa: S303


class ManifestError(ValueError):
    """What the server sent is no manifest or white list; the message says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """published_at: when the revision was signed; certificate: hash under which the signer's certificate lies."""

    repository: str
    revision: int
    published_at: datetime
    root_catalog: str
    certificate: str
    digest: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class WhiteList:
    """Who may sign manifests: fingerprints of certificates, and until when the list holds."""

    repository: str
    expires_at: datetime
    fingerprints: frozenset[str]


def parse_manifest(content: bytes) -> Manifest:
    """Lines of a letter and a value, `--`, the digest of the lines, and a signature. Raises ManifestError."""
    text, mark, signed = content.partition(b"\n--\n")
    if not mark:
        raise ManifestError("it has no signature part")
    fields = {line[:1]: line[1:] for line in text.decode(errors="replace").splitlines() if line}
    missing = [letter for letter in "CNST" if not fields.get(letter)]
    if missing:
        raise ManifestError(f"it lacks the line {' and '.join(missing)}")
    digest, end, signature = signed.partition(b"\n")
    if not end:
        raise ManifestError("it ends before its signature")
    lines = content[: len(text) + 1]
    if hashlib.sha1(lines, usedforsecurity=False).hexdigest() != digest.decode(errors="replace"):
        raise ManifestError("its lines do not have the digest that was signed: it was changed or cut on the way")
    return Manifest(
        fields["N"], _number(fields["S"], "revision"), _moment(_number(fields["T"], "time")), fields["C"],
        fields.get("X", ""), digest.decode(), signature,
    )  # fmt: skip


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise ManifestError(f"its {what} is {text[:40]!r}, no number")
    return int(text)


def _moment(epoch_s: int) -> datetime:
    try:
        return datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise ManifestError(f"its time is {epoch_s}, no instant") from error


def parse_whitelist(content: bytes) -> WhiteList:
    """A time stamp, `E` and the expiry, `N` and the repository, fingerprints. Raises ManifestError."""
    text = content.partition(b"\n--\n")[0].decode(errors="replace")
    lines = text.splitlines()
    expires = next((line[1:] for line in lines[1:] if line.startswith("E")), "")
    try:
        expires_at = datetime.strptime(expires, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise ManifestError(f"its white list expires at {expires[:40]!r}, no time") from error
    repository = next((line[1:] for line in lines[1:] if line.startswith("N")), "")
    prints = frozenset(line.split("#")[0].strip().upper() for line in lines[1:] if line.count(":") >= 19)
    return WhiteList(repository, expires_at, prints)


def signer(compressed: bytes) -> x509.Certificate:
    """The certificate as the repository stores it. Raises ManifestError."""
    try:
        return x509.load_pem_x509_certificate(zlib.decompressobj().decompress(compressed, 1 << 20))
    except (zlib.error, ValueError) as error:
        raise ManifestError(f"its signer's certificate cannot be read: {error}") from error


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-1, as white lists have it: `AB:CD:...`."""
    return binascii.hexlify(certificate.fingerprint(_SHA1), ":").decode().upper()


def verify(manifest: Manifest, certificate: x509.Certificate) -> None:
    """Raises ManifestError where the signer did not sign this digest."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise ManifestError("its signer's key is no RSA key")
    try:
        key.verify(manifest.signature, manifest.digest.encode(), padding.PKCS1v15(), _SHA1)
    except InvalidSignature as error:
        raise ManifestError("its signature is not of its signer's certificate") from error
