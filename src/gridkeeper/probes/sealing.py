"""Sealing of secrets at rest: AES-256-GCM under a key that the database does not hold.

A sealed text says which key it was sealed with, and to what it belongs: a row that somebody moves under another
credential does not open there. Keys stand in a file, newest first, one a line, or in the environment; only the first
seals, all of them open (`gridkeeper credentials rotate-key`).
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_VERSION = b"\x01"
_KEY_BYTES, _ID_BYTES, _NONCE_BYTES = 32, 8, 12
_HEAD_BYTES = len(_VERSION) + _ID_BYTES + _NONCE_BYTES


class SealingError(Exception):
    """A secret cannot be sealed or opened; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. identifier: how sealed texts name it; it tells nothing of the key."""

    secret: bytes = field(repr=False)

    @property
    def identifier(self) -> bytes:
        return hashlib.sha256(b"gridkeeper key " + self.secret).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        return base64.urlsafe_b64encode(self.secret).decode()


def new_key() -> Key:
    return Key(secrets.token_bytes(_KEY_BYTES))


def seal(plain: bytes, *, purpose: str, keys: Sequence[Key]) -> bytes:
    """The text under the newest key. purpose: to what it belongs, e.g. "credential 7"; needed to open it."""
    key = keys[0]
    nonce = secrets.token_bytes(_NONCE_BYTES)
    head = _VERSION + key.identifier + nonce
    return head + AESGCM(key.secret).encrypt(nonce, plain, _bound(head, purpose))


def unseal(sealed: bytes, *, purpose: str, keys: Sequence[Key]) -> bytes:
    """What was sealed for that purpose. Raises SealingError: no such key, or the text was changed or moved."""
    sealed = bytes(sealed)
    head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES - _NONCE_BYTES : _HEAD_BYTES]
    if len(head) < _HEAD_BYTES or head[:1] != _VERSION:
        raise SealingError("what is stored is no sealed secret of this version; enter the credential again")
    wanted = head[1 : 1 + _ID_BYTES]
    key = next((key for key in keys if key.identifier == wanted), None)
    if key is None:
        raise SealingError(
            f"it was sealed with the key {wanted.hex()}, which is not here; "
            "restore the file of keys (GRIDKEEPER_CREDENTIAL_KEY_FILE), or enter the credential again"
        )
    try:
        return AESGCM(key.secret).decrypt(nonce, sealed[_HEAD_BYTES:], _bound(head, purpose))
    except InvalidTag as error:
        raise SealingError("the stored secret was changed, or belongs to another credential; enter it again") from error


def is_of_newest(sealed: bytes, keys: Sequence[Key]) -> bool:
    """False for what a rotation has still to seal anew."""
    return bytes(sealed)[1 : 1 + _ID_BYTES] == keys[0].identifier


def _bound(head: bytes, purpose: str) -> bytes:
    return head + purpose.encode()


def parse_keys(text: str) -> list[Key]:
    """Keys as a file or the environment holds them: URL-safe base64 of 32 bytes, separated by blanks or commas.

    Raises SealingError.
    """
    keys = []
    for number, word in enumerate(text.replace(",", " ").split(), 1):
        try:
            secret = base64.urlsafe_b64decode(word)
        except ValueError as error:
            raise SealingError(f"key {number} is no base64 text; `gridkeeper credentials new-key` makes one") from error
        if len(secret) != _KEY_BYTES:
            raise SealingError(f"key {number} has {len(secret)} bytes instead of {_KEY_BYTES}")
        keys.append(Key(secret))
    return keys


def key_file() -> Path:
    """Where the keys stand unless the environment holds them."""
    config = settings.GRIDKEEPER
    return Path(config.credential_key_file or config.data_dir / "credential-keys")


def load_keys() -> list[Key]:
    """The keys, newest first; made in their file, readable by its owner alone, on first use. Raises SealingError."""
    given = settings.GRIDKEEPER.credential_keys.get_secret_value()
    if given.strip():
        return parse_keys(given)
    path = key_file()
    try:
        if not path.exists():
            write_keys([new_key()], is_first=True)
        keys = parse_keys(path.read_text(encoding="ascii"))
    except (OSError, UnicodeDecodeError) as error:
        raise SealingError(f"the keys of credentials cannot be kept in {path}: {error}; see its folder") from error
    if not keys:
        raise SealingError(f"{path} holds no key; restore it from the backup")
    return keys


def write_keys(keys: Sequence[Key], *, is_first: bool = False) -> None:
    """Replaces the file of keys whole. is_first: leaves a file that another process made meanwhile. Raises OSError."""
    path = key_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write("".join(f"{key.text}\n" for key in keys))
        file.flush()
        os.fsync(file.fileno())
    try:
        if is_first:
            os.link(scratch, path)
        else:
            scratch.replace(path)
    except FileExistsError:  # another process was first; its key is as good
        return
    finally:
        scratch.unlink(missing_ok=True)
