"""What bears no dates of its own, as it stood when a day ended: a later edit does not change the figures of that day.

Regions, tiers, scopes, properties, production and monitoring come from the audit records; certification from its log.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from gridkeeper.availability.profiles.documents import Filter
from gridkeeper.availability.topology_period import Period
from gridkeeper.core.windows import Window
from gridkeeper.people.past import as_of
from gridkeeper.registry.models import CertificationChange, Ngi, NgiMembership, Service, Site


class SiteThen(NamedTuple):
    """Where a site stood, and what it was for. region, federation: keys."""

    region: str
    federation: str
    tier: str
    infrastructure: str


class Tags(NamedTuple):
    """Scopes and properties of a site or service."""

    scopes: Sequence[str] = ()
    properties: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Then:
    """services: id -> (in production, monitored); the tags are empty unless a report asks for them (has_tags)."""

    services: Mapping[int, tuple[bool, bool]]
    sites: Mapping[int, SiteThen]
    service_tags: Mapping[int, Tags]
    site_tags: Mapping[int, Tags]
    projects: Mapping[str, Sequence[str]]
    has_tags: bool

    @classmethod
    def at(cls, moment: datetime, *, with_tags: bool, with_projects: bool) -> "Then":
        """Two queries of the past, two more with tags; projects by their own dates."""
        with as_of(moment):
            services = Service.objects.values_list("pk", "in_production", "is_monitored")
            flags = {pk: (in_production, is_monitored) for pk, in_production, is_monitored in services}
            rows = Site.objects.values_list("pk", "ngi__key", "ngi__federation__key", "tier", "infrastructure")
            sites = {pk: SiteThen(*words) for pk, *words in rows}
            service_tags, site_tags = (_tags(Service), _tags(Site)) if with_tags else ({}, {})
        return cls(flags, sites, service_tags, site_tags, _projects(moment) if with_projects else {}, with_tags)

    def is_judged(self, service: Service) -> bool:
        return all(self.services.get(service.pk, (service.in_production, service.is_monitored)))

    def site(self, site: Site) -> SiteThen:
        known = self.sites.get(site.pk)
        return known or SiteThen(site.ngi.key, site.ngi.federation.key, site.tier, site.infrastructure)

    def fits(self, wanted: Filter, service: Service) -> bool:
        """True where what has no dates of its own fits the filter; certification is a matter of windows."""
        if wanted.infrastructures and self.site(service.site).infrastructure not in wanted.infrastructures:
            return False
        if not wanted.scopes and not wanted.tags:
            return True
        own, of_site = self.service_tags.get(service.pk), self.site_tags.get(service.site_id)
        return has_tags(wanted, own or _tags_now(service), of_site or _tags_now(service.site))


def has_tags(wanted: Filter, service: Tags, site: Tags) -> bool:
    """True where both bear one of the scopes, and the properties are those of the service or else of its site.

    >>> tagged = Filter(scopes=("EGI",), tags={"tier": "1"})
    >>> has_tags(tagged, Tags(["EGI"]), Tags(["EGI", "Local"], {"tier": "1"}))
    True
    >>> has_tags(tagged, Tags(["Local"]), Tags(["EGI"], {"tier": "1"}))
    False
    """
    if wanted.scopes and not all(set(wanted.scopes) & set(tags.scopes) for tags in (service, site)):
        return False
    return all(
        str(service.properties.get(name, site.properties.get(name, ""))) == value for name, value in wanted.tags.items()
    )


def _tags_now(place: Service | Site) -> Tags:
    return Tags(place.scopes, place.properties)


def _tags(model: type[Service] | type[Site]) -> dict[int, Tags]:
    return {
        pk: Tags(scopes, properties)
        for pk, scopes, properties in model.objects.values_list("pk", "scopes", "properties")
    }


def _projects(moment: datetime) -> dict[str, list[str]]:
    """Key of a region -> keys of all federations that it belonged to, its own first."""
    found = {key: [own] for key, own in Ngi.objects.values_list("key", "federation__key")}
    memberships = NgiMembership.objects.at(moment).values_list("ngi__key", "federation__key")
    for region, federation in memberships.order_by("federation__key"):
        if federation not in found[region]:
            found[region].append(federation)
    return found


class Certified:
    """The parts of a period in which each site's certification was one of some.

    Until a recorded change a site was what that change says it was before; without a later one it is what it is now.
    """

    def __init__(self, period: Period, site: Site | None) -> None:
        sites = Site.objects.overlapping(period.window.start, period.window.end)
        changes = CertificationChange.objects.filter(changed_at__gt=period.window.start).order_by("changed_at", "pk")
        if site is not None:
            sites, changes = sites.filter(pk=site.pk), changes.filter(site=site)
        self._later: dict[int, list[CertificationChange]] = defaultdict(list)
        for change in changes:
            self._later[change.site_id].append(change)
        self._present = dict(sites.values_list("pk", "certification"))
        self._window = period.window
        self._known: dict[tuple[int, frozenset[str]], list[Window]] = {}

    def windows(self, site_pk: int, wanted: Sequence[str]) -> list[Window]:
        """The whole period where none is wanted in particular."""
        if not wanted:
            return [self._window] if site_pk in self._present else []
        key = (site_pk, frozenset(wanted))
        if key not in self._known:
            self._known[key] = list(self._parts(*key))
        return self._known[key]

    def _parts(self, site_pk: int, wanted: frozenset[str]) -> Iterator[Window]:
        present = self._present.get(site_pk, "")
        start = self._window.start
        for change in self._later.get(site_pk, ()):
            end = min(change.changed_at, self._window.end)
            if (change.old or present) in wanted and start < end:
                yield Window(start, end)
            start = end
        if present in wanted and start < self._window.end:
            yield Window(start, self._window.end)
