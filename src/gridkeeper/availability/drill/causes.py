"""What was behind a period: the results, downtimes and recomputations that made a status what it was. Pure.

A node has the status that its operation makes of its parts. Behind a period of it stand those parts that had the
same status (CRITICAL, because one of them was); where none had, as some truth tables want, all of them. Followed down
to the metrics, every second of a site's day ends at a test's result, at a missing one, or at a decision.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gridkeeper.availability.drill.branches import Branch, Forced, Segment
from gridkeeper.core.status import UNKNOWN_LIKE, Status
from gridkeeper.core.windows import Window, merge_windows

_LEFT_OUT = UNKNOWN_LIKE | {Status.EXCLUDED}


@dataclass(frozen=True, slots=True)
class Cause:
    """What lay behind a status for a time: a metric's period, or what was set on a node by force.

    segment: the period of the node at the end of the chain, whole; forced: where it was set there
    """

    window: Window
    branch: Branch
    segment: Segment
    forced: Forced | None = None


def causes(branch: Branch, window: Window) -> list[Cause]:
    """What lay behind the branch's timeline in the window, in the order of time; of one thing one line a period."""
    return _joined(_causes(branch, window))


def _causes(branch: Branch, window: Window) -> Iterator[Cause]:
    for segment in branch.segments:
        part = segment.window.intersection(window)
        if part is not None:
            yield from _of_segment(branch, segment, part)


def _of_segment(branch: Branch, segment: Segment, window: Window) -> Iterator[Cause]:
    """First what was set by force, then what the tests say of the time that is left."""
    left = [window]
    # The last one stands; one that set something else had no effect (EXCLUDED is not excused).
    for forced in [each for each in reversed(branch.forced) if each.word == segment.name]:
        parts = [part for each in left if (part := forced.window.intersection(each)) is not None]
        yield from (Cause(part, branch, segment, forced) for part in parts)
        left = [rest for each in left for rest in _without(each, forced.window)]
    for each in left:
        yield from _of_parts(branch, segment, each)


def _of_parts(branch: Branch, segment: Segment, window: Window) -> Iterator[Cause]:
    if not branch.parts:
        yield Cause(window, branch, segment)
        return
    decisive = [
        (part, common)
        for part in branch.parts
        for each in part.segments
        if each.name == segment.name and (common := each.window.intersection(window)) is not None
    ]
    for part, common in decisive:
        yield from _causes(part, common)
    for rest in subtract(window, [common for _, common in decisive]):
        for part in branch.parts:
            yield from _causes(part, rest)


def subtract(window: Window, others: Iterable[Window]) -> list[Window]:
    """What is left of a window without the others, in order."""
    left = [window]
    for other in merge_windows(others):
        left = [rest for each in left for rest in _without(each, other)]
    return left


def _without(window: Window, other: Window) -> list[Window]:
    common = window.intersection(other)
    if common is None:
        return [window]
    sides = [Window(window.start, common.start), Window(common.end, window.end)]
    return [side for side in sides if side.start < side.end]


def _joined(found: Iterable[Cause]) -> list[Cause]:
    """Pieces of one cause that touch, as one."""
    by_origin: dict[tuple[object, ...], list[Cause]] = {}
    for cause in found:
        by_origin.setdefault((cause.branch.path, cause.segment.start, cause.forced), []).append(cause)
    joined = [
        replace(pieces[0], window=window)
        for pieces in by_origin.values()
        for window in merge_windows(piece.window for piece in pieces)
    ]
    return sorted(joined, key=lambda cause: (cause.window.start, cause.branch.path, cause.window.end))


@dataclass(frozen=True, slots=True)
class Burden:
    """How long one thing was behind a status, over many periods: "SRM-put on se01, 5 h in 3 periods"."""

    branch: Branch
    forced: Forced | None
    causes: list[Cause]

    @property
    def seconds(self) -> int:
        return sum(window.seconds for window in merge_windows(cause.window for cause in self.causes))

    @property
    def is_left_out(self) -> bool:
        """Whether its seconds are left out of the figures."""
        return self.causes[0].segment.status in _LEFT_OUT

    @property
    def first(self) -> Cause:
        return min(self.causes, key=lambda cause: cause.window.start)

    @property
    def longest(self) -> Cause:
        return max(self.causes, key=lambda cause: (cause.window.seconds, cause.window.start))


def burdens(found: Iterable[Cause]) -> list[Burden]:
    """The causes by node and decision: first what counts in a figure, the heaviest first.

    Those of one time overlap: their seconds do not add up.
    """
    grouped: dict[tuple[object, ...], list[Cause]] = {}
    for cause in found:
        key = (cause.branch.path, cause.segment.name, cause.forced.key if cause.forced else None)
        grouped.setdefault(key, []).append(cause)
    made = [Burden(of_one[0].branch, of_one[0].forced, of_one) for of_one in grouped.values()]
    return sorted(made, key=lambda each: (each.is_left_out, -each.seconds, each.branch.path, each.first.window.start))
