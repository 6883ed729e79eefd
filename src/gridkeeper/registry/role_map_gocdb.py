"""GOCDB's RoleActionMappings.xml as our role map (TOML). Used by `gridkeeper roles map --from`."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import Element, line_of, parse_xml, read_xml
from gridkeeper.registry.roles import ACTIONS, LEVELS, Level, RoleMapError, parse_role_map

_SPACE = "{http://goc.egi.eu/2015/03/spec1.0_r1}"
_LEVELS: dict[str, Level] = {"Site": "site", "Ngi": "ngi", "Project": "federation", "ServiceGroup": "service_group"}
#: (GOCDB's action, target) -> ours. What GOCDB calls editing a site covers its services and downtimes too.
_ACTIONS: dict[tuple[str, str], tuple[str, ...]] = {
    ("ACTION_EDIT_OBJECT", "Project"): ("edit_federation",),
    ("ACTION_EDIT_OBJECT", "Ngi"): ("edit_ngi",),
    ("ACTION_EDIT_OBJECT", "Site"): ("edit_site", "edit_service", "declare_downtime"),
    ("ACTION_EDIT_OBJECT", "ServiceGroup"): ("edit_service_group",),
    ("ACTION_SITE_ADD_SERVICE", "Site"): ("add_service",),
    ("ACTION_SITE_DELETE_SERVICE", "Site"): ("close_service",),
    ("ACTION_NGI_ADD_SITE", "Ngi"): ("add_site",),
    ("ACTION_SITE_EDIT_CERT_STATUS", "Site"): ("change_certification",),
}
_GRANTS = {"Site": "grant_site_role", "Ngi": "grant_ngi_role", "Project": "grant_federation_role",
           "ServiceGroup": "grant_service_group_role"}  # fmt: skip
#: We know one right for all three; whoever lacks one of them in GOCDB would gain it, so all three are asked for.
_DECIDING = frozenset({"ACTION_GRANT_ROLE", "ACTION_REJECT_ROLE", "ACTION_REVOKE_ROLE"})


@dataclass
class Converted:
    """allowed: level -> role -> our actions; unknown: what has no counterpart here, in words, with its line."""

    allowed: dict[Level, dict[str, set[str]]] = field(default_factory=lambda: {level: {} for level in LEVELS})
    unknown: list[str] = field(default_factory=list)


def read_gocdb_map(path: Path) -> Converted:
    """Raises UnreadableSourceError for what is no such file, and RoleMapError for a map that we refuse."""
    root = parse_xml(read_xml(path), path.name)
    mapping = root.find(f"{_SPACE}RoleActionMapping")
    if root.tag != f"{_SPACE}RoleActionMappingRules" or mapping is None:
        raise UnreadableSourceError(f"{path.name}: is no RoleActionMappings.xml of GOCDB; its root is {root.tag}")
    converted = Converted()
    names = _names(mapping, converted, path.name)
    for rule in mapping.findall(f"{_SPACE}RoleMapping"):
        roles = _roles_of(rule, names, path.name)
        for enabled in rule.findall(f"{_SPACE}EnabledActions"):
            _add(converted, roles, enabled, path.name)
    parse_role_map(as_toml(converted), path.name)
    return converted


def _names(mapping: Element, converted: Converted, file: str) -> dict[str, tuple[Level, str]]:
    names: dict[str, tuple[Level, str]] = {}
    for group in mapping.findall(f"{_SPACE}RoleNames"):
        level = _LEVELS.get(group.get("over", ""))
        if level is None:
            raise RoleMapError(f"{file}:{line_of(group)}: roles over {group.get('over')!r}; use {', '.join(_LEVELS)}")
        for role in group.findall(f"{_SPACE}Role"):
            name = " ".join((role.text or "").split())
            names[role.get("id", "")] = (level, name)
            converted.allowed[level].setdefault(name, set())
    return names


def _roles_of(rule: Element, names: dict[str, tuple[Level, str]], file: str) -> list[tuple[Level, str]]:
    found = []
    for reference in rule.iterfind(f"{_SPACE}Roles/{_SPACE}RoleRef"):
        alias = reference.get("idRef", "")
        if alias not in names:
            raise RoleMapError(f"{file}:{line_of(reference)}: no role has the id {alias!r}; add it to RoleNames")
        found.append(names[alias])
    return found


def _add(converted: Converted, roles: Iterable[tuple[Level, str]], enabled: Element, file: str) -> None:
    given = {(each.text or "").strip() for each in enabled.iterfind(f"{_SPACE}Actions/{_SPACE}Action")}
    for target in enabled.findall(f"{_SPACE}Target"):
        over = (target.text or "").strip()
        ours: set[str] = {"read_personal_data"} & {_personal(each) for each in given}
        if given >= _DECIDING and over in _GRANTS:
            ours.add(_GRANTS[over])
        elif given & _DECIDING:
            converted.unknown.append(
                f"{file}:{line_of(target)}: {', '.join(sorted(given & _DECIDING))} without the rest"
            )
        for action in sorted(given - _DECIDING - {"ACTION_READ_PERSONAL_DATA"}):
            ours.update(_ACTIONS.get((action, over), ()))
            if (action, over) not in _ACTIONS:
                converted.unknown.append(f"{file}:{line_of(target)}: {action} on {over}")
        for level, name in roles:
            converted.allowed[level][name] |= ours


def _personal(action: str) -> str:
    return "read_personal_data" if action == "ACTION_READ_PERSONAL_DATA" else ""


def as_toml(converted: Converted) -> str:
    """The text of a role map: roles that may do the same stand together."""
    parts = ["[actions]", *(f"{name} = {_quoted(words)}" for name, words in ACTIONS.items())]
    for level, roles in converted.allowed.items():
        together: dict[tuple[str, ...], list[str]] = {}
        for role, allowed in roles.items():
            together.setdefault(tuple(name for name in ACTIONS if name in allowed), []).append(role)
        for actions, names in together.items():
            parts += ["", "[[mapping]]", f'level = "{level}"', _list("roles", names), _list("actions", actions)]
    return "\n".join([*parts, ""])


def _list(name: str, values: Iterable[str]) -> str:
    return "\n".join([f"{name} = [", *(f"    {_quoted(value)}," for value in values), "]"])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(each if each >= " " and each != "\x7f" else f"\\u{ord(each):04x}" for each in escaped) + '"'
