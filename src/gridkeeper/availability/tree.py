"""The tree of what has figures on a day: federation > region > site > function > flavour > service > metric.

Once a report. A flavour may feed several functions; all else has one parent. Pure: topology.py fills it from the
registry, `argo_day` from files, tests and benchmarks by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gridkeeper.availability.levels import COMBINED, Level


class Path(NamedTuple):
    """Where a node stands. The words of the levels below it are empty; `function` is set for functions only."""

    report: str
    region: str = ""
    site: str = ""
    service_type: str = ""
    hostname: str = ""
    metric: str = ""
    function: str = ""

    @property
    def level(self) -> Level:
        """That of the lowest word.

        >>> Path("ops", "NGI", "SITE", function="compute").level.label, Path("ops", "NGI", "SITE", "CE").level.label
        ('function', 'flavour')
        """
        # From the lowest up: it is asked of every node several times a day, and most are metrics.
        if self.metric:
            return Level.METRIC
        if self.hostname:
            return Level.SERVICE
        if self.function:
            return Level.FUNCTION
        named = [level for word, level in zip(self[3:0:-1], _LEVELS, strict=True) if word]
        return named[0] if named else Level.FEDERATION

    @property
    def site_path(self) -> "Path":
        """The site that a node from metric to site stands in."""
        return Path(*self[:3])


_LEVELS = (Level.FLAVOUR, Level.SITE, Level.REGION)


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
    """A downtime of a service that excuses it in `[start_s, end_s)` of the day. report: in that one only; "": in all"""

    hostname: str
    service_type: str
    start_s: int
    end_s: int
    report: str = ""


class Override(NamedTuple):
    """That a node from metric to site has a status in `[start_s, end_s)` of the day, whatever was made of its parts.

    status: a state of the operations profile, or EXCLUDED; what the profile does not have counts as its unknown
    holds_end: in mode argo-compat it holds through the second `end_s` (results that ARGO's requests exclude do)
    """

    path: Path
    start_s: int
    end_s: int
    status: str
    holds_end: bool = False


@dataclass(frozen=True, slots=True)
class Combination:
    """By which operations a report's nodes are made of their children: what its aggregation profile says.

    metrics: of a service's metrics; flavours: service type -> of its services at a site; functions: function -> of its
    service types; sites: of a site's functions. What is not named has the default.
    """

    metrics: str = "AND"
    flavours: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    sites: str = "AND"

    def of(self, path: Path) -> str:
        """The operation that combines the children of a node from service to site."""
        match path.level:
            case Level.SERVICE:
                return self.metrics
            case Level.FLAVOUR:
                return self.flavours.get(path.service_type, "OR")
            case Level.FUNCTION:
                return self.functions.get(path.function, "OR")
            case _:
                return self.sites


_STANDARD = Combination()


@dataclass
class Tree:
    """Numbers the nodes in the order in which they are first named; a node's ancestors are added with it.

    functions: (report, service type) -> the functions that it feeds; where it is not named, one of its own name.
        To be filled before the nodes are named.
    combinations: by report
    weights: site -> how often its seconds count in the weighted figures; a site without one does not count there
    overrides: the later of the list wins where two say something of one node
    """

    numbers: dict[Path, int] = field(default_factory=dict)
    expected: list[Expected] = field(default_factory=list)
    excuses: list[Excuse] = field(default_factory=list)
    functions: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    combinations: dict[str, Combination] = field(default_factory=dict)
    weights: dict[Path, float] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)

    def expect(self, expected: Expected) -> None:
        """Adds a metric; an empty interval adds nothing."""
        if expected.from_s < expected.until_s:
            self.number(expected.path)
            self.expected.append(expected)

    def number(self, path: Path) -> int:
        """The node's number. Raises ValueError for a site without a region: its seconds would be summed up nowhere."""
        found = self.numbers.get(path)
        if found is None:
            for parent in self.parents(path):
                self.number(parent)
            found = self.numbers[path] = len(self.numbers)
        return found

    def parents(self, path: Path) -> list[Path]:
        """The nodes that this one is a part of: the functions of a flavour, one for others, none for a federation."""
        match path.level:
            case Level.METRIC:
                return [Path(*path[:5])]
            case Level.SERVICE:
                return [Path(*path[:4])]
            case Level.FLAVOUR:
                own = self.functions.get((path.report, path.service_type), [path.service_type])
                return [path._replace(service_type="", function=function) for function in own]
            case Level.FUNCTION:
                return [path._replace(function="")]
            case Level.SITE:
                if not path.region:
                    raise ValueError(f"{path.site!r} of report {path.report!r} stands in no region; name one")
                return [path._replace(site="")]
            case Level.REGION:
                return [path._replace(region="")]
            case _:
                return []

    def children(self) -> dict[Path, list[Path]]:
        """The parts of each node, in order; a flavour stands in each of its functions."""
        found: dict[Path, list[Path]] = {path: [] for path in self.numbers}
        for path in sorted(self.numbers):
            for parent in self.parents(path):
                found[parent].append(path)
        return found

    def operation(self, path: Path) -> str:
        """The name of the operation that combines a node's children; "" where they are not combined but summed."""
        if path.level not in COMBINED:
            return ""
        return self.combinations.get(path.report, _STANDARD).of(path)

    def excused(self) -> list[tuple[int, int, int]]:
        """The downtimes as (node, start_s, end_s): a service has a node in every report and site that it stands in."""
        services: dict[tuple[str, str], list[tuple[str, int]]] = {}
        for path, number in self.numbers.items():
            if path.level is Level.SERVICE:
                services.setdefault((path.hostname, path.service_type), []).append((path.report, number))
        return [
            (number, excuse.start_s, excuse.end_s)
            for excuse in self.excuses
            for report, number in services.get((excuse.hostname, excuse.service_type), [])
            if excuse.report in ("", report)
        ]
