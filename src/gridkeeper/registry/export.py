"""The whole registry as JSON lines: what a second instance needs to give the same answers.

One object a line, in an order in which each refers only to lines before it: accounts without secrets, the registry, the
VOs, every audit record and the log of certification. The first line says what the file is, the last one how many lines
of each kind there are and the SHA-256 of all lines before it, so that half a file is known as half a file.

Left out, on purpose: passwords, tokens, second factors, who is an administrator, when somebody was last here, and the
reports of imports.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

import msgspec
from django.apps import apps
from django.db import connection, models, transaction

FORMAT = "gridkeeper-export"
VERSION = 1

#: Of the accounts only these: no tokens, no second factors, no sessions.
_PEOPLE = ("user", "historicaluser", "identity", "historicalidentity")
#: State of this installation, not of the federation.
_NOT_EXPORTED = {"importrun", "mirrorsource", "mirrorconflict", "answeredrequest"}
#: Columns that are secrets, rights at this installation, or change with every visit.
HIDDEN_COLUMNS = frozenset({"password", "last_login", "last_used_at", "is_staff", "is_superuser"})
_CHUNK = 2000


def exported_models() -> list[type[models.Model]]:
    """The models of an export, each after those that it refers to."""
    people = [m for m in apps.get_app_config("people").get_models() if m._meta.model_name in _PEOPLE]
    others = [
        model
        for label in ("registry", "vos")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if model._meta.model_name not in _NOT_EXPORTED
    ]
    return _ordered([*people, *others])


def _ordered(wanted: list[type[models.Model]]) -> list[type[models.Model]]:
    found: list[type[models.Model]] = []

    def add(model: type[models.Model]) -> None:
        if model in found or model not in wanted:
            return
        targets = [field.remote_field.model for field in model._meta.concrete_fields if field.remote_field]
        for target in (getattr(model, "instance_type", None), *targets):
            if target is not None and target is not model:
                add(target)
        if model not in found:
            found.append(model)

    for model in sorted(wanted, key=lambda each: each._meta.label_lower):
        add(model)
    return found


def columns_of(model: type[models.Model]) -> list[str]:
    """The columns of a model that an export holds, the primary key first."""
    return [field.attname for field in model._meta.concrete_fields if field.attname not in HIDDEN_COLUMNS]


def export(stream: IO[bytes], *, now: datetime, program: str, progress: Callable[[int], None] = lambda _: None) -> int:
    """Writes everything as it stands at one instant; the number of objects. Memory does not grow with their number."""
    digest = hashlib.sha256()
    encoder = msgspec.json.Encoder()

    def put(document: dict[str, Any]) -> None:
        line = encoder.encode(document) + b"\n"
        digest.update(line)
        stream.write(line)

    put({"format": FORMAT, "version": VERSION, "exported_at": now, "program": program})
    counts: dict[str, int] = {}
    with _snapshot():
        for model in exported_models():
            label = model._meta.label_lower
            for row in _rows(model):
                put({"model": label, "fields": row})
                counts[label] = counts.get(label, 0) + 1
                progress(1)
    stream.write(encoder.encode({"end": True, "counts": counts, "sha256": digest.hexdigest()}) + b"\n")
    stream.flush()
    return sum(counts.values())


def count_objects() -> int:
    """How many objects an export would hold, for its progress bar."""
    return sum(model._base_manager.count() for model in exported_models())


def _rows(model: type[models.Model]) -> Iterator[dict[str, Any]]:
    columns = columns_of(model)
    rows = model._base_manager.order_by("pk").values_list(*columns)
    for row in rows.iterator(chunk_size=_CHUNK):
        yield dict(zip(columns, row, strict=True))


@contextmanager
def _snapshot() -> Iterator[None]:
    """One instant for all queries. SQLite's transactions see one anyway; PostgreSQL's must be asked to."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and is_outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield
