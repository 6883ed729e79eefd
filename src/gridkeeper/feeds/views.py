"""The feeds: what they are asked for, what they answer. Each is one function of a choice and an instant."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from gridkeeper.feeds import atom, calendars, changes, maps, parameters, targets
from gridkeeper.feeds.addresses import Origin
from gridkeeper.feeds.answers import answer, feed, for_readers
from gridkeeper.feeds.filters import (
    COMMON,
    OF_DOWNTIMES,
    Choice,
    affected_in_feed,
    downtimes_of,
    own,
    read_choice,
    services_in_feed,
)
from gridkeeper.feeds.good_changes import OF_GOOD_SITES, good_changes
from gridkeeper.feeds.places import places
from gridkeeper.feeds.versions import recurrence_versions, registry_changed_at, versions_of
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import find_token
from gridkeeper.registry.models import Downtime, DowntimeRecurrence, Service
from gridkeeper.registry.recurrence_rules import Recurrence
from gridkeeper.registry.recurrences import recurrence_of
from gridkeeper.vos.queries import vo_names_of_services
from gridkeeper.web.moments import as_of_of, moment_of

#: What a token of a person's own calendar may do, and all that it may do.
TOKEN_SCOPE = "feeds"  # noqa: S105  a word, no secret
_CHANGES_BACK = timedelta(days=30)
#: What the calendar of downtimes reads of each row: a region declares thousands, and most columns are never shown.
_SHOWN_WITH = ("downtime__follows", "service__service_type", "service__site")
_SHOWN = (
    "end", "downtime__key", "downtime__severity", "downtime__classification", "downtime__description",
    "downtime__declared_at", "downtime__start", "downtime__end", "downtime__cancelled_at", "downtime__follows__key",
    "downtime__follows__start", "service__key", "service__hostname", "service__service_type__name",
    "service__site__name",
)  # fmt: skip
#: `updated` of a feed in which nothing ever happened.
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a feed, read. owner: whose sites alone are wanted; None: everybody's."""

    request: HttpRequest
    now: datetime
    origin: Origin
    owner: User | None = None

    def choice(self, known: frozenset[str], **options: Any) -> Choice:
        found = read_choice(self.request.GET, known, self.now, **options)
        return own(found, self.owner, self.now) if self.owner else found

    @property
    def reader(self) -> Actor:
        """Who reads: the owner of the secret address, else whoever is signed in."""
        return Actor(user=self.owner) if self.owner else Actor.of(self.request)


Maker = Callable[[Asked], HttpResponse]


def downtimes_ics(asked: Asked) -> HttpResponse:
    """Downtimes as a calendar: `per=downtime` one event each, `per=service` one for each service."""
    choice = asked.choice(OF_DOWNTIMES | {"per"})
    is_per_service = parameters.one_of(asked.request.GET, "per", ("downtime", "service"), "downtime") == "service"
    rows = affected_in_feed(choice, asked.now).select_related(None)
    found = downtimes_of(rows.select_related(*_SHOWN_WITH).only(*_SHOWN))
    versions = versions_of(found, asked.now)
    calendar = calendars.a_calendar(
        f"Downtimes: {choice.in_words}",
        f"Downtimes of {asked.origin.federation_name}, {choice.scope_in_words}; chosen: {choice.in_words}. "
        "Cancelled ones are marked as such. Times are UTC.",
        asked.origin.url(reverse("feeds:index")),
    )
    events = calendars.events_of(found, versions, asked.origin, is_per_service=is_per_service)
    changed_at = max((version.at for version in versions.values()), default=None)
    return _calendar(asked, calendars.with_events(calendar, events), changed_at, "downtimes.ics")


def recurrences_ics(asked: Asked) -> HttpResponse:
    """The rules of recurring downtimes; the occurrences that were made of them stand in the other calendar."""
    choice = asked.choice(OF_DOWNTIMES)
    rules = _rules(choice, asked.now)
    cancelled: dict[int, list[datetime]] = defaultdict(list)
    for rule, start in (
        Downtime.objects.filter(recurrence__in=[rule.pk for rule in rules])
        .exclude(cancelled_at=None)
        .order_by("start")
        .values_list("recurrence", "start")
    ):
        cancelled[rule].append(start)
    versions = recurrence_versions(rules, asked.now)
    calendar = calendars.a_calendar(
        f"Recurring downtimes: {choice.in_words}",
        f"Rules of recurring downtimes of {asked.origin.federation_name}, {choice.scope_in_words}; "
        f"chosen: {choice.in_words}.",
        asked.origin.url(reverse("feeds:index")),
    )
    for name in sorted({rule.timezone for rule in rules} - {"UTC"}):
        first = min(rule.first_start for rule in rules if rule.timezone == name)
        # A year more than any reader will look ahead, so that the definition holds as long as the calendar does.
        calendar.add_component(calendars.zone_of(name, first.astimezone(ZoneInfo(name)), asked.now.replace(
            month=1, day=1) + timedelta(days=3653)))  # fmt: skip
    for event in calendars.rule_events(rules, cancelled, versions, asked.origin):
        calendar.add_component(event)
    changed_at = max((version.at for version in versions.values()), default=None)
    return _calendar(asked, calendars.as_bytes(calendar), changed_at, "recurrences.ics")


def _rules(choice: Choice, now: datetime) -> dict[DowntimeRecurrence, tuple[Recurrence, list[Service]]]:
    """The rules of the choice; one that cannot be followed, as after an import, makes no downtimes and is left out."""
    wanted = services_in_feed(replace(choice, severities=()), now)
    rows = DowntimeRecurrence.objects.prefetch_related("services__service_type", "services__site")
    if choice.severities:
        rows = rows.filter(severity__in=choice.severities)
    if not choice.is_of_everything():
        rows = rows.filter(pk__in=DowntimeRecurrence.objects.filter(services__in=wanted.order_by()).values("pk"))
    found = {}
    for row in rows.order_by("first_start", "pk"):
        with suppress(ValidationError):
            found[row] = recurrence_of(row), list(row.services.all())
    return found


