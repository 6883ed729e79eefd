"""What is to be run: every test of every VO's profile on every monitored service, as frozen values."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Count, Max, Prefetch

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.probes.models import LatestStatus, ProfileEntry, Test, TestKind
from gridkeeper.probes.native.check import Target
from gridkeeper.registry.models import Certification, Endpoint, Service, Site
from gridkeeper.vos.models import Vo, VoSupport

#: Sites in these states are not tested: they have left, or have not come yet.
_UNTESTED = (Certification.CANDIDATE, Certification.SUSPENDED, Certification.CLOSED)
_DEFAULT_PORTS = {"http": 80, "https": 443, "ldap": 389, "ldaps": 636, "ssh": 22}


@dataclass(frozen=True, slots=True)
class TestSpec:
    """A test as the engine needs it; the fields are those of `probes.models.Test`."""

    __test__ = False

    name: str
    kind: str
    command: str
    arguments: Any
    is_per_vo: bool
    interval_s: int
    timeout_s: int
    max_attempts: int
    retry_interval_s: int
    depends_on: tuple[str, ...]
    stage: str
    credential: str = ""
    fastest_interval_s: int = 0
    slowest_interval_s: int = 0
    priority: int = 0
    validity_s: int = 86_400
    places: Any = None


@dataclass(frozen=True, slots=True)
class Place:
    """A service as tests see it.

    limit_key: runs against the same host count together; endpoints: URLs of its own and of its endpoints
    """

    service_id: int
    target: Target
    service_type: str
    site: str
    site_bdii: str
    properties: Mapping[str, str]
    endpoints: tuple[str, ...] = ()

    @property
    def limit_key(self) -> str:
        return self.target.address or self.target.hostname


@dataclass(frozen=True, slots=True)
class Instance:
    """One test on one service for one VO ("" for all).

    riders: for a job test, the tests that come back with it; each has a series of its own
    blockers: series of the tests that this one depends on, with their names
    prepared: arguments of a native check, parsed at its first run
    """

    key: SeriesKey
    test: TestSpec
    place: Place
    riders: tuple[TestSpec, ...] = ()
    blockers: tuple[tuple[int, str], ...] = ()
    series: int = field(init=False)
    prepared: list[Any] = field(init=False, default_factory=list, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "series", self.key.series)

    def rider_key(self, rider: TestSpec) -> SeriesKey:
        vo = self.key.vo if rider.is_per_vo else ""
        return SeriesKey(self.key.hostname, self.key.service_type, rider.name, vo)


def stamp() -> tuple[Any, ...]:
    """Changes whenever what is to be run may have changed: the newest audit record of each table that matters."""
    newest = [
        model.history.aggregate(newest=Max("history_id"))["newest"]
        for model in (Service, Endpoint, Site, Test, ProfileEntry, Vo, VoSupport)
    ]
    dependencies = Test.depends_on.through._default_manager.aggregate(
        Max("pk"), Count("pk")
    )  # these have no audit record
    return (*newest, *dependencies.values())


def load_instances() -> dict[int, Instance]:
    """All instances by series."""
    specs, riders_of = _specs()
    places = _places()
    supported: dict[str, set[int]] = defaultdict(set)
    support = VoSupport.objects.current().filter(vo__valid_until=None)
    for vo, service_id in support.values_list("vo__name", "service_id"):
        supported[vo].add(service_id)
    found: dict[int, Instance] = {}
    for vo, by_type in _profiles().items():
        for service_id in supported[vo]:
            place = places.get(service_id)
            if place is not None:
                wanted = [specs[name] for name in by_type.get(place.service_type, ()) if name in specs]
                for instance in instances_of(place, vo, wanted, riders_of):
                    found.setdefault(instance.series, instance)
    return found


def instances_of(
    place: Place, vo: str, tests: Sequence[TestSpec], riders_of: Mapping[str, Sequence[str]]
) -> Iterable[Instance]:
    """The instances of a VO's tests on one service. Tests that ride in a job of the same profile come with it."""
    by_name = {test.name: test for test in tests}
    carried = {rider for name in by_name for rider in riders_of.get(name, ())}

    def key(test: TestSpec) -> SeriesKey:
        return SeriesKey(place.target.hostname, place.service_type, test.name, vo if test.is_per_vo else "")

    for test in tests:
        if test.kind == TestKind.PASSIVE or (test.name in carried):
            continue
        riders = tuple(by_name[name] for name in riders_of.get(test.name, ()) if name in by_name)
        blockers = tuple((key(by_name[name]).series, name) for name in test.depends_on if name in by_name)
        yield Instance(key(test), test, place, riders, blockers)


def _profiles() -> dict[str, dict[str, list[str]]]:
    """VO -> service type -> names of tests. A VO without entries relies on the operations VO's results."""
    entries: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = ProfileEntry.objects.current().filter(vo__valid_until=None)
    for vo, service_type, test in rows.values_list("vo__name", "service_type__name", "test__name"):
        entries[vo][service_type].append(test)
    return entries


def _specs() -> tuple[dict[str, TestSpec], dict[str, list[str]]]:
    """Enabled tests by name, and the names of those that ride in each."""
    riders: dict[str, list[str]] = defaultdict(list)
    specs: dict[str, TestSpec] = {}
    for test in Test.objects.filter(is_enabled=True).select_related("rides_in").prefetch_related("depends_on"):
        specs[test.name] = spec_of(test)
        if test.rides_in is not None:
            riders[test.rides_in.name].append(test.name)
    return specs, riders


def spec_of(test: Test) -> TestSpec:
    return TestSpec(
        test.name, test.kind, test.command, test.arguments, test.is_per_vo, test.interval_s, test.timeout_s,
        test.max_attempts, test.retry_interval_s, tuple(sorted(item.name for item in test.depends_on.all())),
        test.stage, test.credential, test.fastest_interval_s, test.slowest_interval_s, test.priority, test.validity_s,
        test.places or None,
    )  # fmt: skip


def _places() -> dict[int, Place]:
    services = (
        Service.objects.current()
        .filter(is_monitored=True, site__valid_until=None)
        .exclude(site__certification__in=_UNTESTED)
        .select_related("site", "service_type")
        .prefetch_related(Prefetch("endpoints", Endpoint.objects.current()))
    )
    return {service.pk: place_of(service) for service in services}


def place_of(service: Service) -> Place:
    """Raises nothing: a URL that cannot be read leaves the port unknown, and the check says so."""
    try:
        parts = urlsplit(service.url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        port = 0
    target = Target(service.hostname, service.host_ip, port, service.url)
    properties = {str(key): str(value) for key, value in service.properties.items()}
    current = [endpoint.url for endpoint in service.endpoints.all() if endpoint.valid_until is None]
    urls = tuple(dict.fromkeys(filter(None, [service.url, *current])))
    return Place(
        service.pk, target, service.service_type.name, service.site.name, service.site.giis_url, properties, urls
    )


def latest_rows() -> list[tuple[int, Status, Status, str]]:
    """Series, hard status, newest status and cause of every series: what is known from before (`memory.Memory`)."""
    rows = LatestStatus.objects.values_list("series", "hard_status", "status", "cause")
    return [(series, Status(hard), Status(newest), cause) for series, hard, newest, cause in rows]
