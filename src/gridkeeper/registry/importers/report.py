"""The report of one import: counts per kind, and every record that was rejected or repaired, with its place."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Level = Literal["rejected", "repaired", "note"]

#: Kept of the source text of one record; longer ones end in a mark.
_RAW_LIMIT = 64 * 1024
#: Shown of a value in a finding.
_VALUE_LIMIT = 200


class UnreadableSourceError(Exception):
    """The source cannot be read at all; the message says which file, why, and what to do."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a record stands in its source: file and line (1 is the first, 0: the file as a whole)."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should know about one record.

    rejected: the record did not go in; repaired: it went in after the change named; note: it went in as it was
    """

    level: Level
    kind: str
    place: Place
    name: str
    problem: str
    remedy: str
    field: str = ""
    value: str = ""
    raw: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON; a NUL, which PostgreSQL's cannot hold, stands as its picture."""
        texts = {item.name: str(getattr(self, item.name)) for item in fields(self) if item.name != "place"}
        plain = {name: text.replace("\0", "\u2400") for name, text in texts.items()}
        return {"file": self.place.file, "line": self.place.line, **plain}


@dataclass(slots=True)
class Counts:
    """What became of the records of one kind."""

    read: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    repaired: int = 0
    rejected: int = 0


#: kind -> keys of the rows that the source speaks of; what is missing at the next import has vanished there.
Seen = dict[str, set[str]]


@dataclass
class Report:
    """Grows during an import. `figures` are sums of the source, in its own words."""

    source: str
    origin: str
    federation: str
    is_dry_run: bool = False
    figures: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    seen: dict[str, Seen] = field(default_factory=dict)
    _counts: dict[str, Counts] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """What audit records say: the source by its file names, never by the folders of this machine."""
        names = [part.rstrip("/").rsplit("/", 1)[-1] for part in self.origin.split()]
        shown = self.origin if "://" in self.origin else " ".join(names)
        return f"import of {self.source} from {shown}"

    def count(self, kind: str, what: str, number: int = 1) -> None:
        counts = self._counts.setdefault(kind, Counts())
        setattr(counts, what, getattr(counts, what) + number)

    def figure(self, name: str, number: int = 1) -> None:
        self.figures[name] = self.figures.get(name, 0) + number

    def find(self, level: Level, kind: str, place: Place, name: str, problem: str, remedy: str, **more: Any) -> None:
        """Adds a finding; `more` are field, value and raw."""
        value = str(more.pop("value", ""))
        raw = more.pop("raw", "")
        shown = value if len(value) <= _VALUE_LIMIT else value[:_VALUE_LIMIT] + "…"
        kept = raw if len(raw) <= _RAW_LIMIT else raw[:_RAW_LIMIT] + f"\n[{len(raw) - _RAW_LIMIT} characters cut]"
        self.findings.append(Finding(level, kind, place, name, problem, remedy, value=shown, raw=kept, **more))

    def saw(self, origin: str, kind: str, key: str) -> None:
        self.seen.setdefault(origin, {}).setdefault(kind, set()).add(key)

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    @property
    def counts(self) -> dict[str, Counts]:
        """Counts per kind; a record with two repairs is one repaired record."""
        for level in ("rejected", "repaired"):
            records = {(item.kind, item.place, item.name) for item in self.findings if item.level == level}
            kinds = [kind for kind, _, _ in records]
            for kind in {*self._counts, *kinds}:
                setattr(self._counts.setdefault(kind, Counts()), level, kinds.count(kind))
        return self._counts

    @property
    def has_changes(self) -> bool:
        return any(item.created or item.changed or item.closed for item in self.counts.values())

    def mark(self) -> tuple[dict[str, Counts], int, dict[str, Seen]]:
        """The state to which `rollback` returns when a transaction fails."""
        counts = {kind: Counts(**asdict(item)) for kind, item in self._counts.items()}
        return counts, len(self.findings), {origin: _copy(seen) for origin, seen in self.seen.items()}

    def rollback(self, mark: tuple[dict[str, Counts], int, dict[str, Seen]]) -> None:
        self._counts, length, self.seen = mark
        del self.findings[length:]

    def as_dict(self) -> dict[str, Any]:
        """Everything, as JSON can hold it: what ImportRun keeps and `--report json` prints."""
        return {
            "source": self.source,
            "origin": self.origin,
            "federation": self.federation,
            "dry_run": self.is_dry_run,
            "has_changes": self.has_changes,
            "figures": self.figures,
            "counts": {kind: asdict(item) for kind, item in self.counts.items()},
            "findings": [finding.as_dict() for finding in self.findings],
            "seen": {origin: {kind: sorted(keys) for kind, keys in seen.items()} for origin, seen in self.seen.items()},
        }


def _copy(seen: Seen) -> Seen:
    return {kind: set(keys) for kind, keys in seen.items()}


def grouped(findings: Iterable[Finding]) -> dict[tuple[str, str, str], list[Finding]]:
    """Findings by kind, problem and remedy, so that a text report says each sentence once."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.kind, finding.problem, finding.remedy), []).append(finding)
    return groups
