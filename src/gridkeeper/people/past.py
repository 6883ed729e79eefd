"""Time travel: the audited tables as they stood at an instant, for every query inside `as_of(moment)`.

For the connection at hand, temporary views of the same names lie before the audited tables; they are made of the audit
records. Temporary relations are found first by SQLite (https://sqlite.org/lang_naming.html) and by PostgreSQL (manual,
section 5.10.3), so pages, API and feeds ask their ordinary questions and get the past's answers; there is no second
implementation of any of them. A view cannot be written to, so the past cannot be changed.

A record holds from the moment it was written. The first one of an object holds from the moment that the object itself
claims to exist from (`past_since`): an import of ten years' downtimes makes those ten years visible.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

_travelling: ContextVar[datetime | None] = ContextVar("as_of", default=None)

#: Accounts, identities and tokens are always today's: who may read the past is a question of the present.
_PRESENT_APPS = frozenset({"people"})


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
    shadowed = []
    token = _travelling.set(moment)
    try:
        with connection.cursor() as cursor:
            for table, statement in _views(cursor, moment):
                cursor.execute(statement)
                shadowed.append(table)
        with connection.execute_wrapper(_refuse_writing):
            yield
    finally:
        _travelling.reset(token)
        _drop(shadowed)


def present_pks(model: type[models.Model], **values: Any) -> list[int]:
    """Primary keys of the rows of today with these values (column -> value), also while looking at the past.

    Who may read the past is a question of the present.
    """
    quote = connection.ops.quote_name
    where = " AND ".join(f"{quote(column)} = %s" for column in values)
    with connection.cursor() as cursor:
        table = f"{_schema(cursor)}.{quote(model._meta.db_table)}"
        cursor.execute(f"SELECT {quote('id')} FROM {table} WHERE {where}", list(values.values()))  # noqa: S608
        return [int(row[0]) for row in cursor.fetchall()]


def _drop(tables: list[str]) -> None:
    # What was made inside a transaction that failed went with it.
    if not tables or connection.needs_rollback:
        return
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"DROP VIEW {_temporary(table)}")


def _refuse_writing(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    if sql.lstrip()[:6].upper() in {"INSERT", "UPDATE", "DELETE"} and "_history" not in sql[:40]:
        table = sql.split('"')[1] if '"' in sql else ""
        if table in past_tables():
            raise PastIsReadOnlyError(f"{table} shows the past here and cannot be changed; leave out as_of.")
    return execute(sql, params, many, context)


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


def _views(cursor: CursorWrapper, moment: datetime) -> Iterator[tuple[str, str]]:
    schema = _schema(cursor)
    literal = _literal(moment)
    for table, model in past_tables().items():
        records = _records(model)
        select = _log_select(model, schema, literal) if records is None else _select(model, records, schema, literal)
        yield table, f"CREATE TEMPORARY VIEW {connection.ops.quote_name(table)} AS {select}"


def _schema(cursor: CursorWrapper) -> str:
    """Where the real tables lie."""
    if connection.vendor == "sqlite":
        return "main"
    cursor.execute("SELECT current_schema()")
    return connection.ops.quote_name(str(cursor.fetchone()[0]))


def _temporary(table: str) -> str:
    name = connection.ops.quote_name(table)
    return f"temp.{name}" if connection.vendor == "sqlite" else f"pg_temp.{name}"


def _literal(moment: datetime) -> str:
    """An instant as the database writes it; it is a datetime, so there is nothing to escape."""
    text = f"'{connection.ops.adapt_datetimefield_value(moment)}'"
    return text if connection.vendor == "sqlite" else f"TIMESTAMPTZ {text}"


def _log_select(model: type[models.Model], schema: str, literal: str) -> str:
    quote = connection.ops.quote_name
    column = quote(str(model.past_log))  # type: ignore[attr-defined]
    return f"SELECT * FROM {schema}.{quote(model._meta.db_table)} WHERE {column} <= {literal}"  # noqa: S608


def _select(model: type[models.Model], records: type[models.Model], schema: str, literal: str) -> str:
    """The newest record of each object at the instant, as a row of the object's own table."""
    quote = connection.ops.quote_name
    table, own = f"{schema}.{quote(records._meta.db_table)}", quote(str(model._meta.pk.column))
    since = getattr(model, "past_since", "")
    columns = ", ".join(_column(field, model, records, schema, literal) for field in model._meta.concrete_fields)
    return (  # names of our own tables and a timestamp; nothing that a reader sent
        f"SELECT {columns} FROM {table} h WHERE h.history_type <> '-' AND {_holds('h', since, schema, literal)} "
        f"AND NOT EXISTS (SELECT 1 FROM {table} n WHERE n.{own} = h.{own} AND n.history_id > h.history_id "
        f"AND {_holds('n', since, schema, literal)})"  # noqa: S608
    )


def _holds(alias: str, since: str, schema: str, literal: str) -> str:
    written = f"{alias}.history_date <= {literal}"
    if not since:
        return written
    began = since.format(h=alias, schema=schema)
    return f"({written} OR ({alias}.history_type = '+' AND {began} <= {literal}))"


def _column(
    field: models.Field[Any, Any], model: type[models.Model], records: type[models.Model], schema: str, literal: str
) -> str:
    column = connection.ops.quote_name(str(field.column))
    then = getattr(model, "past_values", {}).get(field.name)
    if then:
        return f"{then.format(h='h', schema=schema, moment=literal)} AS {column}"
    is_kept = any(each.column == field.column for each in records._meta.concrete_fields)
    return f"h.{column}" if is_kept else f"CAST(NULL AS {field.db_type(connection)}) AS {column}"
