"""Sites over the API, the steps of their certification, and the machines that may write their entries."""

from typing import Annotated, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.decorators import decorate_view

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import require
from gridkeeper.registry import actions, credential_actions, object_actions
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import (
    CertificationIn,
    CredentialAdd,
    CredentialEdit,
    Move,
    Reason,
    Rename,
    SiteAdd,
    SiteEdit,
)
from gridkeeper.registry.api_lookups import region_of, site_of
from gridkeeper.registry.api_parameters import (
    ChangedSince,
    Closed,
    Key,
    Properties,
    ScopeMatch,
    Scopes,
    Search,
    Sort,
    Text,
    When,
    bearing,
    exact,
    having,
    listed,
)
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import CertificationChangeOut, CredentialOut, SiteOut
from gridkeeper.registry.api_tags import offer_properties, offer_scopes
from gridkeeper.registry.models import ApiCredential, Certification, CertificationChange, Infrastructure, Site
from gridkeeper.registry.object_effects import (
    effects_of_certification,
    effects_of_moving,
    effects_of_renaming,
    effects_of_site_edit,
)
from gridkeeper.web.api import ChangesPage, Limit, Offset, Page, paginate, sort
from gridkeeper.web.conditional import conditional

router = Router(tags=["sites"])


def _sites() -> "QuerySet[Site]":
    return with_version(Site.objects.select_related("ngi__federation")).order_by("name", "pk")


def _credentials() -> "QuerySet[ApiCredential]":
    return with_version(ApiCredential.objects.select_related("site__ngi__federation")).order_by("site__name", "pk")


SITES = Resource("site", Site, _sites, SiteOut)
CREDENTIALS = Resource("credential", ApiCredential, _credentials, CredentialOut)
_SORTED = {
    "name": "name", "region": "ngi__name", "country": "country", "certification": "certification",
    "valid_from": "valid_from",
}  # fmt: skip


