"""What is sane in GLUE 2 (GFD.147, EGI's profile) and GLUE 1.3: rules over entries of an information system."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gridkeeper.core.status import Status
from gridkeeper.core.units import format_duration
from gridkeeper.probes.native.ldap_client import Entry

#: Numbers that stand for "not known" (EGI's profile of GLUE 2, section 4): nobody measured anything.
_PLACEHOLDERS = frozenset({"444444", "999999999", "2146660842"})
_HEALTH = {"ok", "critical", "warning", "unknown", "other"}
_SERVING = {"production", "draining", "queueing", "closed"}
_CE_STATUS = {"production", "draining", "queueing", "closed", "queuing"}
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
#: Clocks differ a little between sites.
_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in an entry."""

    status: Status
    dn: str
    text: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Entries of a class have the attribute, and each of its values passes `is_sane`. text: what is wrong if not."""

    object_class: str
    attribute: str
    status: Status
    text: str
    is_sane: Callable[[str], bool] = bool
    is_required: bool = True


def _one_of(allowed: set[str]) -> Callable[[str], bool]:
    return lambda value: value.lower() in allowed


def _is_measured(value: str) -> bool:
    return value not in _PLACEHOLDERS


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _within(limit: float) -> Callable[[str], bool]:
    def is_sane(value: str) -> bool:
        try:
            return abs(float(value)) <= limit
        except ValueError:
            return False

    return is_sane


_URL = _matches(r"[A-Za-z][A-Za-z0-9+.-]*:.+")
_PLACEHOLDER = "is a placeholder: nobody measures it"

RULES: tuple[Rule, ...] = (
    Rule("GLUE2AdminDomain", "GLUE2DomainID", Status.CRITICAL, "the site has no name"),
    Rule("GLUE2Service", "GLUE2ServiceType", Status.CRITICAL, "the service has no type"),
    Rule("GLUE2Endpoint", "GLUE2EndpointURL", Status.CRITICAL, "the endpoint has no URL", _URL),
    Rule("GLUE2Endpoint", "GLUE2EndpointInterfaceName", Status.CRITICAL, "the endpoint names no interface"),
    Rule("GLUE2Endpoint", "GLUE2EndpointServingState", Status.WARNING, "is no serving state", _one_of(_SERVING)),
    Rule("GLUE2Endpoint", "GLUE2EndpointHealthState", Status.WARNING, "is no health state", _one_of(_HEALTH)),
    Rule("GLUE2Endpoint", "GLUE2EndpointServiceForeignKey", Status.CRITICAL, "the endpoint belongs to no service"),
    Rule("GLUE2ComputingShare", "GLUE2ComputingShareWaitingJobs", Status.WARNING, _PLACEHOLDER, _is_measured, False),
    Rule("GLUE2ComputingShare", "GLUE2ComputingShareRunningJobs", Status.WARNING, _PLACEHOLDER, _is_measured, False),
    Rule("GLUE2Location", "GLUE2LocationLatitude", Status.WARNING, "is no latitude", _within(90), False),
    Rule("GLUE2Location", "GLUE2LocationLongitude", Status.WARNING, "is no longitude", _within(180), False),
    Rule("GlueSite", "GlueSiteUniqueID", Status.CRITICAL, "the site has no name"),
    Rule("GlueSite", "GlueSiteSecurityContact", Status.WARNING, "is no mail address", _matches("mailto:.+@.+"), False),
    Rule("GlueSite", "GlueSiteLatitude", Status.WARNING, "is no latitude", _within(90), False),
    Rule("GlueSite", "GlueSiteLongitude", Status.WARNING, "is no longitude", _within(180), False),
    Rule("GlueCE", "GlueCEUniqueID", Status.CRITICAL, "is not host:port/queue", _matches(r"[^:/]+:\d+/.+")),
    Rule("GlueCE", "GlueCEStateStatus", Status.WARNING, "is no status of a CE", _one_of(_CE_STATUS)),
    Rule("GlueCE", "GlueCEStateWaitingJobs", Status.WARNING, _PLACEHOLDER, _is_measured, False),
    Rule("GlueSE", "GlueSEUniqueID", Status.CRITICAL, "the storage element has no name"),
)

#: Foreign key -> identifier that must exist in what the same BDII publishes.
KEYS: dict[str, str] = {
    "GLUE2EndpointServiceForeignKey": "GLUE2ServiceID",
    "GLUE2ServiceAdminDomainForeignKey": "GLUE2DomainID",
    "GLUE2ShareServiceForeignKey": "GLUE2ServiceID",
    "GLUE2ManagerServiceForeignKey": "GLUE2ServiceID",
}

#: What is read of every entry: less than all of it, by far.
ATTRIBUTES: tuple[str, ...] = tuple(
    sorted(
        {"objectClass", "GLUE2EntityCreationTime", "GLUE2EntityValidity", "GLUE2EndpointID"}
        | {rule.attribute for rule in RULES} | set(KEYS) | set(KEYS.values())
    )
)  # fmt: skip


def findings(entries: Sequence[Entry], now: datetime, *, site: str = "") -> list[Finding]:
    """Everything that is wrong, the worst first. site: its name in the registry; "" leaves that out."""
    found = [*_by_rules(entries), *_dangling(entries), *_twice(entries), *_expired(entries, now)]
    if site:
        found += _site(entries, site)
    return sorted(found, key=lambda item: item.status != Status.CRITICAL)


def _by_rules(entries: Iterable[Entry]) -> Iterator[Finding]:
    by_class: dict[str, list[Rule]] = {}
    for rule in RULES:
        by_class.setdefault(rule.object_class.lower(), []).append(rule)
    for entry in entries:
        for object_class in {value.lower() for value in entry.values("objectclass")}:
            for rule in by_class.get(object_class, ()):
                yield from _broken(rule, entry)


def _broken(rule: Rule, entry: Entry) -> Iterator[Finding]:
    values = entry.values(rule.attribute)
    if not values and rule.is_required:
        yield Finding(rule.status, entry.dn, f"{rule.attribute} is missing")
    for value in values:
        if not rule.is_sane(value):
            yield Finding(rule.status, entry.dn, f"{rule.attribute} {value[:80]!r}: {rule.text}")


def _dangling(entries: Sequence[Entry]) -> Iterator[Finding]:
    for key, identifier in KEYS.items():
        known = {value for entry in entries for value in entry.values(identifier)}
        for entry in entries:
            for value in entry.values(key):
                if value not in known:
                    yield Finding(Status.CRITICAL, entry.dn, f"{key} {value[:80]!r}: nothing of that name is published")


def _twice(entries: Sequence[Entry]) -> Iterator[Finding]:
    counted = Counter(value for entry in entries for value in entry.values("GLUE2EndpointID"))
    for entry in entries:
        for value in entry.values("GLUE2EndpointID"):
            if counted[value] > 1:
                yield Finding(
                    Status.WARNING, entry.dn, f"GLUE2EndpointID {value[:80]!r} is published {counted[value]} x"
                )


def _expired(entries: Sequence[Entry], now: datetime) -> Iterator[Finding]:
    for entry in entries:
        created = creation_time(entry)
        if created is None:
            continue
        if created > now + _SKEW:
            ahead = format_duration((created - now).total_seconds())
            yield Finding(Status.WARNING, entry.dn, f"made {ahead} in the future: the clock there is wrong")
        validity = entry.first("GLUE2EntityValidity")
        if validity.isdecimal() and len(validity) < 10:
            late = (now - created).total_seconds() - int(validity)
            if late > 0:
                text = (
                    f"outdated since {format_duration(late)}: made {created:%Y-%m-%d %H:%M:%S} UTC, valid {validity} s"
                )
                yield Finding(Status.WARNING, entry.dn, text)


def _site(entries: Sequence[Entry], site: str) -> Iterator[Finding]:
    names = {name for entry in entries if entry.is_a("GLUE2AdminDomain") for name in entry.values("GLUE2DomainID")}
    names |= {name for entry in entries if entry.is_a("GlueSite") for name in entry.values("GlueSiteUniqueID")}
    if not names:
        yield Finding(Status.CRITICAL, "", f"the site {site} is not published")
    elif site not in names:
        yield Finding(Status.CRITICAL, "", f"publishes the site {', '.join(sorted(names))[:200]}, not {site}")


def creation_time(entry: Entry) -> datetime | None:
    """When the entry was made, by its own word; None where it says nothing that is a time."""
    return _time(entry.first("GLUE2EntityCreationTime"), _TIME_FORMAT)


def ldap_time(text: str) -> datetime | None:
    """A generalized time (RFC 4517 section 3.3.13) as servers write it, or None.

    >>> ldap_time("20261121131933Z").isoformat()
    '2026-11-21T13:19:33+00:00'
    """
    return _time(re.sub(r"[.,]\d+Z$", "Z", text), "%Y%m%d%H%M%SZ")


def _time(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
