"""Sample files for checks of storage: written under a name of their own, read back, compared, deleted; with timings."""

import hashlib
import os
import secrets
import time
import zlib
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from gridkeeper.core.status import Status
from gridkeeper.probes.native.check import FAILURES, CheckArgumentError, CheckFailedError, Target

#: Every sample's name begins so: what a lost connection left behind can be found and deleted.
PREFIX = "gridkeeper-sample-"
MOST_BYTES = 64 << 20

_SUMS: dict[str, Callable[[bytes], str]] = {
    "adler32": lambda content: f"{zlib.adler32(content):08x}",
    "crc32": lambda content: f"{zlib.crc32(content):08x}",
    "md5": lambda content: hashlib.md5(content, usedforsecurity=False).hexdigest(),
    "sha": lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    "sha1": lambda content: hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    "sha-256": lambda content: hashlib.sha256(content).hexdigest(),
    "sha256": lambda content: hashlib.sha256(content).hexdigest(),
}
CHECKSUMS = tuple(_SUMS)


class Timings:
    """How long each step took, in seconds."""

    def __init__(self) -> None:
        self._taken_s: dict[str, float] = {}

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        started_s = time.monotonic()
        yield
        self._taken_s[step] = time.monotonic() - started_s

    @property
    def text(self) -> str:
        return ", ".join(f"{step} {taken_s:.3f} s" for step, taken_s in self._taken_s.items())

    @property
    def perfdata(self) -> str:
        return " ".join(f"{step}={taken_s:.6f}s;;;0" for step, taken_s in self._taken_s.items())


def name_of_sample() -> str:
    return f"{PREFIX}{secrets.token_hex(8)}"


def sample(size_bytes: int) -> bytes:
    """Random bytes: no server can know, compress or deduplicate them."""
    return os.urandom(size_bytes)


def require_sizes(check: str, size_bytes: int) -> None:
    """Raises CheckArgumentError where a sample of the size would not be sensible."""
    if not 0 < size_bytes <= MOST_BYTES:
        raise CheckArgumentError(f"{check}: size_bytes must be 1 to {MOST_BYTES}, it is {size_bytes}")


def require_checksum(check: str, algorithm: str) -> None:
    """Raises CheckArgumentError for an algorithm that is not known; "" is none at all."""
    if algorithm and algorithm.lower() not in _SUMS:
        raise CheckArgumentError(f"{check}: checksum {algorithm!r} is not known; there are {', '.join(_SUMS)}")


def sample_path(target: Target, given: str) -> str:
    """The path to work on: the given one, else that of the service's URL, else /. It begins with one slash."""
    try:
        path = given or urlsplit(target.url).path
    except ValueError:
        path = given
    return "/" + path.lstrip("/")


def checksum_of(algorithm: str, content: bytes) -> str:
    """In hexadecimal, lower case. Raises CheckFailedError for an algorithm that only the server knows.

    >>> checksum_of("adler32", b"Wikipedia")
    '11e60398'
    """
    compute = _SUMS.get(algorithm.lower())
    if compute is None:
        known = ", ".join(_SUMS)
        raise CheckFailedError(Status.UNKNOWN, f"the server computes {algorithm!r}, this check knows {known}")
    return compute(content)


def judge_content(read: bytes, written: bytes, path: str) -> None:
    """Raises CheckFailedError where what was read is not what was written."""
    if read == written:
        return
    if len(read) != len(written):
        raise CheckFailedError(
            Status.CRITICAL, f"{path} was written with {len(written)} bytes and read back with {_size(read, written)}"
        )
    first = next(index for index, pair in enumerate(zip(read, written, strict=True)) if pair[0] != pair[1])
    raise CheckFailedError(Status.CRITICAL, f"{path} came back with other content: it differs from byte {first} on")


def _size(read: bytes, written: bytes) -> str:
    return "more" if len(read) > len(written) else str(len(read))


async def cleaned(error: CheckFailedError, path: str, remove: Coroutine[Any, Any, None]) -> CheckFailedError:
    """The failure, after the sample was deleted; where that failed too, the output says that the file is left."""
    try:
        await remove
    except FAILURES as second:
        said = second.summary if isinstance(second, CheckFailedError) else str(second) or type(second).__name__
        error.output = "\n".join(filter(None, [error.output, f"the file {path} was left behind: {said}"]))
    return error
