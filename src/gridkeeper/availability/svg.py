"""Small pictures that the server draws, so that they are there without JavaScript: tapes of hours, bars, budgets."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, time, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from gridkeeper.availability.grid import Line
from gridkeeper.availability.hours import Stretch, Tape
from gridkeeper.availability.measures import Targets, value_of
from gridkeeper.availability.periods import Column

#: Height and place of a verdict's bar in a box of 16: told apart without colours too.
_TAPE = {"good": (4, 8), "bad": (0, 16), "none": (7.5, 1)}
_WORDS = {"good": "good", "bad": "bad", "none": "no verdict"}
_BAR, _GAP, _HIGH = 8, 2, 60


def tape_svg(tape: Tape, label: str, hours: int) -> SafeString:
    """Hours as a tape: good ones half as high as bad ones. hours: how many the whole width stands for."""
    parts = "".join(_stretch(each, tape) for each in tape.stretches)
    words = f"{label}: {tape.good} good hours, {tape.bad} bad"
    return _svg("tape", hours, 16, words, parts)


def _stretch(each: Stretch, tape: Tape) -> str:
    top, height = _TAPE[each.verdict]
    midnight = datetime.combine(tape.first, time())
    start, end = (midnight + timedelta(hours=hour) for hour in (each.start, each.end))
    title = f"{_WORDS[each.verdict]} {start:%Y-%m-%d %H}–{end:%H} UTC"
    return (
        f'<rect class="hour-{each.verdict}" x="{each.start}" y="{top}" width="{each.end - each.start}"'
        f' height="{height}"><title>{title}</title></rect>'
    )


def bars_svg(
    line: Line, columns: Sequence[Column], measure: str, targets: Targets, url: Callable[[Column], str], label: str
) -> SafeString:
    """A bar for each part of the period, the target as a line across."""
    width = len(columns) * (_BAR + _GAP)
    parts = "".join(_bar(line, column, number, measure, targets, url) for number, column in enumerate(columns))
    target = targets.of(measure)
    if target is not None:
        y = _HIGH * (100 - float(target)) / 100
        parts += f'<path class="bar-target" d="M0 {y:.1f}H{width}"/>'
    return _svg("bars", width, _HIGH, label, parts)


def _bar(line: Line, column: Column, number: int, measure: str, targets: Targets, url: Callable[[Column], str]) -> str:
    seconds = line.parts.get((column.start, column.hour))
    if seconds is None:
        return ""
    value = value_of(seconds, measure)
    # What is not computable is a stub on the ground, what is 0 a line: neither is nothing.
    height = 4.0 if value is None else max(1.5, _HIGH * float(value) / 100)
    words = "not computable" if value is None else f"{value:.2f} %"
    rect = (
        f'<rect class="bar-{targets.grade(value, measure)}" x="{number * (_BAR + _GAP) + 1}" y="{_HIGH - height:.1f}"'
        f' width="{_BAR}" height="{height:.1f}"><title>{escape(column.title)}: {words}</title></rect>'
    )
    return f'<a href="{escape(url(column))}">{rect}</a>'


def share_svg(parts: Iterable[tuple[str, float]], label: str, marks: Sequence[float] = ()) -> SafeString:
    """A bar of 100: parts by class and per cent, and marks across it."""
    x, drawn = 0.0, ""
    for kind, wanted in parts:
        share = min(max(wanted, 0.0), 100 - x)
        drawn += f'<rect class="share-{kind}" x="{x:.2f}" y="0" width="{share:.2f}" height="10"/>'
        x += share
    drawn += "".join(f'<path class="share-mark" d="M{min(max(mark, 0.4), 99.6):.2f} 0V10"/>' for mark in marks)
    return _svg("share", 100, 10, label, drawn)


def _svg(kind: str, width: float, height: float, label: str, parts: str) -> SafeString:
    return mark_safe(  # noqa: S308  every text is escaped
        f'<svg class="{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img"'
        f' aria-label="{escape(label)}">{parts}</svg>'
    )
