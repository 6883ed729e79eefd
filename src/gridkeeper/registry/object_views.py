"""Pages of one federation, service entry, service type, scope or service group: authorise, query, render."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.registry.models import (
    Endpoint,
    Federation,
    Ngi,
    NgiMembership,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    ServiceGroupMember,
    ServiceType,
)
from gridkeeper.registry.queries import ngis_with_counts, services_in_use
from gridkeeper.registry.scope_actions import bearers
from gridkeeper.registry.tables import NgiTable, ServiceTable
from gridkeeper.registry.trail import trail_of
from gridkeeper.registry.views import Tab, contacts_context, known_tab
from gridkeeper.web.htmx import render_page_or_part
from gridkeeper.web.lists import Link
from gridkeeper.web.moments import moment_of

_KIND_WORDS = {"ngi": "region", "site": "site", "service": "service", "service_group": "service group"}
#: (permission, label, name of the address) of the buttons of a page.
Buttons = Iterable[tuple[str, str, str]]


def buttons(actor: Actor, subject: Any, offered: Buttons) -> list[Link]:
    """Those that the actor may use."""
    key = subject.name if isinstance(subject, ServiceType) else subject.key
    return [
        Link(label, reverse(f"registry:{name}", args=[key]))
        for permission, label, name in offered
        if is_permitted(actor, permission, subject)
    ]


def _federation_regions(federation: Federation, _: Actor, now: datetime) -> dict[str, Any]:
    further = federation.memberships.current().values("ngi")
    regions = Ngi.objects.current().filter(Q(federation=federation) | Q(pk__in=further))
    return {"table": NgiTable(ngis_with_counts(regions, now).order_by("name"), orderable=False)}


def _federation_history(federation: Federation, actor: Actor, _: datetime) -> dict[str, Any]:
    sources = [
        (Federation, Q(id=federation.pk)),
        (Ngi, Q(federation=federation.pk)),
        (NgiMembership, Q(federation=federation.pk)),
        (RoleGrant, Q(federation=federation.pk)),
    ]
    return {"trail": trail_of(sources, actor)}


FEDERATION_TABS: Mapping[str, Tab] = {
    "regions": Tab("Regions", "registry/table_part.html", _federation_regions),
    "contacts": Tab("Contacts", "registry/people.html", contacts_context),
    "history": Tab("History", "registry/tab_history.html", _federation_history),
}
_FEDERATION_BUTTONS = (
    ("registry.administer", "Add a region", "ngi_add"),
    ("registry.edit_federation", "Edit", "federation_edit"),
    ("registry.administer", "Close", "federation_close"),
)


def federation(request: HttpRequest, key: str, tab: str = "regions") -> HttpResponse:
    """A federation with its rules, regions and people."""
    now, actor = moment_of(request), Actor.of(request)
    chosen = FEDERATION_TABS[known_tab(FEDERATION_TABS, tab)]
    subject = get_object_or_404(Federation, key=key)
    context = chosen.context(subject, actor, now) | {
        "federation": subject, "subject": subject, "tab": tab, "tabs": FEDERATION_TABS, "tab_template": chosen.template,
        "tab_url": "registry:federation", "buttons": buttons(actor, subject, _FEDERATION_BUTTONS),
        "least_scopes": [(n, _KIND_WORDS.get(kind, kind)) for kind, n in subject.minimum_scopes.items() if n],
    }  # fmt: skip
    return render_page_or_part(request, "registry/federation.html", chosen.template, context)


_SERVICE_BUTTONS = (
    ("registry.edit_service", "Edit", "service_edit"),
    ("registry.edit_service", "Scopes", "service_scopes"),
    ("registry.edit_service", "Properties", "service_properties"),
    ("registry.edit_service", "Add an endpoint", "endpoint_add"),
    ("registry.close_service", "Close", "service_close"),
)


def service(request: HttpRequest, key: str) -> HttpResponse:
    """What the registry says of a service: every field, endpoints, properties, groups, history."""
    actor = Actor.of(request)
    subject = get_object_or_404(Service.objects.select_related("site__ngi__federation", "service_type"), key=key)
    sources = [
        (Service, Q(id=subject.pk)),
        (Endpoint, Q(service=subject.pk)),
        (ServiceGroupMember, Q(service=subject.pk)),
    ]
    may_edit = is_permitted(actor, "registry.edit_service", subject)
    context = {
        "service": subject,
        "endpoints": subject.endpoints.current(),
        "groups": ServiceGroup.objects.current().filter(members__service=subject, members__valid_until=None),
        "buttons": buttons(actor, subject, _SERVICE_BUTTONS) if subject.valid_until is None else [],
        "may_edit": may_edit and subject.valid_until is None,
        "trail": trail_of(sources, actor),
    }
    return render(request, "registry/service.html", context)


def service_type(request: HttpRequest, name: str) -> HttpResponse:
    """A kind of service: what it is, who offers it, whether it may be unmonitored."""
    actor = Actor.of(request)
    subject = get_object_or_404(ServiceType, name=name)
    offered = services_in_use().filter(service_type=subject)
    context = {
        "subject": subject,
        "service_count": offered.count(),
        "site_count": offered.values("site").distinct().count(),
        "buttons": buttons(actor, subject, [("registry.administer", "Edit", "service_type_edit")]),
        "trail": trail_of([(ServiceType, Q(id=subject.pk))], actor),
    }
    return render(request, "registry/service_type.html", context)


#: Kind of bearer -> the list that is narrowed by scope.
_LISTS = {"ngi": "ngis", "site": "sites", "service": "services", "service_group": "service_groups"}
_SCOPE_BUTTONS = (
    ("registry.administer", "Edit", "scope_edit"),
    ("registry.administer", "Close", "scope_close"),
)


def scope(request: HttpRequest, key: str) -> HttpResponse:
    """A scope and how many objects bear it."""
    actor = Actor.of(request)
    subject = get_object_or_404(Scope, key=key)
    borne = [
        (count, _KIND_WORDS[kind], reverse(f"registry:{_LISTS[kind]}", query={"scope": subject.name}))
        for kind, count in bearers(subject).items()
    ]
    context = {
        "subject": subject, "borne": borne, "trail": trail_of([(Scope, Q(id=subject.pk))], actor),
        "buttons": buttons(actor, subject, _SCOPE_BUTTONS) if subject.valid_until is None else [],
    }  # fmt: skip
    return render(request, "registry/scope.html", context)


def _group_members(group: ServiceGroup, actor: Actor, _: datetime) -> dict[str, Any]:
    members = Service.objects.filter(group_memberships__group=group, group_memberships__valid_until=None)
    rows = members.select_related("service_type", "site__ngi").order_by("site__name", "service_type__name", "hostname")
    may_edit = is_permitted(actor, "registry.edit_service_group", group)
    return {"members": rows, "table": ServiceTable(rows, orderable=False), "may_edit": may_edit}


def _group_details(_group: ServiceGroup, _actor: Actor, _now: datetime) -> dict[str, Any]:
    return {}


def _group_history(group: ServiceGroup, actor: Actor, _: datetime) -> dict[str, Any]:
    sources = [
        (ServiceGroup, Q(id=group.pk)),
        (ServiceGroupMember, Q(group=group.pk)),
        (RoleGrant, Q(service_group=group.pk)),
    ]
    return {"trail": trail_of(sources, actor)}


GROUP_TABS: Mapping[str, Tab] = {
    "members": Tab("Services", "registry/group_members.html", _group_members),
    "details": Tab("Details", "registry/group_details.html", _group_details),
    "contacts": Tab("Contacts", "registry/group_contacts.html", contacts_context),
    "history": Tab("History", "registry/tab_history.html", _group_history),
}
_GROUP_BUTTONS = (
    ("registry.edit_service_group", "Add services", "members_add"),
    ("registry.edit_service_group", "Edit", "service_group_edit"),
    ("registry.edit_service_group", "Scopes", "service_group_scopes"),
    ("registry.edit_service_group", "Properties", "service_group_properties"),
    ("registry.edit_service_group", "Close", "service_group_close"),
)


def service_group(request: HttpRequest, key: str, tab: str = "members") -> HttpResponse:
    """A service group with its services and people."""
    now, actor = moment_of(request), Actor.of(request)
    chosen = GROUP_TABS[known_tab(GROUP_TABS, tab)]
    subject = get_object_or_404(ServiceGroup, key=key)
    context = chosen.context(subject, actor, now) | {
        "group": subject, "subject": subject, "tab": tab, "tabs": GROUP_TABS, "tab_template": chosen.template,
        "tab_url": "registry:service_group",
        "buttons": buttons(actor, subject, _GROUP_BUTTONS) if subject.valid_until is None else [],
    }  # fmt: skip
    return render_page_or_part(request, "registry/service_group.html", chosen.template, context)
