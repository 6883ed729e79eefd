"""A judged day of a site as a tree: each node with its timeline, its figures, and what was set on it by force. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gridkeeper.availability.levels import Level
from gridkeeper.availability.rules import Seconds
from gridkeeper.availability.tree import Path
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window


@dataclass(frozen=True, slots=True)
class Segment:
    """A time of one status. The result that began it is named for metrics where one did.

    word: the status as its operations profile calls it, where that is none of ours; status: the one that it counts as
    series, began_at: whose result it was, and when it was measured, which may be on the day before; of a metric that
        is MISSING the one that had grown too old
    """

    start: datetime
    end: datetime
    status: Status
    word: str = ""
    series: int | None = None
    began_at: datetime | None = None

    @property
    def window(self) -> Window:
        return Window(self.start, self.end)

    @property
    def seconds(self) -> int:
        return self.window.seconds

    @property
    def name(self) -> str:
        return self.word or self.status.name


class Force(StrEnum):
    """What sets a status whatever lies below."""

    DOWNTIME = "downtime"
    RECOMPUTATION = "recomputation"
    SUPPOSED = "supposed"


@dataclass(frozen=True, slots=True)
class Forced:
    """A time in which a node's status was set. key: of the downtime or recomputation; text: what it is for."""

    window: Window
    word: str
    force: Force
    key: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A node of a site's tree with how its day went. operation: how it is made of its parts; "" for metrics."""

    path: Path
    level: Level
    segments: list[Segment]
    seconds: Seconds
    operation: str = ""
    forced: list[Forced] = field(default_factory=list)
    parts: list["Branch"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last word of its path."""
        own = {
            Level.METRIC: self.path.metric,
            Level.SERVICE: self.path.hostname,
            Level.FLAVOUR: self.path.service_type,
            Level.SITE: self.path.site,
        }
        return own.get(self.level) or getattr(self.path, "function", "") or self.path.region

    @property
    def kind(self) -> str:
        return self.level.label

    def at(self, moment: datetime) -> Segment | None:
        """What held at an instant."""
        return next((segment for segment in self.segments if segment.start <= moment < segment.end), None)

    def forced_at(self, moment: datetime) -> Forced | None:
        """What set its status at an instant: the last that did, as they are applied in order."""
        found = [forced for forced in self.forced if moment in forced.window]
        return found[-1] if found else None

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Branch"]]:
        """It and all below it, in order, with how deep each lies."""
        yield depth, self
        for part in self.parts:
            yield from part.walk(depth + 1)
