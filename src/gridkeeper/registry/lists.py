"""The list pages of the registry."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.filters import DowntimeFilter, NgiFilter, ServiceFilter, ServiceTypeFilter, SiteFilter
from gridkeeper.registry.models import Downtime, Ngi, ServiceType, Site
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.queries import (
    ngis_with_counts,
    services_in_use,
    with_counts,
    with_service_count,
    with_services,
    with_state,
)
from gridkeeper.registry.tables import DowntimeTable, NgiTable, ServiceTable, ServiceTypeTable, SiteTable
from gridkeeper.web.lists import Empty, Link, ListView

#: Where an empty registry leads: what to type.
_IMPORT = "Import a topology on the server's console (gridkeeper import osg … or gridkeeper import gocdb …)."


class NgiList(ListView):
    """Every region with its numbers."""

    title = "Regions"
    lead = "The operations centres (NGIs) of the federation and what they look after."
    nouns = ("region", "regions")
    filterset_class = NgiFilter
    table_class = NgiTable
    export_name = "regions"
    export_fields = {
        "key": "key", "name": "name", "description": "description", "support_unit": "support_unit",
        "sites": "site_count", "certified_sites": "certified_count", "services": "service_count",
        "downtimes_now": "downtime_count",
    }  # fmt: skip
    search_hint = "Name of a region"

    def get_queryset(self) -> "QuerySet[Ngi]":
        return Ngi.objects.current()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return ngis_with_counts(rows, self.now)

    def empty(self) -> Empty:
        return Empty("No region yet", _IMPORT)


class SiteList(ListView):
    """Every site that is registered now, closed ones too."""

    title = "Sites"
    lead = "The resource centres that are registered. Certified ones are tested, judged and offered to VOs."
    nouns = ("site", "sites")
    filterset_class = SiteFilter
    table_class = SiteTable
    export_name = "sites"
    export_fields = {
        "key": "key", "name": "name", "official_name": "official_name", "region": "ngi__name",
        "certification": "certification", "certified_since": "certification_since",
        "infrastructure": "infrastructure", "country_code": "country_code", "country": "country",
        "organisation": "organisation", "location": "location", "tier": "tier", "latitude": "latitude",
        "longitude": "longitude", "giis_url": "giis_url", "services": "service_count", "scopes": "scopes",
    }  # fmt: skip
    search_hint = "Name, organisation, place or domain"

    def get_queryset(self) -> "QuerySet[Site]":
        return Site.objects.current()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return with_counts(rows, self.now)

    def actions(self) -> Sequence[Link]:
        may = sites_where(Actor.of(self.request), "edit_site").exists()
        return [Link("API credentials", reverse("registry:credentials"))] if may else []

    def empty(self) -> Empty:
        return Empty("No site yet", _IMPORT, "Look at the regions", reverse("registry:ngis"))


class ServiceList(ListView):
    """The services of all sites that are not closed."""

    title = "Services"
    lead = "What the sites offer: a service type on a host. Services of closed sites are left out."
    nouns = ("service", "services")
    filterset_class = ServiceFilter
    table_class = ServiceTable
    export_name = "services"
    export_fields = {
        "key": "key", "hostname": "hostname", "type": "service_type__name", "site": "site__name",
        "region": "site__ngi__name", "certification": "site__certification", "url": "url",
        "in_production": "in_production", "monitored": "is_monitored", "beta": "is_beta", "scopes": "scopes",
    }  # fmt: skip
    search_hint = "Host, type, site or URL"

    def get_queryset(self) -> "QuerySet[Any]":
        return services_in_use()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.select_related("service_type", "site__ngi")

    def actions(self) -> Sequence[Link]:
        types = Link("Service types", reverse("registry:service_types"))
        if not sites_where(Actor.of(self.request), "edit_service").exists():
            return [types]
        query = self.request.GET.urlencode()
        return [types, Link("Edit several", f"{reverse('registry:services_edit')}{'?' if query else ''}{query}")]

    def empty(self) -> Empty:
        return Empty("No service yet", _IMPORT, "Look at the sites", reverse("registry:sites"))


class DowntimeList(ListView):
    """Every downtime, cancelled and past ones too; the newest start first."""

    title = "Downtimes"
    lead = "When services are declared down or at risk. Only outages can excuse a failed test."
    nouns = ("downtime", "downtimes")
    filterset_class = DowntimeFilter
    table_class = DowntimeTable
    export_name = "downtimes"
    export_fields = {
        "key": "key", "state": "state", "severity": "severity", "classification": "classification",
        "start": "start", "end": "end", "declared_at": "declared_at", "cancelled_at": "cancelled_at",
        "description": "description",
        "sites": lambda row: sorted({service.site.name for service in row.services.all()}),
        "services": lambda row: sorted(f"{each.service_type.name}@{each.hostname}" for each in row.services.all()),
    }  # fmt: skip
    search_hint = "Site, host or words of the description"

    def get_queryset(self) -> "QuerySet[Downtime]":
        return Downtime.objects.all()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return with_services(with_state(rows, self.now))

    def actions(self) -> Sequence[Link]:
        views = [
            Link("Now and next", reverse("registry:downtimes_now")), Link("Calendar", reverse("registry:calendar")),
        ]  # fmt: skip
        may = sites_where(Actor.of(self.request), "declare_downtime").exists()
        declare = Link("Declare a downtime", reverse("registry:downtime_declare"), is_main=True)
        return [*views, declare] if may else views

    def empty(self) -> Empty:
        return Empty(
            "No downtime yet",
            "Nobody has declared one. Site administrators and regional staff do so for their services.",
            "Look at the services",
            reverse("registry:services"),
        )


class ServiceTypeList(ListView):
    """The kinds of service that are known."""

    title = "Service types"
    lead = "The kinds of service that sites may offer."
    nouns = ("service type", "service types")
    filterset_class = ServiceTypeFilter
    table_class = ServiceTypeTable
    export_name = "service-types"
    export_fields = {
        "name": "name", "description": "description", "may_be_unmonitored": "has_monitoring_exception",
        "services": "service_count",
    }  # fmt: skip
    search_hint = "Name or words of the description"

    def actions(self) -> Sequence[Link]:
        may = is_permitted(Actor.of(self.request), "registry.administer")
        return [Link("Add a service type", reverse("registry:service_type_add"), is_main=True)] if may else []

    def get_queryset(self) -> "QuerySet[ServiceType]":
        return ServiceType.objects.all()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return with_service_count(rows)

    def breadcrumbs(self) -> Sequence[Link]:
        return [Link("Services", reverse("registry:services"))]

    def empty(self) -> Empty:
        return Empty("No service type yet", _IMPORT)
