"""What a demo's registry has besides sites and services: scopes, groups, endpoints, a request, a repeating downtime."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from gridkeeper.demo.topology import DemoSite
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.registry.models import (
    Endpoint,
    RoleGrant,
    RoleRequest,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    Severity,
    Site,
)
from gridkeeper.registry.recurrences import declare_recurrence
from gridkeeper.subscriptions.actions import subscribe

_STORAGE = ("SE", "SRM")
#: Scopes of the demo: name, description, reserved, default.
_SCOPES = (
    ("EGEE", "The infrastructure of the demo", False, True),
    ("wlcg", "Services pledged to the LHC experiments; granted by the operator", True, False),
    ("Local", "Known to its site only", False, False),
)


def seed_scopes(since: datetime) -> None:
    """Before the objects that bear them."""
    for name, description, is_reserved, is_default in _SCOPES:
        Scope.objects.create(
            name=name, description=description, is_reserved=is_reserved, is_default=is_default, valid_from=since
        )


def scopes_of(site: DemoSite) -> list[str]:
    """Tier-0 and Tier-1 sites are pledged."""
    return ["EGEE", "wlcg"] if site.town.tier <= 1 else ["EGEE"]


def properties_of(site: DemoSite) -> dict[str, str]:
    return {"CPU_CORES": str(400 * (4 - min(site.town.tier, 3))), "BATCH_SYSTEM": "PBS"}


def seed_endpoints(sites: Sequence[DemoSite], since: datetime) -> None:
    """A door for data at every storage element, as real ones have several."""
    for item in sites:
        for service in Service.objects.filter(site__name=item.name, service_type__name__in=_STORAGE):
            Endpoint.objects.create(
                service=service, name="Data door", url=f"https://{service.hostname}:8443/webdav",
                interface_name="webdav", is_monitored=False, valid_from=since,
            )  # fmt: skip


def seed_groups(sites: Sequence[DemoSite], since: datetime, now: datetime) -> None:
    """The services that LHCb calls its core, with its manager as administrator."""
    group = ServiceGroup.objects.create(
        name="LHCB-CORE", description="Demo: storage of the sites that LHCb keeps its data at.",
        email="lhcb-core@example.org", scopes=["EGEE"], valid_from=since,
    )  # fmt: skip
    names = [item.name for item in sites if item.town.tier <= 1 and "lhcb" in item.vos]
    for service in Service.objects.filter(site__name__in=names, service_type__name__in=_STORAGE):
        ServiceGroupMember.objects.create(group=group, service=service, valid_from=since)
    carol = User.objects.get(username="carol")
    RoleGrant.objects.create(user=carol, role="Service Group Administrator", service_group=group, granted_at=now)


def seed_wishes(home: DemoSite, now: datetime) -> None:
    """At alice's site: a request that waits for a decision, a repeating downtime, a subscription."""
    site = Site.objects.get(name=home.name)
    alice, carol = User.objects.get(username="alice"), User.objects.get(username="carol")
    RoleRequest.objects.create(
        user=carol, role="Site Operations Manager", site=site, requested_at=now - timedelta(hours=5),
        message="Demo: I take over from my colleague next month.",
    )  # fmt: skip
    first = (now + timedelta(days=5)).replace(hour=5, minute=0, second=0, microsecond=0)
    declare_recurrence(
        Actor.system("demo"), services=list(Service.objects.filter(site=site, service_type__name="CE")),
        rule="FREQ=MONTHLY;COUNT=6", first_start=first, timezone=site.timezone or "UTC", duration=timedelta(hours=3),
        severity=Severity.WARNING, description="Demo: monthly updates of the worker nodes", now=now,
    )  # fmt: skip
    kinds = ["downtime", "certification"]
    subscribe(Actor(user=alice, source="demo"), about=f"site:{site.key}", kinds=kinds, channel="mail", now=now)
