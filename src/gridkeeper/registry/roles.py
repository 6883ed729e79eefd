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

from gridkeeper.config import SettingsError

Level = Literal["site", "ngi", "federation", "service_group"]
LEVELS: tuple[Level, ...] = get_args(Level)

#: Characters of a role's name (`RoleGrant.role`).
MAX_NAME = 60
#: What no map may allow: a site never certifies itself (registry.md section 2).
NEVER: frozenset[tuple[str, str]] = frozenset({("site", "change_certification")})


class RoleMapError(SettingsError):
    """The file of the role map cannot be used; the message says which entry and what to do."""


@dataclass(frozen=True, slots=True)
class Role:
    """level: the kind of object that it is held on; permissions: what it allows there and below."""

    level: Level
    permissions: frozenset[str]


def read_role_map(path: Path) -> tuple[dict[str, str], dict[str, Role]]:
    """The actions with their words, and the roles by name. Raises RoleMapError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RoleMapError(f"role_map: {path} cannot be read: {error}") from error
    return parse_role_map(text, path.name)


def parse_role_map(text: str, name: str) -> tuple[dict[str, str], dict[str, Role]]:
    """The same of the text of a file of that name. Raises RoleMapError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RoleMapError(f"role_map: {name} is not TOML: {error}") from error
    actions, mappings = document.get("actions"), document.get("mapping")
    if not isinstance(actions, dict) or not all(isinstance(words, str) for words in actions.values()):
        raise RoleMapError(f'role_map: {name} needs a table [actions] of texts, as edit_site = "Edit the site"')
    if not isinstance(mappings, list) or not mappings:
        raise RoleMapError(f"role_map: {name} needs entries [[mapping]]; without them nobody may do anything")
    roles: dict[str, Role] = {}
    for position, mapping in enumerate(mappings, 1):
        _add_mapping(roles, actions, mapping, f"role_map: {name}, mapping {position}")
    return dict(actions), roles


def _add_mapping(roles: dict[str, Role], actions: Mapping[str, str], mapping: Any, where: str) -> None:
    if not isinstance(mapping, dict):
        raise RoleMapError(f"{where}: is no table with level, roles and actions")
    level, allowed = mapping.get("level"), frozenset(_texts(mapping, "actions", where))
    if level not in LEVELS:
        raise RoleMapError(f"{where}: level {level!r} is none of {', '.join(LEVELS)}")
    if unknown := sorted(allowed - set(actions)):
        raise RoleMapError(f"{where}: unknown actions {', '.join(unknown)}; add them to [actions] or correct them")
    if forbidden := sorted(action for action in allowed if (level, action) in NEVER):
        raise RoleMapError(f"{where}: no role of a {level} may {', '.join(forbidden)}")
    for role in _texts(mapping, "roles", where):
        known = roles.get(role)
        if known is not None and known.level != level:
            raise RoleMapError(f"{where}: {role!r} belongs to the level {known.level} already")
        roles[role] = Role(cast("Level", level), allowed | (known.permissions if known else frozenset()))


def _texts(mapping: Mapping[str, Any], name: str, where: str) -> list[str]:
    given = mapping.get(name)
    if not isinstance(given, list) or not all(isinstance(each, str) and 0 < len(each) <= MAX_NAME for each in given):
        raise RoleMapError(f"{where}: {name} has to be a list of texts of at most {MAX_NAME} characters")
    return given


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
