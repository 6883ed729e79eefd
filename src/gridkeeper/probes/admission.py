"""Which passive results are taken: of services, tests and VOs that exist, from people who may report of them."""

import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
from django.conf import settings

from gridkeeper.bus.inbox import RESULTS_SCHEMA
from gridkeeper.core.identifiers import fact_hash, series_id
from gridkeeper.people.actor import Actor
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.probes.passive import Observation, Parsed, RecordError, Rejection
from gridkeeper.probes.results import SUMMARY_LIMIT
from gridkeeper.registry.models import Service
from gridkeeper.registry.permissions import sites_where
from gridkeeper.vos.models import Vo, VoRoleGrant

#: How old what a process knows of the registry may be; what it does not know it looks up anew after a second.
_FRESH_S, _MISS_S = 30.0, 1.0
#: A series and the site of its service.
_Entry = tuple[int, int]


@dataclass(slots=True)
class Directory:
    """What exists, as one process knows it.

    sites: site of each current service, by hostname and service type
    hosts: service types on each host
    tests: whether a test is run per VO
    types: service types whose profiles hold a test
    entries: what was found for hostname, service type, metric and VO
    """

    sites: dict[tuple[str, str], int]
    hosts: dict[str, list[str]]
    tests: dict[str, bool]
    vos: set[str]
    types: dict[str, set[str]]
    read_at: float
    entries: dict[tuple[str, str, str, str], _Entry] = field(default_factory=dict)

    def entry(self, key: tuple[str, str, str, str]) -> _Entry | RecordError:
        """The series and its site, or why there is none; what is not there is not remembered."""
        found = self.entries.get(key)
        if found is None:
            try:
                found = self.entries[key] = (series_id(*key), self._site(*key))
            except RecordError as error:
                return error
        return found

    def type_of(self, hostname: str, metric: str) -> str:
        """The service type of that host whose profiles hold the test. Raises RecordError for none or several."""
        on_host = self.hosts.get(hostname)
        if not on_host:
            raise _no_host(hostname)
        fitting = [kind for kind in on_host if kind in self.types.get(metric, ())]
        if len(fitting) == 1:
            return fitting[0]
        if not fitting:
            has = f"{hostname} has {', '.join(on_host)}; no profile has the test {metric!r} for one of them"
            raise RecordError("metric", has, "correct the test's name, or add it to a VO's profile")
        have = f"{' and '.join(fitting)} of {hostname} have the test {metric!r}"
        raise RecordError("service_type", have, "send it as NDJSON with its service_type")

    def _site(self, hostname: str, service_type: str, metric: str, vo: str) -> int:
        """Site of the service. Raises RecordError for what does not exist or does not go together."""
        site = self.sites.get((hostname, service_type))
        if site is None:
            raise self._no_service(hostname, service_type)
        if metric not in self.tests:
            raise RecordError("metric", f"there is no test {metric!r}", "correct its name, or have the test defined")
        if vo and vo not in self.vos:
            raise RecordError("vo", f"there is no VO {vo!r}", "name the VO as its page does")
        if self.tests[metric] != bool(vo):
            is_per_vo = self.tests[metric]
            wrong = f"the test {metric!r} is {'' if is_per_vo else 'not '}run per VO"
            raise RecordError("vo", wrong, "name the VO" if is_per_vo else "leave the VO empty")
        return site

    def _no_service(self, hostname: str, service_type: str) -> RecordError:
        on_host = self.hosts.get(hostname)
        if not on_host:
            return _no_host(hostname)
        has = f"{hostname} has no {service_type!r}; it has {', '.join(on_host)}"
        return RecordError("service_type", has, "name one of them, or register the service")


def _no_host(hostname: str) -> RecordError:
    return RecordError("hostname", f"no service is registered on {hostname!r}", "correct it, or register the service")


_lock = threading.Lock()
_directory: Directory | None = None


def directory(*, at_least: float = 0.0) -> Directory:
    """What this process knows of the registry, read anew where it is older than 30 s or than `at_least`."""
    global _directory
    with _lock:
        known = _directory
        if known is None or known.read_at < at_least or time.monotonic() - known.read_at > _FRESH_S:
            _directory = known = _read_directory()
        return known


def forget_directory() -> None:
    """Makes the next question read the registry anew."""
    global _directory
    _directory = None


