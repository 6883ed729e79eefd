"""Figures and timelines put into the lake by hand, for answers whose numbers are given."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from gridkeeper.availability.tables import DAY_TABLE, TIMELINE_TABLE
from gridkeeper.core.status import Status
from gridkeeper.lake.store import open_lake

PLACE = {
    "report": "Report_A", "region": "r1", "region_name": "GROUP_A", "site": "s1", "site_name": "ST01",
}  # fmt: skip
ZEROS = {"total_s": 86_400, "up_s": 0, "unknown_s": 0, "down_s": 0, "excluded_s": 0, "critical_s": 0, "flips": 0}


def put_days(rows: Iterable[dict[str, Any]]) -> None:
    """Each row: what differs from a whole day of nothing at ST01."""
    _append(DAY_TABLE, [PLACE | ZEROS | row for row in rows])


def put_periods(rows: Iterable[dict[str, Any]]) -> None:
    """Each row: a place, and `told`: [(2015-05-01T00:00:00Z, status), ...] each until the next or midnight."""
    _append(TIMELINE_TABLE, [PLACE | period for row in rows for period in _periods(dict(row))])


def _periods(row: dict[str, Any]) -> Iterable[dict[str, Any]]:
    told = [(datetime.fromisoformat(text).astimezone(UTC), Status[word]) for text, word in row.pop("told")]
    for (start, status), following in zip(told, [*[at for at, _ in told[1:]], None], strict=True):
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
        end = min(midnight, following) if following else midnight
        yield row | {"date": start.date(), "start": start, "end": end, "status": status.value}


def _append(table: Any, rows: list[dict[str, Any]]) -> None:
    columns = {field.name: [row.get(field.name, _nothing(field.type)) for row in rows] for field in table.schema}
    open_lake().append(table.name, pa.table(columns, schema=table.schema))


def _nothing(kind: pa.DataType) -> Any:
    if pa.types.is_string(kind):
        return ""
    return None if pa.types.is_floating(kind) else 0


def day(text: str) -> date:
    return date.fromisoformat(text)
