"""VOs over HTTP, and which services support them. Changes go as those of the registry (`registry.api_changes`)."""

from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from ninja import Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, LongText, Reason, Word
from gridkeeper.registry.api_lookups import unknown
from gridkeeper.registry.api_parameters import ChangedSince, Closed, Key, Search, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import AffectedOut
from gridkeeper.registry.api_services import SERVICES
from gridkeeper.registry.models import Service
from gridkeeper.vos import actions
from gridkeeper.vos.models import Vo, VoSupport
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["VOs"])


class VoOut(Schema):
    """A virtual organisation."""

    key: str = Field(examples=["osg-35"])
    name: str = Field(examples=["atlas"])
    long_name: str
    description: str
    home_url: str = Field(examples=["https://atlas.example.org"])
    services: int = Field(description="Services that support it now.", examples=[40])
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])
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


class VoEdit(Edit):
    """Changes of a VO."""

    long_name: Word = ""
    description: LongText = ""
    home_url: Word = Field("", examples=["https://atlas.example.org"])


class SupportedVos(Reason):
    """The VOs that a service supports from now on: exactly these."""

    vos: list[KeyText] = Field(max_length=1000, examples=[["atlas", "lhcb"]], description="Names of VOs.")


def _vos() -> "QuerySet[Vo]":
    now = Count("support", filter=Q(support__valid_until=None))
    return with_version(Vo.objects.annotate(service_count=now)).order_by("name", "pk")


def _current_vos() -> "QuerySet[Vo]":
    """A name is that of one current VO."""
    return _vos().filter(valid_until=None)


def _support() -> "QuerySet[VoSupport]":
    rows = VoSupport.objects.select_related("vo", "service__service_type", "service__site")
    return rows.order_by("vo__name", "service__site__name", "service__hostname", "pk")


VOS = Resource("vo", Vo, _current_vos, VoOut, key="name")
SUPPORT = Resource("vo_support", VoSupport, _support, SupportOut)


@router.get("/vos", response=ChangesPage[VoOut], summary="VOs")
@decorate_view(conditional)
def list_vos(
    request: HttpRequest, search: Search = "", closed: Closed = False, changed_since: ChangedSince = None,
    order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """With the number of services that support them. Sorted by name unless `sort` says otherwise."""
    return listed(
        request, VOS, _vos().filter(Q(name__icontains=search) | Q(long_name__icontains=search)), closed=closed,
        changed_since=changed_since, order=order, fields={"name": "name", "services": "service_count"}, limit=limit,
        offset=offset,
    )  # fmt: skip


@router.get("/vos/{key}", response=VoOut, summary="One VO")
@decorate_view(conditional)
def get_vo(request: HttpRequest, key: Key) -> Vo:
    """The current VO of that name."""
    return VOS.note(request, VOS.find(key))


@change(router, "PATCH", "/vos/{key}", VOS, "edit", summary="Edit a VO")
def edit_vo(call: Call, vo: Vo, body: VoEdit) -> Vo:
    """Changes the fields that are sent; by its managers."""
    return actions.edit_vo(call.actor, vo=vo, changes=body.values(), reason=body.reason, now=call.now, seen=call.seen)


@change(
    router, "PUT", "/services/{key}/vos", SERVICES, "set_vos", summary="Set which VOs a service supports",
)  # fmt: skip
def set_support(call: Call, service: Service, body: SupportedVos) -> Service:
    """Exactly these from now on; by who may edit the service."""
    vos = {vo.name: vo for vo in Vo.objects.current().filter(name__in=body.vos)}
    if missing := sorted(set(body.vos) - set(vos)):
        raise unknown("vos", "/vos", missing)
    actions.set_support(call.actor, service=service, vos=vos.values(), reason=body.reason, now=call.now)
    return service


@router.get("/vo-support", response=ChangesPage[SupportOut], summary="Which services support which VOs")
@decorate_view(conditional)
def list_vo_support(
    request: HttpRequest, vo: Text = "", site: Text = "", service: Text = "", service_type: Text = "",
    closed: Closed = False, changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """`vo` and `service_type` are names, `site` a name or a key, `service` a key. Sorted by VO, site and host."""
    only = exact(vo__name=vo, service__service_type__name=service_type, service__key=service)
    rows = _support().filter(**only)
    if site:
        rows = rows.filter(Q(service__site__name=site) | Q(service__site__key=site))
    fields = {"vo": "vo__name", "site": "service__site__name", "hostname": "service__hostname"}
    return listed(
        request, SUPPORT, rows, closed=closed, changed_since=changed_since, order=order, fields=fields, limit=limit,
        offset=offset,
    )  # fmt: skip
