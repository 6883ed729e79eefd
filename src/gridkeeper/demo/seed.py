"""Fills the state of a demo: registry, VOs, tests, profiles, roles, downtimes, lists. A second run adds nothing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from gridkeeper.demo.catalogue import INTERVAL_S, PROFILES, DemoTest, demo_tests
from gridkeeper.demo.downtimes import plan_downtimes
from gridkeeper.demo.extras import (
    properties_of,
    scopes_of,
    seed_endpoints,
    seed_groups,
    seed_scopes,
    seed_wishes,
)
from gridkeeper.demo.faults import plan_faults
from gridkeeper.demo.history import LENGTH
from gridkeeper.demo.listeners import sites_folder
from gridkeeper.demo.reports import seed_recomputation, seed_reports
from gridkeeper.demo.topology import OPERATIONS_VO, SERVICE_CLASSES, VO_SHARES, DemoSite, draw
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.registry.actions import grant_role
from gridkeeper.registry.downtime_actions import declare_downtime
from gridkeeper.registry.models import (
    Certification,
    Federation,
    Ngi,
    Service,
    ServiceType,
    Severity,
    Site,
)
from gridkeeper.selection.actions import add_to_list
from gridkeeper.vos.models import Vo, VoRoleGrant, VoSupport

#: Name and what the account is; the password is the name with "-demo".
ACCOUNTS: Mapping[str, str] = {
    "alice": "administrator of a site", "bob": "operator of a region", "carol": "manager of the VO lhcb",
    "admin": "may do everything",
}  # fmt: skip
_ACTOR = Actor.system("demo")
_COPIED_FIELDS = (
    "abbreviation", "title", "kind", "command", "is_per_vo", "timeout_s", "stage", "meaning", "procedure",
)  # fmt: skip
_VO_NAMES = {
    "dteam": "Operations and deployment team", "lhcb": "Large Hadron Collider beauty experiment",
    "atlas": "A Toroidal LHC Apparatus", "biomed": "Biomedical applications",
}  # fmt: skip


def password_of(account: str) -> str:
    return f"{account}-demo"


def seed(sites: Sequence[DemoSite], now: datetime) -> None:
    """Everything, in one transaction: a demo is whole or not begun."""
    with transaction.atomic(), recording(_ACTOR, "demo"):
        _seed_tests(sites_folder(Path(settings.GRIDKEEPER.data_dir)))
        if Federation.objects.exists():
            _readdress(sites)
            return
        # Valid since before the history begins, so that its figures know the topology.
        since = now - LENGTH - timedelta(days=2)
        seed_scopes(since)
        _seed_registry(sites, since)
        seed_endpoints(sites, since)
        _seed_vos(sites, since)
        _seed_profiles(since)
        _seed_people(sites, now)
        seed_groups(sites, since, now)
        seed_wishes(home_of_alice(sites), now)
        _seed_downtimes(sites, now)
        _seed_lists(sites, now)
        seed_reports(sites, since, now)
        seed_recomputation(User.objects.get(username="alice"), Site.objects.get(name=home_of_alice(sites).name), now)


def _readdress(sites: Sequence[DemoSite]) -> None:
    """Another demo may have taken the network of this one while it stood still: the registry learns the new one."""
    for item in sites:
        for service in Service.objects.current().filter(site__name=item.name).exclude(host_ip=item.address):
            service.host_ip = item.address
            service.save(update_fields=["host_ip"])


def _seed_tests(folder: Path) -> None:
    """Definitions are written again at every start: the folder of the demo CA may have moved."""
    tests = demo_tests(folder)
    for position, test in enumerate(tests):
        _write_test(test, position)
    for test in tests:
        row = Test.objects.get(name=test.name)
        rides_in = Test.objects.get(name=test.rides_in) if test.rides_in else None
        if row.rides_in != rides_in:
            row.rides_in = rides_in
            row.save()
        row.depends_on.set(Test.objects.filter(name__in=test.depends_on))


def _write_test(test: DemoTest, position: int) -> None:
    fields: dict[str, Any] = {name: getattr(test, name) for name in _COPIED_FIELDS}
    fields |= {"arguments": dict(test.arguments), "position": position * 10, "interval_s": INTERVAL_S}
    fields |= {"validity_s": 3 * 3600 if test.kind != "passive" or test.rides_in else 86_400}
    row = Test.objects.filter(name=test.name).first()
    if row is None:
        Test.objects.create(name=test.name, **fields)
    elif any(getattr(row, name) != value for name, value in fields.items()):
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()


def _seed_registry(sites: Sequence[DemoSite], since: datetime) -> None:
    federation = Federation.objects.create(name=settings.GRIDKEEPER.federation_name, valid_from=since)
    types = {
        name: ServiceType.objects.get_or_create(name=name, defaults={"service_class": service_class})[0]
        for name, service_class in SERVICE_CLASSES.items()
    }
    ngis: dict[str, Ngi] = {}
    for item in sites:
        if item.region not in ngis:
            ngis[item.region] = Ngi.objects.create(
                name=item.region,
                federation=federation,
                valid_from=since,
                scopes=["EGEE", "wlcg"],
                email=f"roc@{item.slug}.example.org",
            )
        site = _write_site(item, ngis[item.region], since)
        for service in item.services:
            Service.objects.create(
                site=site, service_type=types[service.service_type], hostname=service.hostname, url=service.url,
                host_ip=item.address, scopes=scopes_of(item), valid_from=since,
            )  # fmt: skip


def _write_site(item: DemoSite, ngi: Ngi, since: datetime) -> Site:
    town = item.town
    bdii = item.service("Site-BDII")
    return Site.objects.create(
        name=item.name, official_name=f"{item.name}, {town.town}", ngi=ngi, country=town.country,
        country_code=town.country_code, latitude=town.latitude, longitude=town.longitude, timezone=town.timezone,
        tier=str(town.tier), location=f"{town.town}, {town.country}", domain=f"{item.slug}.example.org",
        contact_email=f"grid@{item.slug}.example.org", csirt_email=f"security@{item.slug}.example.org",
        giis_url=f"{bdii.url}o=grid" if bdii else "", certification=Certification.CERTIFIED, valid_from=since,
        certification_since=since, scopes=scopes_of(item),
        properties=properties_of(item), ip_range=f"{item.address}/255.255.255.255",
        description="A site of the demo: its services are real listeners on this machine.",
    )  # fmt: skip


def _seed_vos(sites: Sequence[DemoSite], since: datetime) -> None:
    vos = {name: Vo.objects.create(name=name, long_name=_VO_NAMES[name], valid_from=since) for name in VO_SHARES}
    for item in sites:
        services = {service.service_type.name: service for service in _services_of(item)}
        for vo in item.vos:
            for service_type, service in services.items():
                if service_type in PROFILES[vo] or vo == OPERATIONS_VO:
                    VoSupport.objects.create(vo=vos[vo], service=service, valid_from=since)


def _services_of(item: DemoSite) -> list[Service]:
    return list(Service.objects.current().filter(site__name=item.name).select_related("service_type"))


def _seed_profiles(since: datetime) -> None:
    vos = {vo.name: vo for vo in Vo.objects.all()}
    types = {kind.name: kind for kind in ServiceType.objects.all()}
    tests = {test.name: test for test in Test.objects.all()}
    for vo, by_type in PROFILES.items():
        for service_type, words in by_type.items():
            for word in words.split():
                ProfileEntry.objects.create(
                    vo=vos[vo], service_type=types[service_type], test=tests[word.rstrip("!")],
                    is_critical=word.endswith("!"), valid_from=since,
                )  # fmt: skip


def _seed_people(sites: Sequence[DemoSite], now: datetime) -> None:
    for name in ACCOUNTS:
        make = User.objects.create_superuser if name == "admin" else User.objects.create_user
        make(username=name, password=password_of(name), email=f"{name}@example.org")
    home = Site.objects.get(name=home_of_alice(sites).name)
    alice, bob, carol = (User.objects.get(username=name) for name in ("alice", "bob", "carol"))
    grant_role(_ACTOR, user=alice, role="Site Administrator", on=home, reason="demo", now=now)
    grant_role(_ACTOR, user=bob, role="Regional Staff (ROD)", on=home.ngi, reason="demo", now=now)
    VoRoleGrant.objects.create(user=carol, vo=Vo.objects.get(name="lhcb"))


def home_of_alice(sites: Sequence[DemoSite]) -> DemoSite:
    """The first site of the second region, RAL-LCG2, where there is one."""
    return next((site for site in sites if site.name == "RAL-LCG2"), sites[0])


def _seed_downtimes(sites: Sequence[DemoSite], begun_at: datetime) -> None:
    for item in plan_downtimes(sites, begun_at):
        services = _services_of(item.site)
        declare_downtime(
            _ACTOR, services=services if item.is_outage else services[:1], description=item.description,
            severity=Severity.OUTAGE if item.is_outage else Severity.WARNING, start=item.window.start,
            end=item.window.end, now=item.declared_at,
        )  # fmt: skip


def _seed_lists(sites: Sequence[DemoSite], now: datetime) -> None:
    """A good site on the black list of lhcb, and a failing one on the white list: so each shows what it is for."""
    faulty = plan_faults(sites)
    away = {item.site.name for item in plan_downtimes(sites, now)}
    chosen: Sequence[tuple[str, str, timedelta | None, list[str] | None]] = (
        ("black", "Demo: wrong results of the simulation, under investigation", timedelta(days=14), None),
        ("white", "Demo: in a data challenge, stays in whatever the tests say", None, ["jl:lhcb"]),
    )
    order = sorted(sites[1:], key=lambda site: draw(f"list {site.name}"))
    for kind, reason, lasts, fault in chosen:
        fitting = (
            site for site in order
            if "lhcb" in site.vos and site.name not in away and faulty.get(site.name) == fault
        )  # fmt: skip
        if site := next(fitting, None):
            add_to_list(
                _ACTOR, vo=Vo.objects.get(name="lhcb"), site=Site.objects.get(name=site.name), kind=kind,
                reason=reason, expires_at=now + lasts if lasts else None, now=now,
            )  # fmt: skip
