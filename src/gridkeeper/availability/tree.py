"""The tree of what has figures on a day: federation > region > site > function > flavour > service > metric.

Once a report. A flavour may feed several functions; all else has one parent. Pure: topology.py fills it from the
registry, `argo_day` from files, tests and benchmarks by hand.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, eq=False, slots=True)
class MetricSet:
    """What is expected of metrics alike for many services: different names, and of each what Expected says."""

    names: tuple[str, ...]
    validity_s: NDArray[np.int64]
    from_s: NDArray[np.int64]
    until_s: NDArray[np.int64]
    is_new: NDArray[np.bool_]


class Block(NamedTuple):
    """All that is expected of the metrics of one service. series: of each metric, in the order of the set"""

    service: Path
    metrics: MetricSet
    series: NDArray[np.int64]

    def lines(self) -> Iterator[Expected]:
        """The same one by one."""
        each = self.metrics
        columns = (column.tolist() for column in (self.series, each.validity_s, each.from_s, each.until_s, each.is_new))
        for name, *said in zip(each.names, *columns, strict=True):
            yield Expected(self.service._replace(metric=name), *said)


class Numbered(NamedTuple):
    """A block in a tree. first: the number of its first metric, the others follow; service: its service's number"""

    first: int
    service: int
    block: Block


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

    Most nodes are metrics. Those that came in blocks are numbered with them, but have paths only when somebody asks for
    `numbers` or `expected`: who judges a day of a large federation needs none of them (relations.py).

    functions: (report, service type) -> the functions that it feeds; where it is not named, one of its own name.
        To be filled before the nodes are named.
    combinations: by report
    weights: site -> how often its seconds count in the weighted figures; a site without one does not count there
    overrides: the later of the list wins where two say something of one node
    size: how many nodes there are
    links: (node, parent) of all nodes but those of `blocks`; parent is None where there is none
    lines: what is expected beside the blocks
    made: what was made of the nodes and of what is expected, by whom it is of use to; copies have it too
    """

    excuses: list[Excuse] = field(default_factory=list)
    functions: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    combinations: dict[str, Combination] = field(default_factory=dict)
    weights: dict[Path, float] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    size: int = field(default=0, init=False)
    links: list[tuple[int, int | None]] = field(default_factory=list, init=False)
    lines: list[Expected] = field(default_factory=list, init=False)
    blocks: list[Numbered] = field(default_factory=list, init=False)
    made: dict[Any, Any] = field(default_factory=dict, init=False)
    _named: dict[Path, int] = field(default_factory=dict, init=False)
    _unfolded: int = field(default=0, init=False)
    _expected: list[Expected] = field(default_factory=list, init=False)

    @property
    def numbers(self) -> dict[Path, int]:
        """Every node's number."""
        self._unfold()
        return self._named

    @property
    def expected(self) -> list[Expected]:
        """All that is expected, line by line."""
        self._unfold()
        return [*self.lines, *self._expected]

    @property
    def is_empty(self) -> bool:
        return not self.size

    def named(self) -> dict[Path, int]:
        """The numbers of all nodes that have a path by now: all but metrics, and some of these."""
        return self._named

    def _unfold(self) -> None:
        """Gives the metrics of blocks their paths."""
        if self._unfolded == len(self.blocks):
            return
        # Into new collections: a copy of the tree has the same ones.
        self._named, self._expected = dict(self._named), list(self._expected)
        for first, _, block in self.blocks[self._unfolded :]:
            lines = list(block.lines())
            self._named |= {line.path: first + place for place, line in enumerate(lines)}
            self._expected += lines
        self._unfolded = len(self.blocks)

    def expect(self, expected: Expected) -> None:
        """Adds a metric; an empty interval adds nothing."""
        if expected.from_s < expected.until_s:
            self._unfold()
            self.number(expected.path)
            self.lines.append(expected)
            self.made = {}

    def expect_all(self, block: Block) -> None:
        """Adds all metrics of a service. A service of which something is expected already gets them one by one."""
        if block.service in self._named:
            for line in block.lines():
                self.expect(line)
            return
        service = self.number(block.service)
        self.made = {}
        self.blocks.append(Numbered(self.size, service, block))
        self.size += len(block.series)

    def number(self, path: Path) -> int:
        """The node's number. Raises ValueError for a site without a region: its seconds would be summed up nowhere."""
        found = self._named.get(path)
        if found is None:
            parents = [self.number(parent) for parent in self.parents(path)]
            found = self._named[path] = self.size
            self.size += 1
            self.links += [(found, parent) for parent in parents or (None,)]
        return found

    def reports(self) -> set[str]:
        """Those that have something to judge."""
        return {path.report for path in self._named}

    def series(self) -> NDArray[np.int64]:
        """Those of which something is expected, in order."""
        own = np.array([line.series for line in self.lines], np.int64)
        return np.unique(np.concatenate([own, *[each.block.series for each in self.blocks]]))

    def metrics_of_blocks(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the metrics that came in blocks, in the order of these, and those of their services."""
        counts = np.array([len(each.block.series) for each in self.blocks], np.int64)
        ends = np.cumsum(counts)
        firsts = np.array([each.first for each in self.blocks], np.int64)
        nodes = np.repeat(firsts - (ends - counts), counts) + np.arange(counts.sum())
        return nodes, np.repeat(np.array([each.service for each in self.blocks], np.int64), counts)

    def part(self, reports: Collection[str], sites: Collection[str] | None = None) -> "Tree":
        """The tree of some reports (and some sites) alone, for a caller to add overrides to."""
        if sites is None and self.reports() <= set(reports):
            return copy(self)
        part = self.bare()
        part.weights = {}
        part.add(self, lambda path: path.report in reports and (sites is None or path.site in sites))
        return part

    def bare(self) -> "Tree":
        """A tree of the same rules without nodes."""
        return Tree(list(self.excuses), self.functions, self.combinations, self.weights, list(self.overrides))

    def on_another_day(self) -> "Tree":
        """The same nodes, of which the same is expected; without downtimes, weights and overrides."""
        other = copy(self)
        other.excuses, other.weights, other.overrides = [], {}, []
        return other

    def overridden_by(self, overrides: list[Override]) -> "Tree":
        """The same tree with other overrides."""
        other = copy(self)
        other.overrides = overrides
        return other

    def add(self, other: "Tree", is_wanted: Callable[[Path], bool] = lambda path: True) -> None:
        """Expects what another tree expects, where its path is wanted, with the weights."""
        for each in other.blocks:
            if is_wanted(each.block.service):
                self.expect_all(each.block)
        for line in other.lines:
            if is_wanted(line.path):
                self.expect(line)
        self.weights |= {path: weight for path, weight in other.weights.items() if path in self._named}

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
        numbers = self.numbers
        found: dict[Path, list[Path]] = {path: [] for path in numbers}
        for path in sorted(numbers):
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
        for path, number in self._named.items() if self.excuses else ():
            if path.level is Level.SERVICE:
                services.setdefault((path.hostname, path.service_type), []).append((path.report, number))
        return [
            (number, excuse.start_s, excuse.end_s)
            for excuse in self.excuses
            for report, number in services.get((excuse.hostname, excuse.service_type), [])
            if excuse.report in ("", report)
        ]