@router.get("/sites", response=ChangesPage[SiteOut], summary="Sites")
@decorate_view(conditional)
def list_sites(
    request: HttpRequest, search: Search = "", region: Text = "", federation: Text = "", country: Text = "",
    certification: Annotated[Certification | None, Query(None)] = None,
    infrastructure: Annotated[Infrastructure | None, Query(None)] = None,
    scope: Scopes = "", scope_match: ScopeMatch = "any", property: Properties = [],  # noqa: A002, B006  ninja copies it
    closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """`region` is a name or a key, `country` a code or a name. Sorted by name unless `sort` says otherwise."""
    sites = _sites().filter(Q(name__icontains=search) | Q(official_name__icontains=search))
    if region:
        sites = sites.filter(Q(ngi__name=region) | Q(ngi__key=region))
    if country:
        sites = sites.filter(Q(country_code__iexact=country) | Q(country__iexact=country))
    only = {"certification": certification, "infrastructure": infrastructure, "ngi__federation__name": federation}
    sites = sites.filter(bearing(scope, scope_match), having(property), **exact(**only))
    return listed(
        request, SITES, sites, closed=closed, changed_since=changed_since, order=order, fields=_SORTED, limit=limit,
        offset=offset,
    )  # fmt: skip


@router.get("/sites/{key}", response=SiteOut, summary="One site")
@decorate_view(conditional)
def get_site(request: HttpRequest, key: Key) -> Site:
    """Also where it is closed; its ETag is what a change sends back as `If-Match`."""
    return SITES.note(request, SITES.find(key))


@change(router, "POST", "/sites", SITES, "add", summary="Add a site", status=201)
def add_site(call: Call, body: SiteAdd) -> Site:
    """A candidate of its region. Without `scopes` it bears the default scope."""
    return object_actions.add_site(
        call.actor, ngi=region_of(body.region), values=body.values("region"), reason=body.reason, now=call.now,
        scopes=body.scopes,
    )  # fmt: skip


@change(
    router, "PATCH", "/sites/{key}", SITES, "edit", summary="Edit a site",
    warn=lambda call, site, body: effects_of_site_edit(site, body.values()).consequences,
)  # fmt: skip
def edit_site(call: Call, site: Site, body: SiteEdit) -> Site:
    """Changes the fields that are sent."""
    return actions.edit_site(
        call.actor, site=site, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(
    router, "POST", "/sites/{key}/rename", SITES, "rename", summary="Rename a site",
    warn=lambda call, site, body: effects_of_renaming(site, body.name).consequences,
)  # fmt: skip
def rename_site(call: Call, site: Site, body: Rename) -> Site:
    """Its key stays, and with it what was measured."""
    return object_actions.rename_site(
        call.actor, site=site, name=body.name, reason=body.reason, now=call.now, seen=call.seen
    )


@change(
    router, "POST", "/sites/{key}/move", SITES, "move", summary="Move a site to another region",
    warn=lambda call, site, body: effects_of_moving(site, region_of(body.region)).consequences,
)  # fmt: skip
def move_site(call: Call, site: Site, body: Move) -> Site:
    """By who may add sites to both regions."""
    return object_actions.move_site(
        call.actor, site=site, ngi=region_of(body.region), reason=body.reason, now=call.now, seen=call.seen
    )


@change(
    router, "POST", "/sites/{key}/certification", SITES, "certify", summary="Change a site's certification",
    warn=lambda call, site, body: effects_of_certification(site, body.new).consequences,
)  # fmt: skip
def change_certification(call: Call, site: Site, body: CertificationIn) -> Site:
    """One step; `old` is what you believe it to be: 409 where somebody was faster. Closed is final."""
    return actions.change_certification(
        call.actor, site=site, new=body.new, old=body.old, reason=body.reason, now=call.now
    )


offer_scopes(router, "/sites", SITES)
offer_properties(router, "/sites", SITES)


@router.get("/certification-changes", response=Page[CertificationChangeOut], summary="Steps of certification")
@decorate_view(conditional)
def list_certification_changes(
    request: HttpRequest, site: Text = "", region: Text = "",
    old: Annotated[Certification | None, Query(None)] = None,
    new: Annotated[Certification | None, Query(None)] = None,
    start: When = None, end: When = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """Newest first. `site` is a name or a key; `start` and `end` bound the instant of the step."""
    rows = CertificationChange.objects.select_related("site").order_by("-changed_at", "-pk")
    if site:
        rows = rows.filter(Q(site__name=site) | Q(site__key=site))
    only = {"site__ngi__name": region, "old": old, "new": new, "changed_at__gte": start, "changed_at__lt": end}
    fields = {"changed_at": "changed_at", "site": "site__name"}
    return paginate(request, sort(rows.filter(**exact(**only)), order, fields), limit, offset)


@router.get("/credentials", response=ChangesPage[CredentialOut], summary="Machines that may write sites' entries")
@decorate_view(conditional)
def list_credentials(
    request: HttpRequest, site: Text = "", closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """For whose role reads personal data: subjects of certificates often name people. `site` is a name or a key."""
    require(Actor.of(request, "api"), "registry.read_personal_data")
    rows = _credentials()
    if site:
        rows = rows.filter(Q(site__name=site) | Q(site__key=site))
    fields = {"site": "site__name", "identifier": "identifier"}
    return listed(
        request, CREDENTIALS, rows, closed=closed, changed_since=changed_since, order=order, fields=fields,
        limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/credentials/{key}", response=CredentialOut, summary="One machine's credential")
@decorate_view(conditional)
def get_credential(request: HttpRequest, key: Key) -> ApiCredential:
    """For whose role reads personal data."""
    require(Actor.of(request, "api"), "registry.read_personal_data")
    return CREDENTIALS.note(request, CREDENTIALS.find(key))


@change(router, "POST", "/credentials", CREDENTIALS, "add", summary="Let a machine write a site's entry", status=201)
def add_credential(call: Call, body: CredentialAdd) -> ApiCredential:
    """By who may edit the site."""
    return credential_actions.add_credential(
        call.actor, site=site_of(body.site), kind=body.kind, identifier=body.identifier, may_write=body.may_write,
        reason=body.reason, now=call.now,
    )  # fmt: skip


@change(router, "PATCH", "/credentials/{key}", CREDENTIALS, "edit", summary="Edit a machine's credential")
def edit_credential(call: Call, credential: ApiCredential, body: CredentialEdit) -> ApiCredential:
    """Changes the fields that are sent."""
    return credential_actions.edit_credential(
        call.actor, credential=credential, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen
    )


@change(router, "POST", "/credentials/{key}/close", CREDENTIALS, "close", summary="Take a machine's credential away")
def close_credential(call: Call, credential: ApiCredential, body: Reason) -> ApiCredential:
    """That machine may write no more."""
    return credential_actions.close_credential(
        call.actor, credential=credential, reason=body.reason, now=call.now, seen=call.seen
    )
