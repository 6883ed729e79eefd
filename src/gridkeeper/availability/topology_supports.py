"""Which services served which VOs on a day, read so that a federation of thousands takes no second."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from gridkeeper.core.windows import Window
from gridkeeper.registry.models import Service, ServiceType, Site
from gridkeeper.vos.models import Vo, VoSupport


class Support(NamedTuple):
    """That a service serves a VO. vo, service_type: names"""

    vo_id: int
    vo: str
    service: Service
    service_type: str
    valid_from: datetime
    valid_until: datetime | None


#: What trees ask of a service; making thousands of whole objects takes longer.
_READ = ("hostname", "site", "service_type", "in_production", "is_monitored", "valid_from", "valid_until")


def supports(window: Window, vos: Collection[str] | None, site: Site | None) -> list[Support]:
    """Those that hold in some part of the window, by VO, site, service type and host. Five queries.

    vos: names; None: all. Each service, site and type is one object, whatever the number of VOs: making the objects
    of a join costs most of the time.
    """
    rows = VoSupport.objects.overlapping(window.start, window.end)
    if site is not None:
        rows = rows.filter(service__site=site)
    if vos is not None:
        rows = rows.filter(vo__name__in=vos)
    named = dict(Vo.objects.values_list("pk", "name"))
    types = dict(ServiceType.objects.values_list("pk", "name"))
    services = _services(rows, site)
    found = [
        Support(vo, named[vo], services[pk], types[services[pk].service_type_id], since, until)
        for vo, pk, since, until in rows.order_by("pk").values_list("vo_id", "service_id", "valid_from", "valid_until")
    ]
    # In the order of the tree, so that its numbers are the same however the database happens to answer.
    found.sort(key=lambda row: (row.vo, row.service.site.key, row.service_type, row.service.hostname))
    return found


def _services(rows: "QuerySet[VoSupport]", site: Site | None) -> dict[int, Service]:
    """The services of these rows by their ids, each with its site and that with its region and federation."""
    chosen = Service.objects.filter(pk__in=rows.values("service_id")).only(*_READ)
    of_sites = Site.objects.select_related("ngi__federation")
    if site is not None:
        of_sites = of_sites.filter(pk=site.pk)
    sites = {each.pk: each for each in of_sites}
    services = {service.pk: service for service in chosen}
    for service in services.values():
        service.site = sites[service.site_id]
    return services
