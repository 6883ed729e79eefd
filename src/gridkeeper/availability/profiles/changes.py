"""What differs between two documents of a profile, value by value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Fields of a member of a list by which it is known from version to version; other lists are compared as a whole.
_KEYS = ("name", "metric", "host", "endpoint_group")


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is another one. old, new: as text; empty where there is none."""

    path: str
    old: str
    new: str


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """In the order of the paths of the fields.

    >>> differences({"a": 1, "f": [{"name": "x", "o": "OR"}]}, {"a": 1, "f": [{"name": "x", "o": "AND"}]})
    [Difference(path='f x o', old='OR', new='AND')]
    """
    before, after = _flat(old), _flat(new)
    paths = sorted(before.keys() | after.keys())
    return [
        Difference(path, before.get(path, ""), after.get(path, ""))
        for path in paths
        if before.get(path) != after.get(path)
    ]


def _flat(value: Any, path: str = "") -> dict[str, str]:
    match value:
        case Mapping():
            members = [(str(name), member) for name, member in value.items()]
        case [first, *_] if isinstance(first, Mapping):
            members = [(_name(member), member) for member in value]
        case [first, *_] if _is_row_of_table(first):
            members = [(f"{row[0]} {row[1]}", row[2]) for row in ([*sorted(row[:2]), row[2]] for row in value)]
        case list() | tuple():
            return {path: ", ".join(map(str, value))}
        case _:
            return {path: str(value)}
    found: dict[str, str] = {}
    for name, member in members:
        found |= _flat(member, f"{path} {name}".strip())
    return found


def _name(member: Mapping[str, Any]) -> str:
    return " ".join(str(member[key]) for key in _KEYS if member.get(key))


def _is_row_of_table(row: Any) -> bool:
    return isinstance(row, Sequence) and not isinstance(row, str) and len(row) == 3
