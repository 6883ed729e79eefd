"""Which role may do what. The map is data: `role_map.toml` beside this module, or the file of the setting `role_map`.

A role counts only on the level it belongs to: "Site Administrator" of a region is nothing. What it allows, it allows on
the object itself and on everything below it (registry.md section 4; GOCDB's RoleActionMappings.xml).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from django.conf import settings

Level = Literal["site", "ngi", "federation", "service_group"]
LEVELS: tuple[Level, ...] = get_args(Level)

#: What no map may allow: a site never certifies itself (registry.md section 2).
NEVER: frozenset[tuple[str, str]] = frozenset({("site", "change_certification")})


class RoleMapError(Exception):
    """The file of the role map cannot be used; the message says which entry and what to do."""


@dataclass(frozen=True, slots=True)
class Role:
    """level: the kind of object that it is held on; permissions: what it allows there and below."""

    level: Level
    permissions: frozenset[str]


def read_role_map(path: Path) -> tuple[dict[str, str], dict[str, Role]]:
    """The actions with their words, and the roles by name. Raises RoleMapError."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        actions = {str(name): str(words) for name, words in document["actions"].items()}
        roles: dict[str, Role] = {}
        for position, mapping in enumerate(document["mapping"], 1):
            _add_mapping(roles, actions, mapping, f"{path.name}, mapping {position}")
    except (OSError, tomllib.TOMLDecodeError, KeyError, AttributeError) as error:
        raise RoleMapError(f"{path}: {type(error).__name__}: {error}; see role_map.toml of gridkeeper") from error
    return actions, roles


def _add_mapping(roles: dict[str, Role], actions: Mapping[str, str], mapping: Mapping[str, Any], where: str) -> None:
    level, allowed = mapping["level"], frozenset(mapping["actions"])
    if level not in LEVELS:
        raise RoleMapError(f"{where}: level {level!r} is none of {', '.join(LEVELS)}")
    if unknown := sorted(allowed - set(actions)):
        raise RoleMapError(f"{where}: unknown actions {', '.join(unknown)}; add them to [actions] or correct them")
    if forbidden := sorted(action for action in allowed if (level, action) in NEVER):
        raise RoleMapError(f"{where}: no role of a {level} may {', '.join(forbidden)}")
    for name in mapping["roles"]:
        known = roles.get(name)
        if known is not None and known.level != level:
            raise RoleMapError(f"{where}: {name!r} belongs to the level {known.level} already")
        roles[name] = Role(cast("Level", level), allowed | (known.permissions if known else frozenset()))


ACTIONS, ROLES = read_role_map(settings.GRIDKEEPER.role_map or Path(__file__).with_name("role_map.toml"))


def roles_that_may(permission: str, level: Level) -> list[str]:
    """The roles held on that level which allow it.

    >>> roles_that_may("change_certification", "site")
    []
    """
    return [name for name, role in ROLES.items() if role.level == level and permission in role.permissions]


def roles_of(level: Level) -> list[str]:
    """The roles that may be held on that level."""
    return [name for name, role in ROLES.items() if role.level == level]
