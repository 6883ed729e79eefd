"""Nagios object configuration: definitions, templates, macros of resource files. Pure: texts in, values out.

Source: Nagios Core 4, "Object Definitions", "Object Inheritance", "Custom Object Variables". What is read is what
Nagios reads; what cannot be read is a problem with file and line, and the rest goes on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_BEGIN = re.compile(r"define\s+(\w+)\s*\{", re.IGNORECASE)
_USER = re.compile(r"(\$USER\d+\$)\s*=\s*(.*)")
#: Directives that say how a definition is made; they are not passed on.
_OWN = frozenset({"use", "name", "register"})
_DEEPEST = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be taken over. line: 0 where it is of no line"""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Definition:
    """An object. directives: names in lower case, but for custom variables, which are upper case with an underscore"""

    kind: str
    directives: Mapping[str, str]
    file: str
    line: int

    def get(self, name: str, default: str = "") -> str:
        return self.directives.get(name, default)

    def names(self, name: str) -> list[str]:
        """A list that commas separate."""
        return [word for part in self.get(name).split(",") if (word := part.strip())]

    def problem(self, text: str) -> Problem:
        return Problem(self.file, self.line, text)


@dataclass(slots=True)
class Objects:
    """What the files hold. users: macros like $USER1$; interval_s: seconds of one unit of time (`interval_length`)"""

    definitions: list[Definition] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    interval_s: int = 60
    problems: list[Problem] = field(default_factory=list)

    def of(self, kind: str) -> list[Definition]:
        return [item for item in self.definitions if item.kind == kind]


def read_objects(files: Mapping[str, str]) -> Objects:
    """Everything in the files, with templates applied and left out. files: name -> text"""
    found = Objects()
    raw: list[Definition] = []
    for file, text in files.items():
        raw += _read(file, text, found)
    templates: dict[tuple[str, str], Definition] = {}
    for item in raw:
        if item.get("name"):
            templates.setdefault((item.kind, item.get("name")), item)
    inheritance = _Inheritance(templates, found.problems)
    for item in raw:
        whole = inheritance.resolve(item)
        if item.get("register", "1") != "0":
            found.definitions.append(whole)
    return found


def _read(file: str, text: str, found: Objects) -> Iterable[Definition]:
    """The definitions of one file as written; settings of the main and resource files go into `found`."""
    kind, start, directives = "", 0, dict[str, str]()
    definitions = []
    for number, line in _lines(text):
        match = _BEGIN.fullmatch(line)
        if match:
            if kind:
                found.problems.append(Problem(file, start, f"the {kind} that begins here has no end; it is left out"))
            kind, start, directives = match[1].lower(), number, {}
        elif kind and line == "}":
            definitions.append(Definition(kind, directives, file, start))
            kind = ""
        elif kind:
            _take(line, directives)
        else:
            _setting(file, number, line, found)
    if kind:
        found.problems.append(Problem(file, start, f"the {kind} that begins here has no end; it is left out"))
    return definitions


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """Lines without comments and blanks; one that ends in a backslash goes on in the next."""
    whole, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\") and not line.endswith("\\\\"):
            whole += line[:-1]
            continue
        joined = _without_comment(whole + line).strip()
        if joined:
            yield start, joined
        whole, start = "", 0
    if _without_comment(whole).strip():
        yield start, _without_comment(whole).strip()


def _without_comment(line: str) -> str:
    if line.lstrip().startswith("#"):
        return ""
    return re.split(r"(?<!\\);", line, maxsplit=1)[0].replace("\\;", ";")


def _take(line: str, directives: dict[str, str]) -> None:
    name, _, value = line.replace("\t", " ").partition(" ")
    key = name.upper() if name.startswith("_") else name.lower()
    directives[key] = value.strip()


def _setting(file: str, number: int, line: str, found: Objects) -> None:
    """A line outside of definitions: of a resource file, of nagios.cfg, or nothing that we know."""
    user = _USER.fullmatch(line)
    if user:
        found.users[user[1]] = user[2].strip()
        return
    name, sign, value = line.partition("=")
    if name.strip() == "interval_length" and value.strip().isdigit():
        found.interval_s = max(1, int(value))
    elif not sign:
        found.problems.append(Problem(file, number, f"{line[:60]!r} belongs to no definition"))


