"""Passive results: what others observed and send in, as NDJSON, a JSON list or Nagios external commands. Other forms
(`nrdp`, `alertmanager`, `argo_metric`, `junit`) read their own words and come here by `parse_each` and `checked`.

Parsing judges each record alone: a good one becomes an Observation, a bad one a Rejection that says which field is
wrong and what to do. Whether the record names something that exists is `probes.admission`'s question.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, TypeVar

import msgspec

from gridkeeper.core.status import RESULT_STATUSES, parse_status
from gridkeeper.probes.perfdata import parse_output

#: Longest line of a batch; a log is cut to `log_limit_bytes` anyway.
LINE_LIMIT_BYTES = 1 << 20
#: Clocks of senders may be so much ahead.
_AHEAD = timedelta(minutes=10)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_UTF8_MARK, _UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")

#: Finds the service type of a host whose profiles hold a test. Raises RecordError where it cannot.
TypeOf = Callable[[str, str], str]
Record = TypeVar("Record")
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Text = Annotated[str, msgspec.Meta(max_length=LINE_LIMIT_BYTES)]


class PassiveError(ValueError):
    """The body as a whole cannot be read; the message says why and what to send."""


class Observation(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record that can be read. `hostname`, `service_type`, `metric`, `vo` are not looked up yet."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    hostname: Name
    service_type: Word
    metric: Word
    status: str | int
    vo: Annotated[str, msgspec.Meta(max_length=100)] = ""
    executed_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    duration_ms: Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)] = 0
    summary: Text = ""
    output: Text = ""
    perfdata: Text = ""
    worker: Annotated[str, msgspec.Meta(max_length=100)] = ""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that was not taken: its place from 0, the field, what is wrong, what to do."""

    index: int
    field: str
    problem: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """The records of a body. With each of `records` go its place in the body and its Nagios code."""

    records: list[Observation]
    indexes: list[int]
    codes: list[int]
    rejected: list[Rejection]


_REMEDIES = {
    "id": "give every result an id of your own, 1 to 200 characters, e.g. a UUID",
    "hostname": "name the host as the registry does",
    "service_type": "name the service type as the registry does, e.g. CE",
    "metric": "name the test whose result it is",
    "status": "send OK, WARNING, CRITICAL or UNKNOWN, or a Nagios code 0 to 3",
    "executed_at": "send an ISO 8601 time with offset, e.g. 2026-03-10T12:00:00Z, or leave it out for now",
    "duration_ms": "send whole milliseconds, 0 or more",
}
_OTHER_REMEDY = "correct the field, or leave it out"
_PATH = re.compile(r" - at `\$\.?(\w*)")
_NAMED = re.compile(r"(?:missing required|contains unknown) field `(.*?)`")


def parse_ndjson(body: bytes, now: datetime) -> Parsed:
    """One JSON object a line; empty lines do not count. Raises PassiveError for a body that is no UTF-8 at all."""
    return parse_each(_lines(body), _decode, now)


