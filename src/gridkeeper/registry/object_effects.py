"""What a change would do besides changing a value: to feeds, tests, the matrix and people; said beforehand.

`consequences_*` are pure: facts in, sentences out; `effects_of_*` ask the database for those facts.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridkeeper.registry.events import who_is_told
from gridkeeper.registry.models import Certification, Scope, Service, Site
from gridkeeper.registry.scope_actions import Bearer, bearers_below, reserved_names
from gridkeeper.registry.scope_rules import scope_change

#: In these states the services of a site are tested (`probes` leaves the others alone).
TESTED = frozenset({Certification.CERTIFIED, Certification.UNCERTIFIED})


@dataclass(frozen=True, slots=True)
class Effects:
    """consequences: sentences; told: way ("Mail") -> number of people; affected: names of other objects that change."""

    consequences: Sequence[str] = ()
    told: Mapping[str, int] = field(default_factory=dict)
    affected: Sequence[str] = ()

    @property
    def told_words(self) -> str:
        """Who is told, in one sentence; "" where nobody asked whether anybody is."""
        ways = [
            f"{number} {'person' if number == 1 else 'people'} by {way.lower()}"
            for way, number in self.told.items()
            if number
        ]
        if not self.told:
            return ""
        return f"Told: {', '.join(ways)}." if ways else "Nobody has subscribed to be told of it."

    @property
    def digest(self) -> str:
        """Changes whenever what is said does: a confirmation counts for what the person has read only."""
        text = "\n".join([*self.consequences, *map(str, self.told.items()), *self.affected])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def plural(number: int, noun: str) -> str:
    """
    >>> plural(1, "service"), plural(2, "service")
    ('1 service', '2 services')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def doing(number: int, noun: str, verb: str, tail: str = "") -> str:
    """
    >>> doing(1, "service", "leave", "the matrix"), doing(2, "service", "leave", "the matrix")
    ('1 service leaves the matrix', '2 services leave the matrix')
    """
    return f"{plural(number, noun)} {verb}{'s' if number == 1 else ''} {tail}".rstrip()


def consequences_of_certification(
    old: Certification, new: Certification, *, services: int, monitored: int, production: int
) -> list[str]:
    """What a step of certification changes, by the numbers of the site's services."""
    said: list[str] = []
    if new is Certification.CERTIFIED:
        said.append(doing(monitored, "monitored service", "enter", "the matrix; availability is computed from now on."))
        said.append(f"{plural(production, 'service')} in production may be offered to VOs, once the tests are good.")
        said.append("Feeds that are asked for certified sites answer it from now on.")
    if old is Certification.CERTIFIED:
        said.append(doing(monitored, "service", "leave", "the matrix; no availability is computed from now on."))
        said.append(f"No VO is offered its {plural(production, 'service')} in production any more.")
        said.append("Feeds that are asked for certified sites drop it and its services.")
    if (old in TESTED) != (new in TESTED):
        what = f"Tests of {plural(monitored, 'service')}"
        if new in TESTED:
            said.append(f"{what} begin within the hour; failures show in the matrix.")
        else:
            said.append(f"{what} stop at once; its failures are seen by nobody.")
    if new is Certification.CLOSED:
        said.append(doing(services, "service", "end", "with it and leave every feed; its API credentials end too."))
        said.append("Closed is final: to bring the site back, it is registered anew.")
    return said


def effects_of_certification(site: Site, new: str) -> Effects:
    """One step of the site's certification."""
    services = list(site.services.current().select_related("service_type"))
    said = consequences_of_certification(
        Certification(site.certification),
        Certification(new),
        services=len(services),
        monitored=sum(each.is_monitored for each in services),
        production=sum(each.in_production for each in services),
    )
    return Effects(said, who_is_told("certification.changed", services))


#: (field, new value) of a service -> what follows.
_SERVICE_SWITCHES = {
    ("in_production", False): "It leaves the lists of good sites and the figures: no VO is offered it.",
    ("in_production", True): "It may be offered to VOs once its tests are good, and counts in the figures.",
    ("is_monitored", False): "Its tests stop, it leaves the matrix, and its failures are seen by nobody.",
    ("is_monitored", True): "It enters the matrix; its tests begin within the hour.",
    ("is_beta", True): "Feeds mark it as beta: clients may leave it aside.",
    ("is_beta", False): "Feeds mark it as beta no more.",
    ("notifications", False): "Tools that read NOTIFICATIONS, such as ARGO, mail nobody about it.",
    ("notifications", True): "Tools that read NOTIFICATIONS, such as ARGO, mail the site about it.",
}