def _calendar(asked: Asked, body: bytes, changed_at: datetime | None, filename: str) -> HttpResponse:
    return answer(asked.request, body, "text/calendar; charset=utf-8", changed_at, filename=filename)


def changes_atom(asked: Asked) -> HttpResponse:
    """What changed: `kind=` downtime, certification, topology, or all of them."""
    choice = asked.choice(OF_DOWNTIMES | {"kind"}, back=_CHANGES_BACK)
    kinds = parameters.some_of(asked.request.GET, "kind", changes.KINDS) or changes.KINDS
    found = changes.changes(choice, kinds, asked.reader, asked.now)
    body = atom.atom(
        found,
        title=f"Changes of {asked.origin.federation_name}: {', '.join(kinds)}",
        subtitle=f"{choice.scope_in_words}; chosen: {choice.in_words}",
        identity=asked.origin.urn("changes", *kinds, *choice.said, asked.owner.key if asked.owner else ""),
        # A secret address is not repeated in what it answers.
        self_url=asked.origin.url(reverse("feeds:changes_atom") if asked.owner else asked.request.get_full_path()),
        origin=asked.origin,
        empty=_NEVER,
    )
    return answer(asked.request, body, atom.CONTENT_TYPE, changes.newest(found), filename="changes.atom")


def good_sites_atom(asked: Asked) -> HttpResponse:
    """When sites became good or bad for VOs, and why."""
    choice = asked.choice(OF_GOOD_SITES, back=_CHANGES_BACK)
    found = good_changes(choice)
    body = atom.atom(
        found,
        title=f"Good sites of {asked.origin.federation_name}",
        subtitle=f"chosen: {choice.in_words}",
        identity=asked.origin.urn("good-sites", *choice.said, asked.owner.key if asked.owner else ""),
        self_url=asked.origin.url(reverse("feeds:good-sites_atom") if asked.owner else asked.request.get_full_path()),
        origin=asked.origin,
        empty=_NEVER,
    )
    return answer(asked.request, body, atom.CONTENT_TYPE, changes.newest(found), filename="good-sites.atom")


def sites_geojson(asked: Asked) -> HttpResponse:
    """Sites with position, certification, status by VO and what downs them now."""
    choice, is_present = asked.choice(COMMON), as_of_of(asked.request) is None
    found = places(choice, asked.now, with_results=is_present)
    body = maps.geojson(found, asked.origin, with_results=is_present)
    changed_at = registry_changed_at(asked.now, with_statuses=is_present)
    return answer(asked.request, body, maps.GEOJSON_TYPE, changed_at, filename="sites.geojson")


def sites_kml(asked: Asked) -> HttpResponse:
    """The same for globe viewers: a folder a region, a style a status."""
    choice, is_present = asked.choice(COMMON), as_of_of(asked.request) is None
    found = places(choice, asked.now, with_results=is_present)
    body = maps.kml(
        found,
        asked.origin,
        name=f"Sites of {asked.origin.federation_name}",
        description=f"{choice.scope_in_words}; chosen: {choice.in_words}",
    )
    changed_at = registry_changed_at(asked.now, with_statuses=is_present)
    return answer(asked.request, body, maps.KML_TYPE, changed_at, filename="sites.kml")


def targets_json(asked: Asked) -> HttpResponse:
    """Targets of Prometheus: services in production that are monitored, unless `production=` or `monitored=` say."""
    choice = asked.choice(COMMON | {"service", "production", "monitored"})
    production = parameters.yes_no(asked.request.GET, "production", default=True)
    monitored = parameters.yes_no(asked.request.GET, "monitored", default=True)
    rows = services_in_feed(choice, asked.now)
    if production is not None:
        rows = rows.filter(in_production=production)
    if monitored is not None:
        rows = rows.filter(is_monitored=monitored)
    body = targets.targets(rows, vo_names_of_services(rows.order_by(), asked.now), asked.origin)
    return answer(asked.request, body, targets.CONTENT_TYPE, registry_changed_at(asked.now))


#: Name in the address -> what makes it. The page of feeds lists them in this order.
FEEDS: dict[str, Maker] = {
    "downtimes.ics": downtimes_ics,
    "recurrences.ics": recurrences_ics,
    "changes.atom": changes_atom,
    "good-sites.atom": good_sites_atom,
    "sites.geojson": sites_geojson,
    "sites.kml": sites_kml,
    "targets.json": targets_json,
}


@for_readers
@feed
def public(request: HttpRequest, name: str) -> HttpResponse:
    """A feed for everybody who may read the portal."""
    return FEEDS[name](Asked(request, moment_of(request), Origin.of(request)))


@feed
def personal(request: HttpRequest, secret: str, name: str) -> HttpResponse:
    """The same of a person's own sites, by a secret address: calendars on telephones can send no header.

    The secret is a token that may do nothing else; it is revoked and made anew like any other. A token that may do
    more is refused here, for addresses end up in logs and histories.
    """
    token = find_token(secret, timezone.now())
    if token is None or set(token.scopes) != {TOKEN_SCOPE} or name not in FEEDS:
        raise Http404("no such feed: the address is wrong, or its secret was changed")
    response = FEEDS[name](Asked(request, moment_of(request), Origin.of(request), token.user))
    response["Cache-Control"] = "private, no-cache"
    response["Referrer-Policy"] = "no-referrer"
    del response["Access-Control-Allow-Origin"]
    return response
