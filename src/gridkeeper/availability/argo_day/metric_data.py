"""Results as ARGO stores them: metric data as Avro, as JSON lines or as CSV.

Fields (availability.md section 6): timestamp, service, hostname, metric, status, monitoring_host, summary, message,
actual_data, tags; what else a record has is not read.
"""

import csv
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from gridkeeper.availability.argo_day.files import ArgoDayError, Document, RecordError, Report, instant_of, text_of

#: Long plugin outputs are fields of the CSV; its reader refuses more than 128 KiB unless it is told otherwise.
_FIELD_LIMIT = 16 * 1024 * 1024


class Result(NamedTuple):
    """One result. perfdata: ARGO's actual_data."""

    at: datetime
    service: str
    hostname: str
    metric: str
    status: str
    monitoring_host: str
    perfdata: str


def read_results(directory: Path, stem: str, states: Collection[str], report: Report) -> Iterator[Result]:
    """The results of `stem`.avro, .jsonl and .csv, in the order in which they stand: later ones were received later.

    states: what a status may be, in upper case. Raises ArgoDayError where a file cannot be read at all.
    """
    for suffix, read in _READERS.items():
        path = directory / f"{stem}{suffix}"
        if path.exists():
            yield from _results(path, read, states, report)


def _results(path: Path, read: "Reader", states: Collection[str], report: Report) -> Iterator[Result]:
    for place, record in read(path, report):
        try:
            yield _result(record, states)
        except RecordError as error:
            report.add(path.name, place, f"{error}; left out")


def _result(record: Any, states: Collection[str]) -> Result:
    if not isinstance(record, dict):
        raise RecordError(f"{record!r:.60} is no record")
    service, hostname, metric, status = (text_of(record, name) for name in ("service", "hostname", "metric", "status"))
    if status.upper() not in states:
        raise RecordError(f"status {status[:40]!r} is none of {', '.join(states)}")
    said = [_said(record, name) for name in ("monitoring_host", "actual_data")]
    return Result(instant_of(record, "timestamp"), service, hostname, metric, status.upper(), *said)


def _said(record: Document, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


Reader = Callable[[Path, Report], Iterator[tuple[str, Any]]]


def _avro(path: Path, report: Report) -> Iterator[tuple[str, Any]]:
    import fastavro

    with path.open("rb") as file:
        try:
            records = fastavro.reader(file)
        except (ValueError, EOFError, KeyError) as error:
            raise ArgoDayError(f"{path.name}: is no Avro file with a schema in it: {error}") from error
        number = 0
        try:
            for number, record in enumerate(records, 1):
                yield f"record {number}", record
        except (ValueError, EOFError, KeyError, IndexError, OverflowError, zlib.error, struct.error) as error:
            if number == 0:
                raise ArgoDayError(f"{path.name}: no record of it can be read: {error}") from error
            report.add(path.name, f"after record {number}", f"the file is broken from here on ({error!r:.80})")


def _json_lines(path: Path, report: Report) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not text.strip():
                continue
            try:
                yield f"line {number}", msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                report.add(path.name, f"line {number}", f"is no JSON ({error}); left out")


@contextmanager
def _long_fields() -> Iterator[None]:
    """The limit is the process's; whoever else reads CSV here relies on the usual one."""
    usual = csv.field_size_limit(_FIELD_LIMIT)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _csv(path: Path, report: Report) -> Iterator[tuple[str, Any]]:
    with _long_fields(), path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames is None:
            return
        names = [name.strip().lower() for name in rows.fieldnames]
        missing = [name for name in ("timestamp", "service", "hostname", "metric", "status") if name not in names]
        if missing:
            raise ArgoDayError(f"{path.name}: line 1: no column {', '.join(missing)}; the first line names the columns")
        rows.fieldnames = names
        try:
            for row in rows:
                yield f"line {rows.line_num}", row
        except csv.Error as error:
            report.add(path.name, f"line {rows.line_num}", f"the file is broken from here on ({error})")


_READERS: dict[str, Reader] = {".avro": _avro, ".jsonl": _json_lines, ".csv": _csv}
