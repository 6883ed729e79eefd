"""Time travel: the audited tables as they stood at an instant, for every query inside `as_of(moment)`.

For the connection at hand, temporary views of the same names lie before the audited tables; they are made of the audit
records. Temporary relations are found first by SQLite (https://sqlite.org/lang_naming.html) and by PostgreSQL (manual,
section 5.10.3), so pages, API and feeds ask their ordinary questions and get the past's answers; there is no second
implementation of any of them. A view cannot be written to, so the past cannot be changed.

What most questions join to (`past_is_copied`: regions, sites, types) is copied first on SQLite, and the view shows the
copy: SQLite joins by nested loops, and no index of the audit records finds the one that held. PostgreSQL hashes such
joins; it reads the records directly.

A record holds from the moment it was written. The first one of an object holds from the moment that the object itself
claims to exist from (`past_since`): an import of ten years' downtimes makes those ten years visible.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models

_travelling: ContextVar[datetime | None] = ContextVar("as_of", default=None)

#: Accounts, identities and tokens are always today's: who may read the past is a question of the present.
_PRESENT_APPS = frozenset({"people"})
_CREATE = "CREATE TEMPORARY VIEW"
#: What fills a copy; Django's own statements never name the schema.
_COPY = "INSERT OR REPLACE INTO temp."
#: Stands for the instant in a statement that is made once.
_MOMENT = "{{moment}}"
#: Stand for two instants in a statement that compares them.
_FIRST, _LAST = "{{first}}", "{{last}}"
_NAMES = re.compile(r'"(\w+)"')


class PastIsReadOnlyError(Exception):
    """Something tried to write while it looked at the past."""


def moment_travelled_to() -> datetime | None:
    """The instant that queries see; None: the present."""
    return _travelling.get()


@contextmanager
def as_of(moment: datetime | None) -> Iterator[None]:
    """Queries inside see the audited tables as they stood at that instant (aware); None: the present, nothing is done.

    Raises PastIsReadOnlyError for anything inside that writes.
    """
    if moment is None:
        yield
        return
    if _travelling.get() is not None:
        raise PastIsReadOnlyError("Queries look at one instant at a time; leave the one before first.")
    journey = _Journey(moment)
    token = _travelling.set(moment)
    try:
        with connection.execute_wrapper(journey.guard):
            yield
    finally:
        _travelling.reset(token)
        journey.end()


def is_same(tables: Iterable[type[models.Model]], one: datetime, other: datetime) -> bool:
    """True where these audited tables were the same at both instants (and at all between them). A query a table."""
    first, last = (_literal(moment) for moment in sorted((one, other)))
    schema = _schema()
    with connection.cursor() as cursor:
        for model in tables:
            cursor.execute(_differing(model, schema).replace(_FIRST, first).replace(_LAST, last))
            if cursor.fetchone():
                return False
    return True


class _Journey:
    """The views of one visit to the past. Each is made when a query first names its table: most pages name few."""

    def __init__(self, moment: datetime) -> None:
        self._literal = _literal(moment)
        self._schema = _schema()
        self._made: list[str] = []

    def guard(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Wraps every query: makes the views that it needs, and refuses to write to what they hide."""
        if sql.startswith((_CREATE, _COPY)):
            return execute(sql, params, many, context)
        named = past_tables().keys() & set(_NAMES.findall(sql))
        if named and sql.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"}:
            raise PastIsReadOnlyError(
                f"{', '.join(sorted(named))} shows the past here and cannot be changed; leave out as_of."
            )
        for table in sorted(named.difference(self._made)):
            self._make(table)
        return execute(sql, params, many, context)

    def _make(self, table: str) -> None:
        statements = _copied_view(table, self._schema) if _is_copied(table) else (_view(table, self._schema),)
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement.replace(_MOMENT, self._literal))
        self._made.append(table)

    def end(self) -> None:
        # What was made inside a transaction that failed went with it.
        if not self._made or connection.needs_rollback:
            return
        with connection.cursor() as cursor:
            for table in self._made:
                cursor.execute(f"DROP VIEW {_temporary(table)}")


def present_pks(model: type[models.Model], **values: Any) -> list[int]:
    """Primary keys of the rows of today with these values (column -> value), also while looking at the past.

    Who may read the past is a question of the present.
    """
    quote = connection.ops.quote_name
    where = " AND ".join(f"{quote(column)} = %s" for column in values)
    table = f"{_schema()}.{quote(model._meta.db_table)}"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quote('id')} FROM {table} WHERE {where}", list(values.values()))  # noqa: S608
        return [int(row[0]) for row in cursor.fetchall()]


@cache
def past_tables() -> dict[str, type[models.Model]]:
    """The tables that travel, by name: of audited models, and of logs (`past_log`)."""
    return {
        model._meta.db_table: model
        for model in apps.get_models()
        if model._meta.app_label not in _PRESENT_APPS and (_records(model) or hasattr(model, "past_log"))
    }


def _records(model: type[models.Model]) -> type[models.Model] | None:
    """The model of its audit records."""
    name = getattr(model._meta, "simple_history_manager_attribute", None)
    return getattr(model, name).model if name else None


def _schema() -> str:
    """Where the real tables lie."""
    if connection.vendor == "sqlite":
        return "main"
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        return connection.ops.quote_name(str(cursor.fetchone()[0]))


def _temporary(table: str) -> str:
    name = connection.ops.quote_name(table)
    return f"temp.{name}" if connection.vendor == "sqlite" else f"pg_temp.{name}"


def _literal(moment: datetime) -> str:
    """An instant as the database writes it; it is a datetime, so there is nothing to escape."""
    text = f"'{connection.ops.adapt_datetimefield_value(moment)}'"
    return text if connection.vendor == "sqlite" else f"TIMESTAMPTZ {text}"


@cache
def _view(table: str, schema: str) -> str:
    """The statement that makes the view of a table; `_MOMENT` stands for the instant."""
    model = past_tables()[table]
    records = _records(model)
    select = _log_select(model, schema) if records is None else _select(model, records, schema)
    return f"{_CREATE} {connection.ops.quote_name(table)} AS {select}"


def _is_copied(table: str) -> bool:
    return connection.vendor == "sqlite" and getattr(past_tables()[table], "past_is_copied", False)


@cache
def _copied_view(table: str, schema: str) -> tuple[str, ...]:
    """The statements that copy a table of the past and lay a view of the copy before it.

    The copy stays with the connection until the next visit fills it anew: SQLite refuses to drop a table while any
    query of the connection is still being read, as when somebody visits the past for each row of a question.
    Where a clock was set back, two records of an object may hold at an instant: the one written last counts.
    """
    model = past_tables()[table]
    records = _records(model)
    if records is None:
        raise TypeError(f"{model.__name__}.past_is_copied: only what has audit records can be copied.")
    quote = connection.ops.quote_name
    copy = f"temp.{quote(f'past_{table}')}"
    columns = ", ".join(
        f"{quote(str(field.column))} {'integer PRIMARY KEY' if field.primary_key else field.db_type(connection)}"
        for field in model._meta.concrete_fields
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {copy} ({columns})",
        f"DELETE FROM {copy}",  # noqa: S608 (names of our own tables)
        f"{_COPY}{quote(f'past_{table}')} {_select(model, records, schema)} ORDER BY h.history_id",
        f"{_CREATE} {quote(table)} AS SELECT * FROM {copy}",  # noqa: S608 (the same)
    )


def _log_select(model: type[models.Model], schema: str) -> str:
    quote = connection.ops.quote_name
    column = quote(str(model.past_log))  # type: ignore[attr-defined]
    return f"SELECT * FROM {schema}.{quote(model._meta.db_table)} WHERE {column} <= {_MOMENT}"  # noqa: S608


@cache
def _differing(model: type[models.Model], schema: str) -> str:
    """The question for a record that began or ceased to hold after the first instant and not after the last."""
    records = _records(model)
    if records is None:
        raise TypeError(f"{model.__name__} has no audit records")
    table = f"{schema}.{connection.ops.quote_name(records._meta.db_table)}"
    within = [f"h.{name} > {_FIRST} AND h.{name} <= {_LAST}" for name in ("history_until", "history_date")]
    if since := getattr(model, "past_since", ""):
        began = since.format(h="h", schema=schema)
        within.append(f"h.history_type = '+' AND {began} > {_FIRST} AND {began} <= {_LAST}")
    return f"SELECT 1 FROM {table} h WHERE {' OR '.join(f'({each})' for each in within)} LIMIT 1"  # noqa: S608 (our own names)


def _select(model: type[models.Model], records: type[models.Model], schema: str) -> str:
    """The record of each object that held at the instant: one range of `history_until`.

    The names in it are of our own tables, and the instant is a timestamp: nothing that a reader sent stands in it.
    """
    quote = connection.ops.quote_name
    kept = {field.column for field in records._meta.concrete_fields}
    columns = ", ".join(
        _column(field, model, schema) if field.column in kept else f"CAST(NULL AS {field.db_type(connection)})"
        for field in model._meta.concrete_fields
    )
    table = f"{schema}.{quote(records._meta.db_table)}"
    held = _held_since(getattr(model, "past_since", ""), schema)
    return f"SELECT {columns} FROM {table} h WHERE h.history_until > {_MOMENT} AND h.history_type <> '-' AND {held}"  # noqa: S608


def _held_since(since: str, schema: str) -> str:
    written = f"h.history_date <= {_MOMENT}"
    if not since:
        return written
    began = since.format(h="h", schema=schema)
    return f"({written} OR (h.history_type = '+' AND {began} <= {_MOMENT}))"


def _column(field: models.Field[Any, Any], model: type[models.Model], schema: str) -> str:
    column = connection.ops.quote_name(str(field.column))
    then = getattr(model, "past_values", {}).get(field.name)
    return f"{then.format(h='h', schema=schema, moment=_MOMENT)} AS {column}" if then else f"h.{column}"