def parse_json_list(body: bytes, now: datetime) -> Parsed:
    """A JSON list of the same objects. Raises PassiveError where the body is no list."""
    try:
        records = msgspec.json.decode(_without_mark(body), type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PassiveError(f"the body is no JSON list of results: {error}; send [{{...}}, ...]") from error
    return parse_each((bytes(record) for record in records), _decode, now)


def parse_nagios_lines(body: bytes, now: datetime, type_of: TypeOf) -> Parsed:
    """External commands `[epoch] PROCESS_SERVICE_CHECK_RESULT;host;service;code;output`, one a line.

    `service` is the test's name, or `test/vo` for a test that is run per VO. `type_of(host, test)` finds the service
    type, and raises RecordError where it cannot. The id is a hash of the line: the same line again changes nothing.
    """
    return parse_each(_lines(body), lambda line: _decode_nagios(line, type_of), now)


class RecordError(ValueError):
    """One record is wrong: in which field, how, and what to do."""

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.field = field
        self.remedy = remedy or _REMEDIES.get(field, _OTHER_REMEDY)


def parse_each(records: "Iterable[Record]", decode: "Callable[[Record], Observation]", now: datetime) -> Parsed:
    """Each record by itself: what `decode` makes of it, or why it raised RecordError. Without a time it is of now."""
    parsed = Parsed([], [], [], [])
    latest = now + _AHEAD
    for index, record in enumerate(records):
        try:
            one = decode(record)
            code = status_code(one.status)
            one.executed_at = now if one.executed_at is None else one.executed_at
            if not _EARLIEST <= one.executed_at <= latest:
                raise _wrong_time(one.executed_at, now)
        except RecordError as error:
            parsed.rejected.append(Rejection(index, error.field, str(error), error.remedy))
        else:
            parsed.records.append(one)
            parsed.indexes.append(index)
            parsed.codes.append(code)
    return parsed


@lru_cache(maxsize=64)
def status_code(word: str | int) -> int:
    """The code 0 to 3 that a record's status stands for. Raises RecordError."""
    try:
        status = parse_status(word)
    except ValueError as error:
        raise RecordError("status", str(error)) from error
    if status not in RESULT_STATUSES:
        raise RecordError("status", f"{status.name} is not what a test can report")
    return status.value


def _wrong_time(moment: datetime, now: datetime) -> RecordError:
    if moment > now:
        minutes = (moment - now).total_seconds() / 60
        return RecordError(
            "executed_at", f"it lies {minutes:.0f} minutes in the future", "set the clock of the sender; 10 are allowed"
        )
    return RecordError("executed_at", f"{moment.isoformat()} lies before 2000", "correct the clock of the sender")


def _without_mark(body: bytes) -> bytes:
    if body[:2] in _UTF16_MARKS:
        raise PassiveError("the body is UTF-16; send it as UTF-8")
    return body.removeprefix(_UTF8_MARK)


def _lines(body: bytes) -> Iterator[bytes]:
    return (line for line in _without_mark(body).split(b"\n") if line and not line.isspace())


_decoder = msgspec.json.Decoder(Observation)


def _decode(record: bytes) -> Observation:
    if len(record) > LINE_LIMIT_BYTES:
        raise _too_long(record)
    try:
        return _decoder.decode(record)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from error
    except UnicodeDecodeError as error:
        raise RecordError("", f"byte {error.start} is no UTF-8", "send UTF-8") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise RecordError("", f"no JSON object: {error}", "send one JSON object a line") from error


def _too_long(record: bytes) -> RecordError:
    limit = f"at most {LINE_LIMIT_BYTES} are taken"
    return RecordError("", f"the record has {len(record)} bytes; {limit}", "cut its output")


def checked(fields: dict[str, Any]) -> Observation:
    """The observation with those fields. Raises RecordError naming the one that does not fit."""
    try:
        return msgspec.convert(fields, Observation)
    except msgspec.ValidationError as error:
        raise _wrong_field(str(error)) from error


def id_of(source: str, *words: object) -> str:
    """An id made of what a record says, where its sender makes none: the same record again changes nothing."""
    text = "\n".join(map(str, words))
    return f"{source}-" + hashlib.blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def _wrong_field(message: str) -> RecordError:
    """msgspec's words with our field name: "Expected `str` of length >= 1 - at `$.id`"."""
    found = _NAMED.search(message) or _PATH.search(message)
    field = found.group(1) if found else ""
    return RecordError(field, _PATH.split(message)[0], "" if field else "send one JSON object a line")


_COMMAND = re.compile(r"\[(\d{1,11})\] ([A-Z_]+);(.*)", re.DOTALL)
_EXPECTED = "[epoch] PROCESS_SERVICE_CHECK_RESULT;host;service;code;output"


def _decode_nagios(line: bytes, type_of: TypeOf) -> Observation:
    if len(line) > LINE_LIMIT_BYTES:
        raise _too_long(line)
    try:
        text = line.decode().strip()
    except UnicodeDecodeError as error:
        raise RecordError("", f"byte {error.start} is no UTF-8", "send UTF-8") from error
    epoch, host, service, code, said = _parts(text)
    said = said.replace("\\n", "\n")
    at = datetime.fromtimestamp(epoch, UTC)
    return of_plugin(id_of("nagios", text), host, service, code, said, type_of, executed_at=at, worker="nagios")


def of_plugin(
    id_: str, host: str, service: str, code: str | int, said: str, type_of: TypeOf, **fields: Any
) -> Observation:
    """What a plugin said of `service`, which is the test's name or `test/vo`. Raises RecordError."""
    test, _, vo = service.partition("/")
    for field, value, limit in (("hostname", host, 255), ("metric", test, 100), ("vo", vo, 100)):
        if len(value) > limit or (not value and field != "vo"):
            raise RecordError(field, f"it has {len(value)} characters; 1 to {limit} are taken")
    parsed = parse_output(said)
    named = {"id": id_, "hostname": host, "metric": test, "vo": vo, "status": code}
    texts = {"summary": parsed.summary, "output": said, "perfdata": parsed.perfdata}
    return checked({**named, **texts, "service_type": fields.pop("service_type", "") or type_of(host, test), **fields})


def _parts(text: str) -> tuple[int, str, str, str, str]:
    match = _COMMAND.fullmatch(text)
    if match is None:
        raise RecordError("", "it is no external command", f"send {_EXPECTED}")
    if match.group(2) != "PROCESS_SERVICE_CHECK_RESULT":
        raise RecordError("", f"the command {match.group(2)} is not taken", f"send {_EXPECTED}")
    words = match.group(3).split(";", 3)
    if len(words) < 4:
        raise RecordError("", f"the command has {len(words)} of its 4 arguments", f"send {_EXPECTED}")
    return int(match.group(1)), *words
