"""Handing credentials to runs: by a private file that ends with the run.

Files lie in memory (/dev/shm) where there is such a place, each in a folder of its own that only the run's user may
enter. A credential is never an argument, and never in the environment. What a process that was killed left behind is
removed by the next one.
"""

import asyncio
import atexit
import fcntl
import os
import pwd
import secrets
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path

from django.db import DatabaseError, connections

from gridkeeper.probes.credential_rules import CredentialError
from gridkeeper.probes.credential_store import Material, lease
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.models import CredentialNeed, TestKind
from gridkeeper.probes.native.check import Handed

_PREFIX = "gridkeeper-handed-"
_LOCK = "lock"
_MEMORY = Path("/dev/shm")  # noqa: S108  a folder that nobody else can name is made in it
#: A shorter line of a key gives nothing away, and might occur in any text.
_TELLING = 16
#: What a run elsewhere was sent along with it; a worker has no database to ask.
_given: ContextVar[Material | None] = ContextVar("given", default=None)


@contextmanager
def given(material: Material | None) -> Iterator[None]:
    """Runs inside are handed this instead of what the database holds: for workers, which are sent it sealed."""
    token = _given.set(material)
    try:
        yield
    finally:
        _given.reset(token)


@asynccontextmanager
async def handed(instance: Instance) -> AsyncIterator[Handed | None]:
    """What a run of the instance acts with, for as long as it runs; None where its test needs nothing.

    Raises CredentialError where there is nothing usable.
    """
    need = instance.test.credential
    if not need:
        yield None
        return
    material = _given.get() or await _leased(instance)
    if material.need != need:
        raise CredentialError(f"the run was sent a {material.need}, and its test needs a {need}")
    is_of_plugin = instance.test.kind == TestKind.PLUGIN
    with private_file(material.content, need=need, user="nobody" if is_of_plugin else "") as path:
        is_proxy = need == CredentialNeed.PROXY
        yield Handed(proxy_path=str(path) if is_proxy else "", token_path="" if is_proxy else str(path))


def secrets_in(credential: Handed) -> list[str]:
    """What a plugin was handed and might print: the token, or the lines of the proxy's key."""
    if credential.token_path:
        return [Path(credential.token_path).read_text(encoding="ascii").strip()]
    text = Path(credential.proxy_path).read_text(encoding="ascii")
    return [line for line in _private_part(text) if len(line) >= _TELLING]


def _private_part(pem: str) -> list[str]:
    lines = pem.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("-----BEGIN") and "PRIVATE KEY" in line]
    ends = [number for number, line in enumerate(lines) if line.startswith("-----END") and "PRIVATE KEY" in line]
    return [line for start, end in zip(starts, ends, strict=False) for line in lines[start + 1 : end]]


async def _leased(instance: Instance) -> Material:
    key, test = instance.key, instance.test
    ask = partial(
        lease, test=test.name, vo=key.vo, need=test.credential, hostname=key.hostname, worker=socket.gethostname(),
        run_s=test.timeout_s, now=datetime.now(UTC),
    )  # fmt: skip
    return await asyncio.get_running_loop().run_in_executor(_threads(), _closing, ask)


@cache
def _threads() -> ThreadPoolExecutor:
    """Apart from the engine's own database thread: an issuer that hangs must not keep results from being stored."""
    return ThreadPoolExecutor(4, thread_name_prefix="credentials")


def _closing(ask: "partial[Material]") -> Material:
    try:
        return ask()
    except DatabaseError as error:
        raise CredentialError(f"the credential cannot be read: {error}") from error
    finally:
        connections.close_all()


@contextmanager
def private_file(content: bytes, *, need: str, user: str = "") -> Iterator[Path]:
    """A file that only we may read, or only `user` where we are root: plugins run as nobody there."""
    folder = _home() / secrets.token_hex(12)
    path = folder / ("token" if need == CredentialNeed.TOKEN else "proxy.pem")
    folder.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if user and os.geteuid() == 0:
            _give_to(user, folder, path)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _give_to(user: str, *paths: Path) -> None:
    try:
        owner = pwd.getpwnam(user)
    except KeyError:
        return  # a container without users: plugins stay ours there (probes.spawner)
    for path in paths:
        os.chown(path, owner.pw_uid, owner.pw_gid)


_current: Path | None = None


def _home() -> Path:
    """The folder of this process, made at its first use; others may pass through it, but not list it."""
    global _current
    if _current is None or not _current.exists():
        base = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
        remove_left(base)
        _current = _new_home(base)
    return _current


def _new_home(base: Path) -> Path:
    """Comes by its name only once it is locked: nobody takes it for one that was left behind."""
    name = secrets.token_hex(8)
    scratch = base / f".{_PREFIX}{name}"
    scratch.mkdir(mode=0o700)
    lock = os.open(scratch / _LOCK, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)  # held until this process ends, whichever way
    scratch.chmod(0o711)
    home = scratch.rename(base / f"{_PREFIX}{name}")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def remove_left(base: Path) -> int:
    """Removes the folders of processes that were killed; returns how many."""
    removed = 0
    for folder in base.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # another user's, or somebody else removes it at this moment
            if folder.stat(follow_symlinks=False).st_uid == os.geteuid() and _is_left(folder):
                shutil.rmtree(folder)
                removed += 1
    return removed


def _is_left(folder: Path) -> bool:
    lock = os.open(folder / _LOCK, os.O_WRONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
