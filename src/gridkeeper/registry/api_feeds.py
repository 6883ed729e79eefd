"""The lean lists of GOCDB's interface (`get_site_list` and its like) as JSON: whole, flat, without pages.

Other than there, no `scope` means all scopes. Everything else of that interface is in the lists of this API.
"""

from typing import Annotated, Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.registry.api_parameters import Properties, ScopeMatch, Scopes, Text, bearing, exact, having
from gridkeeper.registry.models import Certification, Infrastructure, Ngi, ServiceType, Site
from gridkeeper.web.conditional import conditional

router = Router(tags=["feeds"])
_Certification = Annotated[Certification | None, Query(None)]
_Without = Annotated[Certification | None, Query(None, description="All but these.")]
_Infrastructure = Annotated[Infrastructure | None, Query(None)]


class SiteLine(Schema):
    """A site in one line (get_site_list)."""

    id: int = Field(examples=[13])
    key: str = Field(examples=["2G0"])
    name: str = Field(examples=["CERN-PROD"])
    country: str = Field(examples=["Switzerland"])
    country_code: str = Field(examples=["CH"])
    roc: str = Field(examples=["NGI_CH"])
    subgrid: str
    giis_url: str = Field(examples=["ldap://bdii.example.org:2170/mds-vo-name=EXAMPLE,o=grid"])
    certification: Certification = Field(examples=["Certified"])

    @staticmethod
    def resolve_roc(site: Site) -> str:
        return site.ngi.name


class RocLine(Schema):
    """A region in one line (get_roc_list)."""

    id: int = Field(examples=[5])
    key: str = Field(examples=["41915G0"])
    name: str = Field(examples=["NGI_CH"])


class SubgridLine(Schema):
    """A part of a region that sites name (get_subgrid_list)."""

    name: str = Field(examples=["Scotgrid"])
    roc: str = Field(examples=["NGI_UK"])


class CountryLine(Schema):
    """How many sites a country has (get_site_count_per_country)."""

    country: str = Field(examples=["Switzerland"])
    count: int = Field(examples=[7])


class TypeLine(Schema):
    """A kind of service (get_service_types)."""

    id: int = Field(examples=[3])
    name: str = Field(examples=["CE"])
    description: str


def _open_sites() -> "QuerySet[Site]":
    return Site.objects.current().select_related("ngi")


@router.get("/feeds/site_list", response=list[SiteLine], summary="All sites in a line each (get_site_list)")
@decorate_view(conditional)
def site_list(
    request: HttpRequest, sitename: Text = "", roc: Text = "", country: Text = "",
    certification_status: _Certification = None, exclude_certification_status: _Without = None,
    production_status: _Infrastructure = None, scope: Scopes = "", scope_match: ScopeMatch = "any",
    property: Properties = [],  # noqa: A002, B006  ninja copies it
) -> "QuerySet[Site]":  # fmt: skip
    """By the order of their ids. `roc` and `sitename` are names, `country` a name or a code."""
    only = exact(name=sitename, ngi__name=roc, certification=certification_status, infrastructure=production_status)
    sites = _open_sites().filter(bearing(scope, scope_match), having(property), **only)
    if country:
        sites = sites.filter(Q(country=country) | Q(country_code=country))
    if exclude_certification_status:
        sites = sites.exclude(certification=exclude_certification_status)
    return sites.order_by("pk")


@router.get("/feeds/roc_list", response=list[RocLine], summary="All regions in a line each (get_roc_list)")
@decorate_view(conditional)
def roc_list(request: HttpRequest, roc: Text = "") -> "QuerySet[Ngi]":
    """By the order of their ids. `roc` is a name."""
    return Ngi.objects.current().filter(**exact(name=roc)).order_by("pk")


@router.get("/feeds/subgrid_list", response=list[SubgridLine], summary="All subgrids (get_subgrid_list)")
@decorate_view(conditional)
def subgrid_list(request: HttpRequest, subgrid: Text = "") -> list[dict[str, Any]]:
    """What sites name as their subgrid, with the region, each once."""
    named = _open_sites().exclude(subgrid="").filter(**exact(subgrid=subgrid))
    rows = named.order_by("subgrid", "ngi__name").values_list("subgrid", "ngi__name").distinct()
    return [{"name": name, "roc": roc} for name, roc in rows]


@router.get(
    "/feeds/site_count_per_country", response=list[CountryLine],
    summary="How many sites each country has (get_site_count_per_country)",
)  # fmt: skip
@decorate_view(conditional)
def site_count_per_country(
    request: HttpRequest, certification_status: _Certification = None, production_status: _Infrastructure = None,
    scope: Scopes = "", scope_match: ScopeMatch = "any",
) -> list[dict[str, Any]]:  # fmt: skip
    """Countries without sites are left out."""
    only = exact(certification=certification_status, infrastructure=production_status)
    sites = _open_sites().exclude(country="").filter(bearing(scope, scope_match), **only)
    rows = sites.order_by("country").values_list("country").annotate(count=Count("pk"))
    return [{"country": country, "count": count} for country, count in rows]


@router.get("/feeds/service_types", response=list[TypeLine], summary="All service types (get_service_types)")
@decorate_view(conditional)
def service_types(request: HttpRequest) -> "QuerySet[ServiceType]":
    """By name."""
    return ServiceType.objects.order_by("name")
