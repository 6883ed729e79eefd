"""The reasons of periods in words: "SRM-put failed on SRM se01.example.org for dteam". Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gridkeeper.availability.drill.branches import Branch, Force, Forced, Segment
from gridkeeper.availability.drill.causes import Cause
from gridkeeper.availability.levels import Level
from gridkeeper.core.status import Status
from gridkeeper.core.windows import Window

#: What a metric did, by its status.
_DID = {
    Status.OK: "passed",
    Status.WARNING: "warned",
    Status.CRITICAL: "failed",
    Status.UNKNOWN: "could not tell",
    Status.MISSING: "said nothing",
    Status.DOWNTIME: "was in downtime",
    Status.EXCLUDED: "was not expected or excluded",
}
_SET_BY = {
    Force.DOWNTIME: "a scheduled outage of {place} was declared",
    Force.RECOMPUTATION: "a recomputation set {place} to {word}",
    Force.SUPPOSED: "a downtime of {place} is supposed",
}


@dataclass(frozen=True, slots=True)
class Because:
    """One reason. text: what; detail: what more is known; url: where it can be read in full."""

    window: Window
    status: Status
    text: str
    detail: str = ""
    url: str = ""

    @property
    def seconds(self) -> int:
        return self.window.seconds


#: (series, when it was measured) -> the first line of what a result said
Said = Mapping[tuple[int, datetime], str]


@dataclass(frozen=True, slots=True)
class Links:
    """Where results, downtimes and recomputations are shown."""

    result: Callable[[int, datetime], str]
    decision: Callable[[Forced], str]


def reason(cause: Cause, whom: str, said: Said, links: Links) -> Because:
    """A cause in words. whom: the VO for which was tested; "" where it is not told."""
    segment, branch = cause.segment, cause.branch
    if cause.forced is not None:
        text = _SET_BY[cause.forced.force].format(place=place(branch), word=cause.forced.word)
        return Because(cause.window, segment.status, text, cause.forced.text, links.decision(cause.forced))
    text = f"{branch.name} {_DID[segment.status]} on {place(branch)}" if branch.level is Level.METRIC else place(branch)
    told = None if segment.series is None or segment.began_at is None else (segment.series, segment.began_at)
    if told is None:
        return Because(cause.window, segment.status, text, _without_result(segment))
    detail = said.get(told, "") if segment.status is not Status.MISSING else "its last result had grown too old"
    whole = f"{text} for {whom}" if whom else text
    return Because(cause.window, segment.status, whole, detail, links.result(*told))


def _without_result(segment: Segment) -> str:
    if segment.status is Status.UNKNOWN:
        return "it is new there and had no result yet"
    return "no result of that day or the day before" if segment.status is Status.MISSING else ""


def place(branch: Branch) -> str:
    """The node as a sentence names it.

    "CE ce01.example.org" for services and their metrics, the type or function else.
    """
    if branch.path.hostname:
        return f"{branch.path.service_type} {branch.path.hostname}"
    return branch.name if branch.level is not Level.SITE else "the site"


def clock(window: Window) -> str:
    """A time within a day, in UTC.

    >>> from datetime import timedelta
    >>> start = datetime(2026, 3, 1, 3, 12, tzinfo=UTC)
    >>> clock(Window(start, start + timedelta(minutes=88))), clock(Window(start, start + timedelta(seconds=9)))
    ('03:12–04:40', '03:12:00–03:12:09')
    """
    has_seconds = any(moment.second for moment in (window.start, window.end))
    form = "%H:%M:%S" if has_seconds else "%H:%M"
    start, end = (moment.astimezone(UTC).strftime(form) for moment in (window.start, window.end))
    is_midnight = window.end.time() == datetime.min.time() and window.seconds > 0
    return f"{start}–{'24:00' if is_midnight and not has_seconds else end}"


def sentence(segment: Segment, window: Window, reasons: Sequence[Because], most: int = 2) -> str:
    """A period with its reasons, as the strips' tips say it."""
    told = [because.text for because in _distinct(reasons)]
    if not told:
        return f"{segment.name} {clock(window)}"
    more = f" and {len(told) - most} more" if len(told) > most else ""
    return f"{segment.name} {clock(window)} because {', '.join(told[:most])}{more}"


def _distinct(reasons: Sequence[Because]) -> list[Because]:
    return list({because.text: because for because in reasons}.values())
