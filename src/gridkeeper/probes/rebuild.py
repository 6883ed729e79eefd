"""Computes rows of `LatestStatus` from facts alone: `gridkeeper lake rebuild-status`, and series that went astray."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from gridkeeper.bus import inbox
from gridkeeper.bus.facts import Fact, Facts, connect, open_facts
from gridkeeper.bus.locks import only_one
from gridkeeper.bus.mover import WRITER_LOCK
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake import scan
from gridkeeper.probes import projection
from gridkeeper.probes.models import LatestStatus
from gridkeeper.probes.results import SUMMARY_LIMIT

ALWAYS = Window(datetime(1, 1, 1, tzinfo=UTC), projection.LAST_INSTANT)
_LOW_BITS = 0xFFFF_FFFF
#: Series whose newest logs are looked up at once.
_CHUNK = 5000


class RebuildError(Exception):
    """The projection cannot be rebuilt now; the message says why and what to do."""


def rebuild_status() -> int:
    """Replaces the whole projection by what the facts say; returns the number of series.

    Ingest waits only while the computed rows are written: batches that came meanwhile are applied on top. The writer
    of the lake is kept out throughout, so that those batches are still in the inbox. Raises RebuildError where it
    is at work.
    """
    with only_one(WRITER_LOCK) as is_mine:
        if not is_mine:
            raise RebuildError("the lake is being written to; wait some seconds and try again")
        newest = inbox.newest("results")
        rows = rows_from_facts(open_facts(), None)
        with transaction.atomic():
            inbox.serialise_writers()
            LatestStatus.objects.all().delete()
            projection.store(rows)
            _apply_later(newest)
    return len(rows)


def _apply_later(newest: int) -> None:
    for batch_id in inbox.pending("results", after=newest)[0]:
        rows = inbox.one("results", batch_id)
        stored = projection.priors(rows.column("series").unique().to_pylist())
        times = projection.stamps(rows.column("executed_at"))
        projection.apply(rows, times, stored, batch_id << inbox.ROW_BITS)


def recompute(series: Iterable[int]) -> None:
    """Replaces the rows of some series: a repeated id had moved them on with a result that does not count."""
    wanted = list(series)
    with transaction.atomic():
        inbox.serialise_writers()
        LatestStatus.objects.filter(series__in=wanted).delete()
        projection.store(rows_from_facts(open_facts(), wanted))


def rows_from_facts(facts: Facts, series: Sequence[int] | None) -> list[tuple[Any, ...]]:
    """Rows as `projection.store` takes them; None asks for all series."""
    with connect() as con:
        results = scan.of_series(con, facts.results(con, ALWAYS), series)
        newest = {row["series"]: row for row in scan.rows(_newest(results))}
        held = projection.held_since(facts, con, series)
    words = {row["series"]: row for row in facts.series().to_pylist()}
    return [
        row for part in _chunks(sorted(newest)) for row in _assembled([newest[one] for one in part], held, words, facts)
    ]


def _newest(results: Any) -> Any:
    """The newest result of each series (at one instant the later-received), its oldest time and its newest OK."""
    times = results.group_by("series").aggregate(
        executed_at=results.executed_at.max(),
        first_at=results.executed_at.min(),
        last_ok_at=results.executed_at.max(where=results.status == Status.OK.value),
    )
    at_once = results.join(times, ["series", "executed_at"])
    names = ("status", "is_hard", "duration_ms", "fact", "worker")
    return at_once.group_by(["series", "executed_at", "first_at", "last_ok_at"]).aggregate(
        seq=at_once.seq.max(), **{name: at_once[name].argmax(at_once.seq) for name in names}
    )


def _chunks(series: list[int]) -> Iterable[list[int]]:
    return (series[start : start + _CHUNK] for start in range(0, len(series), _CHUNK))


def _assembled(
    newest: list[dict[str, Any]], held: dict[int, Any], words: dict[int, Any], facts: Facts
) -> Iterable[tuple[Any, ...]]:
    logs = facts.logs([_fact(row) for row in newest])
    for row in newest:
        series = row["series"]
        log = logs.get((series, row["executed_at"], row["fact"] & _LOW_BITS))
        hard_status, hard_since = held.get(series) or (Status.MISSING.value, projection.stamp(row["first_at"]))
        named = words[series]
        yield (
            series, named["hostname"], named["service_type"], named["metric"], named["vo"],
            row["status"], hard_status, hard_since, projection.stamp(row["executed_at"]),
            row["duration_ms"], log.summary[:SUMMARY_LIMIT] if log else "", row["worker"][:100],
            log.cause[:100] if log else "", log.fact if log else row["fact"], row["seq"],
            projection.stamp(row["last_ok_at"]),
        )  # fmt: skip


def _fact(row: dict[str, Any]) -> Fact:
    names = ("series", "executed_at", "seq", "is_hard", "duration_ms", "fact", "worker")
    return Fact(status=Status(row["status"]), **{name: row[name] for name in names})
