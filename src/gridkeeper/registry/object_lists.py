"""List pages of federations, service groups, scopes and API credentials."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.filters import CredentialFilter, FederationFilter, ScopeListFilter, ServiceGroupFilter
from gridkeeper.registry.models import (
    ApiCredential,
    Federation,
    Ngi,
    NgiMembership,
    Scope,
    ServiceGroup,
    ServiceGroupMember,
    Site,
)
from gridkeeper.registry.permissions import sites_where
from gridkeeper.registry.queries import count_of
from gridkeeper.registry.tables import CredentialTable, FederationTable, ScopeTable, ServiceGroupTable
from gridkeeper.web.lists import Empty, Link, ListView


class FederationList(ListView):
    """Every federation with its numbers."""

    title = "Federations"
    lead = "The whole that regions belong to (GOCDB's projects), with the rules that hold in it."
    nouns = ("federation", "federations")
    filterset_class = FederationFilter
    table_class = FederationTable
    export_name = "federations"
    export_fields = {
        "key": "key", "name": "name", "description": "description", "notice_hours": "notice_hours",
        "minimum_scopes": "minimum_scopes", "regions": "region_count", "further_regions": "further_count",
        "sites": "site_count",
    }  # fmt: skip
    search_hint = "Name or words of the description"

    def get_queryset(self) -> "QuerySet[Federation]":
        return Federation.objects.current()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        sites = Site.objects.current().exclude(certification="Closed")
        counted: QuerySet[Any] = rows.annotate(
            region_count=count_of(Ngi.objects.current(), "federation"),
            further_count=count_of(NgiMembership.objects.current(), "federation"),
            site_count=count_of(sites, "ngi__federation"),
        )
        return counted

    def actions(self) -> Sequence[Link]:
        may = is_permitted(Actor.of(self.request), "registry.administer")
        return [Link("Add a federation", reverse("registry:federation_add"), is_main=True)] if may else []


class ServiceGroupList(ListView):
    """Every service group."""

    title = "Service groups"
    lead = "Services of any sites that belong together, such as those of one application."
    nouns = ("service group", "service groups")
    filterset_class = ServiceGroupFilter
    table_class = ServiceGroupTable
    export_name = "service-groups"
    export_fields = {
        "key": "key", "name": "name", "description": "description", "monitored": "is_monitored",
        "services": "service_count", "sites": "site_count", "scopes": "scopes", "properties": "properties",
    }  # fmt: skip
    search_hint = "Name or words of the description"

    def get_queryset(self) -> "QuerySet[ServiceGroup]":
        return ServiceGroup.objects.current()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        members = ServiceGroupMember.objects.current()
        counted: QuerySet[Any] = rows.annotate(
            service_count=count_of(members, "group"), site_count=count_of(members, "group", of="service__site")
        )
        return counted

    def actions(self) -> Sequence[Link]:
        may = is_permitted(Actor.of(self.request), "registry.add_service_group")
        return [Link("Add a service group", reverse("registry:service_group_add"), is_main=True)] if may else []

    def empty(self) -> Empty:
        reason = "Whoever holds a role on a site or region may add one."
        return Empty("No service group yet", reason, "Look at the services", reverse("registry:services"))


class ScopeList(ListView):
    """Every scope."""

    title = "Scopes"
    lead = "Tags on regions, sites, services and service groups. Clients ask feeds by scope."
    nouns = ("scope", "scopes")
    filterset_class = ScopeListFilter
    table_class = ScopeTable
    export_name = "scopes"
    export_fields = {
        "key": "key", "name": "name", "description": "description", "reserved": "is_reserved", "default": "is_default",
    }  # fmt: skip
    search_hint = "Name or words of the description"

    def get_queryset(self) -> "QuerySet[Scope]":
        return Scope.objects.current()

    def actions(self) -> Sequence[Link]:
        may = is_permitted(Actor.of(self.request), "registry.administer")
        return [Link("Add a scope", reverse("registry:scope_add"), is_main=True)] if may else []

    def empty(self) -> Empty:
        return Empty("No scope yet", "The operator of the installation adds scopes; imports bring theirs.")


class CredentialList(ListView):
    """The machines that may write, of the sites that the reader may edit."""

    title = "API credentials"
    lead = "Machines that read or write in the name of a site: those of the sites that you may edit."
    nouns = ("credential", "credentials")
    filterset_class = CredentialFilter
    table_class = CredentialTable
    export_name = "credentials"
    export_fields = {
        "key": "key", "site": "site__name", "kind": "kind", "identifier": "identifier", "may_write": "may_write",
        "last_used_at": "last_used_at", "added_at": "valid_from",
    }  # fmt: skip
    search_hint = "Identifier or site"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect(f"{reverse('account_login')}?next={request.path}")
        return super().dispatch(request, *args, **kwargs)

    def get_queryset(self) -> "QuerySet[ApiCredential]":
        sites = sites_where(Actor.of(self.request), "edit_site")
        return ApiCredential.objects.current().filter(site__in=sites)

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return rows.select_related("site", "added_by")

    def empty(self) -> Empty:
        reason = "You may edit no site that has one. They are added on the page of a site, below its details."
        return Empty("No API credential", reason, "Look at the sites", reverse("registry:sites"))
