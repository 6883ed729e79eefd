"""Pauses over the API: what the engine does not run for a while, and why."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.probes.api_inputs import named_test
from gridkeeper.probes.models import Pause
from gridkeeper.probes.pause_actions import end_pause, pause
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit, KeyText, Reason
from gridkeeper.registry.api_lookups import service_of, site_of
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.registry.api_schemas import Moment
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["pauses"])


class PauseOut(Schema):
    """What is not run, until when and why. What is null stands for all."""

    id: int = Field(examples=[3])
    test: str | None = Field(examples=["CE-js"])
    service: str | None = Field(description="Its key.", examples=["1555G0"])
    site: str | None = Field(description="Its key.", examples=["2G0"])
    reason: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None = Field(description="When somebody ended it before.")
    version: int = Field(description="Grows with every change; the ETag begins with it.", examples=[17])

    @staticmethod
    def resolve_test(row: Pause) -> str | None:
        return row.test.name if row.test else None

    @staticmethod
    def resolve_service(row: Pause) -> str | None:
        return row.service.key if row.service else None

    @staticmethod
    def resolve_site(row: Pause) -> str | None:
        return row.site.key if row.site else None


class PauseAdd(Reason):
    """What is paused; what is left out stands for all."""

    test: KeyText | None = Field(None, description="Its name.", examples=["CE-js"])
    service: KeyText | None = Field(None, description="Its key.", examples=["1555G0"])
    site: KeyText | None = Field(None, description="Its key.")
    expires_at: Moment = Field(description="At most 31 days from now.", examples=["2026-12-01T16:00:00Z"])


def _pauses() -> "QuerySet[Pause]":
    return with_version(Pause.objects.select_related("test", "service__site__ngi", "site__ngi"))


PAUSES = Resource("pause", Pause, _pauses, PauseOut, key="id")


@router.get("/pauses", response=ChangesPage[PauseOut], summary="Pauses")
@decorate_view(conditional)
def list_pauses(
    request: HttpRequest, test: Text = "", service: Text = "", site: Text = "",
    is_in_force: Annotated[bool | None, Query(None)] = None, changed_since: ChangedSince = None, order: Sort = "",
    limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """The newest first. `test` is a name, `service` and `site` are keys."""
    rows = _pauses().filter(**exact(test__name=test, service__key=service, site__key=site))
    if is_in_force is not None:
        holding = Q(ended_at=None, expires_at__gt=timezone.now())
        rows = rows.filter(holding if is_in_force else ~holding)
    return listed(
        request, PAUSES, rows, closed=True, changed_since=changed_since, order=order,
        fields={"created_at": "created_at", "expires_at": "expires_at"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/pauses/{key}", response=PauseOut, summary="One pause")
@decorate_view(conditional)
def get_pause(request: HttpRequest, key: Key) -> Pause:
    """Also where it is over."""
    return PAUSES.note(request, PAUSES.find(key))


@change(router, "POST", "/pauses", PAUSES, "add", summary="Pause tests", status=201)
def add_pause(call: Call, body: PauseAdd) -> Pause:
    """By whoever may edit the service or site; a test everywhere is paused by superusers."""
    return pause(
        call.actor, test=named_test(body.test, "test") if body.test else None,
        service=service_of(body.service) if body.service else None, site=site_of(body.site) if body.site else None,
        reason=body.reason, expires_at=body.expires_at, now=call.now,
    )  # fmt: skip


@change(router, "POST", "/pauses/{key}/end", PAUSES, "end", summary="End a pause")
def stop_pause(call: Call, row: Pause, body: Edit) -> Pause:
    """What it held back runs within a minute; one that is over stays as it is."""
    return end_pause(call.actor, pause=row, reason=body.reason, now=call.now)
