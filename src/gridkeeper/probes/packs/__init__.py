"""Packs: folders of tests that ship together, with the native checks that they need.

The entry point group `gridkeeper.packs` names packages; each of their subfolders that holds a `pack.toml` is a pack.
Adding a probe is adding one folder:

    packs/squid/pack.toml      title, description, [[tests]] (fields of `probes.models.Test`, and `service_types`,
                               `is_critical`), [[causes]] (cause, effect, reach)
    packs/squid/__init__.py    CHECKS: tuple of `native.check.Check`; only where the pack has checks of its own
"""

import importlib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import structlog

from gridkeeper.probes.native.check import Check

log = structlog.get_logger(__name__)

GROUP = "gridkeeper.packs"


class PackError(ValueError):
    """A pack cannot be read; the message names file and field."""


@dataclass(frozen=True, slots=True)
class Pack:
    """A folder of tests. `content` is its `pack.toml` as read."""

    name: str
    folder: Path
    content: dict[str, Any]
    checks: tuple[Check, ...]

    @property
    def title(self) -> str:
        return str(self.content.get("title", self.name))


@dataclass(frozen=True, slots=True)
class _Found:
    """broken: why a pack cannot be used, by its folder; one broken pack must not stop the tests of all others."""

    packs: dict[str, Pack]
    broken: dict[Path, str]


@cache
def _found() -> _Found:
    found = _Found({}, {})
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        package = point.load()
        for folder in sorted(Path(path) for path in package.__path__):
            for file in sorted(folder.glob("*/pack.toml")):
                _take(found, package.__name__, file)
    return found


def _take(found: _Found, package: str, file: Path) -> None:
    try:
        pack = _read(package, file)
        if pack.name in found.packs:
            raise PackError(f"a pack of that name lies in {found.packs[pack.name].folder}; rename one")
    except Exception as error:  # a pack may be anybody's code
        found.broken[file.parent] = f"{type(error).__name__}: {error}"[:500]
        log.exception("a pack cannot be used", folder=str(file.parent))
    else:
        found.packs[pack.name] = pack


def packs() -> dict[str, Pack]:
    """Every pack that is installed and can be read, by name."""
    return _found().packs


def broken_packs() -> dict[Path, str]:
    """The folders of packs that cannot be used, and why."""
    return _found().broken


def _read(package: str, file: Path) -> Pack:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{file}: {error}") from error
    name = file.parent.name
    checks: tuple[Check, ...] = ()
    if (file.parent / "__init__.py").exists():
        module = importlib.import_module(f"{package}.{name}")
        checks = tuple(getattr(module, "CHECKS", ()))
    return Pack(name, file.parent, content, checks)
