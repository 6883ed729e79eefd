"""The filters that all feeds share: which sites, which services, which downtimes, of which time."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict

from gridkeeper.feeds import parameters
from gridkeeper.people.models import User
from gridkeeper.registry.models import (
    Certification,
    Downtime,
    DowntimeService,
    Infrastructure,
    Ngi,
    RoleGrant,
    Service,
    ServiceType,
    Severity,
    Site,
)
from gridkeeper.vos.models import Vo, VoSupport

#: Of every feed.
COMMON = frozenset(
    {"site", "region", "vo", "service_type", "scope", "scope_match", "certification", "infrastructure"}
)  # fmt: skip
#: Besides, of feeds of downtimes.
OF_DOWNTIMES = COMMON | {"service", "severity", "from", "until"}
_LONG_AGO = timedelta(days=92)
_FAR = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Choice:
    """What a feed is asked for; an empty tuple is no filter.

    sites, regions, services: primary keys; vos, service_types, scopes, certifications, infrastructures: words
    is_every_scope: an object must bear all the scopes, not only one
    is_own: only sites of `owner` were asked for (then `sites` may be empty and nothing fits)
    start, end: of the downtimes or changes, half-open, UTC
    said: the filters as the reader wrote them, for the feed's own description
    """

    sites: tuple[int, ...] = ()
    regions: tuple[int, ...] = ()
    vos: tuple[str, ...] = ()
    service_types: tuple[str, ...] = ()
    services: tuple[int, ...] = ()
    scopes: tuple[str, ...] = ()
    is_every_scope: bool = False
    certifications: tuple[str, ...] = ()
    infrastructures: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    is_own: bool = False
    said: tuple[tuple[str, str], ...] = ()

    @property
    def in_words(self) -> str:
        """The filters as a sentence without end; "everything" where there are none."""
        return "; ".join(f"{name} {value}" for name, value in self.said) or "everything"

    @property
    def scope_in_words(self) -> str:
        if not self.scopes:
            return "all scopes"
        return ("scope " if len(self.scopes) == 1 else f"scopes ({'all' if self.is_every_scope else 'any'} of) ") + (
            ", ".join(self.scopes)
        )

    def is_of_everything(self) -> bool:
        """True where no filter of objects is set."""
        wished = (self.sites, self.regions, self.vos, self.service_types, self.services, self.scopes)
        return not (any(wished) or self.certifications or self.infrastructures or self.is_own)


def read_choice(query: QueryDict, known: Collection[str], now: datetime, *, back: timedelta = _LONG_AGO) -> Choice:
    """The choice that an address states. Raises BadParameterError naming the parameter.

    known: the parameters of this feed; back: how long before `now` it begins where the address does not say
    """
    parameters.check_names(query, known)
    start, end = parameters.instant(query, "from"), parameters.instant(query, "until")
    start, end = start or now - back, end or now + _FAR
    if start >= end:
        parameters.refuse("until", f"{end.isoformat()} does not lie after from ({start.isoformat()})")
    scopes, match = parameters.words(query, "scope"), parameters.one_of(query, "scope_match", ("any", "all"), "any")
    return Choice(
        sites=_known(query, "site", Site.objects.all(), "key", "name"),
        regions=_known(query, "region", Ngi.objects.all(), "key", "name"),
        vos=_words_known(query, "vo", Vo.objects.all()),
        service_types=_words_known(query, "service_type", ServiceType.objects.all()),
        services=_known(query, "service", Service.objects.all(), "key", "hostname"),
        scopes=scopes,
        is_every_scope=match == "all",
        certifications=parameters.some_of(query, "certification", Certification.values),
        infrastructures=parameters.some_of(query, "infrastructure", Infrastructure.values),
        severities=parameters.some_of(query, "severity", Severity.values),
        start=start,
        end=end,
        said=tuple((name, ", ".join(parameters.words(query, name))) for name in sorted(known) if query.get(name)),
    )


def own(choice: Choice, user: User, now: datetime) -> Choice:
    """The choice, narrowed to the sites on which, or on whose region, the person holds a role in force."""
    grants = RoleGrant.objects.in_force(now).filter(user=user)
    mine = Site.objects.filter(
        Q(pk__in=grants.exclude(site=None).values("site")) | Q(ngi__in=grants.exclude(ngi=None).values("ngi"))
    )
    keys = set(mine.values_list("pk", flat=True))
    wanted = tuple(sorted(keys & set(choice.sites) if choice.sites else keys))
    said = (("sites of", user.get_username()), *choice.said)
    return replace(choice, sites=wanted, is_own=True, said=said)


def _known(query: QueryDict, name: str, rows: "QuerySet[Any]", *fields: str) -> tuple[int, ...]:
    """Primary keys of what the words name. Raises BadParameterError for a word that names nothing."""
    found: list[int] = []
    for word in parameters.words(query, name):
        keys = list(rows.filter(reduce(or_, (Q(**{field: word}) for field in fields))).values_list("pk", flat=True))
        if not keys:
            parameters.refuse(name, f"nothing is registered by the {' or '.join(reversed(fields))} {word[:60]!r}")
        found += keys
    return tuple(dict.fromkeys(found))


def _words_known(query: QueryDict, name: str, rows: "QuerySet[Any]") -> tuple[str, ...]:
    found = parameters.words(query, name)
    for word in found:
        if not rows.filter(name=word).exists():
            parameters.refuse(name, f"nothing is registered by the name {word[:60]!r}")
    return found


def _scoped(rows: "QuerySet[Any]", choice: Choice) -> "QuerySet[Any]":
    if not choice.scopes:
        return rows
    join = and_ if choice.is_every_scope else or_
    return rows.filter(reduce(join, (Q(scopes__has_tag=scope) for scope in choice.scopes)))


def _placed(rows: "QuerySet[Any]", choice: Choice, path: str) -> "QuerySet[Any]":
    """Filters on the site: `path` leads from the row to its site ("" or "site__")."""
    if choice.sites or choice.is_own:
        rows = rows.filter(**{f"{path}pk__in": choice.sites})
    if choice.regions:
        rows = rows.filter(**{f"{path}ngi__in": choice.regions})
    if choice.certifications:
        rows = rows.filter(**{f"{path}certification__in": choice.certifications})
    if choice.infrastructures:
        rows = rows.filter(**{f"{path}infrastructure__in": choice.infrastructures})
    return rows


def _offered(rows: "QuerySet[Any]", choice: Choice, moment: datetime) -> "QuerySet[Any]":
    if choice.service_types:
        rows = rows.filter(service_type__name__in=choice.service_types)
    if choice.services:
        rows = rows.filter(pk__in=choice.services)
    if choice.vos:
        support = VoSupport.objects.at(moment).filter(vo__name__in=choice.vos)
        rows = rows.filter(pk__in=support.values("service"))
    return rows


def services_chosen(choice: Choice, moment: datetime) -> "QuerySet[Service]":
    """The services of the choice, valid at the instant or not, with type, site and region; the closed ones too."""
    rows = _offered(_placed(_scoped(Service.objects.all(), choice), choice, "site__"), choice, moment)
    return rows.select_related("service_type", "site__ngi")


def services_in_feed(choice: Choice, moment: datetime) -> "QuerySet[Service]":
    """The services of the choice that are in use at the instant: valid, and at a site that is not closed."""
    rows = services_chosen(choice, moment).filter(pk__in=Service.objects.at(moment).values("pk"))
    rows = rows.filter(site__in=Site.objects.at(moment).values("pk")).exclude(site__certification=Certification.CLOSED)
    return rows.order_by("site__name", "service_type__name", "hostname", "pk")


def sites_in_feed(choice: Choice, moment: datetime) -> "QuerySet[Site]":
    """The sites of the choice at the instant, with their region, by name; closed ones only where they are asked for.

    Filters of services keep the sites that have such a service.
    """
    rows = _placed(_scoped(Site.objects.at(moment), choice), choice, "")
    if Certification.CLOSED not in choice.certifications:
        rows = rows.exclude(certification=Certification.CLOSED)
    if choice.vos or choice.service_types or choice.services:
        services = _offered(Service.objects.at(moment), choice, moment)
        rows = rows.filter(pk__in=services.values("site"))
    return rows.select_related("ngi").order_by("name", "pk")


def affected_in_feed(choice: Choice, moment: datetime) -> "QuerySet[DowntimeService]":
    """What downtimes that overlap the choice's interval do to its services, cancelled ones included.

    Ordered by start, so that rows of one downtime stand together.
    """
    rows = DowntimeService.objects.filter(downtime__start__lt=choice.end, downtime__end__gt=choice.start)
    if choice.severities:
        rows = rows.filter(downtime__severity__in=choice.severities)
    if not choice.is_of_everything():
        rows = rows.filter(service__in=services_chosen(choice, moment).order_by().values("pk"))
    return rows.select_related("downtime__follows", "service__service_type", "service__site__ngi__federation").order_by(
        "downtime__start", "downtime__pk", "service__site__name", "service__hostname", "pk"
    )


def downtimes_of(affected: Iterable[DowntimeService]) -> dict[Downtime, list[DowntimeService]]:
    """Downtime -> what it does, in the order of the rows."""
    found: dict[Downtime, list[DowntimeService]] = {}
    for row in affected:
        found.setdefault(row.downtime, []).append(row)
    return found
