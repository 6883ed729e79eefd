"""The documents of a day as values: topology, profiles, downtimes, thresholds, weights, tags.

Shapes: ARGO's API (topology/endpoints, topology/groups, metric_profiles, aggregation_profiles, operations_profiles,
downtimes, thresholds_profiles, weights, metrics). Each reader takes the records of one file and reports those that it
leaves out, and raises RecordError where a whole profile cannot be read.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, TypeVar

from gridkeeper.availability.argo_day.files import (
    ArgoDayError,
    Document,
    Numbered,
    Period,
    RecordError,
    Report,
    dated,
    in_force,
    text_of,
)
from gridkeeper.availability.operations import EXCLUDED
from gridkeeper.availability.thresholds import ThresholdError, ThresholdRule, Thresholds
from gridkeeper.core.windows import DAY

_Value = TypeVar("_Value")


class Endpoint(NamedTuple):
    group: str
    service: str
    hostname: str


class Downtime(NamedTuple):
    hostname: str
    service: str
    period: Period


@dataclass(frozen=True, slots=True)
class Function:
    """Services of which, combined by `operation`, a group needs what the function stands for.

    services: type -> the operation that combines its endpoints
    """

    name: str
    operation: str
    services: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Aggregation:
    """metric_operation: over the metrics of an endpoint; profile_operation: over the functions of a group."""

    metric_operation: str
    profile_operation: str
    functions: tuple[Function, ...]

    def operation_of(self, service: str) -> str | None:
        """How the endpoints of a service are combined; None for a service that the profile does not name.

        A service has one timeline in a group. Where its functions combine its endpoints differently the first counts.
        """
        return next((each.services[service] for each in self.functions if service in each.services), None)

    def functions_of(self, service: str) -> list[str]:
        return list(dict.fromkeys(function.name for function in self.functions if service in function.services))


@dataclass(frozen=True, slots=True)
class Metrics:
    """What is tested: service -> metrics; new: those of them that the day before did not have."""

    of_service: Mapping[str, tuple[str, ...]]
    new: frozenset[tuple[str, str]] = frozenset()


def each_read(
    records: Sequence[Numbered], file: str, report: Report, read: Callable[[Document], _Value]
) -> Iterator[_Value]:
    """What `read` makes of the records; those of which it says what is wrong are reported and left out."""
    for place, document in records:
        try:
            yield read(document)
        except RecordError as error:
            report.add(file, place, f"{error}; left out")


def read_endpoints(records: Sequence[Numbered], day: date, file: str, report: Report) -> list[Endpoint]:
    """The endpoints of the topology in force, each once, in the order in which they stand."""
    found = each_read(in_force(records, day), file, report, _endpoint)
    return list(dict.fromkeys(found))


def _endpoint(document: Document) -> Endpoint:
    return Endpoint(text_of(document, "group"), text_of(document, "service"), text_of(document, "hostname"))


def read_groups(records: Sequence[Numbered], day: date, file: str, report: Report) -> dict[str, str]:
    """Group -> the group above it. Of several the first counts; one that closes a cycle is reported and left out."""
    above: dict[str, str] = {}
    pairs = each_read(
        in_force(records, day), file, report, lambda each: (text_of(each, "subgroup"), text_of(each, "group"))
    )
    for subgroup, group in pairs:
        if subgroup in above:
            continue
        if subgroup == group or subgroup in _ancestors(group, above):
            report.add(file, subgroup, f"stands above {group} and below it; the second is left out")
            continue
        above[subgroup] = group
    return above


def _ancestors(group: str, above: Mapping[str, str]) -> Iterator[str]:
    while (upper := above.get(group)) is not None:
        yield upper
        group = upper


def choose(records: Sequence[Numbered], day: date, wanted: Document | None = None) -> Numbered | None:
    """The version in force of one profile: of the wanted id or name where it is there, else of the first."""
    keys = ("id", "name")
    names = [value for key in keys if isinstance(value := (wanted or {}).get(key), str) and value]
    matching = [each for each in records if any(each.document.get(key) in names for key in keys)]
    of_one = matching or [each for each in records if _identity(each) == _identity(records[0])]
    chosen = in_force(of_one, day)
    return chosen[0] if chosen else None


def _identity(record: Numbered) -> Any:
    return record.document.get("name") or record.document.get("id")


def read_metrics(records: Sequence[Numbered], day: date, wanted: Document | None, file: str, report: Report) -> Metrics:
    """The metric profile of the day; what is new in it, where the version of the day before is there too."""
    chosen = choose(records, day, wanted)
    if chosen is None:
        raise ArgoDayError(f"{file}: there is no metric profile; without one nothing is expected")
    today = _metrics(chosen, file, report)
    earlier = choose(records, day - DAY, wanted)
    if earlier is None or earlier is chosen or not _is_reached(earlier, day - DAY):
        return Metrics(today)
    return Metrics(today, new_in(today, _metrics(earlier, file, report)))


def new_in(today: Mapping[str, Sequence[str]], before: Mapping[str, Sequence[str]]) -> frozenset[tuple[str, str]]:
    """(service, metric) that are in today's profile and were not in the other."""
    known = {(service, metric) for service, metrics in before.items() for metric in metrics}
    return frozenset((service, metric) for service, metrics in today.items() for metric in metrics) - known


def _is_reached(record: Numbered, day: date) -> bool:
    found = dated(record)
    return found is not None and found <= day


def _metrics(profile: Numbered, file: str, report: Report) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for service, metrics in each_read(_parts(profile, "services"), file, report, _service_metrics):
        found.setdefault(service, {}).update(dict.fromkeys(metrics))
    return {service: tuple(metrics) for service, metrics in found.items()}


