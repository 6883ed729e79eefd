"""Requests to judge otherwise than the results alone say, in ARGO's shape (availability.md section 5).

A request is `{"start_time", "end_time", "status", "exclude": [group], "exclude_metrics": [{group, service, hostname,
metric}], "applied_status_changes": [{the same, "state"}], "exclude_monitoring_source": [{host, start_time,
end_time}]}`; each of the four lists may be absent.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

from gridkeeper.availability.argo_day.files import (
    Document,
    Numbered,
    Period,
    RecordError,
    Report,
    second_of,
    text_of,
)
from gridkeeper.availability.operations import EXCLUDED
from gridkeeper.availability.rules import Mode
from gridkeeper.core.windows import Window

#: What of a node's place a request may name, from the leaves up, under the names that are read; the first one that it
#: names is the level at which a status is forced.
_NAMES: dict[str, tuple[str, ...]] = {
    "metric": ("metric",),
    "hostname": ("hostname", "endpoint"),
    "service": ("service",),
    "function": ("function",),
    "group": ("group",),
}


class Kind(IntEnum):
    """The value is the second after the request's last at which ARGO gives the former status back.

    Groups are filled as downtimes are, to the minute after; results are excluded through the end second; a forced
    status ends where its request ends. Ours are all half-open.
    """

    GROUPS = 60
    RESULTS = 1
    STATUS = 0


@dataclass(frozen=True, slots=True)
class Change:
    """Nodes of a level, where they stand, and the status that they have in the period. Empty status: unknown."""

    kind: Kind
    level: str
    place: Mapping[str, str]
    period: Period
    status: str

    def seconds(self, midnight: datetime, length_s: int, mode: Mode) -> tuple[int, int] | None:
        """Start and end of it within the day; None where it does not reach the day."""
        start_s, end_s = self.period.seconds_from(midnight)
        if start_s >= length_s or end_s < 0:
            return None
        late_s = int(self.kind) if mode == "argo-compat" else 0
        clipped = max(start_s, 0), min(end_s + late_s, length_s)
        return clipped if clipped[0] < clipped[1] else None

    def is_about(self, place: Mapping[str, str]) -> bool:
        """True for a node that stands where the change says."""
        return all(place.get(name) == value for name, value in self.place.items())


class Source(NamedTuple):
    """A monitoring host whose results do not count in the period."""

    host: str
    period: Period


@dataclass(frozen=True, slots=True)
class Recomputations:
    """All that is asked for, in list order."""

    changes: tuple[Change, ...] = ()
    sources: tuple[Source, ...] = ()
    _by_host: dict[str, list[Period]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for host, period in self.sources:
            self._by_host.setdefault(host, []).append(period)

    def is_excluded(self, monitoring_host: str, at: datetime, mode: Mode) -> bool:
        """True for a result that came from an excluded source; in argo-compat through the end second."""
        periods = self._by_host.get(monitoring_host)
        if not periods:
            return False
        midnight = Window.of_day(at.date()).start
        second = second_of(at, midnight)
        for period in periods:
            start_s, end_s = period.seconds_from(midnight)
            if start_s <= second < end_s or (mode == "argo-compat" and second == end_s):
                return True
        return False


def read_recomputations(records: Sequence[Numbered], file: str, report: Report) -> Recomputations:
    """The requests that were not rejected; what of them cannot be read is reported and left out."""
    changes: list[Change] = []
    sources: list[Source] = []
    for place, document in records:
        if str(document.get("status", "")).strip().lower() == "rejected":
            continue
        reader = _Request(document, file, place, report)
        changes += reader.changes()
        sources += reader.sources()
    return Recomputations(tuple(changes), tuple(sources))


class _Request:
    """One request, read piece by piece."""

    def __init__(self, document: Document, file: str, place: str, report: Report) -> None:
        self._document, self._file, self._place, self._report = document, file, place, report

    def changes(self) -> Iterator[Change]:
        names = ("exclude", "exclude_metrics", "applied_status_changes")
        if not any(self._document.get(name) for name in names):
            return
        try:
            period = Period.of(self._document)
        except RecordError as error:
            self._complain("", error)
            return
        for name in names:
            for number, part in self._parts(name):
                try:
                    yield _change(name, part, period)
                except RecordError as error:
                    self._complain(f"{name} {number}", error)

    def sources(self) -> Iterator[Source]:
        for number, part in self._parts("exclude_monitoring_source"):
            try:
                yield Source(text_of(_object(part), "host"), Period.of(_object(part)))
            except RecordError as error:
                self._complain(f"exclude_monitoring_source {number}", error)

    def _parts(self, name: str) -> Iterator[tuple[int, object]]:
        parts = self._document.get(name) or []
        if isinstance(parts, list):
            yield from enumerate(parts, 1)
        else:
            self._complain(name, RecordError(f"{parts!r:.60} is no list"))

    def _complain(self, part: str, error: RecordError) -> None:
        self._report.add(self._file, ", ".join(filter(None, (self._place, part))), f"{error}; left out")


def _change(name: str, part: object, period: Period) -> Change:
    if name == "exclude":
        if not isinstance(part, str) or not part.strip():
            raise RecordError(f"{part!r:.60} is no name of a group")
        return Change(Kind.GROUPS, "group", {"group": part.strip()}, period, "")
    place = _place(_object(part))
    if name == "exclude_metrics":
        return Change(Kind.RESULTS, "metric", place, period, EXCLUDED)
    return Change(Kind.STATUS, next(iter(place)), place, period, text_of(_object(part), "state").upper())


def _object(part: object) -> Document:
    if not isinstance(part, dict):
        raise RecordError(f"{part!r:.60} is no object")
    return part


def _place(part: Document) -> dict[str, str]:
    """What it names, from the leaf up."""
    place = {
        name: value.strip()
        for name, others in _NAMES.items()
        for other in others
        if isinstance(value := part.get(other), str) and value.strip()
    }
    if not place:
        raise RecordError("names no metric, hostname, service or group")
    return place
