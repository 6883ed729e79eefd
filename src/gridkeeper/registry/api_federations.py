"""Federations and their regions (NGIs) over the API."""

from typing import Any

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from ninja import Router
from ninja.decorators import decorate_view

from gridkeeper.registry import actions, federation_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import (
    FederationAdd,
    FederationEdit,
    Membership,
    Reason,
    RegionAdd,
    RegionEdit,
    Rename,
)
from gridkeeper.registry.api_lookups import federation_of, unknown
from gridkeeper.registry.api_parameters import (
    ChangedSince,
    Closed,
    Key,
    ScopeMatch,
    Scopes,
    Search,
    Sort,
    Text,
    bearing,
    listed,
)
from gridkeeper.registry.api_resources import Resource, parts_touched, with_version
from gridkeeper.registry.api_schemas import FederationOut, NgiOut
from gridkeeper.registry.api_tags import offer_scopes
from gridkeeper.registry.models import Federation, Ngi, NgiMembership, Site
from gridkeeper.registry.queries import count_of
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["regions"])


def _federations() -> "QuerySet[Federation]":
    return with_version(Federation.objects.order_by("name", "pk"))


def _regions() -> "QuerySet[Ngi]":
    further = NgiMembership.objects.current().select_related("federation").order_by("federation__name")
    regions = Ngi.objects.select_related("federation").annotate(site_count=count_of(Site.objects.current(), "ngi"))
    memberships = Prefetch("memberships", further, to_attr="current_memberships")
    return with_version(regions.prefetch_related(memberships)).order_by("name", "pk")


FEDERATIONS = Resource("federation", Federation, _federations, FederationOut)
REGIONS = Resource("region", Ngi, _regions, NgiOut, touched=(parts_touched(NgiMembership, "ngi_id"),))


@router.get("/federations", response=ChangesPage[FederationOut], summary="Federations")
@decorate_view(conditional)
def list_federations(
    request: HttpRequest, search: Search = "", closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """What GOCDB calls projects, with their rules for downtimes and scopes."""
    return listed(
        request, FEDERATIONS, _federations().filter(name__icontains=search), closed=closed,
        changed_since=changed_since, order=order, fields={"name": "name"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/federations/{key}", response=FederationOut, summary="One federation")
@decorate_view(conditional)
def get_federation(request: HttpRequest, key: Key) -> Federation:
    """Also where it is closed."""
    return FEDERATIONS.note(request, FEDERATIONS.find(key))


@change(router, "POST", "/federations", FEDERATIONS, "add", summary="Add a federation", status=201)
def add_federation(call: Call, body: FederationAdd) -> Federation:
    """By the operator of the installation."""
    return federation_actions.add_federation(call.actor, values=body.values(), reason=body.reason, now=call.now)


@change(router, "PATCH", "/federations/{key}", FEDERATIONS, "edit", summary="Edit a federation")
def edit_federation(call: Call, federation: Federation, body: FederationEdit) -> Federation:
    """Changes the fields that are sent."""
    return federation_actions.edit_federation(
        call.actor, federation=federation, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/federations/{key}/close", FEDERATIONS, "close", summary="Close a federation")
def close_federation(call: Call, federation: Federation, body: Reason) -> Federation:
    """Refused while regions belong to it."""
    return federation_actions.close_federation(call.actor, federation=federation, reason=body.reason, now=call.now)


@router.get("/regions", response=ChangesPage[NgiOut], summary="Regions (NGIs)")
@decorate_view(conditional)
def list_regions(
    request: HttpRequest, search: Search = "", federation: Text = "", scope: Scopes = "",
    scope_match: ScopeMatch = "any", closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With the number of their sites. `federation` is a name or a key, of any federation that it belongs to."""
    regions = _regions().filter(bearing(scope, scope_match), name__icontains=search)
    if federation:
        named = Federation.objects.filter(Q(name=federation) | Q(key=federation))
        further = NgiMembership.objects.current().filter(federation__in=named).values("ngi")
        regions = regions.filter(Q(federation__in=named) | Q(pk__in=further))
    return listed(
        request, REGIONS, regions, closed=closed, changed_since=changed_since, order=order,
        fields={"name": "name", "sites": "site_count"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/regions/{key}", response=NgiOut, summary="One region (NGI)")
@decorate_view(conditional)
def get_region(request: HttpRequest, key: Key) -> Ngi:
    """Also where it is closed."""
    return REGIONS.note(request, REGIONS.find(key))


@change(router, "POST", "/regions", REGIONS, "add", summary="Add a region", status=201)
def add_region(call: Call, body: RegionAdd) -> Ngi:
    """By the operator of the installation."""
    return federation_actions.add_ngi(
        call.actor, federation=federation_of(body.federation), values=body.values("federation"), reason=body.reason,
        now=call.now, scopes=body.scopes,
    )  # fmt: skip


@change(router, "PATCH", "/regions/{key}", REGIONS, "edit", summary="Edit a region")
def edit_region(call: Call, ngi: Ngi, body: RegionEdit) -> Ngi:
    """Changes the fields that are sent."""
    return actions.edit_ngi(
        call.actor, ngi=ngi, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/regions/{key}/rename", REGIONS, "rename", summary="Rename a region")
def rename_region(call: Call, ngi: Ngi, body: Rename) -> Ngi:
    """Its key stays. By the operator of the installation."""
    return federation_actions.rename_ngi(
        call.actor, ngi=ngi, name=body.name, reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/regions/{key}/close", REGIONS, "close", summary="Close a region")
def close_region(call: Call, ngi: Ngi, body: Reason) -> Ngi:
    """Refused while it has sites that are not closed."""
    return federation_actions.close_ngi(call.actor, ngi=ngi, reason=body.reason, now=call.now)


@change(router, "POST", "/regions/{key}/join", REGIONS, "join", summary="Make a region belong to one more federation")
def join_federation(call: Call, ngi: Ngi, body: Membership) -> Ngi:
    """Roles and policies of that federation hold for it as well."""
    federation = federation_of(body.federation)
    federation_actions.join_federation(call.actor, ngi=ngi, federation=federation, reason=body.reason, now=call.now)
    return ngi


@change(router, "POST", "/regions/{key}/leave", REGIONS, "leave", summary="Take a region out of a further federation")
def leave_federation(call: Call, ngi: Ngi, body: Membership) -> Ngi:
    """Its own federation stays."""
    held = ngi.memberships.current().filter(federation=federation_of(body.federation))
    membership = held.select_related("ngi__federation", "federation").first()
    if membership is None:
        raise unknown("federation", f"/regions/{ngi.key}", [body.federation])
    federation_actions.leave_federation(call.actor, membership=membership, reason=body.reason, now=call.now)
    return ngi


offer_scopes(router, "/regions", REGIONS)
