"""What recomputations do to the tree of a day: which nodes get which status, from when until when. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gridkeeper.availability.levels import Level
from gridkeeper.availability.operations import EXCLUDED, Operations
from gridkeeper.availability.recomputations.documents import Forced, Groups, Results, Said, Source
from gridkeeper.availability.tree import Override, Path
from gridkeeper.core.windows import DAY, Window

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Change:
    """A recomputation in force.

    key: whose it is
    said: what its document says
    window: its period
    reports: names of the reports that it is for; empty: all
    """

    key: str
    said: Said
    window: Window
    reports: frozenset[str] = frozenset()

    def is_for(self, report: str) -> bool:
        return not self.reports or report in self.reports

    @property
    def days_window(self) -> Window:
        """The days whose figures it may change: results that do not count are not carried over to the next day."""
        after = DAY if isinstance(self.said, Source) else timedelta(0)
        return Window(self.window.start, self.window.end + after)


@dataclass(frozen=True, slots=True)
class Silenced:
    """A worker whose results in the window do not count."""

    worker: str
    window: Window


def silenced(changes: Iterable[Change], report: str) -> frozenset[Silenced]:
    """The workers that a report does not listen to, and when."""
    return frozenset(
        Silenced(change.said.source, change.window)
        for change in changes
        if isinstance(change.said, Source) and change.is_for(report)
    )


def overrides(
    changes: Sequence[Change],
    paths: Iterable[Path],
    judged: Window,
    *,
    operations: Operations,
    names: Mapping[str, str],
) -> Iterator[Override]:
    """The statuses that changes force on nodes of a tree, in the order of the changes.

    judged: the part of the day that is judged
    operations: those that the paths' reports are judged by; a status that they do not know is not forced
    names: site key -> name; a group may be named by either
    """
    by_level: dict[Level, list[Path]] = {}
    for path in paths:
        by_level.setdefault(path.level, []).append(path)
    for change in changes:
        level, status = _what(change.said, operations.unknown)
        part = judged.intersection(_whole_seconds(change.window))
        if level is None or part is None or status not in (*operations.states, EXCLUDED):
            continue
        start_s, end_s = ((moment - judged.start) // _SECOND for moment in (part.start, part.end))
        for path in by_level.get(level, ()):
            if change.is_for(path.report) and is_named(change.said, path, names):
                yield Override(path, start_s, end_s, status, isinstance(change.said, Results))


def _what(said: Said, unknown: str) -> tuple[Level | None, str]:
    match said:
        case Groups():
            return Level.SITE, unknown
        case Results():
            return Level.METRIC, EXCLUDED
        case Forced():
            return Level[said.level.upper()], said.status
    return None, ""


def _whole_seconds(window: Window) -> Window:
    """Rounded down, as the times of results are."""

    def cut(moment: datetime) -> datetime:
        return moment.replace(microsecond=0)

    return Window(cut(window.start), cut(window.end))


_WORDS = {"services": "service_type", "hosts": "hostname", "metrics": "metric", "functions": "function"}


def is_named(said: Said, path: Path, names: Mapping[str, str]) -> bool:
    """True where each list of the document that is not empty names the path's word.

    >>> is_named(Results(hosts=["a"]), Path("dteam", "R", "S", "CE", "a", "m"), {})
    True
    >>> is_named(Groups(groups=["INFN"]), Path("dteam", "R", "S"), {"S": "INFN"})
    True
    """
    groups = getattr(said, "groups", ())
    if groups and not {path.site, names.get(path.site, path.site)} & set(groups):
        return False
    given = ((name, getattr(said, name, ())) for name in _WORDS)
    return all(not words or getattr(path, _WORDS[name], "") in words for name, words in given)
