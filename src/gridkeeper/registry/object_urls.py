"""Addresses of the pages of objects, part of `urls`."""

from django.urls import path

from gridkeeper.registry import (
    bulk_pages,
    federation_pages,
    group_pages,
    object_lists,
    object_pages,
    object_views,
    scope_pages,
)
from gridkeeper.registry.models import Endpoint, Ngi, Service, ServiceGroup, Site
from gridkeeper.registry.property_pages import PropertiesOf
from gridkeeper.registry.scope_pages import ScopesOf

_FEDERATIONS = [
    path("federations/", object_lists.FederationList.as_view(), name="federations"),
    path("federations/add/", federation_pages.FederationAdd.as_view(), name="federation_add"),
    path("federations/<str:key>/", object_views.federation, name="federation"),
    path("federations/<str:key>/edit/", federation_pages.FederationEdit.as_view(), name="federation_edit"),
    path("federations/<str:key>/close/", federation_pages.FederationClose.as_view(), name="federation_close"),
    path("federations/<str:key>/regions/add/", federation_pages.NgiAdd.as_view(), name="ngi_add"),
    path("federations/<str:key>/<slug:tab>/", object_views.federation, name="federation"),
    path("regions/<str:key>/rename/", federation_pages.NgiRename.as_view(), name="ngi_rename"),
    path("regions/<str:key>/close/", federation_pages.NgiClose.as_view(), name="ngi_close"),
    path("regions/<str:key>/join/", federation_pages.NgiJoin.as_view(), name="ngi_join"),
    path("regions/memberships/<int:pk>/leave/", federation_pages.NgiLeave.as_view(), name="ngi_leave"),
    path("regions/<str:key>/scopes/", ScopesOf.as_view(model=Ngi), name="ngi_scopes"),
    path("regions/<str:key>/sites/add/", object_pages.SiteAdd.as_view(), name="site_add"),
    path("service-types/add/", federation_pages.ServiceTypeAdd.as_view(), name="service_type_add"),
    path("service-types/<str:name>/", object_views.service_type, name="service_type"),
    path("service-types/<str:name>/edit/", federation_pages.ServiceTypeEdit.as_view(), name="service_type_edit"),
]
_SITES = [
    path("sites/<str:key>/rename/", object_pages.SiteRename.as_view(), name="site_rename"),
    path("sites/<str:key>/move/", object_pages.SiteMove.as_view(), name="site_move"),
    path("sites/<str:key>/scopes/", ScopesOf.as_view(model=Site), name="site_scopes"),
    path("sites/<str:key>/properties/", PropertiesOf.as_view(model=Site), name="site_properties"),
    path("sites/<str:key>/services/add/", object_pages.ServiceAdd.as_view(), name="service_add"),
    path("sites/<str:key>/credentials/add/", object_pages.CredentialAdd.as_view(), name="credential_add"),
    path("credentials/", object_lists.CredentialList.as_view(), name="credentials"),
    path("credentials/<str:key>/edit/", object_pages.CredentialEdit.as_view(), name="credential_edit"),
    path("credentials/<str:key>/close/", object_pages.CredentialClose.as_view(), name="credential_close"),
    path("services/edit/", bulk_pages.ServicesEdit.as_view(), name="services_edit"),
    path("services/<str:key>/", object_views.service, name="service"),
    path("services/<str:key>/scopes/", ScopesOf.as_view(model=Service), name="service_scopes"),
    path("services/<str:key>/properties/", PropertiesOf.as_view(model=Service), name="service_properties"),
    path("services/<str:key>/endpoints/add/", object_pages.EndpointAdd.as_view(), name="endpoint_add"),
    path("endpoints/<str:key>/edit/", object_pages.EndpointEdit.as_view(), name="endpoint_edit"),
    path("endpoints/<str:key>/close/", object_pages.EndpointClose.as_view(), name="endpoint_close"),
    path("endpoints/<str:key>/properties/", PropertiesOf.as_view(model=Endpoint), name="endpoint_properties"),
]
_GROUPS = [
    path("service-groups/", object_lists.ServiceGroupList.as_view(), name="service_groups"),
    path("service-groups/add/", group_pages.ServiceGroupAdd.as_view(), name="service_group_add"),
    path("service-groups/<str:key>/", object_views.service_group, name="service_group"),
    path("service-groups/<str:key>/edit/", group_pages.ServiceGroupEdit.as_view(), name="service_group_edit"),
    path("service-groups/<str:key>/close/", group_pages.ServiceGroupClose.as_view(), name="service_group_close"),
    path("service-groups/<str:key>/scopes/", ScopesOf.as_view(model=ServiceGroup), name="service_group_scopes"),
    path(
        "service-groups/<str:key>/properties/",
        PropertiesOf.as_view(model=ServiceGroup),
        name="service_group_properties",
    ),
    path("service-groups/<str:key>/members/add/", group_pages.MembersAdd.as_view(), name="members_add"),
    path(
        "service-groups/<str:key>/members/<str:service_key>/remove/",
        group_pages.MemberRemove.as_view(),
        name="member_remove",
    ),
    path("service-groups/<str:key>/<slug:tab>/", object_views.service_group, name="service_group"),
    path("scopes/", object_lists.ScopeList.as_view(), name="scopes"),
    path("scopes/add/", scope_pages.ScopeAdd.as_view(), name="scope_add"),
    path("scopes/<str:key>/", object_views.scope, name="scope"),
    path("scopes/<str:key>/edit/", scope_pages.ScopeEdit.as_view(), name="scope_edit"),
    path("scopes/<str:key>/close/", scope_pages.ScopeClose.as_view(), name="scope_close"),
]
#: Before the tabs of pages, whose names would take theirs.
object_patterns = [*_FEDERATIONS, *_SITES, *_GROUPS]
