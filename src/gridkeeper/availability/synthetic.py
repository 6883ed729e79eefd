"""Days that never were, of any size, for tests and benchmarks: a stated model and a seed make every result.

The model: regions of `SITES_A_REGION` sites; each site has `services` services of each of `types` types, each service
`metrics` metrics, each metric `results_a_day` results at even steps, each up to a twentieth of a step late. Of which
kind a metric is stays the same on all days: `dead_rate` of them are CRITICAL always; `flap_rate` flap, which means that
each result of theirs is CRITICAL with `bad_rate`; the others are OK. A share of `downtime_rate` of the services is in
a scheduled outage from 10:00 to 12:00 each day. The same model and seed make the same days on every machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridkeeper.availability.tree import Excuse, Expected, Path, Tree
from gridkeeper.core.identifiers import SeriesKey
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window
from gridkeeper.lake.tables import INSTANT

REPORT = "ops"
VALIDITY_S = 86_400
SITES_A_REGION = 50
DOWNTIME_S = (36_000, 43_200)
WORKERS = 8
_DAY_US = 86_400_000_000
#: Series that are made at once: bounds memory. Part of the model, because each chunk draws by itself.
_CHUNK = 2_000


class ModelError(ValueError):
    """A model that cannot be made; the message names the number and its bounds."""


class Place(NamedTuple):
    """A service of the model."""

    region: str
    site: str
    service_type: str
    hostname: str


@dataclass(frozen=True)
class Model:
    """The size of the federation and how its tests go; rates are shares between 0 and 1. Raises ModelError."""

    sites: int = 500
    types: int = 10
    services: int = 4
    metrics: int = 10
    results_a_day: int = 96
    flap_rate: float = 0.05
    bad_rate: float = 0.05
    dead_rate: float = 0.03
    downtime_rate: float = 0.01
    seed: int = 3

    def __post_init__(self) -> None:
        for name in ("sites", "types", "services", "metrics", "results_a_day"):
            if not 1 <= getattr(self, name) <= _LARGEST:
                raise ModelError(f"{name} is {getattr(self, name)}; write 1 to {_LARGEST}")
        for name in ("flap_rate", "bad_rate", "dead_rate", "downtime_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ModelError(f"{name} is {getattr(self, name)}; write a share from 0 to 1")
        if self.flap_rate + self.dead_rate > 1:
            raise ModelError(f"flap_rate {self.flap_rate} and dead_rate {self.dead_rate} are more than 1 together")

    @property
    def results(self) -> int:
        """Of one day."""
        return self.sites * self.types * self.services * self.metrics * self.results_a_day

    def places(self) -> Iterator[Place]:
        """Every service, site by site."""
        for site in range(self.sites):
            region, name = f"NGI_{site // SITES_A_REGION}", f"SITE-{site}"
            for number in range(self.types * self.services):
                yield Place(region, name, f"type{number % self.types}", f"host{number}.site{site}.example.org")

    def metrics_of(self, service_type: str) -> list[str]:
        return [f"{service_type}-{metric}" for metric in range(self.metrics)]

    @cached_property
    def keys(self) -> list[SeriesKey]:
        """Every series, ordered by its id: the order of a closed day's rows."""
        keys = [
            SeriesKey(place.hostname, place.service_type, metric)
            for place in self.places()
            for metric in self.metrics_of(place.service_type)
        ]
        return sorted(keys, key=lambda key: key.series)

    def excused(self) -> Iterator[Place]:
        """The services that are in a downtime every day, evenly among all."""
        for number, place in enumerate(self.places()):
            if int((number + 1) * self.downtime_rate) > int(number * self.downtime_rate):
                yield place


_LARGEST = 10_000_000


def tree_of(model: Model) -> Tree:
    """The tree by which a day of the model is judged."""
    tree = Tree()
    for place in model.places():
        for metric in model.metrics_of(place.service_type):
            key = SeriesKey(place.hostname, place.service_type, metric)
            path = Path(REPORT, place.region, place.site, place.service_type, place.hostname, metric)
            tree.expect(Expected(path, key.series, VALIDITY_S, 0, 86_400))
    tree.excuses = [Excuse(place.hostname, place.service_type, *DOWNTIME_S) for place in model.excused()]
    return tree


def results_of(model: Model, day: date) -> Iterator[pa.Table]:
    """The day's results in parts: the columns of the lake's `results` inside a file, in the order of a closed day."""
    series = np.array([key.series for key in model.keys], dtype=np.int64)
    midnight_us = int(Window.of_day(day).start.timestamp()) * 1_000_000
    for chunk, first in enumerate(range(0, len(series), _CHUNK)):
        chosen = series[first : first + _CHUNK]
        of_day = np.random.default_rng([model.seed, chunk, day.toordinal()])
        status = _statuses(model, chunk, len(chosen), of_day)
        yield _rows(model, chosen, status, midnight_us, of_day)


def _statuses(model: Model, chunk: int, count: int, of_day: np.random.Generator) -> NDArray[np.int8]:
    """Rows are series, columns the results of a day."""
    kind = np.random.default_rng([model.seed, chunk]).random(count)[:, None]
    is_bad = of_day.random((count, model.results_a_day)) < model.bad_rate
    is_critical = np.where(kind < model.flap_rate, is_bad, kind < model.flap_rate + model.dead_rate)
    return np.where(is_critical, Status.CRITICAL.value, Status.OK.value).astype(np.int8)


def _rows(
    model: Model, series: NDArray[np.int64], status: NDArray[np.int8], midnight_us: int, of_day: np.random.Generator
) -> pa.Table:
    """A metric has its own place within the step, so that results come evenly over it."""
    count, steps = status.shape
    step_us = _DAY_US // steps
    place = of_day.integers(0, step_us - step_us // 20, count)[:, None]
    late = of_day.integers(0, max(step_us // 20, 1), (count, steps))
    at_us = midnight_us + np.arange(steps)[None, :] * step_us + place + late
    rows = count * steps
    workers = pa.array([f"worker{number}" for number in range(WORKERS)])
    return pa.table(
        {
            "series": np.repeat(series, steps),
            "executed_at": pa.array(at_us.ravel(), INSTANT),
            "seq": np.zeros(rows, np.int64),
            "status": status.ravel(),
            "is_hard": np.ones(rows, bool),
            "duration_ms": of_day.lognormal(5, 1, rows).astype(np.int32),
            "fact": of_day.integers(0, 2**32, rows),
            "worker": workers.take(pa.array(of_day.integers(0, WORKERS, rows))),
        }
    )
