"""The lines of a day's page: each node of the tree as a strip whose periods say why, and lead on. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gridkeeper.availability.drill.branches import Branch, Segment
from gridkeeper.availability.drill.causes import Cause, causes
from gridkeeper.availability.drill.sentences import Because, clock, reason, sentence
from gridkeeper.availability.levels import Level
from gridkeeper.availability.rules import Seconds
from gridkeeper.core.status import UP, Status


@dataclass(frozen=True, slots=True)
class Strip:
    """A line. depth: how far it is set in; url: the page of its service; how: how it is made of what is below it."""

    branch: Branch
    name: str
    depth: int
    url: str
    segments: list[dict[str, Any]]
    how: str

    @property
    def seconds(self) -> Seconds:
        return self.branch.seconds

    @property
    def newest(self) -> Status:
        return self.branch.segments[-1].status


#: A cause in words
Telling = Callable[[Cause], Because]


def strips(
    site: Branch, name: str, services: Mapping[Any, str], telling: Telling, moment_url: Callable[[Segment], str]
) -> Iterator[Strip]:
    """The site and all below it, in order. moment_url: the page of an instant of a period."""
    for depth, branch in site.walk():
        is_service = branch.level is Level.SERVICE
        url = services.get((branch.path.service_type, branch.path.hostname), "") if is_service else ""
        drawn = [_drawn(branch, segment, telling, moment_url) for segment in branch.segments]
        yield Strip(branch, name if branch is site else branch.name, depth, url, drawn, how(branch))


def _drawn(branch: Branch, segment: Segment, telling: Telling, moment_url: Callable[[Segment], str]) -> dict[str, Any]:
    """A period as `status_strip` draws it: a metric's leads to the result, others to what held when they began."""
    reasons = reasons_of(branch, segment, telling)
    leads = reasons[0].url if branch.level is Level.METRIC and reasons else ""
    told = sentence(segment, segment.window, reasons if segment.status not in UP else [])
    title = told.removeprefix(f"{segment.name} {clock(segment.window)} ").removeprefix(told)
    return {
        "start": segment.start, "end": segment.end, "status": segment.status, "title": title,
        "url": leads or moment_url(segment),
    }  # fmt: skip


def reasons_of(branch: Branch, segment: Segment, telling: Telling) -> list[Because]:
    """Why a node had its status in a period. Of what is up only metrics are told: everything else passed."""
    if segment.status in UP and segment.status is not Status.WARNING and branch.level is not Level.METRIC:
        return []
    return [telling(cause) for cause in causes(branch, segment.window)]


def telling_of(whom: str, said: Mapping[tuple[int, Any], str], links: Any) -> Telling:
    """Words for causes of one report."""

    def tell(cause: Cause) -> Because:
        return reason(cause, whom, said, links)

    return tell


_HOW = {
    Level.SITE: "all of its functions together",
    Level.FLAVOUR: "its services together",
    Level.SERVICE: "its critical tests together; a scheduled outage sets downtime",
    Level.METRIC: "its latest hard result",
}


def how(branch: Branch) -> str:
    """How a node's status comes about, with the operation's name."""
    words = _HOW.get(branch.level, "its service types together")
    return f"{words} ({branch.operation})" if branch.operation else words
