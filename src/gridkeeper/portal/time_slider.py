"""The slider that moves a page through time: spans, steps and addresses. Used by the matrix and its sisters.

Without JavaScript its links do the same: one step back, one step on, another span, now.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.http import QueryDict

from gridkeeper.portal.addresses import address_with
from gridkeeper.web.moments import PARAMETER


class Span(NamedTuple):
    """How much of the past the slider covers, and how far one step goes."""

    name: str
    length: timedelta
    step: timedelta


SPANS = (
    Span("24h", timedelta(hours=24), timedelta(minutes=15)),
    Span("7d", timedelta(days=7), timedelta(hours=1)),
    Span("30d", timedelta(days=30), timedelta(hours=6)),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stop(NamedTuple):
    """A link of the slider. url: "" where it leads nowhere."""

    label: str
    url: str
    is_here: bool = False


@dataclass(frozen=True, slots=True)
class Slider:
    """What the part `portal/time_slider.html` shows.

    base: the end of the step that runs now: steps stand at full quarters of an hour, hours and so on
    place: 0 is now, -1 one step before
    """

    at: datetime
    is_past: bool
    span: Span
    base: datetime
    place: int
    back: str
    on: str
    spans: tuple[Stop, ...]
    present: str

    @property
    def least(self) -> int:
        return -int(self.span.length / self.span.step)

    @property
    def step_s(self) -> int:
        return int(self.span.step.total_seconds())


def moment_word(moment: datetime) -> str:
    """An instant as addresses of the portal name it, to the second.

    >>> moment_word(datetime(2026, 3, 10, 14, tzinfo=UTC))
    '2026-03-10T14:00:00Z'
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def slider_of(query: QueryDict, now: datetime, past: datetime | None) -> Slider:
    """The slider of a page. past: what it shows, None for the present."""
    at = past or now
    span = _span(query.get("span", ""), now - at)
    base = _EPOCH + -((_EPOCH - now) // span.step) * span.step
    place = min(-1, -round((base - at) / span.step)) if past else 0
    return Slider(
        at=at,
        is_past=past is not None,
        span=span,
        base=base,
        place=place,
        back=_address(query, base, span, place - 1),
        on=_address(query, base, span, place + 1) if past else "",
        spans=tuple(Stop(each.name, address_with(query, span=each.name), each == span) for each in SPANS),
        present=address_with(query, **{PARAMETER: ""}),
    )


def _address(query: QueryDict, base: datetime, span: Span, place: int) -> str:
    return address_with(query, **{PARAMETER: moment_word(base + place * span.step) if place else ""})


def _span(name: str, age: timedelta) -> Span:
    """The span of that name if it reaches so far, else the shortest that does, else the longest."""
    reaching = [span for span in SPANS if span.length >= age] or [SPANS[-1]]
    return next((span for span in reaching if span.name == name), reaching[0])
