"""What a downtime would do, before it is declared: its class and why, what is left, what it meets, who is told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.registry.downtime_rows import notice_of, sites_of
from gridkeeper.registry.downtime_rules import NOTICE, Phase, Plan, classification_reason, classify
from gridkeeper.registry.events import who_is_told
from gridkeeper.registry.models import Classification, Downtime, DowntimeService, RoleGrant, Service, Severity, Site
from gridkeeper.registry.queries import downtimes_between

#: Named in a preview at most; further ones are counted.
_MOST = 12


@dataclass(frozen=True, slots=True)
class Conflict:
    """A downtime of one of the services in the same time."""

    downtime: Downtime
    services: Sequence[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """One phase: from when to when, how severe, how it is classified and why.

    excuses: whether failed tests in it are excused in the availability figures
    """

    window: Window
    severity: str
    classification: Classification
    reason: str

    @property
    def excuses(self) -> bool:
        return self.severity == Severity.OUTAGE and self.classification is Classification.SCHEDULED

    @property
    def availability(self) -> str:
        """The effect on the figures, in words (availability.md section 2: only scheduled outages excuse)."""
        if self.excuses:
            return "Failed tests in this time are excused in the availability figures."
        if self.severity == Severity.OUTAGE:
            return "It is published, but failed tests count all the same: only a scheduled outage excuses them."
        return "It is published as a warning; failed tests count all the same."


@dataclass(frozen=True, slots=True)
class Effects:
    """What a downtime would do.

    hints: what is left of each kind of service at each site, and whether a site is then down
    told: who holds a role there, or is a contact: "alice, Site Administrator of X"
    subscribed: way ("Mail") -> number of people who have subscribed to it
    """

    services: int
    sites: tuple[str, ...]
    stretches: Sequence[Stretch]
    hints: Sequence[str] = ()
    conflicts: Sequence[Conflict] = ()
    told: Sequence[str] = ()
    subscribed: Mapping[str, int] = field(default_factory=dict)

    @property
    def classification(self) -> Classification:
        return self.stretches[0].classification

    @property
    def duration(self) -> timedelta:
        return self.stretches[-1].window.end - self.stretches[0].window.start

    @property
    def sentence(self) -> str:
        """ "2 services of 1 site; UNSCHEDULED because it starts in less than 24 hours"."""
        services = f"{self.services} service{'' if self.services == 1 else 's'}"
        sites = f"{len(self.sites)} site{'' if len(self.sites) == 1 else 's'}"
        return f"{services} of {sites}; {self.classification.value} because {self.stretches[0].reason}"


def stretches_of(plan: Plan, now: datetime, notice: timedelta = NOTICE) -> list[Stretch]:
    """The phases of the plan, as they would be classified."""
    phases = [Phase(plan.start, plan.severity), *plan.phases]
    stops = [*(phase.at for phase in plan.phases), plan.end]
    return [
        Stretch(
            Window(phase.at, stop), phase.severity, classify(now, phase.at, notice),
            classification_reason(now, phase.at, notice),
        )
        for phase, stop in zip(phases, stops, strict=True)
    ]  # fmt: skip


def preview(
    actor: Actor, *, plan: Plan, services: Sequence[Service], now: datetime, apart_from: Collection[int] = ()
) -> Effects:
    """What would follow from declaring the plan, or from editing a downtime to it.

    apart_from: primary keys of downtimes that are no conflict: the edited one itself, and its chain

    Six queries, whatever the number of services. People are named to those who are signed in.
    """
    sites = sites_of(services)
    overlapping = downtimes_between(plan.start, plan.end).filter(services__in=services)
    others = list(overlapping.exclude(pk__in=apart_from).distinct())
    return Effects(
        services=len(services),
        sites=tuple(site.name for site in sites),
        stretches=stretches_of(plan, now, notice_of(sites)),
        hints=_hints(plan, services, sites, apart_from),
        conflicts=_conflicts(plan, others),
        told=_told(sites, now) if actor.user or actor.is_system else (),
        subscribed={way: number for way, number in who_is_told("downtime.declared", services).items() if number},
    )


def _conflicts(plan: Plan, others: Sequence[Downtime]) -> list[Conflict]:
    found = []
    for downtime in others:
        common = [
            str(part.service)
            for part in downtime.affected.all()
            if part.service_id in plan.services
            and (part.end or downtime.end) > plan.start
            and plan.end_of(part.service_id) > downtime.start
        ]
        if common:
            found.append(Conflict(downtime, sorted(common)))
    return found


def _hints(plan: Plan, services: Sequence[Service], sites: Sequence[Site], apart_from: Collection[int]) -> list[str]:
    """ "3 of 4 CE of SITE are then out, 1 is left", worst first; what other outages take in that time counts too."""
    outages = _outage_windows(plan)
    if not outages:
        return []
    standing = Service.objects.current().filter(site__in=sites, in_production=True).select_related("service_type")
    out = {service.pk for service in services} | _out_by_others(outages, standing, apart_from)
    hints: list[tuple[int, str]] = []
    for site in sites:
        hints += _site_hints(site, [each for each in standing if each.site_id == site.pk], out, plan)
    return [text for _, text in sorted(hints)]


def _outage_windows(plan: Plan) -> list[Window]:
    phases = [Phase(plan.start, plan.severity), *plan.phases]
    stops = [*(phase.at for phase in plan.phases), plan.end]
    pairs = zip(phases, stops, strict=True)
    return [Window(phase.at, stop) for phase, stop in pairs if phase.severity == Severity.OUTAGE]


def _out_by_others(outages: Sequence[Window], standing: Collection[Service], apart_from: Collection[int]) -> set[int]:
    parts = DowntimeService.objects.filter(
        service__in=standing, downtime__cancelled_at=None, downtime__severity=Severity.OUTAGE,
        downtime__start__lt=max(window.end for window in outages),
        downtime__end__gt=min(window.start for window in outages),
    )  # fmt: skip
    rows = parts.exclude(downtime__in=apart_from).values_list("service", "downtime__start", "end", "downtime__end")
    return {
        service
        for service, start, own, end in rows
        if any(window.start < (own or end) and start < window.end for window in outages)
    }


def _site_hints(site: Site, standing: Sequence[Service], out: set[int], plan: Plan) -> list[tuple[int, str]]:
    """With their rank: the whole site, then kinds of which nothing is left, then the rest."""
    if standing and all(service.pk in out for service in standing):
        return [(0, f"All {len(standing)} services of {site.name} are then out: the site will be down.")]
    by_type: dict[str, list[Service]] = {}
    for service in standing:
        by_type.setdefault(service.service_type.name, []).append(service)
    hints = []
    for name, all_of_it in by_type.items():
        gone = [each for each in all_of_it if each.pk in out]
        if not any(each.pk in plan.services for each in gone):
            continue
        count, left = len(all_of_it), len(all_of_it) - len(gone)
        if left:
            hints.append((2, f"{len(gone)} of {count} {name} of {site.name} are then out; {left} left."))
        else:
            what = f"The only {name}" if count == 1 else f"All {count} {name}"
            verb = "is" if count == 1 else "are"
            hints.append((1, f"{what} of {site.name} {verb} then out: the site will be down where {name} counts."))
    return hints


def _told(sites: Sequence[Site], now: datetime) -> list[str]:
    """Those who hold a role on the sites or their regions, and the contacts of both."""
    regions = {site.ngi for site in sites}
    grants = RoleGrant.objects.in_force(now).filter(user__is_active=True).select_related("user", "site", "ngi")
    held = [*grants.filter(site__in=sites), *grants.filter(ngi__in=regions)]
    lines = [f"{grant.user}, {grant.role} of {grant.on}" for grant in held]
    lines += [f"{site.contact_email}, contact of {site.name}" for site in sites if site.contact_email]
    lines += sorted(f"{region.rod_email}, operator on duty of {region.name}" for region in regions if region.rod_email)
    further = len(lines) - _MOST
    return [*lines[:_MOST], f"and {further} more"] if further > 0 else lines
