"""The engine's own figures, as the page /tests/engine/ shows them: lag, rates, the slowest tests. No clock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from gridkeeper.probes.models import EngineReport

#: Lags that percentiles are taken of; some minutes of a busy engine.
_LAGS = 20_000
_SLOWEST = 15


class Figures:
    """Collects between two reports; `report` sums up and begins anew, except for lag and durations.

    Those are kept over the last few reports' worth of runs, so that a quiet minute still has figures.
    """

    def __init__(self, now_s: float) -> None:
        self._since_s = now_s
        self._runs = 0
        self._lags: list[float] = []
        #: Test -> runs, milliseconds, longest; halved at each report, so that old runs weigh less and less.
        self._durations: dict[str, list[float]] = {}

    def started(self, lag_s: float) -> None:
        if len(self._lags) >= _LAGS:
            del self._lags[: _LAGS // 2]
        self._lags.append(lag_s)

    def ended(self, test: str, duration_ms: int) -> None:
        self._runs += 1
        known = self._durations.get(test)
        if known is None:
            self._durations[test] = [1, duration_ms, duration_ms]
            return
        known[0] += 1
        known[1] += duration_ms
        known[2] = max(known[2], duration_ms)

    def report(self, now_s: float, **more: Any) -> dict[str, Any]:
        """The figures now, with `more` of them; rates are of the time since the report before."""
        elapsed_s = max(0.001, now_s - self._since_s)
        found = {
            "runs_per_s": round(self._runs / elapsed_s, 1),
            "lag_p50_s": round(percentile(self._lags, 0.50), 3),
            "lag_p99_s": round(percentile(self._lags, 0.99), 3),
            "slowest": self._slowest(),
            **more,
        }
        self._since_s, self._runs = now_s, 0
        for test, known in list(self._durations.items()):
            known[:2] = known[0] * 0.9, known[1] * 0.9
            known[2] = max(known[2] * 0.99, known[1] / known[0])
            if known[0] < 0.01:
                del self._durations[test]
        del self._lags[: len(self._lags) // 10]
        return found

    def _slowest(self) -> list[dict[str, Any]]:
        """Tests by the time that one run takes on average, the longest first."""
        by_mean = sorted(self._durations.items(), key=lambda item: item[1][1] / item[1][0], reverse=True)
        return [
            {"test": test, "mean_ms": round(total / runs, 1), "longest_ms": round(longest)}
            for test, (runs, total, longest) in by_mean[:_SLOWEST]
        ]


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so large a share lies at or below; 0 of none.

    >>> percentile([3.0, 1.0, 2.0], 0.5), percentile([], 0.99)
    (2.0, 0.0)
    """
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def kinds(tests: Iterable[str]) -> dict[str, int]:
    """How many of each kind."""
    return dict(Counter(tests))


def write_report(name: str, figures: dict[str, Any], now: datetime) -> None:
    """Overwrites the report of an engine or worker."""
    EngineReport.objects.update_or_create(name=name, defaults={"reported_at": now, "figures": figures})
