"""Trials as the engine runs them: beside the tests, a few at a time, with the answer stored in the trial alone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, NoReturn

import structlog
from django.db import DatabaseError

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.probes.instances import Instance, TestSpec, place_of
from gridkeeper.probes.models import Trial
from gridkeeper.probes.running import Measured, run_instance

log = structlog.get_logger(__name__)

_POLL_S = 0.5
_AT_ONCE = 4
#: Characters of an output that a trial keeps.
_MOST_OUTPUT = 64_000

InDatabase = Callable[..., Awaitable[Any]]


async def run_trials(in_database: InDatabase) -> NoReturn:
    """Takes trials and runs them until it is cancelled. in_database: calls a function where the database may be used"""
    running: set[asyncio.Task[None]] = set()
    await in_database(return_trials)
    try:
        while True:
            await asyncio.sleep(_POLL_S)
            try:
                taken = await in_database(take_trials, datetime.now(UTC), _AT_ONCE - len(running))
            except DatabaseError as error:
                log.warning("trials cannot be read", error=str(error))
                continue
            for trial in taken:
                task = asyncio.create_task(_run(trial, in_database))
                running.add(task)
                task.add_done_callback(running.discard)
    finally:
        for task in running:
            task.cancel()


async def _run(trial: Trial, in_database: InDatabase) -> None:
    try:
        instance = await in_database(instance_of, trial)
        outcomes = [_as_json(item) for item in await run_instance(instance, datetime.now(UTC))]
    except Exception:  # whatever it is, it must not end the engine, and somebody waits
        log.exception("a trial failed", trial=trial.pk)
        name = trial.definition.get("name", "")
        outcomes = [{"metric": name, "status": "UNKNOWN", "summary": "the engine failed on it; see its log"}]
    try:
        await in_database(finish_trial, trial.pk, outcomes, datetime.now(UTC))
    except DatabaseError as error:
        log.warning("the end of a trial cannot be noted", trial=trial.pk, error=str(error))


def _as_json(item: Measured) -> dict[str, Any]:
    outcome = item.outcome
    texts = {"summary": outcome.summary[:500], "output": outcome.output[:_MOST_OUTPUT], "perfdata": outcome.perfdata}
    clean = {name: text.replace("\0", "\ufffd").encode(errors="replace").decode() for name, text in texts.items()}
    return {"metric": item.key.metric, "status": outcome.status.name, "duration_ms": item.duration_ms, **clean}


def take_trials(now: datetime, most: int) -> list[Trial]:
    """Trials that nobody has taken; two engines never take the same."""
    waiting = Trial.objects.filter(taken_at=None).order_by("requested_at")
    return [
        trial
        for trial in waiting.select_related("service__service_type", "service__site")[: max(0, most)]
        if Trial.objects.filter(pk=trial.pk, taken_at=None).update(taken_at=now)
    ]


def return_trials() -> int:
    """Lets trials that a stopped engine took and did not finish be taken again; returns how many."""
    return Trial.objects.exclude(taken_at=None).filter(done_at=None).update(taken_at=None)


def instance_of(trial: Trial) -> Instance:
    """What is run: the definition on the service, waiting for nothing and carrying nothing."""
    content, place = trial.definition, place_of(trial.service)
    spec = TestSpec(
        content["name"], content["kind"], content["command"], content["arguments"], content["is_per_vo"],
        content["interval_s"], content["timeout_s"], 1, content["retry_interval_s"], (), content["stage"],
        content["credential"],
    )  # fmt: skip
    return Instance(SeriesKey(place.target.hostname, place.service_type, spec.name, trial.vo), spec, place)


def finish_trial(trial_id: int, outcomes: list[dict[str, Any]], now: datetime) -> None:
    Trial.objects.filter(pk=trial_id).update(done_at=now, outcomes=outcomes)
