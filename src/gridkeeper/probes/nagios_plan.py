"""What a Nagios configuration becomes here: tests, services, properties, and a report of what has no place. Pure.

A Nagios service "HTTP" on the host web1 is a service of the type nagios.HTTP on web1, tested by the test nagios.HTTP.
Where the hosts' command lines differ in a word only, the word is a property of each service. Services of one
description whose commands differ in more become a type and a test each: nagios.HTTP, nagios.HTTP-2.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from gridkeeper.probes.models import TestKind
from gridkeeper.probes.nagios_commands import USUAL_USERS, CommandError, split_check, words_of
from gridkeeper.probes.nagios_objects import Definition, Objects, Problem, hosts_by_group, members

_PREFIX = "nagios."
#: Name of the test of a host's own check.
_HOST_CHECK = "host"
#: What there is no place for; it is counted in the report.
_READ = frozenset({"host", "hostgroup", "service", "command"})
_USUAL_INTERVAL, _USUAL_RETRY, _USUAL_ATTEMPTS = 5, 1, 3
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A test to be; also the name of the service type that it runs on. content: fields of a definition"""

    name: str
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedService:
    """A service to be. type: the test's name; address: an IPv4 address, or "" """

    hostname: str
    address: str
    type: str
    properties: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be imported. read: kind -> number of objects; ignored: kinds that have no place here"""

    tests: Sequence[PlannedTest]
    services: Sequence[PlannedService]
    problems: Sequence[Problem]
    read: Mapping[str, int]
    ignored: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Check:
    """One command line on one host. words: () for what others report"""

    host: Definition
    hostname: str
    address: str
    description: str
    words: tuple[str, ...]
    source: Definition

    @property
    def shape(self) -> tuple[Any, ...]:
        """What must be the same for two hosts to share a test."""
        pace = tuple(self.source.get(name) for name in ("check_interval", "retry_interval", "max_check_attempts"))
        return (self.words[:1], len(self.words), pace, self.source.get("active_checks_enabled", "1"))


def make_plan(objects: Objects) -> Plan:
    """The plan of a whole configuration; what cannot be taken over is a problem, and the rest goes on."""
    problems = objects.problems
    checks = list(_checks(objects, problems))
    by_name: dict[str, list[_Check]] = defaultdict(list)
    for check in checks:
        by_name[check.description].append(check)
    tests: list[PlannedTest] = []
    services: list[PlannedService] = []
    taken: set[str] = set()
    for description, alike in by_name.items():
        shapes: dict[tuple[Any, ...], list[_Check]] = defaultdict(list)
        for check in alike:
            shapes[check.shape].append(check)
        for group in shapes.values():
            name = _free_name(f"{_PREFIX}{slug(description)}", taken)
            test, found = _planned(name, group, objects.interval_s)
            tests.append(test)
            services += found
    counts = Counter(item.kind for item in objects.definitions)
    ignored = {kind: number for kind, number in counts.items() if kind not in _READ}
    return Plan(tests, services, list(dict.fromkeys(problems)), dict(counts), ignored)


def slug(text: str) -> str:
    """A description as a part of a name.

    >>> slug("Current Load (5 min)")
    'Current-Load-5-min'
    """
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-")[:80] or "service"


def _free_name(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name)
    return name


def _checks(objects: Objects, problems: list[Problem]) -> Iterable[_Check]:
    """Every service on every host that it is for, and the hosts' own checks."""
    hosts = {host.get("host_name"): host for host in objects.of("host") if host.get("host_name")}
    commands = {item.get("command_name"): item for item in objects.of("command")}
    groups = hosts_by_group(objects)
    seen: set[tuple[str, str]] = set()
    pairs = [(host, _HOST_CHECK, host) for host in hosts.values() if host.get("check_command")]
    for service in objects.of("service"):
        description = service.get("service_description")
        if not description:
            problems.append(service.problem("the service has no service_description"))
            continue
        pairs += [(hosts[name], description, service) for name in _hosts_of(service, hosts, groups, problems)]
    for host, description, source in pairs:
        key = (host.get("host_name"), description)
        if key in seen:
            problems.append(source.problem(f"{description} on {key[0]} is defined twice; the first is taken"))
            continue
        seen.add(key)
        try:
            yield _check(host, description, source, commands, objects.users)
        except CommandError as error:
            problems.append(source.problem(f"{description} on {key[0]} is left out: {error}"))


def _hosts_of(
    service: Definition, hosts: Mapping[str, Definition], groups: Mapping[str, list[str]], problems: list[Problem]
) -> list[str]:
    named, unknown = members(service.names("host_name"), hosts)
    wanted, strange = members(service.names("hostgroup_name"), groups)
    description = service.get("service_description")
    problems += [service.problem(f"{description}: there is no host {name}") for name in unknown]
    problems += [service.problem(f"{description}: there is no host group {name}") for name in strange]
    without = {word[1:].strip() for word in service.names("host_name") if word.startswith("!")}
    grouped = [host for name in wanted for host in groups[name]]
    found = [name for name in dict.fromkeys([*named, *grouped]) if name not in without]
    if not found and not unknown and not strange:
        problems.append(service.problem(f"{description} is on no host"))
    return found


