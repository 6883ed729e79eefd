"""Definitions of tests as data: what belongs to one, what is wrong with one, and how two versions differ."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from gridkeeper.probes.checks import check_named
from gridkeeper.probes.macros import MacroError, expand
from gridkeeper.probes.models import Test, TestKind
from gridkeeper.probes.native import CheckArgumentError
from gridkeeper.probes.place_rules import PlaceRuleError, parse_rule

#: Fields of a definition with their labels, in the order of forms and differences. The name is for ever: series of
#: results bear it. Whether a test is switched on is no part of its definition.
LABELS: Mapping[str, str] = {
    "abbreviation": "Abbreviation", "title": "Title", "kind": "Kind", "command": "Command", "arguments": "Arguments",
    "is_per_vo": "Once for every VO", "credential": "Credential", "interval_s": "Interval", "timeout_s": "Time-out",
    "max_attempts": "Attempts until hard", "retry_interval_s": "Between attempts", "validity_s": "Validity",
    "fastest_interval_s": "Fastest interval", "slowest_interval_s": "Slowest interval", "priority": "Priority",
    "places": "Places", "depends_on": "Depends on", "rides_in": "Rides in", "stage": "Stage", "position": "Position",
    "meaning": "What it proves", "procedure": "What to do", "logs": "Logs", "contact": "Whom to ask",
}  # fmt: skip
FIELDS = tuple(LABELS)
#: Fields that are rows of their own in the database.
LINKS = ("depends_on", "rides_in")
_SECONDS = ("interval_s", "timeout_s", "retry_interval_s", "validity_s", "fastest_interval_s", "slowest_interval_s")
#: Stand for what the registry will say, where arguments are checked before there is a service.
SAMPLES = {
    "HOSTNAME": "host.example.org", "HOSTADDRESS": "192.0.2.1", "PORT": "443", "URL": "https://host.example.org/",
    "PATH": "/", "ENDPOINTS": "host.example.org:443", "VO": "ops", "SITE": "SITE",
    "SITEBDII": "ldap://bdii.example.org:2170", "X509PROXY": "/run/proxy", "TOKENFILE": "/run/token",
}  # fmt: skip


def default_content() -> dict[str, Any]:
    """A definition of which nothing is said."""
    fields = {field.name: field for field in Test._meta.concrete_fields}
    own = {name: fields[name].get_default() for name in FIELDS if name not in LINKS}
    return own | {"depends_on": [], "rides_in": ""}


def content_of(test: Test) -> dict[str, Any]:
    """The definition whole, with names in place of keys."""
    content = {name: getattr(test, name) for name in FIELDS if name not in LINKS}
    links = {
        "depends_on": sorted(other.name for other in test.depends_on.all()),
        "rides_in": test.rides_in.name if test.rides_in else "",
    }
    return {name: links[name] if name in links else _plain(content[name]) for name in FIELDS}


def _plain(value: Any) -> Any:
    """Enumerations as their values: what JSON would make of them."""
    return str(value) if isinstance(value, str) else value


def check_content(content: Mapping[str, Any], *, name: str) -> None:
    """Raises ValidationError by field for what could not run. Fields' own limits are the model's affair."""
    errors: dict[str, str] = {}
    for field, find in (
        ("command", _command_problem), ("arguments", _arguments_problem), ("validity_s", _times_problem),
        ("fastest_interval_s", _pace_problem), ("places", _places_problem), ("depends_on", _dependency_problem),
        ("rides_in", _ride_problem),
    ):  # fmt: skip
        problem = find(content, name)
        if problem:
            errors[field] = problem
    if errors:
        raise ValidationError(errors)


def _command_problem(content: Mapping[str, Any], _name: str) -> str:
    kind, command = content["kind"], content["command"]
    if kind == TestKind.NATIVE:
        try:
            check_named(command)
        except CheckArgumentError as error:
            return str(error)
    if kind == TestKind.PLUGIN:
        return plugin_problem(command)
    if kind == TestKind.PASSIVE and command and not content["rides_in"]:
        return "A test that others report runs nothing; leave it empty."
    return ""


def plugin_problem(command: str) -> str:
    """Why no run would start that program; "" where it would."""
    folders = settings.GRIDKEEPER.plugin_dirs
    path = Path(command)
    if not path.is_absolute() or ".." in path.parts or not any(path.is_relative_to(folder) for folder in folders):
        return f"Name the plugin with its folder, one of {', '.join(map(str, folders))} (GRIDKEEPER_PLUGIN_DIRS)."
    return ""


def _arguments_problem(content: Mapping[str, Any], _name: str) -> str:
    kind, arguments = content["kind"], content["arguments"]
    if kind == TestKind.PLUGIN:
        is_fine = isinstance(arguments, list) and all(isinstance(word, str | int | float) for word in arguments)
        if not is_fine and arguments != {}:
            return 'A plugin takes a list of words: ["-H", "$HOSTADDRESS$"].'
    elif not isinstance(arguments, dict):
        return 'Write an object: {"port": 443}.'
    try:
        filled = expand(arguments, SAMPLES, _AnyProperty())
        if kind == TestKind.NATIVE:
            check_named(content["command"]).parse(filled)
    except (MacroError, CheckArgumentError) as error:
        return str(error)
    return ""


class _AnyProperty(dict[str, str]):
    """Properties of a service that has them all."""

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: str) -> str:
        return "1"


def _times_problem(content: Mapping[str, Any], _name: str) -> str:
    if content["kind"] == TestKind.PASSIVE:
        return ""
    if content["validity_s"] < max(content["interval_s"], content["slowest_interval_s"]):
        return "Results would be too old before the next comes: make it at least as long as the longest interval."
    return ""


def _pace_problem(content: Mapping[str, Any], _name: str) -> str:
    fastest, usual, slowest = (content[name] for name in ("fastest_interval_s", "interval_s", "slowest_interval_s"))
    if (fastest and fastest > usual) or (slowest and slowest < usual):
        return f"The interval ({usual} s) lies between the fastest and the slowest; 0 switches either off."
    return ""


def _places_problem(content: Mapping[str, Any], _name: str) -> str:
    if not isinstance(content["places"], dict):
        return 'Write an object: {"count": 2}; {} is anywhere.'
    try:
        parse_rule(content["places"])
    except PlaceRuleError as error:
        return str(error)
    return ""


def _dependency_problem(content: Mapping[str, Any], name: str) -> str:
    wanted = list(content["depends_on"])
    known = dict(Test.objects.filter(name__in=wanted).values_list("name", "pk"))
    if missing := sorted(set(wanted) - set(known)):
        return f"There is no test {', '.join(missing)}."
    edges: dict[str, set[str]] = {}
    for one, other in Test.depends_on.through._default_manager.values_list("from_test__name", "to_test__name"):
        edges.setdefault(one, set()).add(other)
    edges[name] = set(wanted)
    way = _way_back(name, edges)
    return f"They would wait for each other: {' needs '.join(way)}." if way else ""


def _way_back(start: str, edges: Mapping[str, set[str]]) -> list[str]:
    """A circle through `start`; [] where there is none.

    >>> _way_back("a", {"a": {"b"}, "b": {"c"}, "c": {"a"}})
    ['a', 'b', 'c', 'a']
    """
    ways, seen = [[start]], set()
    while ways:
        way = ways.pop()
        for following in sorted(edges.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return []


def _ride_problem(content: Mapping[str, Any], name: str) -> str:
    carrier = content["rides_in"]
    if not carrier:
        return ""
    if content["kind"] != TestKind.PASSIVE:
        return "What rides in a job is reported by it: its kind is passive."
    found = Test.objects.filter(name=carrier).first()
    if found is None or found.kind != TestKind.JOB or carrier == name:
        return f"{carrier} is no job test."
    return ""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """lines: of a text of several lines, each with "+", "-" or " "; empty for a short value"""

    field: str
    label: str
    old: str
    new: str
    lines: Sequence[tuple[str, str]] = ()


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldDifference]:
    """What the second definition says otherwise; a field that one of them does not know counts as empty."""
    return [
        _difference(name, old.get(name), new.get(name))
        for name in FIELDS
        if (old.get(name) or None) != (new.get(name) or None)
    ]


def _difference(name: str, old: Any, new: Any) -> FieldDifference:
    before, after = in_words(name, old), in_words(name, new)
    lines: list[tuple[str, str]] = []
    if "\n" in before or "\n" in after:
        compared = difflib.ndiff(before.splitlines(), after.splitlines())
        lines = [(line[0], line[2:]) for line in compared if line[0] in "+- "]
    return FieldDifference(name, LABELS[name], before, after, lines)


def in_words(name: str, value: Any) -> str:
    """A value as pages write it.

    >>> in_words("interval_s", 300), in_words("depends_on", ["a", "b"]), in_words("is_per_vo", True)
    ('300 s', 'a, b', 'yes')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _SECONDS and value is not None:
        return f"{value} s"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}={value[key]!r}" for key in sorted(value))
    return "" if value is None else str(value)
