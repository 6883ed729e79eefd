"""What the database holds of workers and places: who is registered, what each said last, the rules of tests."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import transaction

from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor, recording
from gridkeeper.probes.models import EngineReport, PlaceStatus, Test, Worker, WorkerState
from gridkeeper.probes.place_rules import PlaceRule, PlaceRuleError, parse_rule
from gridkeeper.probes.wire import Beat
from gridkeeper.registry.models import Site

log = structlog.get_logger(__name__)

_SUMMARY = 500
#: What a worker says of itself that stands in its row; each change is recorded.
_TOLD = ("region", "network", "vos", "labels", "version")


#: How the reports of workers are told from those of engines.
REPORT = "worker "


def name_of_report(worker: str) -> str:
    """The name under which a worker's figures are kept."""
    return f"{REPORT}{worker}"[:100]


@dataclass(frozen=True, slots=True)
class Registered:
    """A worker as its row has it."""

    name: str
    public_key: str
    is_enabled: bool
    state: WorkerState
    reason: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A worker's newest sign of life, and when it came by our clock."""

    beat: Beat
    at: datetime


@dataclass(frozen=True, slots=True)
class PlaceOpinion:
    """What one place said in one round."""

    series: int
    worker: str
    status: Status
    executed_at: datetime
    summary: str
    is_counted: bool


def registered_workers() -> list[Registered]:
    rows = Worker.objects.values_list("name", "public_key", "is_enabled", "state", "state_reason")
    return [Registered(name, key, enabled, WorkerState(state), why) for name, key, enabled, state, why in rows]


def place_rules() -> dict[str, PlaceRule]:
    """The rules of tests that have one; a rule that cannot be read counts as none, and the log says so."""
    found: dict[str, PlaceRule] = {}
    for name, data in Test.objects.filter(is_enabled=True).exclude(places={}).values_list("name", "places"):
        try:
            found[name] = parse_rule(data)
        except PlaceRuleError as error:
            log.error("the places of a test cannot be read", test=name, error=str(error))
    return found


def regions_of_sites() -> dict[str, str]:
    """Site -> NGI, by name."""
    return dict(Site.objects.current().values_list("name", "ngi__name"))


def save_seen(seen: Iterable[Seen]) -> None:
    """Registers workers that are new, and takes over what they say of themselves."""
    for one in seen:
        beat = one.beat
        told = {
            "region": beat.region[:100], "network": beat.network[:100], "vos": beat.vos, "labels": beat.labels,
            "version": beat.software[:40],
        }  # fmt: skip
        is_known = Worker.objects.filter(name=beat.worker).exists()
        why = "it says so of itself" if is_known else "it registered"
        with transaction.atomic(), recording(Actor.system(), why):
            row = Worker.objects.select_for_update().filter(name=beat.worker).first()
            if row is None:
                Worker.objects.create(
                    name=beat.worker, public_key=beat.public_key[:100], registered_at=one.at, last_seen_at=one.at,
                    state_since=one.at, **told,
                )  # fmt: skip
            elif any(getattr(row, name) != told[name] for name in _TOLD) or not row.public_key:
                for name in _TOLD:
                    setattr(row, name, told[name])
                row.public_key = row.public_key or beat.public_key[:100]
                row.last_seen_at = one.at
                row.save()
            else:  # being seen is no change that anybody wants a record of
                Worker.objects.filter(pk=row.pk).update(last_seen_at=one.at)
        _report(one)


def _report(one: Seen) -> None:
    beat = one.beat
    figures = {
        "running": len(beat.running), "capacity": beat.capacity, "spooled": beat.spooled, "done": beat.done,
        "trouble": beat.trouble, "clock_off_s": round(beat.clock_s - one.at.timestamp(), 1),
    }  # fmt: skip
    fields = {"reported_at": one.at, "figures": figures}
    EngineReport.objects.update_or_create(name=name_of_report(beat.worker), defaults=fields)


def save_states(changes: Iterable[tuple[str, WorkerState, str]], now: datetime) -> None:
    """Each change of state is kept with its reason, as any other."""
    for name, state, reason in changes:
        with transaction.atomic(), recording(Actor.system(), reason[:300]):
            row = Worker.objects.select_for_update().filter(name=name).first()
            if row is None or (row.state, row.state_reason) == (state, reason[:500]):
                continue
            if row.state != state:
                row.state_since = now
            row.state, row.state_reason = state, reason[:500]
            row.save()


def save_opinions(opinions: Sequence[PlaceOpinion]) -> None:
    """The newest of each series and place stays."""
    newest = {(one.series, one.worker): one for one in opinions}
    rows = [
        PlaceStatus(
            series=one.series, worker=one.worker[:100], status=one.status.value, executed_at=one.executed_at,
            summary=one.summary.replace("\0", "\ufffd")[:_SUMMARY], is_counted=one.is_counted,
        )
        for one in newest.values()
    ]  # fmt: skip
    PlaceStatus.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, unique_fields=["series", "worker"],
        update_fields=["status", "executed_at", "summary", "is_counted"],
    )  # fmt: skip


def places_of(key: SeriesKey) -> list[PlaceStatus]:
    """What each place said last of a series that is seen from several; [] for one that is not."""
    return list(PlaceStatus.objects.filter(series=key.series).order_by("worker"))
