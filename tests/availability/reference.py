"""A second, deliberately naive judgement: looks at every instant at which anything may change, one after the other.

Plain Python, no relation, no window, no code of the plan's: pairs are looked up in the profile's document, one child
after the other. The plan must equal it to the second (availability.md sections 2, 3 and 5).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.tree import Combination, Excuse, Expected, Override, Path
from gridkeeper.core.status import Status

Figures = dict[str, int]
Timeline = list[tuple[int, int, str]]
X = "EXCLUDED"


@dataclass(frozen=True)
class Setting:
    """What else a day is judged by: functions by (report, service type), operations by report, overrides, weights."""

    functions: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    combinations: dict[str, Combination] = field(default_factory=dict)
    overrides: list[Override] = field(default_factory=list)
    weights: dict[Path, float] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=DEFAULT_OPERATIONS.document)
    mode: str = "gridkeeper"


@dataclass(frozen=True)
class Heard:
    """A hard result as the lake holds it."""

    series: int
    executed_at: datetime
    status: Status
    seq: int


@dataclass
class Reference:
    day: date
    length_s: int
    expected: list[Expected]
    results: list[Heard]
    excuses: list[Excuse]
    setting: Setting = field(default_factory=Setting)
    midnight: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.midnight = datetime.combine(self.day, time(), UTC)
        day_before = self.midnight - timedelta(days=1)
        # One day back and no further; nothing of the day after.
        in_reach = [r for r in self.results if day_before <= r.executed_at < self.midnight + timedelta(days=1)]
        self.results = sorted(in_reach, key=lambda r: (r.executed_at, r.seq))

    def second_of(self, moment: datetime) -> int:
        return (moment - self.midnight) // timedelta(seconds=1)

    def instants(self) -> list[int]:
        """Every second at which some status may change."""
        found = {0, self.length_s}
        for line in self.expected:
            found |= {line.from_s, line.until_s}
            for result in self.results:
                if result.series == line.series:
                    second = self.second_of(result.executed_at)
                    found |= {second, second + line.validity_s}
        for excuse in self.excuses:
            found |= {excuse.start_s, self._end_of(excuse)}
        for override in self.setting.overrides:
            found |= {override.start_s, self._end_of_override(override)}
        return sorted(second for second in found if 0 <= second <= self.length_s)

    def _end_of(self, excuse: Excuse) -> int:
        """ARGO restores what the tests say a minute late."""
        return excuse.end_s + (60 if self.setting.mode == "argo-compat" else 0)

    def _end_of_override(self, override: Override) -> int:
        return override.end_s + (1 if self.setting.mode == "argo-compat" and override.holds_end else 0)

    def chains(self, leaf: Path) -> list[list[Path]]:
        """The nodes from a metric up to its federation, one chain for each function that its service type feeds."""
        report, region, site, service_type, hostname, _, _ = leaf
        own = self.setting.functions.get((report, service_type), [service_type])
        return [
            [
                leaf, Path(report, region, site, service_type, hostname), Path(report, region, site, service_type),
                Path(report, region, site, function=function), Path(report, region, site), Path(report, region),
                Path(report),
            ]
            for function in own
        ]  # fmt: skip

    def children(self, path: Path) -> list[Path]:
        pairs = [pair for line in self.expected for chain in self.chains(line.path) for pair in pairwise(chain)]
        return sorted({child for child, parent in pairs if parent == path})

    def nodes(self) -> list[Path]:
        return sorted({path for line in self.expected for chain in self.chains(line.path) for path in chain})

    def status(self, path: Path, second: int) -> str:
        status = self._made(path, second)
        for override in self.setting.overrides:
            if override.path == path and override.start_s <= second < self._end_of_override(override):
                status = override.status
        return status

    def _made(self, path: Path, second: int) -> str:
        level = path.level.name
        if level == "METRIC":
            return self._of_metric(path, second)
        how = self.setting.combinations.get(path.report, Combination())
        operation = {
            "SERVICE": how.metrics,
            "FLAVOUR": how.flavours.get(path.service_type, "OR"),
            "FUNCTION": how.functions.get(path.function, "OR"),
            "SITE": how.sites,
        }[level]
        combined = self._combined(operation, [self.status(child, second) for child in self.children(path)])
        is_down = level == "SERVICE" and self._excused(path, second)
        return str(self.setting.profile["defaults"]["down"]) if is_down else combined

    def _combined(self, operation: str, parts: list[str]) -> str:
        result = X
        for part in parts:
            result = part if result == X else result if part == X else self._of_two(operation, result, part)
        return result

    def _of_two(self, operation: str, left: str, right: str) -> str:
        for a, b, result in self.setting.profile["operations"][operation]:
            if (a, b) in ((left, right), (right, left)):
                return str(result)
        raise AssertionError(f"{operation} of {left} and {right}")

    def _of_metric(self, path: Path, second: int) -> str:
        lines = [e for e in self.expected if e.path == path and e.from_s <= second < e.until_s]
        if not lines:
            return X
        line, defaults = lines[0], self.setting.profile["defaults"]
        status = self._heard(line, second)
        if status is None:
            said = any(self._heard(line, earlier) is not None for earlier in self._instants_of(line, second))
            return str(defaults["unknown"] if line.is_new and not said else defaults["missing"])
        return status.name if status.name in self.setting.profile["states"] else str(defaults["unknown"])

    def _instants_of(self, line: Expected, second: int) -> list[int]:
        """The instants of the interval until then at which something may have been heard."""
        heard = [self.second_of(r.executed_at) for r in self.results if r.series == line.series]
        return [line.from_s, *(instant for instant in heard if line.from_s <= instant <= second)]

    def _heard(self, line: Expected, second: int) -> Status | None:
        """What the latest result says at that second, unless there is none or it is too old."""
        heard = [r for r in self.results if r.series == line.series and self.second_of(r.executed_at) <= second]
        if not heard or second >= self.second_of(heard[-1].executed_at) + line.validity_s:
            return None
        return heard[-1].status

    def _excused(self, path: Path, second: int) -> bool:
        is_expected = any(e.path[:5] == path[:5] and e.from_s <= second < e.until_s for e in self.expected)
        return is_expected and any(
            (e.hostname, e.service_type) == (path.hostname, path.service_type) and e.start_s <= second < self._end_of(e)
            for e in self.excuses
        )

    def timeline(self, path: Path) -> Timeline:
        merged: Timeline = []
        instants = self.instants()
        for start, end in pairwise(instants):
            status = self.status(path, start)
            if merged and merged[-1][2] == status:
                merged[-1] = (merged[-1][0], end, status)
            else:
                merged.append((start, end, status))
        return merged

    def figures(self, path: Path) -> Figures:
        """Of a region or the federation: the sums over its sites."""
        if path.level.name in ("REGION", "FEDERATION"):
            return add(self.figures(child) for child in self.children(path))
        return self.count(self.timeline(path))

    def hour(self, path: Path, hour: int) -> Figures:
        """Seconds within one hour; changes are not counted."""
        if path.level.name in ("REGION", "FEDERATION"):
            return add(self.hour(child, hour) for child in self.children(path))
        window = range(hour * 3600, (hour + 1) * 3600)
        cut = [(max(a, window.start), min(b, window.stop), s) for a, b, s in self.timeline(path)]
        return self.count([(a, b, s) for a, b, s in cut if a < b])

    def weighted(self, path: Path) -> dict[str, float]:
        """Of a region or the federation: each site's figures as often as it weighs."""
        sites = [
            node for node in self.nodes() if node.level.name == "SITE" and node[: _words(path)] == path[: _words(path)]
        ]
        found = {site: self.figures(site) for site in sites}
        names = self.count([])
        return {name: sum(self.setting.weights.get(site, 0) * found[site][name] for site in sites) for name in names}

    def count(self, timeline: Timeline) -> Figures:
        """Seconds by what they count as in the profile."""
        profile, seconds = (
            self.setting.profile,
            dict.fromkeys(("total_s", "up_s", "unknown_s", "down_s", "excluded_s", "critical_s"), 0),
        )
        for start, end, state in timeline:
            seconds["total_s"] += end - start
            seconds[_counts_as(profile, state)] += end - start
        return seconds | {"flips": len(timeline) - 1}


def _words(path: Path) -> int:
    return sum(map(bool, path))


def _counts_as(profile: dict[str, Any], state: str) -> str:
    defaults = profile["defaults"]
    if state == X:
        return "excluded_s"
    if state in profile["up"]:
        return "up_s"
    if state in (defaults["unknown"], defaults["missing"]):
        return "unknown_s"
    return "down_s" if state == defaults["down"] else "critical_s"


def add(figures: Iterable[Figures]) -> Figures:
    whole: Figures = {}
    for part in figures:
        whole = {name: whole.get(name, 0) + number for name, number in part.items()}
    return whole
