"""What a site's day shows: its figure with what it lost and to what, every period with its reasons, and any instant."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from gridkeeper.availability.drill.branches import Branch, Segment
from gridkeeper.availability.drill.causes import Burden, Cause, burdens, causes
from gridkeeper.availability.drill.links import LINKS, result_url
from gridkeeper.availability.drill.sentences import Because, clock
from gridkeeper.availability.drill.spoken import Held, first_lines, held_at
from gridkeeper.availability.drill.strips import Telling, how, reasons_of, telling_of
from gridkeeper.availability.levels import Level
from gridkeeper.core.status import UP, Status
from gridkeeper.core.windows import Window, parse_time

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A period of the site with its reasons. clock: when, in UTC; url: what held as it began"""

    segment: Segment
    reasons: list[Because]
    url: str

    @property
    def clock(self) -> str:
        return clock(self.segment.window)

    @property
    def parts(self) -> list[tuple[Because, str]]:
        """Each reason, with its time where it was only behind a part of the period."""
        whole = self.segment.window
        return [(each, "" if each.window == whole else clock(each.window)) for each in self.reasons]


@dataclass(frozen=True, slots=True)
class Loss:
    """What cost the figure something: how long one thing was behind a status that is not up."""

    status: Status
    word: str
    seconds: int
    periods: int
    because: Because


def loss_of(burden: Burden, tell: Telling) -> Loss:
    """In words: by its longest period, which is the one to look at."""
    longest = burden.longest
    return Loss(longest.segment.status, longest.segment.name, burden.seconds, len(burden.causes), tell(longest))


def behind(site: Branch) -> list[Cause]:
    """What was behind the times in which a site was not up."""
    bad = [segment for segment in site.segments if segment.status not in UP]
    return [cause for segment in bad for cause in causes(site, segment.window)]


def told(found: Iterable[Cause]) -> list[tuple[int, datetime]]:
    """The results behind them, as `first_lines` wants them."""
    segments = [cause.segment for cause in found if cause.forced is None]
    return [(each.series, each.began_at) for each in segments if each.series is not None and each.began_at is not None]


def losses(found: Sequence[Cause], tell: Telling) -> list[Loss]:
    """The heaviest first."""
    return [loss_of(burden, tell) for burden in burdens(found)]


def telling(whom: str, found: Iterable[Cause]) -> Telling:
    """Words for causes, with the first lines of the results behind these."""
    return telling_of(whom, first_lines(told(found)), LINKS)


def periods(site: Branch, tell: Telling, moment_url: Callable[[Segment], str]) -> list[Period]:
    """The site's timeline, each period with its reasons. moment_url: the page of the instant at which one began."""
    return [Period(segment, reasons_of(site, segment, tell), moment_url(segment)) for segment in site.segments]


@dataclass(frozen=True, slots=True)
class Standing:
    """A node at an instant, and the very result behind it for a metric."""

    branch: Branch
    depth: int
    segment: Segment
    why: str
    held: Held | None
    url: str
    is_decisive: bool

    @property
    def since(self) -> str:
        """Since when it has held, as far as the day goes, in UTC."""
        return f"{self.segment.start:%H:%M:%S}"

    @property
    def measured(self) -> str:
        """When the result was measured, in UTC."""
        return f"{self.held.executed_at:%Y-%m-%d %H:%M:%S}" if self.held is not None else ""


def standing(site: Branch, moment: datetime) -> list[Standing]:
    """Every node as it stood in that second; those that decided about the site are marked."""
    nodes = [(depth, branch, segment) for depth, branch in site.walk() if (segment := branch.at(moment)) is not None]
    heard = held_at([segment.series for _, _, segment in nodes if segment.series is not None], moment)
    decisive = {cause.branch.path for cause in causes(site, Window(moment, moment + _SECOND))}
    found = []
    for depth, branch, segment in nodes:
        held = heard.get(segment.series) if segment.series is not None else None
        url = result_url(segment.series, held.executed_at) if held is not None and segment.series is not None else ""
        why = _why(branch, segment, moment, held)
        found.append(Standing(branch, depth, segment, why, held, url, branch.path in decisive))
    return found


def _why(branch: Branch, segment: Segment, moment: datetime, held: Held | None) -> str:
    forced = branch.forced_at(moment)
    if forced is not None and forced.word == segment.name:
        return f"{forced.force}: {forced.text}" if forced.text else str(forced.force)
    if branch.level is not Level.METRIC:
        return how(branch)
    if segment.status in _SILENT:
        return _SILENT[segment.status]
    if held is not None and held.status is not segment.status:
        return f"by the thresholds of the report; the test itself said {held.status.name}"
    return "its newest hard result until then"


_SILENT = {
    Status.MISSING: "no result, or none that is young enough",
    Status.EXCLUDED: "not expected then, or excluded",
}


def instant(text: str, day: date) -> datetime | None:
    """The instant that an address names: a time of the day in UTC (03:12:45), or a whole one. None: it names none."""
    try:
        if "T" in text:
            return parse_time(text)
        return datetime.combine(day, time.fromisoformat(text), UTC)
    except ValueError:
        return None
