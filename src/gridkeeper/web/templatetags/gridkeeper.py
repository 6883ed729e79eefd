"""Template tags and filters of every page: status marks, moments, durations, strips, empty states, charts, why."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from gridkeeper.core.status import Status, parse_status
from gridkeeper.core.units import format_bytes, format_duration
from gridkeeper.web.assets import asset_url

register = template.Library()

#: Shape of each status beside its colour and word, drawn in a 16 x 16 box.
SHAPES: dict[Status, str] = {
    Status.OK: '<circle cx="8" cy="8" r="7"/><path class="mark-ink" d="M4.5 8.2 7 10.7l4.5-5"/>',
    Status.WARNING: '<path d="M8 1 15.5 14.5H.5z"/><path class="mark-ink" d="M8 5.5v4.2M8 11.8v.6"/>',
    Status.CRITICAL: (
        '<path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z"/><path class="mark-ink" d="m5.3 5.3 5.4 5.4m0-5.4-5.4 5.4"/>'
    ),
    Status.UNKNOWN: (
        '<circle cx="8" cy="8" r="7"/><path class="mark-ink" d="M6 6.2a2 2 0 1 1 2.8 1.8c-.6.3-.8.7-.8 1.4M8 11.6v.5"/>'
    ),
    Status.MISSING: '<circle class="mark-hollow" cx="8" cy="8" r="6.2" stroke-dasharray="2.6 2.2"/>',
    Status.DOWNTIME: (
        '<rect x="1" y="1" width="14" height="14" rx="2"/>'
        '<path class="mark-ink" d="m5 11 4.2-4.2m-.4-2a2 2 0 0 1 2.6 2.6l-1.2-.1-.1-1.2z"/>'
    ),
    Status.EXCLUDED: (
        '<circle class="mark-hollow" cx="8" cy="8" r="6.2"/><path class="mark-bar" d="m3.8 12.2 8.4-8.4"/>'
    ),
}


def as_status(value: Any) -> Status:
    return value if isinstance(value, Status) else parse_status(value)


@register.simple_tag
def status_mark(status: Any, compact: bool = False, label: str = "") -> SafeString:
    """Shape, word and colour of a status; `compact` hides the word from the eye only."""
    known = as_status(status)
    return format_html(
        '<span class="mark status-{}"><svg viewBox="0 0 16 16" aria-hidden="true">{}</svg>'
        '<span class="{}">{}</span></span>',
        known.label,
        mark_safe(SHAPES[known]),  # noqa: S308  a literal of this file
        "visually-hidden" if compact else "mark-word",
        label or known.name,
    )


@register.filter
def status_class(status: Any) -> str:
    return f"status-{as_status(status).label}"


@register.filter
def status_name(status: Any) -> str:
    return as_status(status).name


@register.filter
def said(summary: str, status: Any) -> str:
    """A first line without the status word that many plugins begin with: the mark beside it says that.

    >>> said("CRITICAL - no route", 2), said("CRITICAL: no route", Status.CRITICAL), said("SSH OK - up", 0)
    ('no route', 'no route', 'SSH OK - up')
    """
    rest = summary.removeprefix(as_status(status).name)
    return rest.lstrip(" :-–") if rest != summary and not rest[:1].isalnum() else summary


#: Asks our script to make a time relative.
_RELATIVE = mark_safe(" data-moment")


@register.simple_tag
def moment(when: datetime | None, empty: str = "never", *, exact: bool = False) -> SafeString:
    """A time in the reader's zone; within a day our script makes it relative unless `exact`. UTC on hover and focus."""
    if when is None:
        return format_html('<span class="text-secondary">{}</span>', empty)
    utc = when.astimezone(UTC)
    local = timezone.localtime(when)
    return format_html(
        '<time datetime="{}" title="{} UTC"{}>{}</time>',
        utc.strftime("%Y-%m-%dT%H:%M:%SZ"), utc.strftime("%Y-%m-%d %H:%M:%S"),
        "" if exact else _RELATIVE, local.strftime("%Y-%m-%d %H:%M"),
    )  # fmt: skip


