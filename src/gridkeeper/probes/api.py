"""Tests over HTTP: one router of the parts (`api_*`), with latest statuses and runs on request."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Path, Query, Router, Schema, Status
from pydantic import Field

from gridkeeper.core import status as statuses
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import is_permitted
from gridkeeper.probes import (
    api_causes,
    api_credentials,
    api_packs,
    api_pauses,
    api_profiles,
    api_tests,
    api_trials,
    api_workers,
)
from gridkeeper.probes.actions import request_run
from gridkeeper.probes.models import LatestStatus, RunRequest, Test
from gridkeeper.probes.permissions import RUN_TEST
from gridkeeper.registry.models import Service
from gridkeeper.web.api import Limit, Offset, Page, paginate, sort
from gridkeeper.web.problems import Problem

router = Router(tags=["tests"])
for _part in (
    api_tests,
    api_trials,
    api_profiles,
    api_pauses,
    api_causes,
    api_credentials,
    api_workers,
    api_packs,
):
    router.add_router("", _part.router)
_NO_NUL = r"^[^\x00]*$"
Text = Annotated[str, Query("", max_length=255, pattern=_NO_NUL)]


class StatusOut(Schema):
    """The newest result of a series. `series` is a signed 64-bit number, as a text for JavaScript's sake."""

    series: str = Field(examples=["6929759960764634807"])
    hostname: str = Field(examples=["ce.example.org"])
    service_type: str = Field(examples=["CE"])
    metric: str = Field(examples=["CE-js"])
    vo: str = Field(examples=["dteam"])
    status: str = Field(examples=["CRITICAL"])
    hard_status: str = Field(examples=["OK"])
    hard_since: datetime
    executed_at: datetime
    duration_ms: int = Field(examples=[120])
    summary: str
    worker: str
    cause: str
    last_ok_at: datetime | None

    @staticmethod
    def resolve_series(row: LatestStatus) -> str:
        return str(row.series)

    @staticmethod
    def resolve_status(row: LatestStatus) -> str:
        return statuses.Status(row.status).name

    @staticmethod
    def resolve_hard_status(row: LatestStatus) -> str:
        return statuses.Status(row.hard_status).name


class RunIn(Schema):
    """What to run, where, for which VO."""

    service: str = Field(description="Key of the service.", examples=["2gk7bd"], max_length=100, pattern=_NO_NUL)
    test: str = Field(examples=["CE-js"], max_length=100, pattern=_NO_NUL)
    vo: str = Field("", examples=["dteam"], max_length=100, pattern=_NO_NUL)


class RunOut(Schema):
    """A run that was asked for."""

    id: int = Field(examples=[12])
    requested_at: datetime
    taken_at: datetime | None
    done_at: datetime | None
    outcome: str = Field(examples=["OK: port 22 accepts connections"])


@router.get("/statuses", response=Page[StatusOut], summary="Latest statuses")
def list_statuses(
    request: HttpRequest,
    hostname: Text = "",
    service_type: Text = "",
    metric: Text = "",
    vo: Text = "",
    status: Text = "",
    order: Annotated[str, Query("", alias="sort", max_length=200)] = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """The newest result of every series; `status` is the hard one (CRITICAL, or a Nagios code)."""
    given = {"hostname": hostname, "service_type": service_type, "metric": metric, "vo": vo}
    found = LatestStatus.objects.filter(**{name: value for name, value in given.items() if value})
    if status:
        try:
            found = found.filter(hard_status=statuses.parse_status(status))
        except ValueError as error:
            raise Problem(422, "Unknown status", str(error)) from error
    names = ("hostname", "service_type", "metric", "vo", "executed_at", "hard_since", "hard_status")
    return paginate(request, sort(found, order, {name: name for name in names}), limit, offset)


@router.post("/runs", response={202: RunOut}, summary="Run a test now")
def run_now(request: HttpRequest, body: RunIn) -> Status[RunRequest]:
    """The scheduler takes it within a second; ask for its state by its id."""
    service = _by_name(Service, "key", body.service)
    test = _by_name(Test, "name", body.test)
    wanted = request_run(Actor.of(request, "api"), service=service, test=test, vo=body.vo, now=timezone.now())
    return Status(202, wanted)


@router.get("/runs/{run_id}", response=RunOut, summary="State of a run")
def get_run(request: HttpRequest, run_id: Annotated[int, Path(ge=0, lt=1 << 62)]) -> RunRequest:
    """For whoever asked for it, and whoever else may run tests there."""
    wanted = get_object_or_404(RunRequest.objects.select_related("service"), pk=run_id)
    actor = Actor.of(request, "api")
    is_own = actor.user is not None and wanted.requested_by_id == actor.user.pk
    if not (is_own or is_permitted(actor, RUN_TEST, wanted.service)):
        raise Problem(404, "Not found", "there is no such run, or it is not yours")
    return wanted


def _by_name(model: Any, field: str, value: str) -> Any:
    if "\x00" in value:
        raise Problem(422, "The text holds a zero byte", f"{field}: write it without")
    return get_object_or_404(model, **{field: value})
