"""Output of a plugin, parsed: the same code that writes it in the SDK reads it here (`gridkeeper.probe.perfdata`)."""

from gridkeeper.probe.perfdata import (
    ITEM_LIMIT,
    LINE_LIMIT,
    Item,
    Output,
    Range,
    is_alarming,
    parse_output,
    parse_perfdata,
    parse_range,
)

__all__ = [
    "ITEM_LIMIT",
    "LINE_LIMIT",
    "Item",
    "Output",
    "Range",
    "is_alarming",
    "parse_output",
    "parse_perfdata",
    "parse_range",
]