@register.filter
def pairs(values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Keys and values in order of the keys. A template's `values.items` would be the value of a key named "items".

    >>> pairs({"b": 1, "items": 2, "a": 3})
    [('a', 3), ('b', 1), ('items', 2)]
    """
    return sorted(values.items())


@register.filter
def duration(seconds: float | None) -> str:
    return "" if seconds is None else format_duration(float(seconds))


@register.filter
def filesize(size_bytes: int) -> str:
    return format_bytes(size_bytes)


@register.filter
def percent(value: Decimal | float | None, places: int = 2) -> str:
    """Per cent with its unit; None is "not computable", never 0 or 100."""
    return "not computable" if value is None else f"{value:.{places}f} %"


_STRIP_WIDTH = 1000
#: Least width of a segment that wants to be seen.
_LEAST_WIDTH = 5.0
_CALM = (Status.OK, Status.MISSING, Status.EXCLUDED)


@register.simple_tag
def status_strip(segments: Sequence[dict[str, Any]], label: str = "Status over time", height: int = 16) -> SafeString:
    """A timeline as a bar. Segments: start, end (datetimes), status, and optionally title and url; in order."""
    if not segments:
        return mark_safe('<span class="text-secondary">no data</span>')
    first, last = segments[0]["start"], segments[-1]["end"]
    total_s = max(1.0, (last - first).total_seconds())
    # What is not OK is drawn last and never thinner than the eye can see.
    drawn = sorted(segments, key=lambda item: as_status(item["status"]) not in _CALM)
    parts = format_html_join("", "{}", ((_segment(item, first, total_s, height),) for item in drawn))
    return format_html(
        '<svg class="strip" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>',
        _STRIP_WIDTH, height, f"{label}: {_in_words(segments)}", parts,
    )  # fmt: skip


def _segment(item: dict[str, Any], first: datetime, total_s: float, height: int) -> SafeString:
    status = as_status(item["status"])
    least = 1.0 if status in _CALM else _LEAST_WIDTH
    width = max(least, _STRIP_WIDTH * (item["end"] - item["start"]).total_seconds() / total_s)
    x = min(_STRIP_WIDTH * (item["start"] - first).total_seconds() / total_s, _STRIP_WIDTH - width)
    span = f"{item['start'].astimezone(UTC):%Y-%m-%d %H:%M}–{item['end'].astimezone(UTC):%H:%M} UTC"
    title = f"{status.name} {span} {item.get('title', '')}".strip()
    rect = format_html(
        '<rect class="status-{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
        status.label, f"{x:.1f}", f"{width:.1f}", height, title,
    )  # fmt: skip
    return format_html('<a href="{}">{}</a>', item["url"], rect) if item.get("url") else rect


def _in_words(segments: Sequence[dict[str, Any]]) -> str:
    seconds: dict[str, float] = {}
    for item in segments:
        name = as_status(item["status"]).name
        seconds[name] = seconds.get(name, 0) + (item["end"] - item["start"]).total_seconds()
    return ", ".join(f"{name} {format_duration(total)}" for name, total in seconds.items())


@register.inclusion_tag("web/empty_state.html")
def empty_state(title: str, reason: str = "", next_label: str = "", next_url: str = "") -> dict[str, str]:
    """What would be here, why it is not, the next step."""
    return {"title": title, "reason": reason, "next_label": next_label, "next_url": next_url}


@register.simple_tag
def chart(
    name: str, option: Any, label: str = "Chart; the table below holds the same figures", *, small: bool = False
) -> SafeString:
    """An ECharts chart from its option; a table with the same figures must follow it."""
    escapes = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
    # <, > and & are escaped, so nothing in the data can end the script element.
    text = json.dumps(option, default=str).translate(escapes)
    return format_html(
        '<script type="application/json" id="{}-option">{}</script>'
        '<div class="chart{}" id="{}" data-chart="{}-option" role="img" aria-label="{}"></div>',
        name, SafeString(text), " chart-small" if small else "", name, name, label,
    )  # fmt: skip


@register.simple_tag
def asset(name: str) -> str:
    """Address of a static file, with a digest of its content."""
    return asset_url(name)


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon of our sprite."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', asset_url("gridkeeper/icons.svg"), name
    )


@register.tag
def why(parser: Parser, token: Token) -> "WhyNode":
    """`{% why "Why 93.2 %?" %} ... {% endwhy %}`: the chain of facts behind a judgement, opened on request."""
    words = token.split_contents()[1:]
    label = parser.compile_filter(words[0]) if words else None
    nodes = parser.parse(("endwhy",))
    parser.delete_first_token()
    return WhyNode(label, nodes)


class WhyNode(template.Node):
    """A details element with the reasons."""

    def __init__(self, label: Any, nodelist: NodeList) -> None:
        self.label = label
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        label = self.label.resolve(context) if self.label else "Why?"
        inner = mark_safe(self.nodelist.render(context))  # noqa: S308  rendered by the template, escaped there
        return format_html(
            '<details class="why"><summary>{}</summary><div class="why-body">{}</div></details>', label, inner
        )