def _service_metrics(document: Document) -> tuple[str, list[str]]:
    metrics = document.get("metrics")
    if not isinstance(metrics, list) or not all(isinstance(metric, str) for metric in metrics):
        raise RecordError("metrics is no list of names")
    return text_of(document, "service", "name"), [metric.strip() for metric in metrics if metric.strip()]


def _parts(record: Numbered, name: str) -> list[Numbered]:
    """The objects of a list within a record, with their places. Raises RecordError."""
    parts = record.document.get(name)
    if parts is None:
        return []
    if not isinstance(parts, list):
        raise RecordError(f"{record.place}: {name} is {parts!r:.60}; it must be a list")
    return [
        Numbered(f"{record.place}, {name} {number}", part if isinstance(part, dict) else {})
        for number, part in enumerate(parts, 1)
    ]


def read_aggregation(profile: Numbered, file: str, report: Report) -> Aggregation:
    """The aggregation profile: `groups` are its functions. Operations that it does not name are AND, OR, OR, AND.

    Raises ArgoDayError, and RecordError for a field of the profile itself.
    """
    functions = list(each_read(_parts(profile, "groups"), file, report, lambda each: _function(each, file, report)))
    if not functions:
        raise ArgoDayError(f"{file}: {profile.place}: names no groups; without functions nothing is judged")
    document = profile.document
    return Aggregation(
        _operation(document, "metric_operation", "AND"),
        _operation(document, "profile_operation", "AND"),
        tuple(functions),
    )


def _function(document: Document, file: str, report: Report) -> Function:
    name = text_of(document, "name")
    services = each_read(
        _parts(Numbered(name, document), "services"), file, report,
        lambda each: (text_of(each, "name"), _operation(each, "operation", "OR")),
    )  # fmt: skip
    return Function(name, _operation(document, "operation", "OR"), dict(services))


def _operation(document: Document, name: str, default: str) -> str:
    return text_of(document, name).upper() if document.get(name) else default


def operations_document(profile: Numbered, file: str) -> Document:
    """ARGO's operations profile as `operations.Operations.of` takes it, where EXCLUDED is understood by itself.

    Raises ArgoDayError.
    """
    document = profile.document
    try:
        states = [word for state in document["available_states"] if (word := state.upper()) != EXCLUDED]
        defaults = {name: document["defaults"][name].upper() for name in ("down", "missing", "unknown")}
        tables = {
            operation["name"].upper(): [
                line
                for row in operation["truth_table"]
                if EXCLUDED not in (line := [row[side].upper() for side in "abx"])
            ]
            for operation in document["operations"]
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ArgoDayError(
            f"{file}: {profile.place}: is no operations profile ({error!r}); it has available_states, defaults with "
            "down, missing and unknown, and operations with a truth_table of a, b and x"
        ) from error
    up = [state for state in ("OK", "WARNING") if state in states]
    return {"states": states, "up": up, "defaults": defaults, "operations": tables}


def read_downtimes(records: Sequence[Numbered], day: date, file: str, report: Report) -> list[Downtime]:
    """The downtimes that excuse: of endpoints, SCHEDULED and OUTAGE where a record says its kind."""
    flat = [
        part
        for record in in_force(records, day)
        for part in (_parts(record, "endpoints") if "endpoints" in record.document else [record])
    ]
    return [found for found in each_read(flat, file, report, _downtime) if found is not None]


def _downtime(document: Document) -> Downtime | None:
    kinds = {"classification": "SCHEDULED", "severity": "OUTAGE"}
    for name, excusing in kinds.items():
        said = document.get(name)
        if isinstance(said, str) and said.strip() and said.strip().upper() != excusing:
            return None
    return Downtime(text_of(document, "hostname"), text_of(document, "service"), Period.of(document))


def read_thresholds(records: Sequence[Numbered], day: date, file: str, report: Report) -> Thresholds:
    """The rules of the thresholds profile in force, or of a bare list of rules."""
    if records and "rules" not in records[0].document:
        rules = list(records)
    else:
        chosen = choose(records, day) if records else None
        rules = _parts(chosen, "rules") if chosen else []
    return Thresholds(each_read(rules, file, report, _rule))


def _rule(document: Document) -> ThresholdRule:
    try:
        return ThresholdRule.of(document)
    except ThresholdError as error:
        raise RecordError(str(error)) from error


def read_weights(records: Sequence[Numbered], day: date, file: str, report: Report) -> dict[str, float]:
    """Group -> weight, of the first kind of weights in force. A negative or absent one is reported and left out."""
    flat = [
        part
        for record in in_force(records, day)[:1]
        for part in (_parts(record, "groups") if "groups" in record.document else in_force(records, day))
    ]
    return dict(each_read(flat, file, report, _weight))


def _weight(document: Document) -> tuple[str, float]:
    name, value = text_of(document, "name", "group"), document.get("value", document.get("weight"))
    try:
        weight = float(value) if isinstance(value, (str, int, float)) else None
    except ValueError:
        weight = None
    if weight is None or not 0 <= weight < float("inf"):
        raise RecordError(f"the weight of {name} is {value!r:.60}; it must be a number, 0 or more")
    return name, weight


def read_tags(records: Sequence[Numbered], file: str, report: Report) -> dict[str, tuple[str, ...]]:
    """Metric -> its tags. They change no figure."""
    return dict(each_read(records, file, report, _tags))


def _tags(document: Document) -> tuple[str, tuple[str, ...]]:
    tags = document.get("tags") or []
    if not isinstance(tags, list):
        raise RecordError(f"tags is {tags!r:.60}; it must be a list")
    return text_of(document, "name"), tuple(str(tag) for tag in tags)
