"""Judges a directory as the command does, in this process."""

from datetime import date
from pathlib import Path
from typing import Any

from gridkeeper.availability.argo_day.day import read_day
from gridkeeper.availability.argo_day.files import Report
from gridkeeper.availability.argo_day.judgement import judge_day
from gridkeeper.availability.argo_day.output import document
from tests.availability.argo_day.days import DATE

#: Level -> key -> figures, with the timeline as (second, status).
Levels = dict[str, dict[tuple[str, ...], Any]]
MODES = ("gridkeeper", "argo-compat")


def judge(directory: Path, mode: str = "gridkeeper", report: Report | None = None) -> Levels:
    """Every level of it."""
    report = report or Report()
    day = date.fromisoformat(DATE)
    made = document(judge_day(read_day(directory, day, report), mode, report), day, mode)  # type: ignore[arg-type]
    return {
        level: {tuple(node.pop("key")): _seconds(node) for node in nodes} for level, nodes in made["levels"].items()
    }


def _seconds(node: dict[str, Any]) -> dict[str, Any]:
    def second(stamp: str) -> int:
        return sum(int(part) * unit for part, unit in zip(stamp[11:19].split(":"), (3600, 60, 1), strict=True))

    return node | {"timeline": [(second(stamp), status) for stamp, status in node["timeline"]]}


def timeline(directory: Path, mode: str = "gridkeeper", level: str = "metric") -> list[tuple[int, str]]:
    """The timeline of the only node of a level."""
    (node,) = judge(directory, mode)[level].values()
    return list(node["timeline"])
