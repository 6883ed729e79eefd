"""What the lake of this installation holds, in figures: for `gridkeeper lake status`."""

from datetime import datetime
from typing import Any

from gridkeeper.bus import inbox
from gridkeeper.lake import compaction
from gridkeeper.lake.settled import settled_runs
from gridkeeper.lake.store import Lake, open_lake
from gridkeeper.lake.tables import table_names


def lake_report(now: datetime) -> dict[str, Any]:
    """Rows, files and bytes of each table, what waits in the inbox, and which closed days are not compacted."""
    lake = open_lake()
    waiting = inbox.backlog("results")
    days = compaction.days_to_compact(lake, now)
    return {
        "root": lake.root,
        "tables": [_line(lake, name) for name in table_names()],
        "inbox": {"batches": waiting.batches, "rows": waiting.rows, "oldest_at": waiting.oldest_at},
        "settled_days": _settled_days(lake),
        "days_to_compact": [day.isoformat() for day in days],
    }


def _line(lake: Lake, name: str) -> dict[str, Any]:
    snapshot = lake.snapshot(name)
    rows, size = sum(file.rows for file in snapshot.files), sum(file.size for file in snapshot.files)
    return {
        "table": name,
        "version": snapshot.version,
        "days": len({file.day for file in snapshot.files if file.day}),
        "files": len(snapshot.files),
        "rows": rows,
        "bytes": size,
        "bytes_a_row": round(size / rows, 2) if rows else None,
    }


def _settled_days(lake: Lake) -> int:
    results, runs = lake.snapshot("results"), lake.snapshot("runs")
    days = {file.day for file in runs.files if file.day is not None}
    return sum(settled_runs(results, runs, day) is not None for day in days)
