"""Change points: the one relational expression that turns results into runs of equal status.

Ibis is imported where an expression is made: it takes a second, which no command that asks no question pays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: A result says nothing any more after this (tests.md section 3, availability.md section 2).
DEFAULT_VALIDITY_S = 86_400


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a result of each metric holds, in seconds."""

    by_metric: Mapping[str, int] = field(default_factory=dict)
    default_s: int = DEFAULT_VALIDITY_S

    @property
    def exceptions(self) -> dict[str, int]:
        """The metrics whose validity is not the default."""
        return {metric: seconds for metric, seconds in self.by_metric.items() if seconds != self.default_s}


def status_runs(results: Any, validity: int | Any = DEFAULT_VALIDITY_S) -> Any:
    """Runs of one hard status: `series, status, start, last_at, seq`, from a table with the columns of `results`.

    A run begins where the status differs from the hard result before, or where that one was older than its
    `validity`: seconds for all series, or a table `series, validity_s` for some of them (the others: the default).
    At the same instant the later-received result (greater seq) wins. `last_at` is the time of the run's last result,
    `seq` that of its first (of a series with one run: the least).
    """
    import ibis

    hard = results.filter(results.is_hard)
    columns = ["series", "executed_at", "seq", "status"]
    if isinstance(validity, int):
        hard = hard.select(*columns).mutate(validity_s=ibis.literal(validity, "int64"))
    else:
        hard = hard.left_join(validity, hard.series == validity.series).select(
            *[hard[name] for name in columns],
            validity_s=validity.validity_s.cast("int64").fill_null(DEFAULT_VALIDITY_S),
        )
    steady = _steady(hard)
    changing = hard.anti_join(steady, "series")
    return steady.drop("validity_s").union(_runs(_without_superseded(changing)))


def _steady(hard: Any) -> Any:
    """The series that said one thing throughout, without a gap that could matter: one run each.

    Nearly all are so, and one aggregation finds them; what is left for the sorts below is a few per cent. The shortest
    time in which a gap is possible is the whole span. `seq` is the least of theirs: no other run can tie with it.
    """
    of_series = hard.group_by("series").agg(
        status=hard.status.min(),
        worst=hard.status.max(),
        start=hard.executed_at.min(),
        last_at=hard.executed_at.max(),
        seq=hard.seq.min(),
        validity_s=hard.validity_s.min(),
    )
    span_s = of_series.last_at.cast("timestamp").delta(of_series.start.cast("timestamp"), unit="second")
    return of_series.filter((of_series.status == of_series.worst) & (span_s < of_series.validity_s)).drop("worst")


def _without_superseded(hard: Any) -> Any:
    """Of results of one series at one instant only the later-received."""
    import ibis

    window = ibis.window(group_by=hard.series, order_by=[hard.executed_at, hard.seq])
    marked = hard.mutate(next_at=hard.executed_at.lead().over(window))
    return marked.filter(marked.next_at.isnull() | (marked.next_at != marked.executed_at)).drop("next_at")


def _runs(hard: Any) -> Any:
    """Starts first (one sort of all rows), then their ends from the next start (a sort of the few starts)."""
    import ibis

    order = [hard.executed_at, hard.seq]
    window = ibis.window(group_by=hard.series, order_by=order)
    whole = ibis.window(group_by=hard.series)
    seen = hard.mutate(
        prev_status=hard.status.lag().over(window),
        prev_at=hard.executed_at.lag().over(window),
        final_at=hard.executed_at.max().over(whole),
    )
    is_gap = (seen.executed_at.epoch_seconds() - seen.prev_at.epoch_seconds()) > seen.validity_s
    starts = seen.filter(seen.prev_at.isnull() | (seen.status != seen.prev_status) | is_gap)
    following = ibis.window(group_by=starts.series, order_by=[starts.executed_at, starts.seq])
    return starts.mutate(end_at=starts.prev_at.lead().over(following)).select(
        "series",
        "status",
        start="executed_at",
        last_at=ibis.coalesce(ibis._.end_at, ibis._.final_at),
        seq="seq",
    )
