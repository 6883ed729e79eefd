"""Workers and the engine over the API: who tests from where, whether the engine keeps up, and who may work."""

from datetime import datetime
from typing import Annotated, Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from ninja.decorators import decorate_view
from pydantic import Field

from gridkeeper.probes.engine_views import SILENT, in_force
from gridkeeper.probes.models import EngineReport, Flapping, RunRequest, Worker
from gridkeeper.probes.places import REPORT, name_of_report
from gridkeeper.probes.worker_actions import forget_worker_key, set_worker_enabled
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import Edit
from gridkeeper.registry.api_parameters import ChangedSince, Key, Sort, Text, exact, listed
from gridkeeper.registry.api_resources import Resource, with_version
from gridkeeper.web.api import ChangesPage, Limit, Offset
from gridkeeper.web.conditional import conditional

router = Router(tags=["workers"])


class WorkerOut(Schema):
    """A process that runs tests, here or elsewhere."""

    name: str = Field(examples=["wn-1.example.org"])
    region: str = Field(description="Name of the NGI that it stands in.")
    network: str
    vos: list[str] = Field(description="VOs that it may test for; empty: all.")
    labels: dict[str, Any]
    has_key: bool = Field(description="Whether it has come with a key that credentials are sealed for.")
    version: str = Field(description="Of its software.", examples=["1.0.0"])
    state: str = Field(description="ok, suspect or lost.", examples=["ok"])
    state_since: datetime
    state_reason: str
    registered_at: datetime
    last_seen_at: datetime = Field(description="By the clock of this side.")
    is_enabled: bool = Field(description="False: retired, or not approved; it is given nothing to run.")
    record: int = Field(description="Grows with every change; the ETag begins with it, `seen` means it.", examples=[17])

    @staticmethod
    def resolve_has_key(worker: Worker) -> bool:
        return bool(worker.public_key)


class EngineReportOut(Schema):
    """The newest figures of one engine."""

    name: str
    reported_at: datetime
    is_silent: bool = Field(description="It has not reported for a minute: it is not at work.")
    figures: dict[str, Any] = Field(description="Instances, queue, lag, rates, slowest tests.")


class EngineOut(Schema):
    """How the engine does."""

    reports: list[EngineReportOut]
    workers: dict[str, dict[str, Any]] = Field(description="Newest figures of the workers, by name.")
    flapping: int = Field(description="Series that change too often to say much.", examples=[0])
    waiting_runs: int = Field(description="Runs that people asked for and that have not ended.", examples=[0])
    pauses: int = Field(description="In force now.", examples=[0])


def _workers() -> "QuerySet[Worker]":
    return with_version(Worker.objects.all(), "record")


WORKERS = Resource("worker", Worker, _workers, WorkerOut, key="name", version="record")


@router.get("/engine", response=EngineOut, summary="The engine at work")
def get_engine(request: HttpRequest) -> dict[str, Any]:
    """Whether it runs, whether it keeps up, what is slow."""
    now = timezone.now()
    engines = EngineReport.objects.exclude(name__startswith=REPORT).order_by("name")
    figures = dict(EngineReport.objects.filter(name__startswith=REPORT).values_list("name", "figures"))
    names = Worker.objects.values_list("name", flat=True)
    return {
        "reports": [
            {"name": one.name, "reported_at": one.reported_at, "is_silent": one.reported_at < now - SILENT,
             "figures": one.figures}
            for one in engines
        ],
        "workers": {name: figures.get(name_of_report(name), {}) for name in names},
        "flapping": Flapping.objects.count(),
        "waiting_runs": RunRequest.objects.filter(done_at=None).count(),
        "pauses": in_force(now).count(),
    }  # fmt: skip


@router.get("/workers", response=ChangesPage[WorkerOut], summary="Workers")
@decorate_view(conditional)
def list_workers(
    request: HttpRequest, state: Text = "", region: Text = "", is_enabled: Annotated[bool | None, Query(None)] = None,
    changed_since: ChangedSince = None, order: Sort = "", limit: Limit = 100, offset: Offset = 0,
) -> dict[str, Any]:  # fmt: skip
    """By name."""
    return listed(
        request, WORKERS, _workers().filter(**exact(state=state, region=region, is_enabled=is_enabled)), closed=True,
        changed_since=changed_since, order=order,
        fields={"name": "name", "state": "state", "last_seen_at": "last_seen_at"}, limit=limit, offset=offset,
    )  # fmt: skip


@router.get("/workers/{key}", response=WorkerOut, summary="One worker")
@decorate_view(conditional)
def get_worker(request: HttpRequest, key: Key) -> Worker:
    """With its state, and why."""
    return WORKERS.note(request, WORKERS.find(key))


@change(router, "POST", "/workers/{key}/approve", WORKERS, "approve", summary="Let a worker work")
def approve_worker(call: Call, worker: Worker, body: Edit) -> Worker:
    """It is given runs within some seconds."""
    return set_worker_enabled(call.actor, worker=worker, is_enabled=True, reason=body.reason)


@change(router, "POST", "/workers/{key}/retire", WORKERS, "retire", summary="Retire a worker")
def retire_worker(call: Call, worker: Worker, body: Edit) -> Worker:
    """It is given nothing more to run; others that fit the tests' rules take over."""
    return set_worker_enabled(call.actor, worker=worker, is_enabled=False, reason=body.reason)


@change(
    router, "POST", "/workers/{key}/forget-key", WORKERS, "forget_key", summary="Let a worker come with another key"
)
def forget_key(call: Call, worker: Worker, body: Edit) -> Worker:
    """The next key that comes under its name is kept: be sure that it is the worker's own."""
    return forget_worker_key(call.actor, worker=worker, reason=body.reason, now=call.now)
