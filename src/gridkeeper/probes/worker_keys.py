"""Keys of workers: what a run needs in secret is sealed so that only the worker that it is for can open it.

X25519 with a new key pair for every message, HKDF-SHA256, ChaCha20-Poly1305 (RFC 7748, 5869, 8439). The context, by
which a sealed thing belongs to one order for one worker, is authenticated with it.
"""

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_KEY_BYTES = 32
#: The key that encrypts is used for one message only, so its nonce may always be the same.
_NONCE = bytes(12)


class WorkerKeyError(Exception):
    """A key that cannot be read, or a secret that is not for us; the message says which and what to do."""


def seal(secret: bytes, public_key: str, context: bytes) -> bytes:
    """The secret for the worker with that public key and for that context only. Raises WorkerKeyError."""
    try:
        theirs = X25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except ValueError as error:
        raise WorkerKeyError(f"{public_key[:60]!r} is no public key of a worker; have it register anew") from error
    ours = X25519PrivateKey.generate()
    public = ours.public_key().public_bytes_raw()
    cipher = _cipher(ours.exchange(theirs), public, theirs.public_bytes_raw())
    return public + cipher.encrypt(_NONCE, secret, context)


class WorkerKey:
    """A worker's own key, in a file that its user alone may read."""

    def __init__(self, path: Path) -> None:
        """Reads the key, or makes it. Raises WorkerKeyError."""
        try:
            self._key = X25519PrivateKey.from_private_bytes(_read_or_make(path))
        except (OSError, ValueError) as error:
            raise WorkerKeyError(f"the worker's key {path}: {error}; move it away to have a new one made") from error

    @property
    def public(self) -> str:
        """In base64."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The secret. Raises WorkerKeyError for what was sealed for another worker or context, or was altered."""
        try:
            public = X25519PublicKey.from_public_bytes(sealed[:_KEY_BYTES])
            mine = self._key.public_key().public_bytes_raw()
            cipher = _cipher(self._key.exchange(public), sealed[:_KEY_BYTES], mine)
            return cipher.decrypt(_NONCE, sealed[_KEY_BYTES:], context)
        except (InvalidTag, ValueError) as error:
            raise WorkerKeyError(
                "a credential came that is not sealed for this worker and run; it is not used"
            ) from error


def _cipher(shared: bytes, ephemeral: bytes, static: bytes) -> ChaCha20Poly1305:
    key = HKDF(hashes.SHA256(), _KEY_BYTES, salt=ephemeral + static, info=b"gridkeeper credential of a run").derive(
        shared
    )
    return ChaCha20Poly1305(key)


def _read_or_make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    key = X25519PrivateKey.generate().private_bytes_raw()
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
    return key
