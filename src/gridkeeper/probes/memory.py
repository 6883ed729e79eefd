"""What the engine knows of every series: its attempts, its hard status, how it changed, and why it has no result. Pure.

Held for a million series: equal states are one object, and of a calm series nothing is remembered.
"""

from collections.abc import Iterable, Mapping, Sequence

from gridkeeper.core.status import Status
from gridkeeper.probes.flapping import CALM, NEW, RESTLESS, calm_runs, change_percent, is_flapping, remembered
from gridkeeper.probes.instances import Instance
from gridkeeper.probes.running import Measured
from gridkeeper.probes.schedule import Attempts, advance, is_blocking


class Memory:
    """Filled from the latest statuses at the start, moved on by every measurement."""

    def __init__(self, rows: Iterable[tuple[int, Status, Status, str]] = (), flapping: Iterable[int] = ()) -> None:
        """rows: series, hard status, newest status, cause. How many attempts there were is not stored: one, if bad.

        flapping: series that were when the engine stopped; the others count as calm
        """
        self._attempts: dict[int, Attempts] = {}
        self._causes: dict[int, str] = {}
        self._states: dict[Attempts, Attempts] = {}
        self._flapping = set(flapping)
        self._histories: dict[int, int] = dict.fromkeys(self._flapping, RESTLESS)
        self._news: dict[int, float | None] = {}
        for series, hard, newest, cause in rows:
            # MISSING: there were soft results only; before the first of them nothing was wrong.
            known = Status.OK if hard == Status.MISSING else hard
            self._set(series, Attempts(known, 0 if newest == Status.OK else 1))
            if cause:
                self._causes[series] = cause

    def _set(self, series: int, attempts: Attempts) -> None:
        self._attempts[series] = self._states.setdefault(attempts, attempts)

    def judge(
        self, measured: Sequence[Measured], allowed: Mapping[int, int], *, is_maintained: bool = False
    ) -> list[tuple[Measured, bool]]:
        """Each measurement with whether it is hard. allowed: most attempts by series.

        What has no result because another test failed is as hard as that failure, at once: it has no attempts of its
        own. While the failure is soft, so is everything that it explains, and nothing is learnt from it.

        is_maintained: the service is in a downtime; its changes are no flapping
        """
        judged: list[tuple[Measured, bool]] = []
        soft: set[str] = set()
        for item in measured:
            is_hard = item.cause not in soft and self._advance(item, allowed, is_maintained)
            if not is_hard:
                soft.add(item.key.metric)
            judged.append((item, is_hard))
        return judged

    def _advance(self, item: Measured, allowed: Mapping[int, int], is_maintained: bool) -> bool:
        series = item.key.series
        most = 1 if item.cause else allowed.get(series, 1)
        before = self._attempts.get(series)
        after, is_hard = advance(before or Attempts(), item.outcome.status, most)
        self._set(series, after)
        if item.cause:
            self._causes[series] = item.cause
        else:
            self._causes.pop(series, None)
        if is_hard and not is_maintained:
            self._remember(series, before, after)
        return is_hard

    def _remember(self, series: int, before: Attempts | None, after: Attempts) -> None:
        if before is None:
            self._histories[series] = NEW
            return
        history = self._histories.get(series, CALM)
        is_change = before.hard != after.hard
        if history == CALM and not is_change:
            return
        history = self._histories[series] = remembered(history, is_change=is_change)
        percent = change_percent(history)
        was = series in self._flapping
        if is_flapping(percent, was=was):
            self._flapping.add(series)
            self._news[series] = percent
        elif was:
            self._flapping.discard(series)
            self._news[series] = None
        if history == CALM:
            del self._histories[series]

    def calm_runs(self, series: int) -> int:
        """Equal hard results in a row, 20 at most; 0 for a series that never had one."""
        if series not in self._attempts:
            return 0
        return calm_runs(self._histories.get(series, CALM))

    @property
    def flapping(self) -> frozenset[int]:
        """The series that flap now."""
        return frozenset(self._flapping)

    def take_flapping_news(self) -> dict[int, float | None]:
        """What changed since this was last asked: percent of changes of a series that flaps, None where it ended."""
        news, self._news = self._news, {}
        return news

    def blocker(self, instance: Instance) -> str:
        """The metric because of which the instance is not run: the root of the chain; "" where it may run."""
        for series, metric in instance.blockers:
            known = self._attempts.get(series)
            if known is not None and is_blocking(known.hard):
                return self._causes.get(series) or metric
        return ""
