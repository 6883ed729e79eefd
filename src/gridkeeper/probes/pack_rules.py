"""What a pack says, read once; and what its newer version means for tests that people have edited. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridkeeper.probes.catalogue import FIELDS
from gridkeeper.probes.packs import Pack, PackError

_TEST_KEYS = frozenset({*FIELDS, "name", "service_types", "is_critical"})
_TEXTS = ("meaning", "procedure", "logs", "contact")
_NEEDED = ("name", "abbreviation", "title", "kind", "meaning", "procedure", "service_types")


@dataclass(frozen=True, slots=True)
class PackTest:
    """A test of a pack. content: fields of a definition; service_types: where profiles use it"""

    name: str
    content: Mapping[str, Any]
    service_types: Sequence[str]
    is_critical: bool


@dataclass(frozen=True, slots=True)
class PackCause:
    """A rule of causes; empty effect or types stand for all."""

    cause: str
    cause_types: Sequence[str]
    effect: str
    effect_types: Sequence[str]
    reach: str


@dataclass(frozen=True, slots=True)
class PackContent:
    """A pack as read. types: service types that it brings along, name -> description"""

    tests: Sequence[PackTest]
    causes: Sequence[PackCause]
    types: Mapping[str, str]


def read_pack(pack: Pack) -> PackContent:
    """Raises PackError that names pack, test and field."""
    tests = [_test(pack, number, item) for number, item in enumerate(_list(pack, "tests"), 1)]
    names = [test.name for test in tests]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PackError(f"pack {pack.name}: {', '.join(twice)} stands twice; rename one")
    causes = [_cause(pack, item) for item in _list(pack, "causes")]
    types = {str(item.get("name", "")): str(item.get("description", "")) for item in _list(pack, "service_types")}
    return PackContent(_in_order(tests), causes, types)


def _list(pack: Pack, key: str) -> list[dict[str, Any]]:
    found = pack.content.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise PackError(f"pack {pack.name}: {key} is no list of tables; write [[{key}]]")
    return found


def _test(pack: Pack, number: int, item: Mapping[str, Any]) -> PackTest:
    where = f"pack {pack.name}: test {item.get('name') or number}"
    if strangers := sorted(set(item) - _TEST_KEYS):
        raise PackError(f"{where}: {', '.join(strangers)}: no such field")
    if missing := [name for name in _NEEDED if not item.get(name)]:
        raise PackError(f"{where}: give {', '.join(missing)}")
    content = {name: value for name, value in item.items() if name in FIELDS}
    content |= {name: str(content[name]).strip() for name in _TEXTS if name in content}
    if "depends_on" in content:
        content["depends_on"] = sorted(content["depends_on"])
    types = item["service_types"]
    if not isinstance(types, list) or not all(isinstance(word, str) for word in types):
        raise PackError(f"{where}: service_types is no list of names")
    return PackTest(str(item["name"]), content, types, bool(item.get("is_critical", False)))


def _cause(pack: Pack, item: Mapping[str, Any]) -> PackCause:
    if not item.get("cause") or not item.get("reach"):
        raise PackError(f"pack {pack.name}: a cause wants `cause` and `reach`")
    return PackCause(
        str(item["cause"]), item.get("cause_types", []), str(item.get("effect", "")), item.get("effect_types", []),
        str(item["reach"]),
    )  # fmt: skip


def _in_order(tests: Sequence[PackTest]) -> list[PackTest]:
    """Each after those of the same pack that it refers to; circles are left to whoever checks definitions."""
    waiting = {test.name: test for test in tests}
    ordered: list[PackTest] = []
    while waiting:
        free = [test for test in waiting.values() if not _refers_to(test) & (waiting.keys() - {test.name})]
        chosen = free or list(waiting.values())
        ordered += chosen
        waiting = {name: test for name, test in waiting.items() if test not in chosen}
    return ordered


def _refers_to(test: PackTest) -> set[str]:
    return {*test.content.get("depends_on", ()), test.content.get("rides_in", "")}


@dataclass(frozen=True, slots=True)
class Merge:
    """What an upgrade does to one test.

    taken: fields that the pack changes; kept: fields that people changed and the pack wants otherwise
    """

    taken: Mapping[str, Any]
    kept: Mapping[str, Any]


def merge(
    *, base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], overwrite: bool = False
) -> Merge:
    """Three-way: a field that people changed since the pack last brought it stays theirs, unless `overwrite`.

    base: as the pack brought it last; ours: as it is; theirs: as the pack has it now

    >>> merge(base={"a": 1, "b": 1}, ours={"a": 1, "b": 5}, theirs={"a": 2, "b": 2})
    Merge(taken={'a': 2}, kept={'b': 2})
    """
    taken: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for name, value in theirs.items():
        if value == ours.get(name):
            continue
        is_edited = name in base and ours.get(name) != base[name]
        (kept if is_edited and not overwrite else taken)[name] = value
    return Merge(taken, kept)