class _Inheritance:
    """Applies templates, each of which is read once: there may be thousands of services, and templates in circles."""

    def __init__(self, templates: Mapping[tuple[str, str], Definition], problems: list[Problem]) -> None:
        self._templates, self._problems = templates, problems
        self._read: dict[tuple[str, str], Mapping[str, str]] = {}
        #: Those that are being read: whoever meets one of them again is part of a circle.
        self._open: list[tuple[str, str]] = []

    def resolve(self, item: Definition) -> Definition:
        """With what it inherits. Of several templates the first wins; "+" adds to the inherited, "null" drops it."""
        inherited: dict[str, str] = {}
        for name in reversed(item.names("use")):
            inherited |= self._of_template(name, item)
        whole = inherited | {key: _joined(inherited.get(key, ""), value) for key, value in item.directives.items()}
        return Definition(item.kind, {k: v for k, v in whole.items() if v != "null"}, item.file, item.line)

    def _of_template(self, name: str, user: Definition) -> Mapping[str, str]:
        """What a template passes on."""
        key = (user.kind, name)
        if key not in self._templates:
            self._problems.append(user.problem(f"there is no {user.kind} template {name!r}"))
            return {}
        if key in self._open or len(self._open) == _DEEPEST:
            self._problems.append(user.problem("its templates use each other in a circle"))
            return {}
        if key not in self._read:
            self._open.append(key)
            directives = self.resolve(self._templates[key]).directives
            self._open.pop()
            self._read[key] = {word: value for word, value in directives.items() if word not in _OWN}
        return self._read[key]


def _joined(inherited: str, value: str) -> str:
    """
    >>> _joined("a,b", "+c"), _joined("a", "c"), _joined("", "+c")
    ('a,b,c', 'c', 'c')
    """
    if not value.startswith("+"):
        return value
    return ",".join(filter(None, [inherited, value[1:].strip()]))


def members(wanted: Iterable[str], known: Iterable[str]) -> tuple[list[str], list[str]]:
    """Names that a list means: "*" is all, "!name" is not that one. Returns what is meant, and what is unknown.

    >>> members(["*", "!b"], ["a", "b", "c"])
    (['a', 'c'], [])
    """
    everything, words = list(known), list(wanted)
    excluded = {word[1:].strip() for word in words if word.startswith("!")}
    chosen: list[str] = []
    for word in words:
        if word == "*":
            chosen += everything
        elif not word.startswith("!"):
            chosen.append(word)
    unique = [name for name in dict.fromkeys(chosen) if name not in excluded]
    return [name for name in unique if name in set(everything)], [n for n in unique if n not in set(everything)]


def hosts_by_group(objects: Objects) -> dict[str, list[str]]:
    """Host group -> its hosts: by the group's members, by groups inside it, by the hosts' own words."""
    hosts = {item.get("host_name"): item for item in objects.of("host") if item.get("host_name")}
    groups = {item.get("hostgroup_name"): item for item in objects.of("hostgroup") if item.get("hostgroup_name")}
    direct: dict[str, list[str]] = {}
    for name, group in groups.items():
        direct[name], unknown = members(group.names("members"), hosts)
        objects.problems += [group.problem(f"host group {name}: there is no host {word}") for word in unknown]
    for host_name, host in hosts.items():
        for name in host.names("hostgroups"):
            if name in direct:
                direct[name].append(host_name)
            else:
                objects.problems.append(host.problem(f"host {host_name}: there is no host group {name}"))
    return {name: list(dict.fromkeys(_deep(name, groups, direct, set()))) for name in groups}


def _deep(
    name: str, groups: Mapping[str, Definition], direct: Mapping[str, list[str]], seen: set[str]
) -> Iterable[str]:
    if name in seen or name not in groups:
        return
    seen.add(name)
    yield from direct[name]
    for inner in groups[name].names("hostgroup_members"):
        yield from _deep(inner, groups, direct, seen)
