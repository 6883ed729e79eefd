"""The tree of what has figures on a day: federation > region > site > flavour > service > metric, once a report.

Pure: topology.py fills it from the registry, tests and benchmarks by hand.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from gridkeeper.availability.levels import Level


class Path(NamedTuple):
    """Where a node stands. The words of the levels below it are empty."""

    report: str
    region: str = ""
    site: str = ""
    service_type: str = ""
    hostname: str = ""
    metric: str = ""

    @property
    def level(self) -> Level:
        named = sum(1 for word in self[1:] if word)
        return Level(Level.FEDERATION - named)

    @property
    def parent(self) -> "Path | None":
        """The path of the level above; None for the federation."""
        named = sum(1 for word in self if word)
        return None if named == 1 else Path(*self[: named - 1])


class Expected(NamedTuple):
    """That a result is expected of a metric in `[from_s, until_s)` of the day, and how long one says something.

    is_new: it is expected only since an instant of that day, so that until its first result it is UNKNOWN.
    """

    path: Path
    series: int
    validity_s: int
    from_s: int
    until_s: int
    is_new: bool = False


class Excuse(NamedTuple):
    """A downtime of a service that excuses it in `[start_s, end_s)` of the day."""

    hostname: str
    service_type: str
    start_s: int
    end_s: int


@dataclass
class Tree:
    """Numbers the nodes in the order in which they are first named; a node's ancestors are added with it."""

    numbers: dict[Path, int] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    excuses: list[Excuse] = field(default_factory=list)

    def expect(self, expected: Expected) -> None:
        """Adds a metric; an empty interval adds nothing."""
        if expected.from_s < expected.until_s:
            self.number(expected.path)
            self.expected.append(expected)

    def number(self, path: Path) -> int:
        found = self.numbers.get(path)
        if found is None:
            if path.parent is not None:
                self.number(path.parent)
            found = self.numbers[path] = len(self.numbers)
        return found

    def excused(self) -> list[tuple[int, int, int]]:
        """The downtimes as (node, start_s, end_s): a service has a node in every report and site that it stands in."""
        services: dict[tuple[str, str], list[int]] = {}
        for path, number in self.numbers.items():
            if path.level is Level.SERVICE:
                services.setdefault((path.hostname, path.service_type), []).append(number)
        return [
            (number, excuse.start_s, excuse.end_s)
            for excuse in self.excuses
            for number in services.get((excuse.hostname, excuse.service_type), [])
        ]
