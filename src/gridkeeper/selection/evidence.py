"""What the judgement of good sites rests on, as frozen values of one instant: registry, lists, downtimes, results.

A series whose newest result lies after the instant is asked of the facts; all others of their latest status. So the
answer for now costs no scan of the lake, and the answer for an hour ago is that hour's.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q

from gridkeeper.bus.facts import connect, open_facts
from gridkeeper.core.identifiers import series_id
from gridkeeper.core.status import UP, Status
from gridkeeper.core.windows import Window
from gridkeeper.probes.models import LatestStatus
from gridkeeper.registry.models import Downtime, DowntimeService, Service, Severity, Site
from gridkeeper.selection.models import ListEntry
from gridkeeper.selection.past import values_at
from gridkeeper.selection.profiles import Profile
from gridkeeper.selection.rules import CriticalTest, Entry, ListWord, Observation, Outage, ServiceFacts, SiteFacts
from gridkeeper.vos.models import VoSupport

#: Of a downtime, what may be changed without saying since when; declared_at and cancelled_at bear their own date.
_DOWNTIME_UNDATED = ("severity", "description", "start", "end")
_DOWNTIME_FIELDS = ("key", "declared_at", "cancelled_at", *_DOWNTIME_UNDATED)


class _Service(NamedTuple):
    id: int
    key: str
    site: int
    service_type: str
    hostname: str
    in_production: bool


def gather(profile: Profile, at: datetime) -> list[SiteFacts]:
    """Every site that existed at that instant with what the rules ask for, by name.

    profile: whose critical tests are looked up; a changed one answers "what if"
    """
    services = _services(at)
    tests = {kind: profile.critical_tests(kind) for kind in {service.service_type for service in services}}
    supporting = _supporting(profile.vo, at)
    wanted = [service for service in services if service.id in supporting and tests[service.service_type]]
    observed = _observations(wanted, tests, at)
    outages = outages_at(at)
    by_site: dict[int, list[ServiceFacts]] = defaultdict(list)
    for service in services:
        facts = ServiceFacts(
            service_type=service.service_type,
            hostname=service.hostname,
            supports_vo=service.id in supporting,
            in_production=service.in_production,
            outages=outages.get(service.id, ()),
            tests=tests[service.service_type],
            observations=observed.get(service.id, {}),
            key=service.key,
        )
        by_site[service.site].append(facts)
    return _sites(by_site, entries_at(profile.vo, at), at)


def _services(at: datetime) -> list[_Service]:
    rows = Service.objects.at(at).order_by("service_type__name", "hostname")
    names = ("id", "key", "site_id", "service_type__name", "hostname", "in_production")
    before = values_at(Service, ["in_production"], at)
    services = [_Service(*row) for row in rows.values_list(*names)]
    return [service._replace(**before.get(service.id, {})) for service in services]


def _supporting(vo: str, at: datetime) -> set[int]:
    return set(VoSupport.objects.at(at).filter(vo__name=vo).values_list("service_id", flat=True))


def _sites(services: Mapping[int, list[ServiceFacts]], entries: Mapping[int, Entry], at: datetime) -> list[SiteFacts]:
    before = values_at(Site, ["certification"], at)
    rows = Site.objects.at(at).order_by("name").values_list("id", "key", "name", "ngi__name", "certification")
    return [
        SiteFacts(
            key=key,
            name=name,
            region=region,
            certification=before.get(id_, {}).get("certification", certification),
            services=tuple(services.get(id_, ())),
            entries=(entries[id_],) if id_ in entries else (),
        )
        for id_, key, name, region, certification in rows
    ]


def entries_at(vo: str, at: datetime) -> dict[int, Entry]:
    """Site id -> the list entry that held for the VO at that instant."""
    held = ListEntry.objects.filter(
        Q(removed_at=None) | Q(removed_at__gt=at),
        Q(expires_at=None) | Q(expires_at__gt=at),
        vo__name=vo,
        created_at__lte=at,
    )
    return {
        entry.site_id: Entry(
            kind=ListWord(entry.kind),
            reason=entry.reason,
            author=entry.author.get_username() if entry.author else "the installation",
            created_at=entry.created_at,
            expires_at=entry.expires_at,
            id=entry.pk,
        )
        for entry in held.select_related("author")
    }


def outages_at(at: datetime) -> dict[int, tuple[Outage, ...]]:
    """Service id -> the outages that held at that instant, as they had been declared by then."""
    before = values_at(Downtime, _DOWNTIME_UNDATED, at)
    rows = Downtime.objects.filter(Q(start__lte=at, end__gt=at) | Q(pk__in=before)).values("pk", *_DOWNTIME_FIELDS)
    standing = {row["pk"]: row | before.get(row["pk"], {}) for row in rows}
    held = {pk: _outage(row) for pk, row in standing.items() if _is_outage(row, at)}
    found: dict[int, tuple[Outage, ...]] = {}
    rows_affected = DowntimeService.objects.filter(downtime__in=held)
    affected = list(rows_affected.values_list("pk", "downtime_id", "service_id", "end"))
    # An end once set is not taken back: without one today there was none then.
    ends_before = values_at(DowntimeService, ("end",), at) if any(row[3] for row in affected) else {}
    for pk, downtime, service, end in affected:
        ends_at = ends_before[pk]["end"] if pk in ends_before else end
        if ends_at is None or ends_at > at:
            outage = held[downtime]
            found[service] = (*found.get(service, ()), outage if ends_at is None else replace(outage, end=ends_at))
    return found


def _is_outage(row: Mapping[str, Any], at: datetime) -> bool:
    is_declared = row["declared_at"] is None or row["declared_at"] <= at
    is_standing = row["cancelled_at"] is None or row["cancelled_at"] > at
    return is_declared and is_standing and row["severity"] == Severity.OUTAGE and bool(row["start"] <= at < row["end"])


def _outage(row: Mapping[str, Any]) -> Outage:
    return Outage(key=row["key"], end=row["end"], description=row["description"])


class _Wanted(NamedTuple):
    """A series that the judgement asks for, and where its observation goes."""

    service: int
    test: CriticalTest


def _observations(
    services: Sequence[_Service], tests: Mapping[str, Sequence[CriticalTest]], at: datetime
) -> dict[int, dict[str, Observation]]:
    wanted = {
        series_id(service.hostname, service.service_type, test.name, test.vo): _Wanted(service.id, test)
        for service in services
        for test in tests[service.service_type]
    }
    found = _latest(wanted, at)
    later = [series for series in wanted if series in found and found[series].executed_at > at]
    if later:
        longest = max(wanted[series].test.validity for series in later)
        past = observations_at(later, at, longest)
        found = {series: seen for series, seen in found.items() if series not in later} | past
    observed: dict[int, dict[str, Observation]] = defaultdict(dict)
    for series, seen in found.items():
        observed[wanted[series].service][wanted[series].test.name] = seen
    return observed


def _latest(wanted: Mapping[int, _Wanted], at: datetime) -> dict[int, Observation]:
    metrics = {each.test.name for each in wanted.values()}
    views = {each.test.vo for each in wanted.values()}
    rows = LatestStatus.objects.filter(metric__in=metrics, vo__in=views)
    names = ("series", "hard_status", "executed_at", "hard_since", "cause")
    return {
        series: Observation(Status(status), executed_at, since, cause, series)
        for series, status, executed_at, since, cause in rows.values_list(*names)
        if series in wanted
    }


def observations_at(series: Iterable[int], at: datetime, look_back: timedelta) -> dict[int, Observation]:
    """What the facts say of each series at that instant; older than `look_back` counts as nothing."""
    facts = open_facts()
    found = facts.status_at(list(series), at, look_back)
    failing = [each for each, (status, _) in found.items() if status not in UP]
    since = _since(facts, failing, Window(at - look_back, at + timedelta(microseconds=1)))
    return {
        each: Observation(status, executed_at, since.get(each), "", each)
        for each, (status, executed_at) in found.items()
    }


def _since(facts: Any, series: Sequence[int], window: Window) -> dict[int, datetime]:
    """The first result in a row, up to the window's end, with the status that the newest one has."""
    if not series:
        return {}
    with connect() as con:
        results = facts.results(con, window)
        hard = results.filter(results.is_hard, results.series.isin(list(series)))
        rows = hard.order_by(["executed_at", "seq"]).select("series", "status", "executed_at").to_pyarrow().to_pylist()
    found: dict[int, tuple[int, datetime]] = {}
    for row in rows:
        if row["series"] not in found or found[row["series"]][0] != row["status"]:
            found[row["series"]] = (row["status"], row["executed_at"])
    return {each: moment for each, (_, moment) in found.items()}