def consequences_of_service_edit(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What follows from new values of a service; nothing for those that only describe it."""
    return [
        words
        for (name, value), words in _SERVICE_SWITCHES.items()
        if name in after and bool(after[name]) is value and bool(before[name]) is not value
    ]


def effects_of_service_edit(service: Service, changes: Mapping[str, Any]) -> Effects:
    """An edit of a service."""
    before = {name: getattr(service, name) for name in changes}
    said = consequences_of_service_edit(before, changes)
    if said and service.site.certification != Certification.CERTIFIED:
        said.append(f"All this once its site is certified; {service.site} is {service.site.certification}.")
    return Effects(said)


def effects_of_site_edit(site: Site, changes: Mapping[str, Any]) -> Effects:
    """An edit of a site."""
    said = []
    infrastructure = changes.get("infrastructure", site.infrastructure)
    if infrastructure != site.infrastructure:
        count = plural(site.services.current().count(), "service")
        said.append(f"Clients that ask feeds for {site.infrastructure} sites lose it and its {count}.")
        said.append(f"Those that ask for {infrastructure} sites find it.")
    if changes.get("notifications", site.notifications) != site.notifications:
        mailed = "the site" if changes["notifications"] else "nobody"
        said.append(f"Tools that read NOTIFICATIONS, such as ARGO, mail {mailed} about its failures.")
    return Effects(said)


def effects_of_scopes(subject: Bearer, after: Sequence[str]) -> Effects:
    """Another set of scopes: which feeds answer it, and what below it loses one too."""
    change = scope_change(subject.scopes, after)
    default = Scope.objects.current().filter(is_default=True).values_list("name", flat=True).first()
    said = [f"Feeds that are asked for scope {name} answer it from now on." for name in change.added]
    said += [f"Feeds that are asked for scope {name} drop it." for name in change.removed]
    if default in change.removed:
        said.append(f"{default} is the default: clients that ask for no scope do not find it any more.")
    if default in change.added:
        said.append(f"{default} is the default: clients that ask for no scope find it.")
    reserved = reserved_names() & set(change.removed)
    below = [each for name in sorted(reserved) for each in bearers_below(subject, name)]
    if below:
        names = ", ".join(sorted(reserved))
        said.append(f"{names} is reserved: {_losing(len(below))}.")
    return Effects(said, affected=[str(each) for each in below])


def _losing(number: int) -> str:
    return "1 object below it loses it too" if number == 1 else f"{number} objects below it lose it too"


def effects_of_closing_service(service: Service) -> Effects:
    """The end of a service."""
    said = ["It leaves every feed, the matrix and all lists; its tests stop. What history says of it stays."]
    if groups := service.group_memberships.current().count():
        said.append(f"It leaves {plural(groups, 'service group')}.")
    if endpoints := service.endpoints.current().count():
        said.append(doing(endpoints, "endpoint", "end", "with it."))
    downtimes = service.downtimes.filter(cancelled_at=None).count()
    if downtimes:
        said.append(f"Downtimes that name it stay readable: {downtimes}.")
    return Effects([*said, "Its type and host are free to be registered again."])


def effects_of_renaming(site: Site, name: str) -> Effects:
    """Another name of a site."""
    said = [
        f"Every page, report and feed says {name} from now on; clients that ask for {site.name} find nothing.",
        "Its key, history and figures stay.",
    ]
    return Effects(said, who_is_told("site.renamed", list(site.services.current())))


def effects_of_moving(site: Site, ngi: Any) -> Effects:
    """Another region of a site."""
    count = plural(site.services.current().count(), "service")
    said = [
        f"It and its {count} stand under {ngi} in matrix, figures and feeds from now on.",
        f"Who holds a role on {site.ngi} may change it no more; who holds one on {ngi} may.",
    ]
    return Effects(said, who_is_told("site.moved", list(site.services.current())))
