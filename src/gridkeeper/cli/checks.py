"""What `gridkeeper check` looks at."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gridkeeper.config import Config

_LOW_DISK_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (`is_error`) or worth knowing, with what to do."""

    text: str
    is_error: bool = True


def all_findings(config: Config) -> list[Finding]:
    """Everything that keeps this installation from running well, errors first."""
    found = [*_folder(config), *_database(), *_plugins(config), *_secret(config), *_django()]
    return sorted(found, key=lambda finding: not finding.is_error)


def _folder(config: Config) -> Iterator[Finding]:
    folder = config.data_dir.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        yield Finding(f"data_dir: cannot write in {existing}: {error.strerror}; give its user the right to write there")
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < _LOW_DISK_BYTES:
        yield Finding(f"data_dir: only {free_bytes >> 20} MiB are free in {existing}", is_error=False)


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, ImproperlyConfigured) as error:
        yield Finding(f"database_url: cannot open the database: {str(error).strip()}")
        return
    if pending:
        yield Finding(
            f"database: {len(pending)} migrations are pending; `gridkeeper migrate` does them", is_error=False
        )


def _plugins(config: Config) -> Iterator[Finding]:
    for folder in config.plugin_dirs:
        if not folder.is_dir():
            yield Finding(f"plugin_dirs: {folder} is not a folder; tests that need plugins there fail", is_error=False)


def _secret(config: Config) -> Iterator[Finding]:
    path = config.secret_key_file or config.data_dir / "secret-key"
    if path.exists() and path.stat().st_mode & 0o077 and os.name == "posix":
        yield Finding(f"secret_key_file: others may read {path}; run `chmod 600 {path}`")
    if not config.is_tls and config.host not in {"127.0.0.1", "::1", "localhost"}:
        yield Finding("behind_tls: the portal listens beyond this machine without TLS; put a proxy before it", False)


def _django() -> Iterator[Finding]:
    for message in run_checks():
        yield Finding(f"{message.id}: {message.msg}", is_error=message.is_serious())
