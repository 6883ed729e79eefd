"""What the engine knows of every series: its attempts, its hard status, and why it has no result. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from gridkeeper.core.status import Status
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.running import Measured
from gridkeeper.probes.schedule import Attempts, advance, is_blocking


class Memory:
    """Filled from the latest statuses at the start, moved on by every measurement."""

    def __init__(self, rows: Iterable[tuple[int, Status, Status, str]] = ()) -> None:
        """rows: series, hard status, newest status, cause. How many attempts there were is not stored: one, if bad."""
        self._attempts: dict[int, Attempts] = {}
        self._causes: dict[int, str] = {}
        for series, hard, newest, cause in rows:
            # MISSING: there were soft results only; before the first of them nothing was wrong.
            known = Status.OK if hard == Status.MISSING else hard
            self._attempts[series] = Attempts(known, 0 if newest == Status.OK else 1)
            self._causes[series] = cause

    def judge(self, measured: Sequence[Measured], allowed: Mapping[int, int]) -> list[tuple[Measured, bool]]:
        """Each measurement with whether it is hard. allowed: most attempts by series.

        What has no result because another test failed is as hard as that failure, at once: it has no attempts of its
        own. While the failure is soft, so is everything that it explains, and nothing is learnt from it.
        """
        judged: list[tuple[Measured, bool]] = []
        soft: set[str] = set()
        for item in measured:
            is_hard = item.cause not in soft and self._advance(item, allowed)
            if not is_hard:
                soft.add(item.key.metric)
            judged.append((item, is_hard))
        return judged

    def _advance(self, item: Measured, allowed: Mapping[int, int]) -> bool:
        series = item.key.series
        most = 1 if item.cause else allowed.get(series, 1)
        self._attempts[series], is_hard = advance(self._attempts.get(series, Attempts()), item.outcome.status, most)
        self._causes[series] = item.cause
        return is_hard

    def blocker(self, instance: Instance) -> str:
        """The metric because of which the instance is not run: the root of the chain; "" where it may run."""
        for series, metric in instance.blockers:
            known = self._attempts.get(series)
            if known is not None and is_blocking(known.hard):
                return self._causes.get(series) or metric
        return ""
