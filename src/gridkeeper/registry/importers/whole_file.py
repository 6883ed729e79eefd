"""Reading the file of a full export: every line checked before anything is changed."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from gridkeeper.registry.export import FORMAT, VERSION, columns_of, exported_models
from gridkeeper.registry.importers.report import UnreadableSourceError

#: Of one line; the longest text of an object is far below.
_LINE_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass
class Whole:
    """A file that is whole and that this version understands.

    counts: objects by model label; largest: the largest primary key of each
    """

    path: Path
    exported_at: str
    counts: dict[str, int]
    largest: dict[str, int] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[int, type[models.Model], dict[str, Any]]]:
        """Line number, model and columns, in the order of the file."""
        by_label = {model._meta.label_lower: model for model in exported_models()}
        with self.path.open("rb") as stream:
            next(stream)
            for number, line in enumerate(stream, 2):
                document = json.loads(line)
                if "end" in document:
                    return
                model = by_label[document["model"]]
                yield number, model, _values(model, document["fields"], f"{self.path.name}:{number}")


def open_whole(path: Path) -> Whole:
    """Reads the file once to its end. Raises UnreadableSourceError for anything that is not a whole export."""
    if not path.is_file():
        raise UnreadableSourceError(f"{path}: there is no such file; check the path")
    known = {model._meta.label_lower: set(columns_of(model)) for model in exported_models()}
    digest = hashlib.sha256()
    counts: dict[str, int] = {}
    largest: dict[str, int] = {}
    with path.open("rb") as stream:
        header = _header(_line(stream.readline(_LINE_LIMIT_BYTES), path, 1, digest), path)
        number = 1
        while line := stream.readline(_LINE_LIMIT_BYTES):
            number += 1
            before = digest.hexdigest() if line.startswith(b'{"end"') else ""
            document = _line(line, path, number, digest)
            if "end" in document:
                _check_end(document, counts, before, path)
                if stream.readline(2).strip():
                    raise UnreadableSourceError(f"{path}:{number + 1}: goes on after its end; export it again")
                return Whole(path, str(header.get("exported_at", "")), counts, largest)
            label = _check_object(document, known, f"{path}:{number}")
            counts[label] = counts.get(label, 0) + 1
            largest[label] = max(largest.get(label, 0), _pk(document["fields"]))
    raise UnreadableSourceError(f"{path}: breaks off after line {number}; copy or export it again, nothing was changed")


def _pk(fields: dict[str, Any]) -> int:
    value = fields.get("id", fields.get("history_id", fields.get("m2m_history_id", 0)))
    return value if isinstance(value, int) else 0


def _line(line: bytes, path: Path, number: int, digest: Any) -> dict[str, Any]:
    where = f"{path}:{number}"
    if len(line) >= _LINE_LIMIT_BYTES:
        raise UnreadableSourceError(
            f"{where}: the line is longer than {_LINE_LIMIT_BYTES >> 20} MiB; nothing was changed"
        )
    digest.update(line)
    try:
        document = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnreadableSourceError(f"{where}: is no JSON ({error}); nothing was changed") from error
    if not isinstance(document, dict):
        raise UnreadableSourceError(f"{where}: is no JSON object; nothing was changed")
    return document


def _header(document: dict[str, Any], path: Path) -> dict[str, Any]:
    if document.get("format") != FORMAT:
        raise UnreadableSourceError(f"{path}:1: is no export of gridkeeper; make one with `gridkeeper export FILE`")
    if document.get("version") != VERSION:
        raise UnreadableSourceError(
            f"{path}:1: has version {document.get('version')!r:.40}, this program reads {VERSION}; "
            "use the program that wrote it, or a newer one"
        )
    return document


def _check_object(document: dict[str, Any], known: dict[str, set[str]], where: str) -> str:
    label, fields = document.get("model"), document.get("fields")
    if label not in known or not isinstance(label, str):
        raise UnreadableSourceError(
            f"{where}: holds a {label!r:.80}, which this program does not know; upgrade it first"
        )
    if not isinstance(fields, dict):
        raise UnreadableSourceError(f"{where}: has no fields; nothing was changed")
    if unknown := sorted(set(fields) - known[label]):
        raise UnreadableSourceError(
            f"{where}: {label} has {', '.join(unknown):.200}, which this program does not know; upgrade it first"
        )
    return label


def _check_end(document: dict[str, Any], counts: dict[str, int], sha256: str, path: Path) -> None:
    if document.get("counts") != counts:
        raise UnreadableSourceError(f"{path}: holds other numbers of objects than its end says; export it again")
    if document.get("sha256") != sha256:
        raise UnreadableSourceError(f"{path}: was changed since it was written (SHA-256 differs); export it again")


def _values(model: type[models.Model], fields: dict[str, Any], where: str) -> dict[str, Any]:
    found = {}
    for column in model._meta.concrete_fields:
        if column.attname not in fields:
            continue
        value = fields[column.attname]
        try:
            target: Any = column.target_field if isinstance(column, models.ForeignKey) else column
            found[column.attname] = value if isinstance(column, models.JSONField) else target.to_python(value)
        except ValidationError as error:
            raise UnreadableSourceError(f"{where}: {column.attname}: {' '.join(error.messages)}") from error
    return found
