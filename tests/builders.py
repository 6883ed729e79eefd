"""Builders with defaults: a test overrides only what matters to it."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.probes.models import ProfileEntry, Test
from gridkeeper.probes.results import Result
from gridkeeper.registry.models import (
    Certification,
    Downtime,
    DowntimeService,
    Endpoint,
    Federation,
    Ngi,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
    Site,
)
from gridkeeper.vos.models import Vo, VoRoleGrant, VoSupport

#: The instant at which tests take place unless they say otherwise.
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
#: Long before: what builders make was valid ever since.
ERA = datetime(2020, 1, 1, tzinfo=UTC)
_numbers = count(1)


def a_federation(**fields: Any) -> Federation:
    existing = Federation.objects.current().first()
    if existing and not fields:
        return existing
    return Federation.objects.create(**{"name": f"Federation {next(_numbers)}", "valid_from": ERA} | fields)


def an_ngi(**fields: Any) -> Ngi:
    defaults = {"name": f"NGI_{next(_numbers)}", "valid_from": ERA}
    if "federation" not in fields:
        fields["federation"] = a_federation()
    return Ngi.objects.create(**defaults | fields)


def a_site(**fields: Any) -> Site:
    defaults = {"name": f"SITE-{next(_numbers)}", "valid_from": ERA, "certification": Certification.CERTIFIED}
    if "ngi" not in fields:
        fields["ngi"] = an_ngi()
    return Site.objects.create(**defaults | fields)


def a_service_type(name: str = "CE") -> ServiceType:
    return ServiceType.objects.get_or_create(name=name)[0]


def a_service(*, of: Site | None = None, type: str = "CE", **fields: Any) -> Service:  # noqa: A002
    defaults: dict[str, Any] = {
        "hostname": f"host{next(_numbers)}.example.org",
        "valid_from": ERA,
        "service_type": a_service_type(type),
        "site": of or a_site(),
    }
    return Service.objects.create(**defaults | fields)


def an_endpoint(*, of: Service | None = None, **fields: Any) -> Endpoint:
    defaults: dict[str, Any] = {"name": f"endpoint {next(_numbers)}", "valid_from": ERA, "service": of or a_service()}
    return Endpoint.objects.create(**defaults | fields)


def a_service_group(*services: Service, **fields: Any) -> ServiceGroup:
    group = ServiceGroup.objects.create(**{"name": f"GROUP_{next(_numbers)}", "valid_from": ERA} | fields)
    for service in services:
        ServiceGroupMember.objects.create(group=group, service=service, valid_from=ERA)
    return group


def a_scope(name: str = "EGI", **fields: Any) -> Scope:
    return Scope.objects.get_or_create(name=name, valid_until=None, defaults={"valid_from": ERA} | fields)[0]


def a_downtime(*services: Service, **fields: Any) -> Downtime:
    defaults: dict[str, Any] = {
        "severity": "OUTAGE",
        "classification": "SCHEDULED",
        "description": "Power works",
        "declared_at": NOW - timedelta(days=3),
        "start": NOW - timedelta(hours=1),
        "end": NOW + timedelta(hours=1),
    }
    downtime = Downtime.objects.create(**defaults | fields)
    # As an import makes them: they belong to the downtime since its declaration.
    with recording(Actor.system("import")):
        for service in services or (a_service(),):
            DowntimeService.objects.create(downtime=downtime, service=service)
    return downtime


def a_vo(name: str = "dteam", *, supported_by: list[Service] | None = None) -> Vo:
    vo = Vo.objects.filter(name=name, valid_until=None).first() or Vo.objects.create(name=name, valid_from=ERA)
    for service in supported_by or []:
        VoSupport.objects.get_or_create(vo=vo, service=service, valid_until=None, defaults={"valid_from": ERA})
    return vo


def a_test(name: str = "CE-js", **fields: Any) -> Test:
    defaults = {"abbreviation": name.rsplit("-", 1)[-1], "title": name, "kind": "passive"}
    return Test.objects.create(name=name, **defaults | fields)


def in_profile(vo: Vo, test: Test, *, type: str = "CE", critical: bool = True, **fields: Any) -> ProfileEntry:  # noqa: A002
    defaults: dict[str, Any] = {"valid_from": ERA, "service_type": a_service_type(type), "is_critical": critical}
    return ProfileEntry.objects.create(vo=vo, test=test, **defaults | fields)


def a_result(of: Service | SeriesKey, metric: str = "CE-js", vo: str = "", **fields: Any) -> Result:
    key = of if isinstance(of, SeriesKey) else SeriesKey(of.hostname, of.service_type.name, metric, vo)
    defaults: dict[str, Any] = {"id": f"result-{next(_numbers)}", "status": Status.OK, "executed_at": NOW}
    return Result(key=key, **defaults | fields)


def a_user(name: str, *, site: Site | None = None, ngi: Ngi | None = None, vo: Vo | None = None) -> User:
    """A person who may hold "Site Administrator", "Regional Staff (ROD)" or "VO Manager"."""
    user = User.objects.create_user(username=name, password=f"{name}-password")
    if site:
        RoleGrant.objects.create(user=user, role="Site Administrator", site=site)
    if ngi:
        RoleGrant.objects.create(user=user, role="Regional Staff (ROD)", ngi=ngi)
    if vo:
        VoRoleGrant.objects.create(user=user, vo=vo)
    return user