def _read_directory() -> Directory:
    read_at = time.monotonic()
    rows = Service.objects.current().order_by("hostname", "service_type__name")
    services = list(rows.values_list("hostname", "service_type__name", "site_id"))
    hosts: dict[str, list[str]] = {}
    for hostname, kind, _ in services:
        hosts.setdefault(hostname, []).append(kind)
    types: dict[str, set[str]] = {}
    for test, kind in ProfileEntry.objects.current().values_list("test__name", "service_type__name").distinct():
        types.setdefault(test, set()).add(kind)
    return Directory(
        sites={(hostname, kind): site for hostname, kind, site in services},
        hosts=hosts,
        tests=dict(Test.objects.values_list("name", "is_per_vo")),
        vos=set(Vo.objects.current().values_list("name", flat=True)),
        types=types,
        read_at=read_at,
    )


@dataclass(frozen=True, slots=True)
class Reach:
    """Of what a person may report: everything, or services of these sites and results for these VOs."""

    is_everything: bool
    sites: frozenset[int] = frozenset()
    vos: frozenset[str] = frozenset()

    def has(self, site: int, vo: str) -> bool:
        return self.is_everything or site in self.sites or vo in self.vos


def reach_of(actor: Actor) -> Reach:
    """Sites whose services the actor may edit, and VOs that the actor manages; a token's scopes do not narrow it."""
    if actor.is_system or (actor.user is not None and actor.user.is_superuser):
        return Reach(is_everything=True)
    sites = sites_where(replace(actor, scopes=None), "edit_service").values_list("pk", flat=True)
    vos = VoRoleGrant.objects.filter(user=actor.user).values_list("vo__name", flat=True)
    return Reach(is_everything=False, sites=frozenset(sites), vos=frozenset(vos))


def admit(parsed: Parsed, reach: Reach) -> tuple[pa.Table, list[Rejection]]:
    """The records that can be taken, in the inbox's schema, and all that cannot, in the order of the body."""
    known = directory()
    keys = [(one.hostname, one.service_type, one.metric, one.vo) for one in parsed.records]
    entries = [known.entry(key) for key in keys]
    if any(isinstance(entry, RecordError) for entry in entries) and time.monotonic() - known.read_at > _MISS_S:
        known = directory(at_least=time.monotonic())  # it may have been registered just now
        entries = [known.entry(key) for key in keys]
    taken, series, rejected = [], [], list(parsed.rejected)
    for place, entry in enumerate(entries):
        refusal = entry if isinstance(entry, RecordError) else _refusal(entry[1], parsed.records[place], reach)
        if refusal is None:
            taken.append(place)
            series.append(entry[0])  # type: ignore[index]
        else:
            rejected.append(Rejection(parsed.indexes[place], refusal.field, str(refusal), refusal.remedy))
    return _table(parsed, taken, series), sorted(rejected, key=lambda one: one.index)


def _refusal(site: int, record: Observation, reach: Reach) -> RecordError | None:
    if reach.has(site, record.vo):
        return None
    of_what = f"you may not report of {record.service_type} on {record.hostname}"
    return RecordError("hostname", of_what, "ask for a role at its site or region")


def _table(parsed: Parsed, taken: list[int], series: list[int]) -> pa.Table:
    records = [parsed.records[place] for place in taken]
    columns: dict[str, Any] = {
        "series": series,
        "executed_at": [one.executed_at for one in records],
        "status": [parsed.codes[place] for place in taken],
        "is_hard": pa.repeat(True, len(records)),
        "duration_ms": [one.duration_ms for one in records],
        "fact": [fact_hash(one.id) for one in records],
        "id": [one.id for one in records],
        "summary": [_summary(one) for one in records],
        "output": _outputs(records),
        "perfdata": [one.perfdata for one in records],
        "cause": pa.repeat("", len(records)).dictionary_encode(),
    }
    columns["worker"] = pa.array([one.worker.replace("\x00", "\ufffd") for one in records]).dictionary_encode()
    for name in ("hostname", "service_type", "metric", "vo"):
        columns[name] = pa.array([getattr(one, name) for one in records], pa.string()).dictionary_encode()
    return pa.table({name: columns[name] for name in RESULTS_SCHEMA.names}, RESULTS_SCHEMA)


def _summary(one: Observation) -> str:
    text = one.summary or one.output.partition("\n")[0].partition("|")[0].strip()
    return text[:SUMMARY_LIMIT].replace("\x00", "\ufffd")  # PostgreSQL stores no zero character


def _outputs(records: list[Observation]) -> list[str]:
    limit = settings.GRIDKEEPER.log_limit_bytes
    # a character has at most four bytes: the short ones need no counting
    return [one.output if len(one.output) * 4 <= limit else _cut(one.output, limit) for one in records]


def _cut(text: str, limit: int) -> str:
    whole = text.encode()
    if len(whole) <= limit:
        return text
    return f"{whole[:limit].decode(errors='ignore')}\n… cut: {len(whole)} bytes in all, {limit} are kept"