def _check(
    host: Definition, description: str, source: Definition, commands: Mapping[str, Definition], users: Mapping[str, str]
) -> _Check:
    hostname, address = _place(host)
    if source.get("active_checks_enabled", "1") == "0":
        return _Check(host, hostname, address, description, (), source)
    command_name, arguments = split_check(source.get("check_command"))
    command = commands.get(command_name)
    if command is None:
        raise CommandError(f"there is no command {command_name!r}" if command_name else "it has no check_command")
    macros = _macros(host, source, users, hostname)
    words = words_of(command.get("command_line"), arguments, macros)
    return _Check(host, hostname, address, description, tuple(words), source)


def _place(host: Definition) -> tuple[str, str]:
    """Host name and IPv4 address. Raises CommandError where neither the name nor the address is a host name."""
    name, address = host.get("host_name"), host.get("address")
    try:
        parsed = ip_address(address)
    except ValueError:
        is_name = bool(_HOST_NAME.fullmatch(address))
        if is_name:
            return address, ""
        parsed = None
    if not _HOST_NAME.fullmatch(name):
        raise CommandError(f"{name!r} is no host name, and its address {address!r} is none; give it one of them")
    return name, str(parsed) if parsed is not None and parsed.version == 4 else ""


def _macros(host: Definition, source: Definition, users: Mapping[str, str], hostname: str) -> dict[str, str]:
    """Values known now. $HOSTNAME$ is Nagios' own name of the host, which may be another than the registry's."""
    name = host.get("host_name")
    macros = {
        "HOSTNAME": name, "HOSTALIAS": host.get("alias", name), "HOSTDISPLAYNAME": host.get("display_name", name),
        "SERVICEDESC": source.get("service_description"), "HOSTGROUPNAME": host.names("hostgroups")[0]
        if host.names("hostgroups") else "",
        "HOSTNOTES": host.get("notes"), "SERVICENOTES": source.get("notes"),
    }  # fmt: skip
    macros |= {key.strip("$"): value for key, value in {**USUAL_USERS, **users}.items()}
    for prefix, definition in (("_HOST", host), ("_SERVICE", source)):
        own = {key: value for key, value in definition.directives.items() if key.startswith("_")}
        macros |= {f"{prefix}{key[1:]}": value for key, value in own.items()}
    if hostname == name:
        macros["HOSTNAME"] = "$HOSTNAME$"
    return macros


def _planned(name: str, group: Sequence[_Check], unit_s: int) -> tuple[PlannedTest, list[PlannedService]]:
    """The test of checks of one shape, and the services that it runs on."""
    first = group[0]
    words: list[str] = []
    properties: list[dict[str, str]] = [{} for _ in group]
    for position in range(len(first.words)):
        column = [check.words[position] for check in group]
        if len(set(column)) == 1:
            words.append(column[0])
            continue
        key = f"nagios_arg{position}"
        words.append(f"$PROPERTY:{key}$")
        for check, mine, value in zip(group, properties, column, strict=True):
            mine[key] = _now(value, check)
    content = _content(first, words, unit_s)
    services = [
        PlannedService(check.hostname, check.address, name, mine) for check, mine in zip(group, properties, strict=True)
    ]
    return PlannedTest(name, content), services


def _now(value: str, check: _Check) -> str:
    """A value of a property has no macros: what would be filled in at each run is filled in now."""
    address = check.address or check.host.get("address") or check.hostname
    return value.replace("$HOSTADDRESS$", address).replace("$HOSTNAME$", check.hostname)


def _content(check: _Check, words: Sequence[str], unit_s: int) -> dict[str, Any]:
    source, is_active = check.source, bool(words)
    title = check.description if source.kind == "service" else "Host check"
    interval_s = _seconds(source, "check_interval", _USUAL_INTERVAL, unit_s)
    content: dict[str, Any] = {
        "abbreviation": slug(check.description)[:20], "title": title[:200],
        "kind": str(TestKind.PLUGIN if is_active else TestKind.PASSIVE),
        "interval_s": interval_s, "retry_interval_s": _seconds(source, "retry_interval", _USUAL_RETRY, unit_s),
        "max_attempts": max(1, int(_number(source, "max_check_attempts", _USUAL_ATTEMPTS))),
        "validity_s": max(86_400, 2 * interval_s), "position": 500,
        "meaning": source.get("notes") or f"Taken over from Nagios: {source.get('check_command') or 'passive'}",
        "procedure": "\n".join(filter(None, [source.get("notes_url"), source.get("action_url")])),
        "contact": (source.get("contact_groups") or source.get("contacts"))[:300],
    }  # fmt: skip
    return content | ({"command": words[0], "arguments": list(words[1:])} if is_active else {})


def _number(source: Definition, name: str, usual: float) -> float:
    try:
        value = float(source.get(name) or usual)
    except ValueError:
        return usual
    return value if 0 < value < 1e6 else usual


def _seconds(source: Definition, name: str, usual: float, unit_s: int) -> int:
    """An interval; the older spelling normal_check_interval is known too."""
    older = {"check_interval": "normal_check_interval", "retry_interval": "retry_check_interval"}[name]
    return max(1, round(_number(source, name if source.get(name) else older, usual) * unit_s))
