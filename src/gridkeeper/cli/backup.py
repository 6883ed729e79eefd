"""Backup and restore of state and lake together, as one tar file.

The state is copied first and the lake after it: a batch that the mover takes to the lake in between is then in both,
and the restored mover recognises its facts one by one as being there already.
"""

import hashlib
import io
import json
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection

from gridkeeper import __version__
from gridkeeper.config import Config

_MANIFEST = "manifest.json"
_SQLITE, _POSTGRES = "state.sqlite3", "state.pgdump"
#: Not backed up: batch ids that were drawn after the state was copied, and are known to the lake's log, will be drawn
#: again after a restore. With an identity of its own the restored inbox starts counting anew (bus.inbox.identity).
_IDENTITY = "bus_inboxidentity"


class BackupError(Exception):
    """The backup cannot be made or restored; the message says why and what to do. Nothing was changed."""


def make_backup(config: Config, target: Path, now: datetime) -> int:
    """Writes the backup to `target` and returns its size in bytes. The target appears only when it is whole."""
    if target.exists():
        raise BackupError(f"{target} exists; name a new file")
    if "://" in config.lake:
        raise BackupError(f"the lake is at {config.lake}: use the versioning of that store, and pg_dump for the state")
    partial = target.with_name(target.name + ".partial")
    try:
        with tempfile.TemporaryDirectory() as scratch, tarfile.open(partial, "w") as archive:
            digests = {name: _add(archive, name, path) for name, path in _members(config, Path(scratch))}
            manifest = {"gridkeeper": __version__, "made_at": now.isoformat(), "sha256": digests}
            _add_bytes(archive, _MANIFEST, json.dumps(manifest, indent=1).encode())
        partial.chmod(0o600)
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def _members(config: Config, scratch: Path) -> Iterator[tuple[str, Path]]:
    yield _dump_state(config, scratch)
    for name, path in _secrets(config).items():
        if path.exists():
            yield name, path
    lake = Path(config.lake)
    for log in sorted(lake.glob("**/_delta_log")):
        for path in _snapshot(log.parent):
            yield f"lake/{path.relative_to(lake)}", path


def _secrets(config: Config) -> dict[str, Path]:
    """Files without which what the database holds sealed or signed cannot be read."""
    return {
        "secret-key": config.secret_key_file or config.data_dir / "secret-key",
        "credential-keys": config.credential_key_file or config.data_dir / "credential-keys",
    }


def _dump_state(config: Config, scratch: Path) -> tuple[str, Path]:
    if connection.vendor == "sqlite":
        path = scratch / _SQLITE
        source = connection.settings_dict["NAME"]
        with closing(sqlite3.connect(source)) as state, closing(sqlite3.connect(path)) as copy:
            state.backup(copy)
            copy.execute(f"DELETE FROM {_IDENTITY}")  # noqa: S608  a name of our own
            copy.commit()
        return _SQLITE, path
    path = scratch / _POSTGRES
    _run(["pg_dump", "--format=custom", f"--exclude-table-data={_IDENTITY}", f"--file={path}", config.database])
    return _POSTGRES, path


def _snapshot(table: Path) -> list[Path]:
    """The files of one version of a Delta table: its log up to that version and the data files that it names."""
    from deltalake import DeltaTable

    delta = DeltaTable(str(table))
    version = delta.version()
    log = [path for path in (table / "_delta_log").iterdir() if _version_of(path) <= version]
    data = [Path(uri.removeprefix("file://")) for uri in delta.file_uris()]
    return sorted(log) + sorted(data)


def _version_of(path: Path) -> float:
    """Version that a file of the log belongs to; a checkpoint pointer belongs to none that we can rely on."""
    digits = path.name.partition(".")[0]
    return int(digits) if digits.isdigit() and path.is_file() else float("inf")


def _add(archive: tarfile.TarFile, name: str, path: Path) -> str:
    with path.open("rb") as file:
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)
        file.seek(0)
        return hashlib.file_digest(file, "sha256").hexdigest()


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def restore_backup(config: Config, source: Path) -> dict[str, Any]:
    """Puts a backup back into an empty installation and returns its manifest.

    Raises BackupError where the folder holds data, or where a member is missing or differs from its digest.
    """
    state = config.data_dir / _SQLITE
    if state.exists() or any(Path(config.lake).glob("**/_delta_log")):
        raise BackupError(f"{config.data_dir} holds data; restore into an empty GRIDKEEPER_DATA_DIR")
    config.data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=config.data_dir) as folder:
        scratch = Path(folder)
        manifest = _unpack(source, scratch)
        _restore_state(config, scratch)
        if (scratch / "lake").exists():
            Path(config.lake).parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(scratch / "lake", config.lake, dirs_exist_ok=True)
        for name, target in _secrets(config).items():
            if (scratch / name).exists():
                shutil.copyfile(scratch / name, target)
                target.chmod(0o600)
    return manifest


def _unpack(source: Path, scratch: Path) -> dict[str, Any]:
    try:
        with tarfile.open(source) as archive:
            archive.extractall(scratch, filter="data")
        manifest: dict[str, Any] = json.loads((scratch / _MANIFEST).read_bytes())
    except (OSError, tarfile.TarError, ValueError) as error:
        raise BackupError(f"{source} is not a whole backup of gridkeeper: {error}") from error
    for name, digest in manifest["sha256"].items():
        path = scratch / name
        if not path.is_file():
            raise BackupError(f"{source}: {name} is missing; use another backup")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise BackupError(f"{source}: {name} is damaged; use another backup")
    return manifest


def _restore_state(config: Config, scratch: Path) -> None:
    is_sqlite = config.database.startswith("sqlite")
    if is_sqlite != (scratch / _SQLITE).exists():
        raise BackupError("the backup is of the other kind of database; set GRIDKEEPER_DATABASE_URL as it was")
    if is_sqlite:
        (scratch / _SQLITE).rename(config.data_dir / _SQLITE)
        return
    _run(["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={config.database}", str(scratch / _POSTGRES)])


def _run(argv: list[str]) -> None:
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BackupError(f"{argv[0]} is not installed; install the client programs of PostgreSQL") from error
    except subprocess.CalledProcessError as error:
        raise BackupError(f"{argv[0]} failed: {error.stderr.strip()}") from error
