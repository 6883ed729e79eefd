"""Which role may do what, as one table of data (registry.md section 4; GOCDB's RoleActionMappings.xml).

A role counts only on the level it belongs to: "Site Administrator" of a region is nothing. What it allows, it allows on
the object itself and on everything below it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["site", "ngi", "federation"]


@dataclass(frozen=True, slots=True)
class Role:
    """level: the kind of object that it is held on; permissions: what it allows there and below."""

    level: Level
    permissions: frozenset[str]


#: Run the site: its entry, its services, their downtimes.
_OPERATE = frozenset({"edit_site", "edit_service", "close_service", "declare_downtime"})
_GRANT_AT_SITE = frozenset({"grant_site_role"})
_REGION = _OPERATE | {"edit_ngi"}
#: A site never certifies itself: no role of the level "site" holds this.
_CERTIFY = frozenset({"change_certification"})
_REGION_MANAGERS = _REGION | _GRANT_AT_SITE | _CERTIFY | {"grant_ngi_role"}
_FEDERATION = _CERTIFY | {"grant_ngi_role", "grant_federation_role"}

ROLES: Mapping[str, Role] = {
    "Site Administrator": Role("site", _OPERATE),
    "Site Security Officer": Role("site", _OPERATE | _GRANT_AT_SITE),
    "Site Operations Deputy Manager": Role("site", _OPERATE | _GRANT_AT_SITE),
    "Site Operations Manager": Role("site", _OPERATE | _GRANT_AT_SITE),
    "Regional First Line Support": Role("ngi", _REGION),
    "Regional Staff (ROD)": Role("ngi", _REGION),
    "NGI Security Officer": Role("ngi", _REGION_MANAGERS),
    "NGI Operations Deputy Manager": Role("ngi", _REGION_MANAGERS),
    "NGI Operations Manager": Role("ngi", _REGION_MANAGERS),
    "COD Staff": Role("federation", _FEDERATION),
    "COD Administrator": Role("federation", _FEDERATION),
    "CSIRT Officer": Role("federation", _FEDERATION),
    "Chief Operations Officer": Role("federation", _FEDERATION),
}


def roles_that_may(permission: str, level: Level) -> list[str]:
    """The roles held on that level which allow it.

    >>> roles_that_may("change_certification", "site")
    []
    """
    return [name for name, role in ROLES.items() if role.level == level and permission in role.permissions]


def roles_of(level: Level) -> list[str]:
    """The roles that may be held on that level."""
    return [name for name, role in ROLES.items() if role.level == level]
