"""The rule of the latest status: how one batch moves a series on. Pure; `probes.projection` reads and writes.

Times are whatever the database compares (text in SQLite, datetimes in PostgreSQL), all of one kind.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from gridkeeper.core.status import Status


class Prior(NamedTuple):
    """What is stored of a series before the batch."""

    executed_at: Any
    fact: int
    hard_status: int
    hard_since: Any
    last_ok_at: Any


class Step(NamedTuple):
    """What one batch says of one series.

    row: position of its newest result (at one instant the later-received)
    first_at, newest_at: time of its oldest and newest result
    last_ok_at: time of its newest OK; None where it has none
    hard_status: of its newest hard result; None where all are soft
    hard_since: of the first in its last row of hard results with that status
    hard_first_at: time of its oldest hard result
    is_uniform: true where all of its hard results have that status
    """

    row: int
    first_at: Any
    newest_at: Any
    last_ok_at: Any
    hard_status: int | None
    hard_since: Any
    hard_first_at: Any
    is_uniform: bool


class Advance(NamedTuple):
    """What the batch makes of the series. hard_status None: only the facts before it can tell."""

    is_newest: bool
    hard_status: int | None
    hard_since: Any
    last_ok_at: Any


def advance(prior: Prior | None, step: Step) -> Advance:
    """The series after the batch.

    A newer `executed_at` wins, and at the same instant the later-received. The hard status is that of the newest
    hard result, MISSING while there is none; `hard_since` the time of the first in a row with it. Soft results never
    touch it.
    """
    if prior is None:
        return Advance(True, *_hard_of(step), step.last_ok_at)
    last_ok_at = max((at for at in (prior.last_ok_at, step.last_ok_at) if at is not None), default=None)
    return Advance(step.newest_at >= prior.executed_at, *_hard_after(prior, step), last_ok_at)


def _hard_of(step: Step) -> tuple[int, Any]:
    if step.hard_status is None:
        return Status.MISSING.value, step.first_at
    return step.hard_status, step.hard_since


def _hard_after(prior: Prior, step: Step) -> tuple[int | None, Any]:
    if step.hard_status is None:
        is_unknown = prior.hard_status == Status.MISSING
        return prior.hard_status, min(prior.hard_since, step.first_at) if is_unknown else prior.hard_since
    if prior.hard_status == Status.MISSING:
        return step.hard_status, step.hard_since
    is_same = step.is_uniform and step.hard_status == prior.hard_status
    if step.hard_first_at > prior.executed_at:
        return step.hard_status, prior.hard_since if is_same else step.hard_since
    if is_same and step.hard_first_at >= prior.hard_since:
        return prior.hard_status, prior.hard_since
    return None, None


def settle(prior: Prior, hard: list[tuple[Any, int]], start: Any) -> tuple[int, Any] | None:
    """Hard status and its beginning after results that came late; None where only older facts can tell.

    hard: all hard results since `start`, `(time, status)` in order, each instant once
    start: at or before the oldest of the late ones

    Where they do not all agree, the last row of equal ones is the answer. Where they agree and the stored run began
    before `start`, the result just before them is of that run. Where it began later, what lies before them is
    unknown: a late result may have taken the place of the one that separated two equal runs.
    """
    status = hard[-1][1]
    last_other = max((index for index, (_, other) in enumerate(hard) if other != status), default=-1)
    if last_other >= 0:
        return status, hard[last_other + 1][0]
    if prior.hard_since < start:
        return status, prior.hard_since if prior.hard_status == status else hard[0][0]
    return None


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Columns of a batch in the order series, time, receipt."""

    row: np.ndarray
    series: np.ndarray
    at: np.ndarray
    status: np.ndarray
    is_hard: np.ndarray

    def only(self, mask: np.ndarray) -> "_Sorted":
        return _Sorted(*(getattr(self, name)[mask] for name in self.__slots__))


def steps_of(rows: pa.Table, times: list[Any]) -> dict[int, Step]:
    """What a batch says of each of its series. `times` are the rows' `executed_at` as the database compares them."""
    batch = _in_order(rows)
    is_last = _ends(batch.series)
    first, last = _begins(batch.series).nonzero()[0], is_last.nonzero()[0]
    ok_rows = _by_series(batch.only(batch.status == Status.OK))
    hard = _hard_runs(batch)
    steps = {}
    for series, begin, end in zip(
        batch.series[first].tolist(), batch.row[first].tolist(), batch.row[last].tolist(), strict=True
    ):
        ok = ok_rows.get(series)
        status, since, hard_first, is_uniform = hard.get(series, (None, None, None, True))
        steps[series] = Step(
            row=end,
            first_at=times[begin],
            newest_at=times[end],
            last_ok_at=None if ok is None else times[ok],
            hard_status=status,
            hard_since=None if since is None else times[since],
            hard_first_at=None if hard_first is None else times[hard_first],
            is_uniform=is_uniform,
        )
    return steps


def _in_order(rows: pa.Table) -> _Sorted:
    series = rows.column("series").to_numpy()
    at = rows.column("executed_at").cast(pa.int64()).to_numpy()
    position = np.arange(rows.num_rows)
    order = np.lexsort((position, at, series))
    status = rows.column("status").to_numpy()
    is_hard = rows.column("is_hard").to_numpy(zero_copy_only=False) if rows.num_rows else np.array([], dtype=bool)
    return _Sorted(order, series[order], at[order], status[order], is_hard[order])


def _begins(series: np.ndarray) -> np.ndarray:
    return np.concatenate([[True], series[1:] != series[:-1]]) if len(series) else np.array([], dtype=bool)


def _ends(series: np.ndarray) -> np.ndarray:
    return np.concatenate([series[1:] != series[:-1], [True]]) if len(series) else np.array([], dtype=bool)


def _by_series(batch: _Sorted) -> dict[int, int]:
    """The newest row of each series."""
    last = _ends(batch.series)
    return dict(zip(batch.series[last].tolist(), batch.row[last].tolist(), strict=True))


def _hard_runs(batch: _Sorted) -> dict[int, tuple[int, int, int, bool]]:
    """Of series with hard results: last status, row where its run begins, row of the first, whether that is one run."""
    hard = batch.only(batch.is_hard)
    if not len(hard.series):
        return {}
    is_superseded = np.concatenate([(hard.series[1:] == hard.series[:-1]) & (hard.at[1:] == hard.at[:-1]), [False]])
    hard = hard.only(~is_superseded)
    begins, ends = _begins(hard.series), _ends(hard.series)
    changes = begins | np.concatenate([[True], hard.status[1:] != hard.status[:-1]])
    positions = np.arange(len(hard.series))
    run_start = np.maximum.accumulate(np.where(changes, positions, 0))[ends]
    first = positions[begins]
    columns = (hard.series[ends], hard.status[ends], hard.row[run_start], hard.row[first], run_start == first)
    return {row[0]: row[1:] for row in zip(*(column.tolist() for column in columns), strict=True)}
