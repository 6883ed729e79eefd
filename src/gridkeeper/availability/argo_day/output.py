"""A judged day as JSON for programs, and as a table for people."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from gridkeeper.availability.argo_day.judgement import LEVELS, Judged, Judgements
from gridkeeper.availability.rules import Mode
from gridkeeper.core.windows import Window

#: What ARGO writes where a figure is not computable.
_NOT_COMPUTABLE = {"argo-compat": -1}


def document(judged: Judgements, day: date, mode: Mode) -> dict[str, Any]:
    """`{"date", "mode", "levels": {"group": [...], ...}}`; up, unknown and down are seconds."""
    midnight = Window.of_day(day).start
    stamps: dict[int, str] = {}

    def stamp(second: int) -> str:
        if second not in stamps:
            stamps[second] = (midnight + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return stamps[second]

    levels = {
        argo_name(level): [
            _figures(node, mode) | {"timeline": [[stamp(second), state] for second, state in node.timeline]}
            for node in judged[level]
        ]
        for level in LEVELS
    }
    return {"date": day.isoformat(), "mode": mode, "levels": levels}


def argo_name(level: Any) -> str:
    """ARGO's word for a level: an endpoint is named by its host."""
    return LEVELS[level][-1].replace("hostname", "endpoint")


def _figures(node: Judged, mode: Mode) -> dict[str, Any]:
    seconds = node.seconds
    return {
        "key": list(node.key),
        "availability": _number(seconds.availability_in(mode).percent, mode),
        "reliability": _number(seconds.reliability_in(mode).percent, mode),
        "up": seconds.up_s,
        "unknown": seconds.unknown_s,
        "down": seconds.down_s,
        "flips": seconds.flips,
    }


def _number(value: Decimal | None, mode: Mode) -> float | int | None:
    return _NOT_COMPUTABLE.get(mode) if value is None else float(value)


def table(judged: Judgements, mode: Mode) -> Iterator[tuple[str, ...]]:
    """Lines of level, key, and figures; the first names the columns."""
    yield ("level", "key", "availability", "reliability", "up", "unknown", "down", "flips")
    for level in LEVELS:
        for node in judged[level]:
            figures = _figures(node, mode)
            values = [figures[name] for name in ("availability", "reliability", "up", "unknown", "down", "flips")]
            yield (argo_name(level), " ".join(node.key), *("-" if value is None else str(value) for value in values))
