"""A directory of one day read: what is expected, how it is combined, and the results of the day and the day before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import TypeVar

from gridkeeper.availability.argo_day import documents
from gridkeeper.availability.argo_day.documents import Aggregation, Downtime, Endpoint, Metrics
from gridkeeper.availability.argo_day.files import ArgoDayError, Numbered, RecordError, Report, read_records
from gridkeeper.availability.argo_day.metric_data import Result, read_results
from gridkeeper.availability.argo_day.recomputations import Recomputations, read_recomputations
from gridkeeper.availability.operations import DEFAULT_OPERATIONS, Operations, OperationsError
from gridkeeper.availability.thresholds import Thresholds
from gridkeeper.core.windows import DAY

_Value = TypeVar("_Value")

#: Files without which nothing can be judged.
_NEEDED = ("topology_endpoints.json", "metric_profiles.json", "aggregation_profiles.json")


@dataclass(frozen=True, slots=True)
class ArgoDay:
    """What a directory says of a day, without the results.

    above: group -> the group above it. Where there are any, a group that is in none of them is not judged
    """

    directory: Path
    day: date
    endpoints: list[Endpoint]
    above: dict[str, str]
    metrics: Metrics
    aggregation: Aggregation
    operations: Operations
    downtimes: list[Downtime]
    thresholds: Thresholds
    recomputations: Recomputations
    weights: dict[str, float]
    tags: dict[str, tuple[str, ...]]

    def results(self, report: Report) -> Iterator[Result]:
        """The results as they were received: those of the day before first."""
        stems = ("metric_data_previous", "metric_data")
        states = self.operations.states
        return chain.from_iterable(read_results(self.directory, stem, states, report) for stem in stems)


def read_day(directory: Path, day: date, report: Report) -> ArgoDay:
    """Reads all but the results. Raises ArgoDayError, and reports records that it leaves out."""
    return _Directory(directory, day, report).read()


class _Directory:
    def __init__(self, directory: Path, day: date, report: Report) -> None:
        self._directory, self._day, self._report = directory, day, report
        if not directory.is_dir():
            raise ArgoDayError(f"{directory} is no directory")
        missing = [name for name in _NEEDED if not (directory / name).exists()]
        if missing:
            raise ArgoDayError(f"{directory}: there is no {', '.join(missing)}; the directory holds the day's files")

    def read(self) -> ArgoDay:
        profile, aggregation = self._aggregation()
        operations = self._operations()
        _check_operations(aggregation, operations)
        return ArgoDay(
            directory=self._directory,
            day=self._day,
            endpoints=self._of("topology_endpoints.json", documents.read_endpoints),
            above=self._of("topology_groups.json", documents.read_groups),
            metrics=self._metrics(profile),
            aggregation=aggregation,
            operations=operations,
            downtimes=self._of("downtimes.json", documents.read_downtimes),
            thresholds=self._of("thresholds.json", documents.read_thresholds),
            recomputations=self._recomputations(),
            weights=self._of("weights.json", documents.read_weights),
            tags=documents.read_tags(self._records("metrics.json"), "metrics.json", self._report),
        )

    def _records(self, name: str) -> list[Numbered]:
        return read_records(self._directory / name, self._report)

    def _of(self, name: str, read: Callable[[list[Numbered], date, str, Report], _Value]) -> _Value:
        with _refused(name):
            return read(self._records(name), self._day, name, self._report)

    def _aggregation(self) -> tuple[Numbered, Aggregation]:
        name = "aggregation_profiles.json"
        profile = documents.choose(self._records(name), self._day)
        if profile is None:
            raise ArgoDayError(f"{name}: there is no aggregation profile; without one nothing is combined")
        with _refused(name):
            return profile, documents.read_aggregation(profile, name, self._report)

    def _metrics(self, aggregation: Numbered) -> Metrics:
        """The profile that the aggregation profile names; the day before's may lie in a file of its own."""
        name, wanted = "metric_profiles.json", aggregation.document.get("metric_profile")
        wanted = wanted if isinstance(wanted, dict) else None
        records = self._records(name)
        with _refused(name):
            metrics = documents.read_metrics(records, self._day, wanted, name, self._report)
        name = "metric_profiles_previous.json"
        earlier = self._records(name)
        if not earlier:
            return metrics
        with _refused(name):
            before = documents.read_metrics(earlier, self._day - DAY, wanted, name, self._report)
        return Metrics(metrics.of_service, documents.new_in(metrics.of_service, before.of_service))

    def _operations(self) -> Operations:
        name = "operations.json"
        profile = documents.choose(self._records(name), self._day)
        if profile is None:
            self._report.add(name, "", "there is no operations profile; the default one is used")
            return DEFAULT_OPERATIONS
        title = str(profile.document.get("name") or name)
        try:
            return Operations.of(title, documents.operations_document(profile, name))
        except OperationsError as error:
            raise ArgoDayError(f"{name}: {error}") from error

    def _recomputations(self) -> Recomputations:
        return read_recomputations(self._records("recomputations.json"), "recomputations.json", self._report)


@contextmanager
def _refused(name: str) -> Iterator[None]:
    """What cannot be read of a file as a whole stops everything."""
    try:
        yield
    except RecordError as error:
        raise ArgoDayError(f"{name}: {error}") from error


def _check_operations(aggregation: Aggregation, operations: Operations) -> None:
    named = {aggregation.metric_operation, aggregation.profile_operation}
    for function in aggregation.functions:
        named |= {function.operation, *function.services.values()}
    if unknown := sorted(named - set(operations.tables)):
        raise ArgoDayError(
            f"aggregation_profiles.json: the operation {unknown[0]} is none of the operations profile's "
            f"{', '.join(sorted(operations.tables))}"
        )
