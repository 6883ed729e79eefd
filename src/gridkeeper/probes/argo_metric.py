"""ARGO's metric data as results: the records that its monitoring boxes publish, as JSON.

Taken are a record, a list of records, one record a line, and the envelopes of its messaging service: a publication
(`{"messages": [{"data": BASE64}]}`) and a push (`{"message": {"data": BASE64}}`).
Source: ARGO, "Metric data" (metric_data: timestamp, service, hostname, metric, status, monitoring_host, summary,
message, actual_data, tags).
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from gridkeeper.probes.passive import (
    Observation,
    Parsed,
    PassiveError,
    RecordError,
    checked,
    id_of,
    parse_each,
)

#: Names of the tag that says the VO; what sends it changed over the years.
_VO_TAGS = ("vo", "voName", "VO")


class Metric(msgspec.Struct):
    """A record of metric data; what it has beyond is not read."""

    timestamp: str
    service: str
    hostname: str
    metric: str
    status: str
    monitoring_host: str | None = None
    summary: str | None = None
    message: str | None = None
    actual_data: str | None = None
    tags: dict[str, Any] | None = None


_metric = msgspec.json.Decoder(Metric)


def parse_metric_data(
    body: bytes, now: datetime, *, is_host: Callable[[str], bool], is_per_vo: Callable[[str], bool]
) -> Parsed:
    """The records of a body. Raises PassiveError where it is no JSON.

    is_host: whether the registry has a service on that host: ARGO writes `host_ID` where a host has several
    is_per_vo: whether a test is run per VO: only then the VO of the tags counts
    """
    records = list(_records(body))
    return parse_each(records, lambda record: _observation(record, is_host, is_per_vo), now)


def _records(body: bytes) -> Iterator[bytes]:
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise PassiveError("the body is empty; send metric data as JSON")
    try:
        whole = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from (line for line in text.split(b"\n") if line.strip())  # one a line, judged each by itself
        return
    if isinstance(whole, list):
        yield from map(msgspec.json.encode, whole)
    elif isinstance(whole, dict) and "messages" in whole:
        yield from _of_messages(whole["messages"])
    elif isinstance(whole, dict) and isinstance(whole.get("message"), dict):
        yield from _of_messages([whole["message"]])  # a push; a record's own `message` is a text
    else:
        yield text


def _of_messages(messages: Any) -> Iterator[bytes]:
    if not isinstance(messages, list):
        raise PassiveError('"messages" is no list; send what the messaging service sends')
    for message in messages:
        yield from _of_message(message)


def _of_message(message: Any) -> Iterator[bytes]:
    """The records in the data of a message: one, or one a line."""
    data = message.get("data") if isinstance(message, dict) else None
    try:
        inner = base64.b64decode(str(data), validate=True)
    except (binascii.Error, ValueError):
        inner = b""
    lines = [line for line in inner.split(b"\n") if line.strip()]
    # What is no base64 still counts as one record, so that it is refused by its place.
    yield from lines or [b'"a message without data"']


def _observation(record: bytes, is_host: Callable[[str], bool], is_per_vo: Callable[[str], bool]) -> Observation:
    try:
        found = _metric.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError("", f"no metric data: {error}", "send the fields of metric_data as JSON, not Avro") from error
    tags = found.tags or {}
    vo = next((str(tags[name]) for name in _VO_TAGS if tags.get(name)), "")
    said = [text for text in (found.summary, found.message) if text]
    return checked(
        {
            "id": id_of(
                "argo", found.hostname, found.service, found.metric, found.timestamp, found.monitoring_host, vo
            ),
            "hostname": _host(found.hostname, is_host),
            "service_type": found.service,
            "metric": found.metric,
            "vo": vo if is_per_vo(found.metric) else "",
            "status": found.status,
            "executed_at": _time(found.timestamp),
            "summary": (found.summary or "").partition("\n")[0],
            "output": "\n".join(said),
            "perfdata": found.actual_data or "",
            "worker": (found.monitoring_host or "argo")[:100],
        }
    )


def _host(name: str, is_host: Callable[[str], bool]) -> str:
    """The host without ARGO's id behind it, where the registry knows it only so."""
    bare = name.partition("_")[0]
    return bare if not is_host(name) and is_host(bare) else name


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordError("executed_at", f"{text[:60]!r} is no ISO 8601 time") from error
