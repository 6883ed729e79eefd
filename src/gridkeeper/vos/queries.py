"""Which services serve a VO, and which VOs a service serves, at an instant."""

from collections import defaultdict
from datetime import datetime

from django.db.models import QuerySet

from gridkeeper.registry.models import Service
from gridkeeper.registry.queries import count_of, services_at, services_in_use
from gridkeeper.vos.models import Vo, VoSupport


def services_for(
    vo: Vo, moment: datetime, *, only_certified: bool = True, only_monitored: bool = False
) -> "QuerySet[Service]":
    """The production services that serve the VO at the instant, with type, site and region; see `services_at`."""
    supported = VoSupport.objects.at(moment).filter(vo=vo).values("service")
    services = services_at(moment, only_certified=only_certified, only_monitored=only_monitored)
    return services.filter(pk__in=supported)


def vos_of(service: Service, moment: datetime) -> "QuerySet[Vo]":
    """The VOs that the service serves at the instant, by name."""
    supported = VoSupport.objects.at(moment).filter(service=service).values("vo")
    return Vo.objects.at(moment).filter(pk__in=supported)


def vo_names_of_services(services: "QuerySet[Service]", moment: datetime) -> dict[int, list[str]]:
    """Service id -> names of its VOs at the instant: one query for a whole page."""
    found: dict[int, list[str]] = defaultdict(list)
    support = VoSupport.objects.at(moment).filter(service__in=services.values("pk")).order_by("vo__name")
    for service_id, name in support.values_list("service", "vo__name"):
        found[service_id].append(name)
    return found


def _support_in_use() -> "QuerySet[VoSupport]":
    return VoSupport.objects.current().filter(service__in=services_in_use().values("pk"))


def with_counts(vos: "QuerySet[Vo]") -> "QuerySet[Vo]":
    """The VOs, each with `service_count` and `site_count`."""
    return vos.annotate(
        service_count=count_of(_support_in_use(), "vo"),
        site_count=count_of(_support_in_use(), "vo", of="service__site"),
    )


def supporting_services(vo: Vo) -> "QuerySet[Service]":
    """The services in use that support the VO now, with type, site and region, by region and site."""
    supported = VoSupport.objects.current().filter(vo=vo).values("service")
    services = services_in_use().filter(pk__in=supported).select_related("service_type", "site__ngi")
    return services.order_by("site__ngi__name", "site__name", "service_type__name", "hostname")
