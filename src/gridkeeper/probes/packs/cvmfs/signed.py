"""The signed texts at the root of a CVMFS repository: `.cvmfspublished` (manifest) and `.cvmfswhitelist`.

Source: "CernVM-FS: Technical report" (https://cvmfs.readthedocs.io/en/stable/cpt-details.html) and cvmfs/signature.cc.
A text is followed by `--`, the hash of it in hexadecimal, and a signature. The certificate that the manifest names
signs the hash of the manifest; its fingerprint stands in the whitelist, whose hash the master key signs.
Parsers raise CheckFailedError.
"""

import hashlib
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import CheckFailedError

_HASH = re.compile(r"([0-9a-f]{40})(?:-(rmd160|shake128))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_STAMP = re.compile(r"\d{14}", re.ASCII)
_FINGERPRINT = re.compile(r"(?:[0-9A-F]{2}:){19}[0-9A-F]{2}(?:-(?:RMD160|SHAKE128))?", re.ASCII)
_MOST_CERTIFICATE_BYTES = 64 * 1024

_HASHES: dict[str, Callable[[bytes], str]] = {
    "": lambda data: hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    "rmd160": lambda data: hashlib.new("ripemd160", data, usedforsecurity=False).hexdigest(),
    "shake128": lambda data: hashlib.shake_128(data).hexdigest(20),
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed text, whose hash is right. digest: as it was signed, with its algorithm behind a hyphen."""

    lines: tuple[str, ...]
    digest: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the repository publishes. published_at: None in very old ones."""

    repository: str
    revision: int
    root_catalog: str
    certificate: str
    ttl_s: int
    published_at: datetime | None


@dataclass(frozen=True, slots=True)
class Whitelist:
    """Whose certificates may sign the repository, until when."""

    repository: str
    expires_at: datetime
    fingerprints: frozenset[str]


def digest_of(data: bytes, like: str) -> str:
    """The hash of the data by the algorithm that `like` names; without the suffix."""
    match = _HASH.fullmatch(like)
    if match is None:
        raise CheckFailedError(Status.CRITICAL, f"{like[:80]!r} is no hash of CVMFS")
    try:
        return _HASHES[match[2] or ""](data)
    except ValueError as error:  # OpenSSL without old algorithms
        raise CheckFailedError(Status.UNKNOWN, f"the hash {match[2]} cannot be computed here: {error}") from error


def parse_signed(data: bytes, what: str) -> Signed:
    text, mark, rest = data.partition(b"\n--\n")
    if not mark:
        raise CheckFailedError(Status.CRITICAL, f"{what} is not signed: it has no line --", _shown(data))
    digest, _, signature = rest.partition(b"\n")
    named = digest.decode("ascii", errors="replace")
    if digest_of(text + b"\n", named) != named.partition("-")[0]:
        raise CheckFailedError(Status.CRITICAL, f"{what} was changed or cut: its hash is another", _shown(data))
    return Signed(tuple(text.decode("utf-8", errors="replace").split("\n")), named, signature)


def parse_manifest(signed: Signed) -> Manifest:
    fields = {line[0]: line[1:] for line in signed.lines if line}
    for letter, meaning in (("C", "root catalog"), ("N", "name"), ("S", "revision"), ("X", "certificate")):
        if not fields.get(letter):
            raise CheckFailedError(Status.CRITICAL, f"the manifest names no {meaning} (field {letter})")
    certificate = fields["X"]
    if not _HASH.fullmatch(certificate):
        raise CheckFailedError(Status.CRITICAL, f"the manifest's certificate is no hash: {certificate[:80]!r}")
    published = _number(fields["T"], "time") if "T" in fields else None
    return Manifest(
        fields["N"], _number(fields["S"], "revision"), fields["C"], certificate,
        _number(fields.get("D", "0"), "time to live"), _moment(published) if published is not None else None,
    )  # fmt: skip


def _number(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise CheckFailedError(Status.CRITICAL, f"the manifest's {what} is {text[:80]!r}, wanted a number")
    return int(text)


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the manifest's time is none: {seconds}") from error


def parse_whitelist(signed: Signed) -> Whitelist:
    """Lines: when it was made, E and when it expires, N and the repository, fingerprints with comments."""
    expires = next((line[1:] for line in signed.lines if line.startswith("E")), "")
    name = next((line[1:] for line in signed.lines if line.startswith("N")), "")
    found = (_FINGERPRINT.match(line) for line in signed.lines)
    fingerprints = frozenset(match[0].partition("-")[0] for match in found if match is not None)
    try:
        if not _STAMP.fullmatch(expires):
            raise ValueError("it is no time")
        expires_at = datetime.strptime(expires, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise CheckFailedError(
            Status.CRITICAL, f"the whitelist does not say until when it holds: {expires!r}"
        ) from error
    return Whitelist(name, expires_at, fingerprints)


def parse_certificate(data: bytes, digest: str) -> x509.Certificate:
    """The object of the repository that the manifest names: compressed, its hash is its name."""
    if digest_of(data, digest) != digest.partition("-")[0]:
        raise CheckFailedError(Status.CRITICAL, "the certificate of the repository was changed: its hash is another")
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, _MOST_CERTIFICATE_BYTES)
        return x509.load_pem_x509_certificate(text)
    except (zlib.error, ValueError) as error:
        raise CheckFailedError(Status.CRITICAL, f"the certificate of the repository cannot be read: {error}") from error


def require_signed_by(signed: Signed, certificate: x509.Certificate) -> None:
    """Raises CheckFailedError where the certificate did not sign the hash of the text."""
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise CheckFailedError(Status.CRITICAL, "the certificate of the repository has no RSA key")
    try:
        key.verify(signed.signature, signed.digest.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    except InvalidSignature as error:
        raise CheckFailedError(
            Status.CRITICAL, "the signature of the manifest is wrong: its certificate did not sign it"
        ) from error


def require_signed_by_master(signed: Signed, master_key: bytes) -> None:
    """Raises CheckFailedError where none of the master keys (PEM, one or several) signed the hash of the whitelist."""
    keys = re.findall(rb"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", master_key, re.DOTALL)
    if not keys:
        raise CheckFailedError(Status.UNKNOWN, "the file of the master key holds no public key (PEM)")
    for pem in keys:
        try:
            key = serialization.load_pem_public_key(pem)
        except ValueError as error:
            raise CheckFailedError(Status.UNKNOWN, f"the master key cannot be read: {error}") from error
        if isinstance(key, rsa.RSAPublicKey) and _recovered(key, signed.signature) == signed.digest.encode():
            return
    raise CheckFailedError(Status.CRITICAL, "the signature of the whitelist is wrong: the master key did not sign it")


def _recovered(key: rsa.RSAPublicKey, signature: bytes) -> bytes:
    try:
        return key.recover_data_from_signature(signature, padding.PKCS1v15(), None)
    except (InvalidSignature, ValueError):
        return b""


def fingerprint_of(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA1()).hex(":").upper()  # noqa: S303


def _shown(data: bytes) -> str:
    return data[:1000].decode(errors="replace")
