"""Trials over the API: a definition is run once on one service before it is saved."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import require
from gridkeeper.probes.api_inputs import Definition
from gridkeeper.probes.models import Trial
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.probes.try_actions import request_trial
from gridkeeper.registry.api_changes import Call, change
from gridkeeper.registry.api_inputs import KeyText, Word
from gridkeeper.registry.api_lookups import service_of
from gridkeeper.registry.api_parameters import Key
from gridkeeper.registry.api_resources import Resource, with_version

router = Router(tags=["tests"])


class TrialOut(Schema):
    """A trial; `outcomes` is there once `done_at` is."""

    id: int = Field(examples=[12])
    service: str = Field(description="Key of the service.", examples=["1555G0"])
    vo: str
    definition: dict[str, Any]
    requested_at: datetime
    taken_at: datetime | None
    done_at: datetime | None
    outcomes: list[dict[str, Any]] = Field(
        description="Of the test and of what rides in it: metric, status, duration_ms, summary, output, perfdata."
    )

    @staticmethod
    def resolve_service(trial: Trial) -> str:
        return trial.service.key


class TrialIn(Definition):
    """A definition, whole, and where to try it."""

    model_config = ConfigDict(extra="forbid")

    name: KeyText = Field("org.example.draft", description="That it would bear.")
    abbreviation: KeyText = Field("draft", examples=["port"])
    title: KeyText = Field("Draft", examples=["Port answers"])
    service: KeyText = Field(description="Key of the service.", examples=["1555G0"])
    vo: Word = Field("", description="For a test that runs per VO.")


def _trials() -> "QuerySet[Trial]":
    return with_version(Trial.objects.select_related("service"))


TRIALS = Resource("trial", Trial, _trials, TrialOut, key="id")


@change(router, "POST", "/trials", TRIALS, "add", summary="Try a definition", status=201)
def add_trial(call: Call, body: TrialIn) -> Trial:
    """The engine takes it within a second; ask for it by its id. Nothing of it reaches results or statuses."""
    content = {"abbreviation": body.abbreviation, "title": body.title} | body.draft("service", "vo")
    return request_trial(
        call.actor, name=body.name, content=content, service=service_of(body.service), vo=body.vo, now=call.now
    )


@router.get("/trials/{key}", response=TrialOut, summary="One trial")
def get_trial(request: HttpRequest, key: Key) -> Trial:
    """How it stands, for whoever may define tests. Trials are forgotten after a week."""
    require(Actor.of(request, "api"), EDIT_TEST)
    return TRIALS.find(key)
