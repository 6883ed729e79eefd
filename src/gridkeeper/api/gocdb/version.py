"""Whether an answer is still the same, known without making it: the newest audit records of the tables it reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Model
from django.utils.dateparse import parse_datetime

#: How many of the newest records count. With PostgreSQL a transaction that ends later may have written the lower
#: number: the highest number alone would not tell of it.
_NEWEST = 200


@dataclass(frozen=True, slots=True)
class Version:
    """numbers: change whenever one of the tables does; changed_at: when the newest record was written (UTC)"""

    numbers: tuple[int, ...]
    changed_at: datetime | None


def version_of_tables(models: Sequence[type[Model]]) -> Version:
    """Where these tables stand now: one query along primary keys, whatever their size.

    models: audited ones, or logs that say their own instant (`past_log`)
    """
    with connection.cursor() as cursor:
        cursor.execute(_statement(tuple(models), connection.vendor))
        rows = cursor.fetchall()
    numbers = tuple(int(number or 0) for _, highest, total, _ in sorted(rows) for number in (highest, total))
    moments = [moment for *_, text in rows if (moment := _moment(text))]
    return Version(numbers, max(moments, default=None))


@lru_cache(maxsize=64)
def _statement(models: tuple[type[Model], ...], vendor: str) -> str:
    return " UNION ALL ".join(_newest(place, model) for place, model in enumerate(models))


def _newest(place: int, model: Any) -> str:
    quote = connection.ops.quote_name
    log = getattr(model, "past_log", "")
    table, number, moment = (
        (model._meta.db_table, model._meta.pk.column, log)
        if log
        else (model.history.model._meta.db_table, "history_id", "history_date")
    )
    number, moment = quote(number), quote(moment)
    newest = f"SELECT {number}, {moment} FROM {quote(table)} ORDER BY {number} DESC LIMIT {_NEWEST}"  # noqa: S608
    return f"SELECT {place}, MAX({number}), SUM({number}), MAX({moment}) FROM ({newest}) AS newest_{place}"  # noqa: S608


def _moment(value: Any) -> datetime | None:
    """SQLite keeps instants as text without a zone, in UTC."""
    parsed = parse_datetime(value) if isinstance(value, str) else value
    return parsed.replace(tzinfo=UTC) if parsed is not None and parsed.tzinfo is None else parsed
