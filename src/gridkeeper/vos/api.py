"""VOs over HTTP, and which services support them."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Path, Query, Router, Schema
from pydantic import Field

from gridkeeper.registry.api_schemas import AffectedOut
from gridkeeper.vos.models import Vo, VoSupport
from gridkeeper.web.api import Limit, Offset, Page, paginate, sort

router = Router(tags=["VOs"])

_PATTERN = r"^[^\x00]*$"
Name = Annotated[str, Path(max_length=100, pattern=_PATTERN, description="The VO's name.")]
Text = Annotated[str, Query("", max_length=255, pattern=_PATTERN)]
Search = Annotated[str, Query("", max_length=255, pattern=_PATTERN, description="Part of a name, in any case.")]
Sort = Annotated[
    str, Query("", alias="sort", max_length=200, description="Fields, comma-separated; - before one: descending.")
]
Closed = Annotated[bool, Query(False, description="True: also what is closed.")]


class VoOut(Schema):
    """A virtual organisation."""

    key: str = Field(examples=["osg-35"])
    name: str = Field(examples=["atlas"])
    long_name: str
    description: str
    home_url: str = Field(examples=["https://atlas.example.org"])
    services: int = Field(description="Services that support it now.", examples=[40])
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_services(vo: Any) -> int:
        return int(vo.service_count)


class SupportOut(Schema):
    """That a service serves a VO, from when to when."""

    vo: str = Field(examples=["atlas"])
    service: AffectedOut
    valid_from: datetime
    valid_until: datetime | None

    @staticmethod
    def resolve_vo(support: VoSupport) -> str:
        return support.vo.name


@router.get("/vos", response=Page[VoOut], summary="VOs")
def list_vos(
    request: HttpRequest, search: Search = "", closed: Closed = False, order: Sort = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With the number of services that support them. Sorted by name unless `sort` says otherwise."""
    vos = _vos().filter(Q(name__icontains=search) | Q(long_name__icontains=search))
    if not closed:
        vos = vos.filter(valid_until=None)
    return paginate(request, sort(vos, order, {"name": "name", "services": "service_count"}), limit, offset)


@router.get("/vos/{name}", response=VoOut, summary="One VO")
def get_vo(request: HttpRequest, name: Name) -> Vo:
    """The current VO of that name."""
    return get_object_or_404(_vos(), name=name, valid_until=None)


def _vos() -> "QuerySet[Vo]":
    now = Count("support", filter=Q(support__valid_until=None))
    return Vo.objects.annotate(service_count=now).order_by("name", "pk")


@router.get("/vo-support", response=Page[SupportOut], summary="Which services support which VOs")
def list_vo_support(
    request: HttpRequest, vo: Text = "", site: Text = "", service_type: Text = "", closed: Closed = False,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """`vo` and `service_type` are names, `site` a name or a key. Sorted by VO, site and host."""
    rows = VoSupport.objects.select_related("vo", "service__service_type", "service__site")
    rows = rows.order_by("vo__name", "service__site__name", "service__hostname", "pk")
    exact = {"vo__name": vo, "service__service_type__name": service_type}
    rows = rows.filter(**{name: text for name, text in exact.items() if text})
    if site:
        rows = rows.filter(Q(service__site__name=site) | Q(service__site__key=site))
    if not closed:
        rows = rows.filter(valid_until=None)
    fields = {"vo": "vo__name", "site": "service__site__name", "hostname": "service__hostname"}
    return paginate(request, sort(rows, order, fields), limit, offset)
